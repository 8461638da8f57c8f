//! Blobs from the local store and the configured gateways.
//!
//! A long blob arrives in `partial/` of the store's folder, so that a daemon that
//! was stopped or killed goes on where it broke off.
//!
//! Nothing else is ever asked: no URL of a ticket, a program or a chain is
//! followed. Every blob is checked against its root and its exact length before
//! it counts as held.

use crate::{
    engine::{Blob, Failure, FailureCode, Refusal, RefusalCode},
    metrics::Metrics,
};
use athanor_content_store::{Client, ClientOptions, Error as StoreError, Store};
use athanor_primitives::{ticket::to_hex, Root};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A gateway slower than this many bytes a second is given up.
const SLOWEST: u64 = 64 * 1024;

/// Time every fetch gets, however short the blob.
const GRACE: Duration = Duration::from_secs(30);

/// Blobs from this length on are resumed; shorter ones are fetched anew.
const RESUMED: u64 = 1 << 20;

/// What is left of a download that nobody resumed goes after this.
const PARTIAL_AGE: Duration = Duration::from_secs(24 * 3_600);

/// A blob is not here.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchError {
    /// It is nowhere now; it may come.
    Missing(String),
    /// It can't be what the ticket says.
    Refused(Refusal),
    /// The local store is broken or full.
    Failed(Failure),
}

/// A content store that is asked for blobs.
#[derive(Debug)]
struct Gateway {
    url: String,
    client: Client,
}

/// Why one gateway did not give a blob.
enum Miss {
    /// It doesn't have it, or can't be reached.
    Absent(String),
    /// It has something else under that root.
    Wrong(Refusal),
}

/// The local store and the gateways behind it.
pub struct Blobs {
    store: Store,
    gateways: Vec<Gateway>,
    metrics: Metrics,
    /// One fetch per root at a time: jobs of one model share its weights.
    locks: Mutex<HashMap<Root, Arc<tokio::sync::Mutex<()>>>>,
}

