use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Unused speed is kept for so long.
const BURST: Duration = Duration::from_millis(250);

/// Bytes per second that several transfers share. Whoever takes bytes waits until they are due.
#[derive(Debug)]
struct Rate {
    per_second: u64,
    /// When all that was taken is through.
    through: Mutex<Instant>,
}

impl Rate {
    fn new(per_second: u64) -> Self {
        let now = Instant::now();
        Self {
            per_second,
            through: Mutex::new(now.checked_sub(BURST).unwrap_or(now)),
        }
    }

    /// How long to wait for `bytes`, from `now` on.
    fn take(&self, now: Instant, bytes: usize) -> Duration {
        if self.per_second == 0 {
            return Duration::ZERO;
        }
        let cost = Duration::from_secs_f64(bytes as f64 / self.per_second as f64);
        let mut through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (*through).max(now.checked_sub(BURST).unwrap_or(now));
        *through = from.checked_add(cost).unwrap_or(from);
        through.saturating_duration_since(now)
    }

    fn is_idle(&self) -> bool {
        let through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        *through <= Instant::now()
    }
}

#[derive(Debug)]
struct Peer {
    open: AtomicUsize,
    rate: Rate,
}

/// Limits of all transfers together and of each peer's. A peer is an address; of IPv6, whose
/// subscribers get whole networks, the first 64 bits.
#[derive(Debug)]
pub(super) struct Throttle {
    all: Arc<Semaphore>,
    per_peer: usize,
    rate: Rate,
    peer_rate: u64,
    peers: Mutex<HashMap<IpAddr, Arc<Peer>>>,
}

/// Leave for one transfer.
#[derive(Debug)]
pub(super) struct Leave {
    throttle: Arc<Throttle>,
    peer: Option<Arc<Peer>>,
    _permit: OwnedSemaphorePermit,
}

impl Throttle {
    /// At most `all` transfers and `rate` bytes per second, and of each peer `per_peer` and
    /// `peer_rate`. A rate of 0 is none.
    pub(super) fn new(all: usize, per_peer: usize, rate: u64, peer_rate: u64) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            per_peer,
            rate: Rate::new(rate),
            peer_rate,
            peers: Mutex::default(),
        })
    }

    /// `None` when there are too many transfers.
    pub(super) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Leave> {
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let peer = match peer {
            None => None,
            Some(address) => {
                let peer = self.peer(address);
                let more = |open: usize| (open < self.per_peer).then(|| open.saturating_add(1));
                peer.open
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
                    .ok()?;
                Some(peer)
            }
        };
        Some(Leave {
            throttle: self.clone(),
            peer,
            _permit: permit,
        })
    }

    fn peer(&self, address: IpAddr) -> Arc<Peer> {
        let network = network(address);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(&network) {
            return peer.clone();
        }
        // Only those are remembered that have a transfer open or are to wait for an earlier one.
        peers.retain(|_, peer| Arc::strong_count(peer) > 1 || !peer.rate.is_idle());
        let peer = Arc::new(Peer {
            open: AtomicUsize::new(0),
            rate: Rate::new(self.peer_rate),
        });
        peers.insert(network, peer.clone());
        peer
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        self.peers.lock().unwrap().len()
    }
}

impl Leave {
    /// Waits until `bytes` are due; gives how long that was.
    pub(super) async fn spend(&self, bytes: usize) -> Duration {
        let wait = self.due(Instant::now(), bytes);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        wait
    }

    fn due(&self, now: Instant, bytes: usize) -> Duration {
        let own = self.peer.as_ref().map(|peer| peer.rate.take(now, bytes));
        let all = self.throttle.rate.take(now, bytes);
        all.max(own.unwrap_or_default())
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(peer) = &self.peer {
            peer.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What is counted as one peer.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn a_peer_has_its_share_and_all_have_theirs() {
        let throttle = Throttle::new(3, 2, 0, 0);
        let first = throttle.enter(at("10.0.0.1")).unwrap();
        let _second = throttle.enter(at("::ffff:10.0.0.1")).unwrap();
        assert!(throttle.enter(at("10.0.0.1")).is_none(), "its third");
        let _other = throttle.enter(at("10.0.0.2")).unwrap();
        assert!(
            throttle.enter(at("10.0.0.3")).is_none(),
            "the fourth of all"
        );
        drop(first);
        assert!(throttle.enter(at("10.0.0.1")).is_some());
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_peer() {
        let throttle = Throttle::new(9, 1, 0, 0);
        let _held = throttle.enter(at("2001:db8:1:2::5")).unwrap();
        assert!(throttle.enter(at("2001:db8:1:2:ffff::6")).is_none());
        assert!(throttle.enter(at("2001:db8:1:3::5")).is_some());
    }

    #[test]
    fn peers_that_left_are_forgotten() {
        let throttle = Throttle::new(1000, 1, 0, 0);
        for i in 0..200u8 {
            drop(throttle.enter(at(&format!("10.0.0.{i}"))));
        }
        assert_eq!(throttle.known(), 1);
    }

    /// How long these take who each send 100 kB ten times in turn, waiting as they are told.
    fn together(leaves: &[&Leave]) -> f64 {
        let from = Instant::now();
        let mut now = from;
        for _ in 0..10 {
            for leave in leaves {
                now += leave.due(now, 100_000);
            }
        }
        now.duration_since(from).as_secs_f64()
    }

    #[tokio::test]
    async fn transfers_of_a_peer_share_its_speed() {
        let throttle = Throttle::new(9, 9, 0, 1_000_000);
        let (one, two) = (
            throttle.enter(at("10.0.0.1")).unwrap(),
            throttle.enter(at("10.0.0.1")).unwrap(),
        );
        let other = throttle.enter(at("10.0.0.2")).unwrap();
        let took = together(&[&one, &two]);
        assert!((1.7..=2.01).contains(&took), "2 MB at 1 MB/s took {took} s");
        assert_eq!(other.due(Instant::now(), 100_000), Duration::ZERO);
        assert!(one.due(Instant::now(), 1) > Duration::from_secs(1));
    }

    #[tokio::test]
    async fn all_together_have_a_speed() {
        let throttle = Throttle::new(9, 9, 1_000_000, 0);
        let (one, two) = (
            throttle.enter(at("10.0.0.1")).unwrap(),
            throttle.enter(at("10.0.0.2")).unwrap(),
        );
        let took = together(&[&one, &two]);
        assert!((1.7..=2.01).contains(&took), "2 MB at 1 MB/s took {took} s");
        assert!(one.due(Instant::now(), 1) > Duration::from_secs(1));
    }
}
