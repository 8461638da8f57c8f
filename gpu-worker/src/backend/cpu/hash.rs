//! BLAKE3 of a value that comes in parts.
//!
//! The tree of BLAKE3 is cut into groups of 64 chunks, each a complete subtree, which
//! are hashed on their own and by any thread; their chaining values are merged at the
//! end, when it is known which of them are the last.

use super::spread::Team;
use athanor_primitives::Root;
use blake3::{
    hazmat::{merge_subtrees_non_root, merge_subtrees_root, ChainingValue, HasherExt, Mode},
    Hasher,
};
use rayon::prelude::*;

/// Bytes of a group: a power of two of chunks.
pub(super) const GROUP: usize = 64 * 1_024;

/// Groups that are worth a thread.
const PIECE: usize = 8;

/// The hash of a value of which some bytes have come.
#[derive(Default)]
pub(super) struct Hash {
    /// Chaining values of the whole groups so far.
    groups: Vec<ChainingValue>,
    /// What follows them, at most a group.
    rest: Vec<u8>,
    /// Whether all has come, and `groups` has the last one too.
    whole: bool,
    /// The root, if it took no group.
    root: Option<Root>,
}

impl Hash {
    /// The next bytes, `last` if none follow: these are hashed where they lie.
    pub(super) fn update(&mut self, bytes: &[u8], last: bool, team: &Team<'_>) {
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let missing = (GROUP - self.rest.len()).min(bytes.len());
            let (head, tail) = bytes.split_at(missing);
            self.rest.extend_from_slice(head);
            bytes = tail;
            if bytes.is_empty() {
                return;
            }
            // More follows, so this group is whole and not the last.
            let value = chaining(&self.rest, self.groups.len());
            self.groups.push(value);
            self.rest.clear();
        }
        // The last group stays behind even if whole: alone it would be the root.
        let whole = bytes.len().saturating_sub(1) / GROUP;
        let (head, tail) = bytes.split_at(whole * GROUP);
        let first = self.groups.len();
        if team.threads > 1 && whole > PIECE {
            let values: Vec<ChainingValue> = head
                .par_chunks(GROUP)
                .with_min_len(PIECE)
                .enumerate()
                .map(|(index, group)| chaining(group, first + index))
                .collect();
            self.groups.extend(values);
        } else {
            let groups = head.chunks(GROUP).enumerate();
            self.groups
                .extend(groups.map(|(index, group)| chaining(group, first + index)));
        }
        if !last {
            self.rest.extend_from_slice(tail);
        } else if self.groups.is_empty() {
            self.root = Some(*blake3::hash(tail).as_bytes());
        } else {
            self.groups.push(chaining(tail, self.groups.len()));
            self.whole = true;
        }
    }

    /// The root of everything that came.
    pub(super) fn finish(mut self) -> Root {
        if let Some(root) = self.root {
            return root;
        }
        if self.groups.is_empty() {
            return *blake3::hash(&self.rest).as_bytes();
        }
        if !self.whole {
            self.groups.push(chaining(&self.rest, self.groups.len()));
        }
        let (left, right) = halves(&self.groups);
        *merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash).as_bytes()
    }
}

/// Chaining value of the group of this index, which is not the whole value.
fn chaining(bytes: &[u8], index: usize) -> ChainingValue {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(index as u64 * GROUP as u64);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// The left part is the largest power of two below the count, as in BLAKE3's tree.
fn halves(groups: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    let left = groups.len().next_power_of_two() / 2;
    groups.split_at(left)
}

fn subtree(groups: &[ChainingValue]) -> ChainingValue {
    match groups {
        [] => ChainingValue::default(),
        [one] => *one,
        several => {
            let (left, right) = halves(several);
            merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_exact_kernels::Level;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn parts_of_any_length_hash_as_the_whole() {
        let bytes: Vec<u8> = (0..13 * GROUP + 777)
            .map(|i| (i * 31 + i / 257) as u8)
            .collect();
        for threads in [1, 2] {
            let control = AtomicBool::new(false);
            let team = Team {
                level: Level::PORTABLE,
                threads,
                eager: true,
                control: &control,
            };
            for len in [
                0,
                1,
                1_023,
                1_025,
                GROUP - 1,
                GROUP,
                GROUP + 1,
                2 * GROUP,
                3 * GROUP + 5,
                8 * GROUP,
                13 * GROUP + 777,
            ] {
                for part in [999, GROUP - 1, GROUP, GROUP + 1, 5 * GROUP, 20 * GROUP] {
                    for told in [true, false] {
                        let mut hash = Hash::default();
                        let parts: Vec<_> = bytes[..len].chunks(part).collect();
                        for (index, part) in parts.iter().enumerate() {
                            hash.update(part, told && index + 1 == parts.len(), &team);
                        }
                        assert_eq!(
                            hash.finish(),
                            *blake3::hash(&bytes[..len]).as_bytes(),
                            "{len} by {part}"
                        );
                    }
                }
            }
        }
    }
}
