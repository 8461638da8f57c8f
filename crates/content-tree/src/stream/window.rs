use std::io;
use std::ops::Range;

use super::StreamError;
use crate::group::{split_node, NODE};
use crate::tree::{left_part, merge, merge_root};
use crate::{Error, Groups, Root, Value};

/// Groups of a window that one thread works on: 512 KiB.
const ALONE: u64 = 32;

/// Most groups of a window that all threads work on: 32 MiB.
const MOST: u64 = 2048;

/// Fewest groups of such a window: 2 MiB.
const LEAST: u64 = 128;

/// Groups of such a window for each thread.
const PER_THREAD: u64 = 64;

/// A subtree that is worked on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Index of its node in the outboard; of a single group the index a node there would have.
    pub(super) node: u64,
    /// First group.
    pub(super) start: u64,
    /// Groups.
    pub(super) count: u64,
    /// Bytes.
    pub(super) bytes: usize,
    /// Whether it is the whole tree.
    pub(super) whole: bool,
}

impl Window {
    /// Room for its nodes.
    pub(super) fn room(&self) -> Vec<u8> {
        let nodes = usize::try_from(self.count.saturating_sub(1)).unwrap_or(0);
        vec![0; nodes.saturating_mul(NODE)]
    }
}

/// The windows of a range of groups, in order: subtrees, as large as fit, each for one thread.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    groups: Groups,
    range: Range<u64>,
    most: u64,
    /// Subtrees not yet given: node, first group, groups. The next one is last.
    ahead: Vec<(u64, u64, u64)>,
}

impl Windows {
    pub(super) fn all(groups: Groups) -> Self {
        Self {
            groups,
            range: 0..groups.count(),
            most: ALONE,
            ahead: vec![(0, 0, groups.count())],
        }
    }

    pub(super) fn of(groups: Groups, range: Range<u64>) -> Result<Self, Error> {
        if range.start >= range.end || range.end > groups.count() {
            return Err(Error::GroupBeyondEnd {
                index: range.start.max(range.end.saturating_sub(1)),
                count: groups.count(),
            });
        }
        Ok(Self {
            range,
            ..Self::all(groups)
        })
    }

    /// The same in windows that all threads work on together.
    pub(super) fn shared(self) -> Self {
        let threads = u64::try_from(rayon::current_num_threads()).unwrap_or(MOST);
        let most = threads
            .saturating_mul(PER_THREAD)
            .clamp(LEAST, MOST)
            .next_power_of_two();
        Self { most, ..self }
    }

    /// Bytes of all windows.
    pub(super) fn bytes(&self) -> u64 {
        let byte = |group: u64| {
            let at = group.saturating_mul(crate::GROUP as u64);
            at.min(self.groups.content_len())
        };
        byte(self.range.end).saturating_sub(byte(self.range.start))
    }
}

impl Iterator for Windows {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        loop {
            let (node, start, count) = self.ahead.pop()?;
            let end = start.saturating_add(count);
            if end <= self.range.start || self.range.end <= start {
                continue;
            }
            let inside = self.range.start <= start && end <= self.range.end;
            if inside && count <= self.most {
                let part = Self {
                    range: start..end,
                    ..self.clone()
                };
                return Some(Window {
                    node,
                    start,
                    count,
                    bytes: usize::try_from(part.bytes()).ok()?,
                    whole: count == self.groups.count(),
                });
            }
            let left = left_part(count)?;
            let right = start.saturating_add(left);
            let after = node.saturating_add(left);
            self.ahead.push((after, right, count.saturating_sub(left)));
            self.ahead.push((node.saturating_add(1), start, left));
        }
    }
}

/// Index of the node of a subtree.
pub(super) fn node_index(groups: Groups, start: u64, count: u64) -> u64 {
    let (mut node, mut from, mut size) = (0u64, 0u64, groups.count());
    while size > count {
        let Some(left) = left_part(size) else { break };
        let right = from.saturating_add(left);
        if start < right {
            node = node.saturating_add(1);
            size = left;
        } else {
            node = node.saturating_add(left);
            from = right;
            size = size.saturating_sub(left);
        }
    }
    node
}

/// A subtree whose value is known.
struct Ahead {
    node: u64,
    start: u64,
    count: u64,
    value: Value,
}

/// Walks down an outboard to the windows, checking the nodes above them.
pub(super) struct Checked<N> {
    groups: Groups,
    read: N,
    /// The next subtree is last.
    ahead: Vec<Ahead>,
}

impl<N: FnMut(u64, &mut [u8]) -> io::Result<()>> Checked<N> {
    /// `read(offset, buffer)` fills the whole buffer. Offsets only grow, and where all windows are
    /// asked for they leave nothing out.
    pub(super) fn new(groups: Groups, root: &Root, read: N) -> Self {
        Self {
            groups,
            read,
            ahead: vec![Ahead {
                node: 0,
                start: 0,
                count: groups.count(),
                value: *root,
            }],
        }
    }

    fn nodes(&mut self, node: u64, room: &mut [u8]) -> Result<(), StreamError> {
        if room.is_empty() {
            return Ok(());
        }
        (self.read)(node.saturating_mul(NODE as u64), room).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => StreamError::BadOutboard { node },
            _ => StreamError::ReadOutboard(error),
        })
    }

    /// The value of `window`, which is proven, and its own nodes, which are not.
    pub(super) fn next(&mut self, window: Window) -> Result<(Value, Vec<u8>), StreamError> {
        loop {
            let at = self.ahead.pop().ok_or(Error::RootMismatch)?;
            if (at.start, at.count) == (window.start, window.count) {
                let mut nodes = window.room();
                self.nodes(at.node, &mut nodes)?;
                return Ok((at.value, nodes));
            }
            if at.start.saturating_add(at.count) <= window.start {
                continue;
            }
            let bad = StreamError::BadOutboard { node: at.node };
            let mut pair = [0; NODE];
            self.nodes(at.node, &mut pair)?;
            let whole = at.count == self.groups.count();
            let (Some((left, right)), Some(size)) = (split_node(&pair), left_part(at.count)) else {
                return Err(bad);
            };
            let value = if whole {
                merge_root(&left, &right)
            } else {
                merge(&left, &right)
            };
            if value != at.value {
                return Err(bad);
            }
            self.ahead.push(Ahead {
                node: at.node.saturating_add(size),
                start: at.start.saturating_add(size),
                count: at.count.saturating_sub(size),
                value: right,
            });
            self.ahead.push(Ahead {
                node: at.node.saturating_add(1),
                start: at.start,
                count: size,
                value: left,
            });
        }
    }

    /// The outboard must end where all its nodes were read.
    pub(super) fn finish(mut self) -> Result<(), StreamError> {
        let node = self.groups.count().saturating_sub(1);
        let more = StreamError::BadOutboard { node };
        match (self.read)(self.groups.outboard_len(), &mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(StreamError::ReadOutboard(error)),
            Ok(()) => Err(more),
        }
    }
}
