use std::future::Future;
use std::time::Duration;

use tokio::time::{timeout_at, Instant};

/// Watches that a transfer neither stalls nor trickles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    started: Instant,
    idle: Duration,
    min_speed: u64,
}

/// The transfer was too slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slow;

impl Pace {
    pub(crate) fn new(idle: Duration, min_speed: u64) -> Self {
        Self {
            started: Instant::now(),
            idle,
            min_speed: min_speed.max(1),
        }
    }

    /// When the next piece must be through, after `done` bytes: within the idle time from now, and
    /// so that the average speed is kept after a grace of one idle time.
    pub(crate) fn deadline(&self, done: u64) -> Instant {
        let earned = Duration::from_secs_f64(done as f64 / self.min_speed as f64);
        let grace = self.idle.saturating_add(earned);
        let average = self.started.checked_add(grace);
        let idle = Instant::now() + self.idle;
        average.map_or(idle, |average| average.min(idle))
    }

    /// Leaves `held` out of account: it was not the other side's fault.
    pub(crate) fn forgive(&mut self, held: Duration) {
        self.started = self.started.checked_add(held).unwrap_or(self.started);
    }

    pub(crate) async fn next<T>(
        &self,
        done: u64,
        step: impl Future<Output = T>,
    ) -> Result<T, Slow> {
        timeout_at(self.deadline(done), step)
            .await
            .map_err(|_| Slow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_earns_no_more_than_its_bytes() {
        let pace = Pace::new(Duration::from_secs(10), 1000);
        let left = |done| {
            pace.deadline(done)
                .duration_since(pace.started)
                .as_secs_f64()
        };
        assert!((9.0..10.1).contains(&left(0)));
        assert!(left(0) <= 10.0);
        assert!((9.9..11.0).contains(&left(1_000_000)));
    }
}
