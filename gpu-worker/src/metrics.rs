//! Every Prometheus metric of the daemon.

use crate::{
    api::JobState, backend::Device, dispute::Next, engine::Checked, fault::Fault, VERSION,
};
use prometheus::{
    core::{AtomicU64, GenericCounter, GenericCounterVec},
    Encoder, Histogram, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use std::time::Duration;

type Counter = GenericCounter<AtomicU64>;
type CounterVec = GenericCounterVec<AtomicU64>;

/// The metrics. Cheap to clone; clones share their values.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Jobs known now, by state.
    jobs: IntGaugeVec,
    /// Jobs that ended since the start, by how.
    ended: CounterVec,
    /// Seconds a run took.
    pub run_seconds: Histogram,
    /// Units of work done.
    pub units: Counter,
    /// Bytes fetched from gateways.
    pub fetched_bytes: Counter,
    /// Fetches from a gateway that came to nothing, by why.
    fetch_failures: CounterVec,
    /// JSON-RPC calls, by method and outcome.
    calls: CounterVec,
    /// Requests with a wrong or missing token, or from a browser page.
    pub denied: Counter,
    /// Connections open now.
    pub connections: IntGauge,
    /// Receipts taken from disk instead of running again.
    pub receipts_reused: Counter,
    /// Seconds that jobs spent in each state.
    phases: HistogramVec,
    /// Jobs taken up again after a restart.
    pub resumed: Counter,
    /// Bytes in the store.
    pub store_used: IntGauge,
    /// Bytes the store may hold.
    pub store_limit: IntGauge,
    /// Bytes of traces and outputs stored.
    pub stored_bytes: Counter,
    /// Blobs removed to make room.
    pub evicted_blobs: Counter,
    /// Bytes of the blobs removed to make room.
    pub evicted_bytes: Counter,
    /// Seconds that the job which waits longest has waited.
    pub longest_wait: IntGauge,
    /// Memory that is free on this machine.
    pub memory_available: IntGauge,
    /// Whether jobs are taken.
    pub ready: IntGauge,
    /// Tickets taken on to be watched.
    pub watches: Counter,
    /// Steps told to challengers, by which.
    disputes: CounterVec,
    /// Demands answered.
    pub answers: Counter,
    /// Values made again.
    pub recomputations: Counter,
    /// Seconds it took to make values again.
    pub recompute_seconds: Histogram,
    /// Nodes of claims checked, by how.
    checks: CounterVec,
    /// Bytes of nodes' outputs kept for whoever checks this daemon's claims.
    pub trace_bytes: IntGauge,
    /// Multiplications of keyed checks of products.
    pub keyed_multiplications: Counter,
    /// Multiply-accumulates of the products so checked, which were not done.
    pub spared_macs: Counter,
    /// Claims checked, by what came out.
    claims: CounterVec,
    /// Faults made on purpose: 1 for the one in force.
    faults: IntGaugeVec,
}

