//! Prometheus metrics of `data serve`.

use super::seller::{Counts, Deed};
use axum::{
    http::{header::CONTENT_TYPE, StatusCode},
    response::IntoResponse,
    routing::get,
    Router,
};
use prometheus::{
    core::{AtomicU64, GenericCounter, GenericCounterVec},
    Encoder, IntGauge, Opts, Registry, TextEncoder,
};

/// The metrics. Clones share their values.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Whether a node is followed.
    pub connected: IntGauge,
    /// Number of the last block acted on.
    pub block: IntGauge,
    open: IntGauge,
    due: IntGauge,
    missed: IntGauge,
    least_left: IntGauge,
    sent: GenericCounterVec<AtomicU64>,
    /// Transactions the pool refused, or that could not be given to it.
    pub refused: GenericCounter<AtomicU64>,
}

fn gauge_of(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

impl Metrics {
    /// Metrics that are all zero.
    ///
    /// # Errors
    ///
    /// If a name is used twice.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let connected = gauge("athanor_market_connected", "Whether a node is followed")?;
        let block = gauge(
            "athanor_market_block",
            "Number of the last block that was acted on",
        )?;
        let open = gauge("athanor_market_orders_open", "Orders that have not ended")?;
        let due = gauge(
            "athanor_market_orders_due",
            "Orders whose key is still to be revealed",
        )?;
        let missed = gauge(
            "athanor_market_orders_missed",
            "Orders whose key was not revealed in time, since the start",
        )?;
        let least_left = gauge(
            "athanor_market_blocks_left",
            "Blocks left to reveal the most urgent key that is due; -1: none is",
        )?;
        least_left.set(-1);
        let sent = GenericCounterVec::new(
            Opts::new("athanor_market_sent_total", "Transactions sent"),
            &["call"],
        )?;
        registry.register(Box::new(sent.clone()))?;
        let refused = GenericCounter::new(
            "athanor_market_refused_total",
            "Transactions that the node did not take",
        )?;
        registry.register(Box::new(refused.clone()))?;
        Ok(Self {
            registry,
            connected,
            block,
            open,
            due,
            missed,
            least_left,
            sent,
            refused,
        })
    }

    /// How orders stand.
    pub fn counts(&self, counts: &Counts) {
        self.open.set(gauge_of(counts.open));
        self.due.set(gauge_of(counts.due));
        self.missed.set(gauge_of(counts.missed));
        self.least_left.set(counts.least_left.map_or(-1, gauge_of));
    }

    /// A transaction was sent.
    pub fn sent(&self, deed: Deed) {
        let call = match deed {
            Deed::Reveal => "reveal",
            Deed::Poke => "poke",
        };
        self.sent.with_label_values(&[call]).inc();
    }

    /// In Prometheus's text format.
    ///
    /// # Errors
    ///
    /// If they cannot be encoded.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }

    /// Serves `/metrics` and `/healthz`.
    pub fn router(&self) -> Router {
        let metrics = self.clone();
        let show = move || {
            let metrics = metrics.clone();
            async move {
                match metrics.text() {
                    Ok(text) => (
                        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
                        text,
                    )
                        .into_response(),
                    Err(error) => {
                        (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
                    }
                }
            }
        };
        Router::new()
            .route("/metrics", get(show))
            .route("/healthz", get(|| async { "ok\n" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_shown_by_name() {
        let metrics = Metrics::new().unwrap();
        assert!(metrics
            .text()
            .unwrap()
            .contains("athanor_market_blocks_left -1"));
        metrics.counts(&Counts {
            open: 5,
            due: 3,
            missed: 1,
            least_left: Some(70),
        });
        metrics.sent(Deed::Reveal);
        let text = metrics.text().unwrap();
        for line in [
            "athanor_market_orders_open 5",
            "athanor_market_orders_due 3",
            "athanor_market_orders_missed 1",
            "athanor_market_blocks_left 70",
            "athanor_market_sent_total{call=\"reveal\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
