//! What nodes make of their constants, kept for later runs of the same model.
//!
//! Packing a weight costs as much as multiplying a few rows by it. What is made
//! depends on the operator, the types of its operands and the bytes of its constants,
//! so those are the key, weights standing for their bytes by their roots: models that
//! share a layer share what is kept of it.

use super::node::Prepared;
use athanor_primitives::Root;
use athanor_tensor_program::{Constant, Operand, Validated};
use codec::Encode;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What a preparation depends on, hashed.
pub(super) type Key = [u8; 32];

/// The key of node `index`, under the roots of the program's `Root` constants. `None`
/// if they are not known.
pub(super) fn key(program: &Validated, index: usize, roots: &[Option<&Root>]) -> Option<Key> {
    let node = program.program().nodes.get(index)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&node.op.encode());
    for operand in &node.operands {
        hasher.update(&program.operand_type(*operand)?.encode());
        let Operand::Const(constant) = operand else {
            continue;
        };
        let constant = usize::from(*constant);
        let root = match program.program().constants.get(constant)? {
            Constant::Inline { bytes, .. } => *blake3::hash(bytes).as_bytes(),
            Constant::Root { .. } => **roots.get(constant)?.as_ref()?,
        };
        hasher.update(&root);
    }
    Some(*hasher.finalize().as_bytes())
}

/// The roots of a program's constants, in their order: `None` for those it contains.
pub(super) fn by_constant<'a>(program: &Validated, roots: &'a [Root]) -> Vec<Option<&'a Root>> {
    let mut roots = roots.iter();
    let constants = program.program().constants.iter();
    constants
        .map(|constant| match constant {
            Constant::Inline { .. } => None,
            Constant::Root { .. } => roots.next(),
        })
        .collect()
}

struct Kept {
    made: Arc<Prepared>,
    bytes: u64,
    /// The last run that used it.
    used: u64,
}

#[derive(Default)]
struct Shelf {
    kept: HashMap<Key, Kept>,
    bytes: u64,
    runs: u64,
}

impl Shelf {
    /// Forgets what was used longest ago until no more than `bytes` are kept, but
    /// nothing that run `but` uses.
    fn forget(&mut self, bytes: u64, but: u64) {
        if self.bytes <= bytes {
            return;
        }
        let mut oldest: Vec<(u64, Key)> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.used != but)
            .map(|(key, kept)| (kept.used, *key))
            .collect();
        oldest.sort_unstable();
        for (_, key) in oldest {
            if self.bytes <= bytes {
                return;
            }
            if let Some(kept) = self.kept.remove(&key) {
                self.bytes = self.bytes.saturating_sub(kept.bytes);
            }
        }
    }
}

/// What is kept, least recently used forgotten first.
#[derive(Default)]
pub(super) struct Keep {
    shelf: Mutex<Shelf>,
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Keep {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a run that takes `needed` of `bound` bytes: gives its number, what is kept
    /// under its keys, and makes room for it.
    pub(super) fn start(
        &self,
        keys: &[Option<Key>],
        needed: u64,
        bound: u64,
    ) -> (u64, Vec<Option<Arc<Prepared>>>) {
        let mut shelf = self.shelf();
        shelf.runs += 1;
        let run = shelf.runs;
        let mut own = 0u64;
        let mut take = |key: &Option<Key>| {
            let kept = shelf.kept.get_mut(key.as_ref()?)?;
            if kept.used != run {
                own = own.saturating_add(kept.bytes);
            }
            kept.used = run;
            Some(kept.made.clone())
        };
        let found = keys.iter().map(&mut take).collect();
        // The run's own are among what it needs.
        shelf.forget(bound.saturating_sub(needed).saturating_add(own), run);
        (run, found)
    }

    /// Keeps what run `run` made, which takes `bytes`, if `most` bytes have room for it.
    pub(super) fn put(&self, run: u64, key: Key, made: &Arc<Prepared>, bytes: u64, most: u64) {
        let mut shelf = self.shelf();
        let Some(rest) = most.checked_sub(bytes) else {
            return;
        };
        shelf.forget(rest, run);
        if shelf.bytes > rest {
            return;
        }
        let kept = Kept {
            made: made.clone(),
            bytes,
            used: run,
        };
        shelf.bytes = shelf.bytes.saturating_add(bytes);
        if let Some(before) = shelf.kept.insert(key, kept) {
            shelf.bytes = shelf.bytes.saturating_sub(before.bytes);
        }
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> u64 {
        self.shelf().bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(from: u8, to: u8) -> Vec<Option<Key>> {
        (from..to).map(|byte| Some([byte; 32])).collect()
    }

    fn put(keep: &Keep, run: u64, from: u8, to: u8, bytes: u64, most: u64) {
        for key in keys(from, to).into_iter().flatten() {
            keep.put(run, key, &Arc::new(Prepared::Plain), bytes, most);
        }
    }

    fn found(keep: &Keep, from: u8, to: u8) -> usize {
        let (_, found) = keep.start(&keys(from, to), 0, u64::MAX);
        found.into_iter().flatten().count()
    }

    #[test]
    fn what_was_used_longest_ago_is_forgotten_first() {
        let keep = Keep::default();
        for run in 1..=3u8 {
            let (number, _) = keep.start(&[], 0, 100);
            put(&keep, number, run * 10, run * 10 + 3, 10, 100);
        }
        assert_eq!((keep.bytes(), found(&keep, 10, 13)), (90, 3));
        let (run, _) = keep.start(&[], 0, 100);
        put(&keep, run, 40, 43, 10, 100);
        assert_eq!(keep.bytes(), 100);
        assert_eq!(found(&keep, 10, 13), 3);
        assert_eq!(found(&keep, 20, 23), 1);
        assert_eq!(found(&keep, 40, 43), 3);
    }

    #[test]
    fn a_run_does_not_push_out_its_own() {
        let keep = Keep::default();
        let (run, _) = keep.start(&[], 0, 50);
        put(&keep, run, 0, 9, 10, 50);
        assert_eq!((keep.bytes(), found(&keep, 0, 5)), (50, 5));
        put(&keep, run, 9, 10, 51, 50);
        assert_eq!(keep.bytes(), 50);
    }

    #[test]
    fn a_run_that_needs_the_room_gets_it_and_keeps_its_own() {
        let keep = Keep::default();
        let (run, _) = keep.start(&[], 0, 100);
        put(&keep, run, 0, 8, 10, 100);
        // 60 bytes, 20 of them kept already, leave room for 40 of the others.
        let (_, mine) = keep.start(&keys(0, 2), 60, 100);
        assert_eq!(mine.into_iter().flatten().count(), 2);
        assert_eq!(keep.bytes(), 60);
        let (_, mine) = keep.start(&keys(0, 2), 1_000, 100);
        assert_eq!(mine.into_iter().flatten().count(), 2);
        assert_eq!(keep.bytes(), 20);
    }

    #[test]
    fn the_same_key_twice_counts_once() {
        let keep = Keep::default();
        let (run, _) = keep.start(&[], 0, 100);
        put(&keep, run, 0, 1, 10, 100);
        put(&keep, run, 0, 1, 10, 100);
        assert_eq!(keep.bytes(), 10);
        let (_, found) = keep.start(&[Some([0; 32]), None, Some([0; 32])], 10, 10);
        assert_eq!(found.iter().flatten().count(), 2);
        assert_eq!(keep.bytes(), 10);
    }
}
