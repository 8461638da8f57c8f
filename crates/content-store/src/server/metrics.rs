use axum::http::{header, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::Router;
use prometheus::{Counter, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::DenyList;
use crate::Store;

/// What a served store counts, as Prometheus metrics `athanor_store_…`. Clones share the numbers.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Requests answered, by method and status.
    pub(super) requests: IntCounterVec,
    /// Requests refused, by reason: `unauthorised`, `denied`, `busy`, `slow`, `quota`, `false`.
    pub(super) refused: IntCounterVec,
    pub(super) sent: IntCounter,
    pub(super) received: IntCounter,
    pub(super) transfers: IntGauge,
    pub(super) throttled: Counter,
    pub(super) connections: IntGauge,
    pub(super) connections_refused: IntCounter,
    used: IntGauge,
    limit: IntGauge,
    token_bytes: IntGaugeVec,
    token_blobs: IntGaugeVec,
    denied_roots: IntGauge,
    reload_failures: IntCounter,
}

impl Metrics {
    /// Metrics of one store in `registry`.
    ///
    /// # Errors
    ///
    /// When the registry has metrics of these names.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauges = |name: &str, help: &str| {
            registered(
                registry,
                IntGaugeVec::new(Opts::new(name, help), &["token"])?,
            )
        };
        Ok(Self {
            requests: counters(
                "athanor_store_requests_total",
                "Requests answered",
                &["method", "status"],
            )?,
            refused: counters(
                "athanor_store_refused_total",
                "Requests refused",
                &["reason"],
            )?,
            sent: counter("athanor_store_sent_bytes_total", "Bytes of blobs sent")?,
            received: counter(
                "athanor_store_received_bytes_total",
                "Bytes of blobs received",
            )?,
            transfers: gauge("athanor_store_transfers", "Transfers under way")?,
            throttled: registered(
                registry,
                Counter::new(
                    "athanor_store_throttled_seconds_total",
                    "Time transfers were held back by byte rates",
                )?,
            )?,
            connections: gauge("athanor_store_connections", "Connections open")?,
            connections_refused: counter(
                "athanor_store_connections_refused_total",
                "Connections closed at once, being too many",
            )?,
            used: gauge("athanor_store_used_bytes", "Bytes held, uploads included")?,
            limit: gauge("athanor_store_limit_bytes", "Most bytes held")?,
            token_bytes: gauges("athanor_store_token_bytes", "Bytes stored with a token")?,
            token_blobs: gauges("athanor_store_token_blobs", "Blobs stored with a token")?,
            denied_roots: gauge("athanor_store_denied_roots", "Roots on the deny list")?,
            reload_failures: counter(
                "athanor_store_reload_failures_total",
                "Times a changed file could not be taken over",
            )?,
        })
    }

    /// Metrics of `store` alone, and a service that shows them at `/metrics`: for an address that
    /// only the operator reaches.
    ///
    /// # Errors
    ///
    /// When the metrics cannot be made.
    pub fn alone(store: Store, deny: DenyList) -> Result<(Self, Router), prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self::new(&registry)?;
        let shown = metrics.clone();
        let show = move || async move {
            shown.refresh(&store, &deny);
            let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            match text {
                Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
                Err(error) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
                }
            }
        };
        Ok((metrics, Router::new().route("/metrics", get(show))))
    }

    /// Counts a file that could not be taken over.
    pub fn reload_failed(&self) {
        self.reload_failures.inc();
    }

    /// Brings what is not counted on the way up to date.
    pub fn refresh(&self, store: &Store, denied: &DenyList) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.used.set(whole(store.used()));
        self.limit.set(whole(store.limits().max_total));
        self.denied_roots.set(whole(denied.len() as u64));
        self.token_bytes.reset();
        self.token_blobs.reset();
        for (name, held) in store.held_by_tokens() {
            self.token_bytes
                .with_label_values(&[&name])
                .set(whole(held.bytes));
            self.token_blobs
                .with_label_values(&[&name])
                .set(whole(held.blobs));
        }
    }
}

fn registered<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
