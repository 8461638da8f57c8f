//! The keys that the off-chain worker signs with, as `frame_system::offchain` wants them.

use athanor_primitives::keys::{WatcherPublic, WorkerPublic};
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

/// [`Config::WatcherKey`](crate::Config::WatcherKey) of such chains: sr25519 keys of type
/// `gpww` in the node's keystore.
pub struct WatcherKey;

impl AppCrypto<MultiSigner, MultiSignature> for WatcherKey {
    type RuntimeAppPublic = WatcherPublic;
    type GenericPublic = sr25519::Public;
    type GenericSignature = sr25519::Signature;
}
