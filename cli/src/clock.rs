//! Block numbers as people think of them: times from now.

use crate::{chain::State, commands::constant, error::Result};

/// The running block, and how long a block takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    now: u64,
    block_ms: u64,
}

impl Clock {
    /// A clock at block `now` of a chain with blocks of `block_ms` milliseconds.
    pub fn new(now: u64, block_ms: u64) -> Self {
        Self { now, block_ms }
    }

    /// The clock of a chain's state.
    pub fn of(state: &State) -> Result<Self> {
        let block_ms = constant(state, "ComputeJobs", "BlockTimeMs")?;
        Ok(Self::new(
            state.number(),
            u64::try_from(block_ms).unwrap_or(u64::MAX),
        ))
    }

    /// The running block.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// So many blocks as a rough time, such as `5 min`.
    pub fn span(&self, blocks: u64) -> String {
        let seconds = u128::from(blocks).saturating_mul(self.block_ms.into()) / 1_000;
        let minutes = seconds / 60;
        let hours = minutes / 60;
        match () {
            () if seconds < 90 => format!("{seconds} s"),
            () if minutes < 90 => format!("{minutes} min"),
            () if hours < 48 => format!("{hours} h {} min", minutes % 60),
            () => format!("{} days", hours / 24),
        }
    }

    /// A block with the time to it, such as `block 90 (in about 5 min)`.
    pub fn until(&self, block: u64) -> String {
        match block.checked_sub(self.now) {
            Some(0) => format!("block {block} (now)"),
            Some(ahead) => format!("block {block} (in about {})", self.span(ahead)),
            None => format!(
                "block {block} (about {} ago)",
                self.span(self.now.saturating_sub(block))
            ),
        }
    }

    /// As [`Clock::until`], as short as a table needs it.
    pub fn short(&self, block: u64) -> String {
        match block.checked_sub(self.now) {
            Some(ahead) if ahead > 0 => format!("{block}, {}", self.span(ahead)),
            _ => format!("{block}, due"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_as_rough_times() {
        let clock = Clock::new(100, 3_000);
        for (block, text) in [
            (100, "block 100 (now)"),
            (101, "block 101 (in about 3 s)"),
            (200, "block 200 (in about 5 min)"),
            (1_300, "block 1300 (in about 60 min)"),
            (3_100, "block 3100 (in about 2 h 30 min)"),
            (201_700, "block 201700 (in about 7 days)"),
            (40, "block 40 (about 3 min ago)"),
            (
                u64::MAX,
                "block 18446744073709551615 (in about 640511947003803 days)",
            ),
        ] {
            assert_eq!(clock.until(block), text);
        }
        assert_eq!(clock.short(200), "200, 5 min");
        assert_eq!(clock.short(100), "100, due");
        assert_eq!(clock.short(9), "9, due");
    }
}