impl Blobs {
    /// Blobs of `store` and, behind it, of the content stores at `gateways`.
    pub fn new(store: Store, gateways: &[String], metrics: Metrics) -> Result<Self, StoreError> {
        // The engine asks again by itself, so one try more is enough here.
        let options = ClientOptions {
            connect: Duration::from_secs(5),
            attempts: 2,
            min_speed: SLOWEST,
            ..ClientOptions::default()
        };
        let gateways = gateways
            .iter()
            .map(|url| {
                let client = Client::with_options(url, None, options)?;
                Ok(Gateway {
                    url: url.clone(),
                    client,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        clear_partial(&store.dir().join(PARTIAL));
        Ok(Blobs {
            store,
            gateways,
            metrics,
            locks: Mutex::default(),
        })
    }

    /// The local store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether `blob` is in the local store with the right length.
    pub async fn held(&self, blob: &Blob) -> Result<bool, FetchError> {
        match self.store.has(&blob.root).await {
            Ok(Some(len)) if len == blob.len => Ok(true),
            Ok(Some(len)) => Err(FetchError::Refused(wrong_length(
                blob,
                len,
                "the local store",
            ))),
            Ok(None) => Ok(false),
            Err(error) => Err(broken(&error)),
        }
    }

    /// Gets `blob` into the local store. `progress` hears how many of its bytes
    /// are here.
    pub async fn ensure(
        &self,
        blob: &Blob,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<(), FetchError> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.entry(blob.root).or_default().clone()
        };
        let _alone = lock.lock().await;
        if self.held(blob).await? {
            progress(blob.len);
            return Ok(());
        }
        let (mut absent, mut wrong) = (Vec::new(), Vec::new());
        for gateway in &self.gateways {
            match self.fetch(gateway, blob, &mut progress).await? {
                Ok(()) => {
                    progress(blob.len);
                    return Ok(());
                }
                Err(Miss::Absent(why)) => absent.push(why),
                Err(Miss::Wrong(refusal)) => wrong.push(refusal),
            }
        }
        // A lie is final only if nobody is left who might yet have the blob.
        match (absent.is_empty(), wrong.pop()) {
            (true, Some(refusal)) => Err(FetchError::Refused(refusal)),
            (_, last) => {
                absent.extend(last.map(|refusal| refusal.message));
                let places = if self.gateways.is_empty() {
                    "not in the local store, and no --gateway is configured".to_owned()
                } else {
                    format!("not in the local store; {}", absent.join("; "))
                };
                Err(FetchError::Missing(format!(
                    "blob {}: {places}",
                    to_hex(&blob.root)
                )))
            }
        }
    }

    async fn fetch(
        &self,
        gateway: &Gateway,
        blob: &Blob,
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<Result<(), Miss>, FetchError> {
        let limit = GRACE.saturating_add(Duration::from_secs(blob.len / SLOWEST));
        match tokio::time::timeout(limit, self.download(gateway, blob, progress)).await {
            Ok(result) => result,
            Err(_) => {
                self.metrics.fetch_failed("too_slow");
                Ok(Err(Miss::Absent(format!(
                    "{} took longer than {} s for {} bytes",
                    gateway.url,
                    limit.as_secs(),
                    blob.len
                ))))
            }
        }
    }

    async fn download(
        &self,
        gateway: &Gateway,
        blob: &Blob,
        progress: &mut (impl FnMut(u64) + Send),
    ) -> Result<Result<(), Miss>, FetchError> {
        let progress = |done: u64, _| progress(done.min(blob.len));
        let got = if blob.len < RESUMED {
            let (client, len) = (&gateway.client, blob.len);
            client
                .get_to_store(&blob.root, &self.store, Some(len), len, progress)
                .await
        } else {
            self.resume(gateway, blob, progress).await
        };
        match got {
            Ok(len) => {
                self.metrics.fetched_bytes.inc_by(len);
                tracing::info!(
                    root = %to_hex(&blob.root),
                    bytes = len,
                    gateway = %gateway.url,
                    "blob fetched"
                );
                Ok(Ok(()))
            }
            Err(error @ (StoreError::Io { .. } | StoreError::Quota { .. })) => Err(broken(&error)),
            Err(error) => Ok(Err(self.miss(&gateway.url, blob, &error))),
        }
    }

    /// Fetches a long blob by way of `partial/`.
    async fn resume(
        &self,
        gateway: &Gateway,
        blob: &Blob,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<u64, StoreError> {
        let folder = self.store.dir().join(PARTIAL);
        let io = |source| StoreError::Io {
            action: "create",
            path: folder.clone(),
            source,
        };
        tokio::fs::create_dir_all(&folder).await.map_err(io)?;
        // Holds the room while the bytes come in beside the store.
        let mut room = self.store.begin().await?;
        room.reserve(blob.len)?;
        let name = to_hex(&blob.root);
        let path = folder.join(name.trim_start_matches("0x"));
        let len = gateway
            .client
            .get_to_file(&blob.root, &path, blob.len, progress)
            .await?;
        if len != blob.len {
            // Removed, or it would be taken for the blob again.
            tokio::fs::remove_file(&path).await.map_err(io)?;
            return Err(StoreError::LengthMismatch {
                expected: blob.len,
                actual: len,
            });
        }
        drop(room);
        self.store.adopt(&blob.root, &path).await
    }

    fn miss(&self, url: &str, blob: &Blob, error: &StoreError) -> Miss {
        let (miss, reason) = match error {
            StoreError::RootMismatch { .. } => {
                let message = format!("{url} serves other bytes than {} names", to_hex(&blob.root));
                let code = RefusalCode::RootMismatch;
                (Miss::Wrong(Refusal::new(code, message)), code.as_str())
            }
            StoreError::TooLarge { .. } | StoreError::LengthMismatch { .. } => {
                let message = format!(
                    "{url} serves another length than the {} bytes of {}",
                    blob.len,
                    to_hex(&blob.root)
                );
                let code = RefusalCode::WrongLength;
                (Miss::Wrong(Refusal::new(code, message)), code.as_str())
            }
            StoreError::NotFound { .. } => {
                self.metrics.fetch_failed("absent");
                return Miss::Absent(format!("{url} does not have it"));
            }
            other => (Miss::Absent(other.to_string()), "unreachable"),
        };
        self.metrics.fetch_failed(reason);
        tracing::warn!(gateway = %url, root = %to_hex(&blob.root), %error, "fetch failed");
        miss
    }
}

/// Where downloads that can be resumed lie, in the store's folder.
const PARTIAL: &str = "partial";

fn clear_partial(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let age = std::fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .map(|changed| changed.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age >= PARTIAL_AGE) {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "old download stays");
            }
        }
    }
}

fn wrong_length(blob: &Blob, found: u64, place: &str) -> Refusal {
    Refusal::new(
        RefusalCode::WrongLength,
        format!(
            "{place} has {} with {found} bytes, program and batch say {}",
            to_hex(&blob.root),
            blob.len
        ),
    )
}

fn broken(error: &StoreError) -> FetchError {
    FetchError::Failed(Failure::new(
        FailureCode::Store,
        format!("local store: {error}"),
    ))
}
