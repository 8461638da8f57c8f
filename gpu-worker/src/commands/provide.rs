//! `gpu-worker provide`: a provider without a node of its own.

use crate::{
    commands::serve,
    config::{self, ServeArgs},
    provide::{key, provide as follow, stats::Stats, Settings},
};
use anyhow::{bail, Context};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf};
use tokio::{net::TcpListener, sync::watch};

/// Whom to follow, what to sign with, and what runs the jobs.
#[derive(Args, Clone, Debug)]
pub struct ProvideArgs {
    /// WebSocket address of a node to follow; give it again for others to turn to
    /// when it fails.
    #[arg(
        long = "node",
        env = "GPU_WORKER_NODES",
        value_name = "URL",
        value_delimiter = ',',
        required = true,
        value_parser = parse_node
    )]
    pub nodes: Vec<String>,

    /// File with the worker key's secret, mode 600, as `athanor keys new`
    /// writes it.
    #[arg(long, env = "GPU_WORKER_KEY", value_name = "FILE")]
    pub key: PathBuf,

    /// A running daemon's address, as http://127.0.0.1:9955. Without it this
    /// process runs the jobs itself, with the settings of `serve` below.
    #[arg(long, env = "GPU_WORKER_DAEMON", value_name = "URL", value_parser = parse_daemon)]
    pub daemon: Option<String>,

    /// Folder of what must outlive the process. One key, one folder, for ever
    /// [default: ~/.local/share/athanor/provide].
    #[arg(long, env = "GPU_WORKER_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Share of other providers' claims to run again and check, 0 to 1.
    #[arg(long, env = "GPU_WORKER_WATCH", value_name = "RATE", default_value = "0", value_parser = parse_rate)]
    pub watch: f64,

    /// Address that serves /metrics.
    #[arg(
        long,
        env = "GPU_WORKER_METRICS",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:9956"
    )]
    pub metrics: SocketAddr,

    /// Settings of the daemon inside, and the token of either.
    #[command(flatten)]
    pub serve: ServeArgs,
}

fn parse_node(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("ws://").or(text.strip_prefix("wss://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !text.contains(' ') => {
            Ok(text.trim_end_matches('/').into())
        }
        _ => Err("expected ws://HOST:PORT or wss://HOST".into()),
    }
}

fn parse_daemon(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or(text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !text.contains(' ') => {
            Ok(text.trim_end_matches('/').into())
        }
        _ => Err("expected http://HOST:PORT".into()),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

/// Provides until SIGTERM or Ctrl-C. A turn that is going on is finished.
pub async fn provide(args: &ProvideArgs) -> anyhow::Result<()> {
    let key = key::read(&args.key)?;
    let stats = Stats::new()?;
    let config = args.serve.settle()?;
    let data = args
        .data
        .clone()
        .unwrap_or_else(|| config::default_data("provide"));
    let daemon = match &args.daemon {
        Some(url) => url.clone(),
        None => format!("http://{}", loopback(config.listen)?),
    };
    let listener = TcpListener::bind(args.metrics)
        .await
        .with_context(|| format!("cannot listen on {} for --metrics", args.metrics))?;
    let (first, at_once) = serve::stop_signals()?;
    let (tell, told) = watch::channel(false);
    let stopped = |mut told: watch::Receiver<bool>| async move {
        // An error means that the sender is gone, which is the end too.
        let _ = told.wait_for(|stop| *stop).await;
    };
    tokio::spawn(async move {
        first.await;
        let _ = tell.send(true);
    });
    let metrics =
        axum::serve(listener, stats.router()).with_graceful_shutdown(stopped(told.clone()));
    tokio::spawn(async move {
        if let Err(error) = metrics.await {
            tracing::warn!(%error, "the metrics are no longer served");
        }
    });
    tracing::info!(
        worker = %key.public_key().to_account_id(),
        daemon,
        data = %data.display(),
        nodes = args.nodes.len(),
        watch = args.watch,
        "gpu-worker {} provides",
        crate::VERSION
    );
    let settings = Settings {
        token: config.token.clone(),
        watch: (args.watch * f64::from(u32::MAX)) as u32,
        ..Settings::new(args.nodes.clone(), key, daemon, data)
    };
    let following = follow(settings, stats, stopped(told.clone()));
    if args.daemon.is_some() {
        following.await?;
    } else {
        let serving = serve::serve_until(&args.serve, Box::pin(stopped(told)), at_once);
        tokio::pin!(serving, following);
        // Whichever ends first by itself has failed; a stop ends both.
        tokio::select! {
            served = &mut serving => {
                served?;
                following.await?;
            }
            followed = &mut following => {
                followed?;
                serving.await?;
            }
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// Where this process reaches its own daemon.
fn loopback(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    if listen.port() == 0 {
        bail!("--listen needs a port here: provide has to find its own daemon");
    }
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(match listen {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_their_kind() {
        assert_eq!(parse_node("ws://a:1/").as_deref(), Ok("ws://a:1"));
        assert!(parse_node("wss://a").is_ok());
        for text in ["", "a:1", "http://a:1", "ws://", "ws:///x", "ws://a b"] {
            assert!(parse_node(text).is_err(), "{text}");
        }
        assert_eq!(parse_daemon("http://a:1/").as_deref(), Ok("http://a:1"));
        for text in ["", "a:1", "ws://a:1", "http://", "http:///x"] {
            assert!(parse_daemon(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_lies_between_0_and_1() {
        assert_eq!(parse_rate("0.25"), Ok(0.25));
        for text in ["-0.1", "1.1", "NaN", "all", ""] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_own_daemon_is_reached_over_loopback() {
        let at = |text: &str| loopback(text.parse().unwrap());
        assert_eq!(at("0.0.0.0:1").unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(at("[::]:1").unwrap().to_string(), "[::1]:1");
        assert_eq!(at("10.0.0.1:1").unwrap().to_string(), "10.0.0.1:1");
        assert!(at("127.0.0.1:0").is_err());
    }
}
