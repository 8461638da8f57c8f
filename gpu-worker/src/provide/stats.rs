//! Prometheus metrics of `gpu-worker provide`.

use athanor_worker_duties::turn::Tally;
use axum::{http::header, response::IntoResponse, routing::get, Router};
use prometheus::{
    core::{AtomicU64, GenericCounter, GenericCounterVec},
    Encoder, IntGauge, Opts, Registry, TextEncoder,
};

/// The metrics. Clones share their values.
#[derive(Clone, Debug)]
pub struct Stats {
    registry: Registry,
    /// Whether a node is being followed.
    pub connected: IntGauge,
    /// Number of the last block acted on.
    pub block: IntGauge,
    /// Nodes that were left, or could not be reached.
    pub disconnects: GenericCounter<AtomicU64>,
    /// Reasons for which the key can't do what jobs ask of it.
    pub blocked: IntGauge,
    /// Calls signed and given to a pool.
    sent: GenericCounterVec<AtomicU64>,
    watching: IntGauge,
    checked: IntGauge,
    unchecked: IntGauge,
    disputed: IntGauge,
}

impl Stats {
    /// Metrics that are all zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let disconnects = GenericCounter::new(
            "athanor_provide_disconnects_total",
            "Nodes that were left, or could not be reached",
        )?;
        registry.register(Box::new(disconnects.clone()))?;
        let sent = GenericCounterVec::new(
            Opts::new("athanor_provide_sent_total", "Calls signed and sent"),
            &["call"],
        )?;
        registry.register(Box::new(sent.clone()))?;
        Ok(Stats {
            connected: gauge("athanor_provide_connected", "Whether a node is followed")?,
            block: gauge("athanor_provide_block", "Number of the last block acted on")?,
            disconnects,
            blocked: gauge(
                "athanor_duties_blocked",
                "Reasons for which the key can't do what jobs ask of it",
            )?,
            sent,
            watching: gauge("athanor_watch_running", "Jobs of others being checked now")?,
            checked: gauge(
                "athanor_watch_checked",
                "Jobs of others that were run again and compared",
            )?,
            unchecked: gauge(
                "athanor_watch_unchecked",
                "Jobs of others that could not be checked in time",
            )?,
            disputed: gauge(
                "athanor_watch_disputed",
                "Jobs of others with a claim that was found false",
            )?,
            registry,
        })
    }

    /// A call was sent.
    pub fn sent(&self, call: &str) {
        self.sent.with_label_values(&[call]).inc();
    }

    /// What became of watching.
    pub fn watched(&self, tally: &Tally) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.watching.set(tally.watching.into());
        self.checked.set(number(tally.checked));
        self.unchecked.set(number(tally.unchecked));
        self.disputed.set(number(tally.disputed));
    }

    /// In Prometheus's text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }

    /// Serves `/metrics`.
    pub fn router(&self) -> Router {
        let stats = self.clone();
        let show = move || {
            let stats = stats.clone();
            async move {
                match stats.text() {
                    Ok(text) => (
                        [(
                            header::CONTENT_TYPE,
                            "text/plain; version=0.0.4; charset=utf-8",
                        )],
                        text,
                    )
                        .into_response(),
                    Err(error) => {
                        let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
                        (status, error.to_string()).into_response()
                    }
                }
            }
        };
        Router::new().route("/metrics", get(show))
    }
}
