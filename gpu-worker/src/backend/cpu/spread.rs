//! Work cut into pieces for the threads.

use crate::backend::Control;
use athanor_exact_kernels::Level;
use rayon::prelude::*;

/// Bytes of output that are worth a piece of their own.
const LEAST: usize = 16 * 1_024;

/// Bytes of output after which a new piece starts, so that a stop is soon seen.
const MOST: usize = 1 << 20;

/// Who works on a node.
#[derive(Clone, Copy)]
pub(super) struct Team<'a> {
    pub(super) level: Level,
    pub(super) threads: usize,
    /// Whether even small work is shared.
    pub(super) eager: bool,
    pub(super) control: &'a dyn Control,
}

impl Team<'_> {
    /// Runs `work` on each of `items`, in any order, until the run is stopped.
    pub(super) fn each<T: Send>(&self, items: Vec<T>, work: impl Fn(T) + Sync) {
        let guarded = |item| {
            if !self.control.stopped() {
                work(item);
            }
        };
        if self.threads == 1 || items.len() < 2 {
            items.into_iter().for_each(guarded);
        } else {
            items.into_par_iter().with_max_len(1).for_each(guarded);
        }
    }

    /// Cuts `out` into pieces of whole units of `unit` bytes, and runs `work` on each
    /// with the number of units before it.
    pub(super) fn units(
        &self,
        out: &mut [u8],
        unit: usize,
        work: impl Fn(usize, &mut [u8]) + Sync,
    ) {
        let unit = unit.max(1);
        let even = out.len().div_ceil(self.threads * 4);
        let piece = even.clamp(LEAST, MOST).div_ceil(unit) * unit;
        let pieces = out.chunks_mut(piece).enumerate().collect();
        self.each(pieces, |(index, out)| work(index * (piece / unit), out));
    }
}
