//! `gpu-worker serve`: the daemon.

use crate::{
    backend,
    config::ServeArgs,
    cuda,
    metrics::Metrics,
    server,
    system::human_bytes,
    worker::{Settings, Worker},
};
use anyhow::{bail, Context};
use athanor_content_store::Store;
use sd_notify::NotifyState;
use std::{fs, path::Path};
use tokio::net::TcpListener;

/// Runs the daemon until SIGTERM or Ctrl-C.
pub async fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let (stop, at_once) = stop_signals()?;
    serve_until(args, stop, at_once).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Runs the daemon until `stop`, and not a moment longer than `at_once`.
pub(super) async fn serve_until(
    args: &ServeArgs,
    stop: Signal,
    at_once: Signal,
) -> anyhow::Result<()> {
    let mut config = args.settle()?;
    if let Some(fault) = config.fault {
        tracing::warn!(
            %fault,
            "THIS DAEMON MAKES WRONG RESULTS OR NONE ON PURPOSE: its provider will lose its \
             collateral"
        );
    }
    let (backend, why) = backend::choose(config.backend, config.threads, cuda::probe)?;
    let device = backend.device().clone();
    tracing::info!(device = device.name, "{why}");
    config.limits.device_memory = config.device_memory_of(&*backend);
    let _lock = lock_store(&config.store)?;
    let store = Store::open(config.store.clone(), config.store_limits)
        .await
        .with_context(|| format!("store {}", config.store.display()))?;
    let metrics = Metrics::new(&device, config.limits.queue)?;
    let settings = Settings {
        limits: config.limits.clone(),
        fault: config.fault,
        retention: config.retention,
        trace_limit: config.trace_limit,
        ..Settings::default()
    };
    backend.bound(config.limits.memory);
    let worker = Worker::start(settings, store.clone(), &config.gateways, backend, metrics)?;
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: is another gpu-worker running?",
            config.listen
        )
    })?;
    tracing::info!(
        listen = %listener.local_addr()?,
        store = %config.store.display(),
        gateways = config.gateways.len(),
        memory = human_bytes(config.limits.run_memory()),
        token = config.token.is_some(),
        "gpu-worker {} is ready",
        crate::VERSION
    );
    let options = server::Options {
        token: config.token,
        connections: config.connections,
        finish: config.stop_grace,
        ..server::Options::default()
    };
    // Under systemd with Type=notify; elsewhere these do nothing.
    tell_systemd(NotifyState::Ready);
    let stop = async {
        stop.await;
        tell_systemd(NotifyState::Stopping);
    };
    server::serve(listener, worker, store, options, stop, at_once).await?;
    Ok(())
}

fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(false, &[state]) {
        tracing::warn!(%error, "systemd was not told");
    }
}

/// Makes the store's folder and makes sure that no other daemon uses it.
fn lock_store(dir: &Path) -> anyhow::Result<fs::File> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the store {}", dir.display()))?;
    let path = dir.join("lock");
    let file = fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!(
            "another gpu-worker uses the store {}: stop it, or give this one another --store",
            dir.display()
        ),
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

pub(super) type Signal = std::pin::Pin<Box<dyn std::future::Future<Output = ()> + Send>>;

/// Ready at the first SIGTERM or Ctrl-C, and at the second.
pub(super) fn stop_signals() -> anyhow::Result<(Signal, Signal)> {
    #[cfg(unix)]
    let mut next = {
        use tokio::signal::unix::{signal, SignalKind};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        async move || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "Ctrl-C",
            }
        }
    };
    #[cfg(not(unix))]
    let mut next = async || {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    };
    let (first, stop) = tokio::sync::oneshot::channel();
    let (second, at_once) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let signal = next().await;
        tracing::info!("{signal}: stopping when the run under way has ended; again: at once");
        let _ = first.send(());
        let signal = next().await;
        tracing::info!("{signal}: stopping at once");
        let _ = second.send(());
    });
    let when = |received: tokio::sync::oneshot::Receiver<()>| -> Signal {
        Box::pin(async move {
            if received.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    };
    Ok((when(stop), when(at_once)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_serves_one_daemon_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let lock = lock_store(dir.path()).unwrap();
        let error = lock_store(dir.path()).unwrap_err();
        assert!(error.to_string().contains("another gpu-worker"), "{error}");
        drop(lock);
        lock_store(dir.path()).unwrap();
    }
}
