//! The keys a provider's node signs with.

use sp_core::crypto::KeyTypeId;

/// Key type of a GPU provider's worker key: it accepts, commits and reveals.
pub const GPU_WORKER: KeyTypeId = KeyTypeId(*b"gpuw");

/// Key type of a watcher's key: it announces, asks and challenges. It needs nothing
/// but a balance.
pub const GPU_WATCHER: KeyTypeId = KeyTypeId(*b"gpww");

mod app {
    use sp_application_crypto::{app_crypto, sr25519};
    app_crypto!(sr25519, super::GPU_WORKER);
}

mod watcher {
    use sp_application_crypto::{app_crypto, sr25519};
    app_crypto!(sr25519, super::GPU_WATCHER);
}

/// Public half of a watcher key.
pub type WatcherPublic = watcher::Public;

/// Signature made by a watcher key.
pub type WatcherSignature = watcher::Signature;

/// Watcher key pair.
#[cfg(feature = "std")]
pub type WatcherPair = watcher::Pair;

/// Public half of a worker key.
pub type WorkerPublic = app::Public;

/// Signature made by a worker key.
pub type WorkerSignature = app::Signature;

/// Worker key pair.
#[cfg(feature = "std")]
pub type WorkerPair = app::Pair;
