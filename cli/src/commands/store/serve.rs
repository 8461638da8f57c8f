//! `athanor store serve`: a content store as a service.

use super::Context;
use crate::{
    amount::{human_bytes, Bytes},
    error::{Error, Result},
    output,
};
use athanor_content_store::{
    router, serve, Access, Bucket, Connections, Limits, Metrics, Reload, Store,
};
use clap::Args;
use serde_json::json;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::net::TcpListener;

/// Examples and file formats, for `--help`.
pub(super) const EXAMPLES: &str = "\
SIGNALS AND FILES
  SIGTERM ends the service once requests under way are done, or after 10 s.
  The token file and the deny list are read again within 2 s of a change; one
  that cannot be used is left alone, with an error in the log.

  Token file (TOML, mode 0600), one table for each token:
    [[token]]
    name = \"alice\"           # for logs, metrics and the books
    secret = \"16 to 4096 printable characters\"
    # blake3 = \"64 digits\"   # instead of secret: its hash
    bytes = \"100GiB\"         # quota: without both of these, it only reads
    blobs = 1000
    private = true           # what it stores is read with a token only
    reads = [\"bob\"]          # it also reads what bob stored privately

  Deny list: one root a line; # begins a remark.

Examples:
  athanor store serve --folder /srv/athanor --tokens tokens.toml
  athanor store serve --folder /srv/athanor --tokens tokens.toml \\
    --listen 127.0.0.1:9955 --forwarded --deny deny.txt \\
    --rate 100MiB --rate-per-peer 10MiB --metrics 127.0.0.1:9956
  athanor store serve --folder /srv/athanor --bucket s3://goods/market \\
    --bucket-endpoint https://s3.example --tokens tokens.toml";

/// Options of `store serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Folder of the blobs; with --bucket, of the books and of what is on its way
    #[arg(long, value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9955")]
    pub listen: SocketAddr,
    /// Keep the blobs in this bucket, as s3://name/prefix
    ///
    /// Keys and region come from the environment: AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_REGION.
    #[arg(long, value_name = "URL")]
    pub bucket: Option<String>,
    /// Server of the bucket, if it is not Amazon's
    #[arg(long, value_name = "URL", requires = "bucket")]
    pub bucket_endpoint: Option<String>,
    /// File with the tokens that may write, and their quotas
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// File with roots that are neither taken nor given
    #[arg(long, value_name = "FILE")]
    pub deny: Option<PathBuf>,
    /// Longest blob
    #[arg(long, value_name = "BYTES", default_value = "1TiB")]
    pub max_blob: Bytes,
    /// Most bytes in all, uploads under way included
    #[arg(long, value_name = "BYTES", default_value = "1TiB")]
    pub limit: Bytes,
    /// Most connections
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub connections: usize,
    /// Most connections of each peer
    ///
    /// A peer is an IPv4 address or an IPv6 network of 64 bits.
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub connections_per_peer: usize,
    /// Most transfers at a time; further ones are told to come again
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub transfers: usize,
    /// Most transfers of each peer at a time
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub transfers_per_peer: usize,
    /// Most bytes a second of all transfers together, both ways; 0: no limit
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub rate: Bytes,
    /// Most bytes a second of each peer; 0: no limit
    #[arg(long, value_name = "BYTES", default_value = "0")]
    pub rate_per_peer: Bytes,
    /// Least average bytes a second of a transfer
    #[arg(long, value_name = "BYTES", default_value = "8KiB")]
    pub min_speed: Bytes,
    /// Longest time without a byte, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub idle: u64,
    /// Longest time for the head of a request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub header_time: u64,
    /// Behind a proxy: believe the last address of X-Forwarded-For
    ///
    /// Without a proxy of your own in front, anybody can write it.
    #[arg(long)]
    pub forwarded: bool,
    /// Show Prometheus metrics at /metrics of this address
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
}

fn usage(error: impl ToString) -> Error {
    Error::Usage(error.to_string())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| usage(format!("cannot listen on {address}: {error}")))
}

/// Secrets must not be everybody's to read.
#[cfg(unix)]
fn check_mode(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(|source| Error::File {
        action: "read",
        path: path.into(),
        source,
    })?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(usage(format!(
            "others can read {0}: run chmod 600 {0}",
            path.display()
        ))),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &std::path::Path) -> Result<()> {
    Ok(())
}

/// Serves until SIGTERM or Ctrl-C.
pub(super) async fn run(options: Serve, context: &Context) -> Result<()> {
    crate::cli::log_service();
    if let Some(tokens) = &options.tokens {
        check_mode(tokens)?;
    }
    let mut reload = Reload {
        deny: options.deny.clone(),
        tokens: options.tokens.clone(),
        metrics: None,
    };
    let (deny, tokens) = reload.load()?;
    let limits = Limits {
        max_blob: options.max_blob.0,
        max_total: options.limit.0,
    };
    let store = match &options.bucket {
        None => Store::open(&options.folder, limits).await?,
        Some(url) => {
            let bucket = Bucket::new(url, options.bucket_endpoint.as_deref())?;
            Store::open_bucket(&options.folder, bucket, limits).await?
        }
    };
    let (metrics, page) = Metrics::alone(store.clone(), deny.clone()).map_err(usage)?;
    reload.metrics = Some(metrics.clone());
    let access = Access {
        read_only: options.tokens.is_none(),
        tokens: tokens.clone(),
        deny: deny.clone(),
        transfers: options.transfers,
        transfers_per_peer: options.transfers_per_peer,
        rate: options.rate.0,
        rate_per_peer: options.rate_per_peer.0,
        idle: Duration::from_secs(options.idle.max(1)),
        min_speed: options.min_speed.0,
        uploads: true,
        metrics: Some(metrics.clone()),
        ..Access::default()
    };
    let connections = Connections {
        most: options.connections,
        most_per_peer: options.connections_per_peer,
        header: Duration::from_secs(options.header_time.max(1)),
        idle: Duration::from_secs(options.idle.max(1)).max(Connections::default().idle),
        forwarded: options.forwarded,
        metrics: Some(metrics),
        ..Connections::default()
    };
    let listener = listen(options.listen).await?;
    let address = listener.local_addr().map_err(usage)?;
    let page_at = match options.metrics {
        None => None,
        Some(at) => {
            let listener = listen(at).await?;
            let at = listener.local_addr().map_err(usage)?;
            tokio::spawn(serve(listener, page, Connections::default(), never()));
            Some(at)
        }
    };
    tokio::spawn(reload.follow(deny, tokens.clone()));

    let used = store.used();
    let value = json!({
        "address": format!("http://{address}"),
        "metrics": page_at.map(|at| format!("http://{at}/metrics")),
        "folder": options.folder.display().to_string(),
        "bucket": options.bucket,
        "used": used,
        "limit": limits.max_total,
        "tokens": tokens.grants().len(),
    });
    context.output.result(&value, || {
        let writers = match tokens.grants().len() {
            0 if options.tokens.is_none() => "nobody: give --tokens FILE".to_owned(),
            count => format!("bearers of {count} tokens"),
        };
        output::pairs(&[
            ("store", format!("http://{address}")),
            (
                "used",
                format!("{} of {}", human_bytes(used), human_bytes(limits.max_total)),
            ),
            ("writers", writers),
        ])
    });
    serve(listener, router(store, access), connections, terminated())
        .await
        .map_err(usage)
}

async fn never() {
    std::future::pending().await
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{signal, SignalKind};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => never().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    never().await
}
