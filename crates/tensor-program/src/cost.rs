//! What a run costs.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Exact cost of a run, as five counters.
///
/// Five, because no single weight fits all hardware: moving one byte costs about
/// a hundred multiply-accumulates on a large GPU and starting a node about a
/// billion, on a CPU neither. Providers price each.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Cost {
    /// Multiply-accumulates of 8-bit operands; a 16-bit left side counts twice.
    pub macs: u64,
    /// Simple steps of the operators that are not linear.
    pub ops: u64,
    /// Bytes read and written: each operand once, each output twice (written and
    /// hashed).
    pub bytes: u64,
    /// Nodes.
    pub nodes: u64,
    /// Bytes to bring in and out: constants named by root, inputs, outputs.
    pub load: u64,
}

impl Cost {
    /// One number for limits and weights:
    /// `⌈(macs + 4·ops + 64·bytes + 2^20·nodes) / 10^6⌉`, saturating.
    pub fn units(&self) -> u64 {
        let sum = u128::from(self.macs)
            .saturating_add(u128::from(self.ops).saturating_mul(4))
            .saturating_add(u128::from(self.bytes).saturating_mul(64))
            .saturating_add(u128::from(self.nodes).saturating_mul(1 << 20));
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// Sum of each counter, `None` on overflow.
    pub fn checked_add(&self, other: &Cost) -> Option<Cost> {
        Some(Cost {
            macs: self.macs.checked_add(other.macs)?,
            ops: self.ops.checked_add(other.ops)?,
            bytes: self.bytes.checked_add(other.bytes)?,
            nodes: self.nodes.checked_add(other.nodes)?,
            load: self.load.checked_add(other.load)?,
        })
    }

    /// Each counter times `factor`, `None` on overflow.
    pub fn checked_mul(&self, factor: u64) -> Option<Cost> {
        Some(Cost {
            macs: self.macs.checked_mul(factor)?,
            ops: self.ops.checked_mul(factor)?,
            bytes: self.bytes.checked_mul(factor)?,
            nodes: self.nodes.checked_mul(factor)?,
            load: self.load.checked_mul(factor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_up() {
        assert_eq!(Cost::default().units(), 0);
        assert_eq!(
            Cost {
                macs: 1,
                ..Cost::default()
            }
            .units(),
            1
        );
        assert_eq!(
            Cost {
                macs: 1_000_000,
                ..Cost::default()
            }
            .units(),
            1
        );
        assert_eq!(
            Cost {
                macs: 1,
                ops: 1,
                bytes: 1,
                nodes: 1,
                load: 9
            }
            .units(),
            2
        );
    }

    #[test]
    fn units_saturate() {
        let most = Cost {
            macs: u64::MAX,
            ops: u64::MAX,
            bytes: u64::MAX,
            nodes: u64::MAX,
            load: 0,
        };
        assert_eq!(most.units(), u64::MAX);
    }
}