impl Metrics {
    /// Where other parts of the daemon add theirs.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Metrics of a daemon on `device` that takes `queue` jobs.
    pub fn new(device: &Device, queue: usize) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| -> Result<Counter, prometheus::Error> {
            let counter = Counter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = CounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let info = IntGauge::with_opts(
            Opts::new("athanor_worker_info", "What this daemon is; always 1")
                .const_label("version", VERSION)
                .const_label("backend", device.backend)
                .const_label("device", device.name.as_str()),
        )?;
        info.set(1);
        registry.register(Box::new(info))?;
        let limit = IntGauge::new(
            "athanor_worker_queue_limit",
            "Jobs that may wait, fetch or run at a time",
        )?;
        limit.set(i64::try_from(queue).unwrap_or(i64::MAX));
        registry.register(Box::new(limit))?;
        let jobs = IntGaugeVec::new(
            Opts::new("athanor_worker_jobs", "Jobs known now, by state"),
            &["state"],
        )?;
        registry.register(Box::new(jobs.clone()))?;
        let connections = IntGauge::new("athanor_worker_connections", "Connections open now")?;
        registry.register(Box::new(connections.clone()))?;
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        gauge(
            "athanor_worker_device_memory_bytes",
            "Memory of the device that runs programs",
        )?
        .set(i64::try_from(device.memory).unwrap_or(i64::MAX));
        let phases = HistogramVec::new(
            HistogramOpts::new(
                "athanor_worker_phase_seconds",
                "Seconds that jobs spent in each state, counted when they leave it",
            )
            .buckets(prometheus::exponential_buckets(0.001, 4.0, 12)?),
            &["phase"],
        )?;
        registry.register(Box::new(phases.clone()))?;
        let run_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "athanor_worker_run_seconds",
                "Seconds a run took on the device",
            )
            .buckets(prometheus::exponential_buckets(0.001, 4.0, 12)?),
        )?;
        registry.register(Box::new(run_seconds.clone()))?;
        let recompute_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "athanor_worker_recompute_seconds",
                "Seconds it took to make values again for a dispute, fetches and waits included",
            )
            .buckets(prometheus::exponential_buckets(0.001, 4.0, 12)?),
        )?;
        registry.register(Box::new(recompute_seconds.clone()))?;
        let faults = IntGaugeVec::new(
            Opts::new(
                "athanor_worker_fault",
                "1 for the fault this daemon makes on purpose; there is none on an honest one",
            ),
            &["fault"],
        )?;
        registry.register(Box::new(faults.clone()))?;
        Ok(Metrics {
            recompute_seconds,
            faults,
            watches: counter(
                "athanor_worker_watches_total",
                "Requests to watch a job that were taken",
            )?,
            disputes: counters(
                "athanor_worker_disputes_total",
                "Steps told to challengers, by which",
                &["step"],
            )?,
            checks: counters(
                "athanor_worker_checked_nodes_total",
                "Nodes of claims that were checked, by how: freivalds or executed",
                &["how"],
            )?,
            trace_bytes: gauge(
                "athanor_worker_trace_bytes",
                "Bytes of nodes' outputs kept for those who check this daemon's claims",
            )?,
            keyed_multiplications: counter(
                "athanor_worker_keyed_multiplications_total",
                "Multiplications that keyed checks of claimed products took",
            )?,
            spared_macs: counter(
                "athanor_worker_spared_macs_total",
                "Multiply-accumulates of the products checked so, which were not done",
            )?,
            claims: counters(
                "athanor_worker_checked_claims_total",
                "Claims that were checked without running the job, by what came out",
                &["verdict"],
            )?,
            answers: counter("athanor_worker_answers_total", "Demands answered")?,
            recomputations: counter(
                "athanor_worker_recomputations_total",
                "Times that values were made again for a dispute",
            )?,
            phases,
            store_used: gauge("athanor_worker_store_bytes", "Bytes in the store")?,
            store_limit: gauge(
                "athanor_worker_store_limit_bytes",
                "Bytes the store may hold",
            )?,
            longest_wait: gauge(
                "athanor_worker_longest_wait_seconds",
                "Seconds that the job which waits longest has waited",
            )?,
            memory_available: gauge(
                "athanor_worker_memory_available_bytes",
                "Memory that is free on this machine",
            )?,
            ready: gauge("athanor_worker_ready", "1 if jobs are taken, 0 if not")?,
            resumed: counter(
                "athanor_worker_jobs_resumed_total",
                "Jobs taken up again after a restart",
            )?,
            stored_bytes: counter(
                "athanor_worker_stored_bytes_total",
                "Bytes of traces and outputs stored",
            )?,
            evicted_blobs: counter(
                "athanor_worker_evicted_blobs_total",
                "Blobs removed to make room",
            )?,
            evicted_bytes: counter(
                "athanor_worker_evicted_bytes_total",
                "Bytes of the blobs removed to make room",
            )?,
            jobs,
            connections,
            run_seconds,
            ended: counters(
                "athanor_worker_jobs_ended_total",
                "Jobs that ended since the start, by how",
                &["outcome"],
            )?,
            units: counter("athanor_worker_units_total", "Units of work done")?,
            fetched_bytes: counter(
                "athanor_worker_fetched_bytes_total",
                "Bytes fetched from gateways",
            )?,
            fetch_failures: counters(
                "athanor_worker_fetch_failures_total",
                "Fetches from a gateway that came to nothing, by why",
                &["reason"],
            )?,
            calls: counters(
                "athanor_worker_rpc_calls_total",
                "JSON-RPC calls, by method and outcome",
                &["method", "outcome"],
            )?,
            denied: counter(
                "athanor_worker_denied_total",
                "Requests with a wrong or missing token, or from a web page",
            )?,
            receipts_reused: counter(
                "athanor_worker_receipts_reused_total",
                "Receipts taken from disk instead of running again",
            )?,
            registry,
        })
    }

    /// Sets the jobs known now.
    pub fn set_jobs(&self, counts: &[(JobState, usize)]) {
        for (state, count) in counts {
            self.jobs
                .with_label_values(&[state.as_str()])
                .set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }

    /// Counts a job that ended: `done`, or the code it was refused or failed
    /// with.
    pub fn job_ended(&self, outcome: &str) {
        self.ended.with_label_values(&[outcome]).inc();
    }

    /// Notes that a job left the state `phase` after `took`.
    pub fn phase(&self, phase: JobState, took: Duration) {
        self.phases
            .with_label_values(&[phase.as_str()])
            .observe(took.as_secs_f64());
    }

    /// Counts a step told to a challenger.
    pub fn disputed(&self, next: &Next) {
        let step = match next {
            Next::Agree => "agree",
            Next::Ask { .. } => "ask",
            Next::Descend(_) => "descend",
            Next::Rest => "rest",
            Next::Prove(_) => "prove",
        };
        self.disputes.with_label_values(&[step]).inc();
    }

    /// Counts a claim that was checked.
    pub fn checked(&self, checked: &Checked) {
        let Checked {
            products,
            executed,
            wrong,
        } = checked;
        for (how, nodes) in [("freivalds", products), ("executed", executed)] {
            self.checks
                .with_label_values(&[how])
                .inc_by(u64::from(*nodes));
        }
        let verdict = if wrong.is_some() { "wrong" } else { "right" };
        self.claims.with_label_values(&[verdict]).inc();
    }

    /// Shows the fault that is made on purpose.
    pub fn fault(&self, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.faults.with_label_values(&[&fault.to_string()]).set(1);
        }
    }

    /// Counts a fetch that came to nothing.
    pub fn fetch_failed(&self, reason: &str) {
        self.fetch_failures.with_label_values(&[reason]).inc();
    }

    /// Counts a JSON-RPC call.
    pub fn call(&self, method: &str, ok: bool) {
        self.calls
            .with_label_values(&[method, if ok { "ok" } else { "error" }])
            .inc();
    }

    /// The metrics in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut out = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_carries_the_prefix() {
        let device = Device {
            backend: "cpu",
            name: "a \"cpu\"".into(),
            memory: 1,
        };
        let metrics = Metrics::new(&device, 3).unwrap();
        metrics.set_jobs(&[(JobState::Done, 2)]);
        metrics.job_ended("done");
        metrics.phase(JobState::Ready, Duration::from_millis(3));
        metrics.fetch_failed("root_mismatch");
        metrics.call("worker_submit", false);
        metrics.disputed(&Next::Agree);
        metrics.fault(Some(Fault::WrongElement(3)));
        let text = metrics.text().unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("athanor_worker_"), "{line}");
        }
        for expected in [
            "athanor_worker_jobs{state=\"done\"} 2",
            "athanor_worker_queue_limit 3",
            "athanor_worker_device_memory_bytes 1",
            "athanor_worker_phase_seconds_count{phase=\"ready\"} 1",
            "athanor_worker_rpc_calls_total{method=\"worker_submit\",outcome=\"error\"} 1",
            "device=\"a \\\"cpu\\\"\"",
            "athanor_worker_disputes_total{step=\"agree\"} 1",
            "athanor_worker_fault{fault=\"wrong-element=3\"} 1",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
