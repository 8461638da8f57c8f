//! The key that signs for a provider, as `frame_system::offchain` wants it.

use athanor_primitives::keys::WorkerPublic;
use frame_system::offchain::AppCrypto;
use sp_core::sr25519;
use sp_runtime::{MultiSignature, MultiSigner};

/// [`Config::WorkerKey`](crate::Config::WorkerKey) of chains whose signers are
/// [`MultiSigner`]: sr25519 keys of type `gpuw` in the node's keystore.
pub struct WorkerKey;

impl AppCrypto<MultiSigner, MultiSignature> for WorkerKey {
    type RuntimeAppPublic = WorkerPublic;
    type GenericPublic = sr25519::Public;
    type GenericSignature = sr25519::Signature;
}
