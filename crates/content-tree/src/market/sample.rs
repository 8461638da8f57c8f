use alloc::collections::BTreeSet;

use super::seal::derive;
use crate::{Groups, Root};

/// Blocks after a listing whose randomness draws its sample.
pub const SAMPLE_BLOCKS: usize = 8;

/// The seed of a listing's sample: `pre_outputs` are the BABE VRF pre-outputs in the headers of the
/// blocks listed_at + 1 to listed_at + 8.
pub fn sample_seed(pre_outputs: &[[u8; 32]; SAMPLE_BLOCKS], x_root: &Root) -> [u8; 32] {
    derive!("sample", pre_outputs.as_flattened(), x_root)
}

/// The groups of a sample, ascending: `wanted` of them, or all if there are fewer.
///
/// Numbers come in turn from the output of BLAKE3, keyed with the seed, over nothing. Expected work
/// grows with `wanted`, and by its logarithm more when nearly all groups are.
pub fn draw(seed: &[u8; 32], groups: &Groups, wanted: u32) -> BTreeSet<u64> {
    let count = groups.count();
    let wanted = count.min(u64::from(wanted));
    let limit = (u64::MAX.checked_div(count).unwrap_or(0)).saturating_mul(count);
    let mut numbers = blake3::Hasher::new_keyed(seed).finalize_xof();
    let mut drawn = BTreeSet::new();
    let mut buffer = [0; 64];
    while (drawn.len() as u64) < wanted {
        numbers.fill(&mut buffer);
        for number in buffer.as_chunks::<8>().0 {
            let number = u64::from_le_bytes(*number);
            let index = number.checked_rem(count).unwrap_or(0);
            if number < limit && (drawn.len() as u64) < wanted {
                drawn.insert(index);
            }
        }
    }
    drawn
}
