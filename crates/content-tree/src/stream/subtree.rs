use super::window::Window;
use super::StreamError;
use crate::group::{split_node, NODE};
use crate::tree::{left_part, merge, merge_root};
use crate::{Error, Value, GROUP};

/// Groups that one thread does at a time.
const ALONE: u64 = 8;

/// What is done with a group's bytes: its index, its bytes, the value it should have. Gives the
/// value it has afterwards.
pub(super) type Leaf<'a> =
    dyn Fn(u64, &mut [u8], Option<Value>) -> Result<Value, StreamError> + Sync + 'a;

/// What an outboard says of a subtree.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Its value, proven.
    pub(super) value: Value,
    /// Its nodes in pre-order, not proven yet.
    pub(super) nodes: &'a [u8],
}

impl<'a> Known<'a> {
    pub(super) fn of((value, nodes): &'a (Value, Vec<u8>)) -> Self {
        Self {
            value: *value,
            nodes,
        }
    }
}

/// A subtree: groups, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Subtree {
    node: u64,
    start: u64,
    count: u64,
    whole: bool,
    /// Whether rayon's threads work on it together.
    shared: bool,
}

impl Subtree {
    pub(super) fn of(window: Window) -> Self {
        Self {
            node: window.node,
            start: window.start,
            count: window.count,
            whole: window.whole,
            shared: false,
        }
    }

    /// For rayon's threads together.
    pub(super) fn shared(self) -> Self {
        Self {
            shared: true,
            ..self
        }
    }

    fn split(&self) -> Option<(Self, Self, usize)> {
        let left = left_part(self.count)?;
        let first = Self {
            node: self.node.saturating_add(1),
            start: self.start,
            count: left,
            whole: false,
            shared: self.shared,
        };
        let second = Self {
            node: self.node.saturating_add(left),
            start: self.start.saturating_add(left),
            count: self.count.saturating_sub(left),
            whole: false,
            shared: self.shared,
        };
        Some((first, second, usize::try_from(left).ok()?))
    }

    fn merge(&self, left: &Value, right: &Value) -> Value {
        if self.whole {
            merge_root(left, right)
        } else {
            merge(left, right)
        }
    }

    /// Both parts' nodes, if this subtree's own node has its value.
    fn descend<'a>(
        &self,
        known: Known<'a>,
        left: usize,
    ) -> Result<(Known<'a>, Known<'a>), StreamError> {
        let bad = || StreamError::BadOutboard { node: self.node };
        let (a, b) = split_node(known.nodes).ok_or_else(bad)?;
        if self.merge(&a, &b) != known.value {
            return Err(bad());
        }
        let rest = known.nodes.get(NODE..).ok_or_else(bad)?;
        let middle = left.saturating_sub(1).saturating_mul(NODE);
        let (first, second) = rest.split_at_checked(middle).ok_or_else(bad)?;
        let part = |value, nodes| Known { value, nodes };
        Ok((part(a, first), part(b, second)))
    }

    /// Does `leaf` with each group of `bytes`. Checks the nodes of `known` and writes
    /// the tree of the values that come out to `nodes`; without that there is no value.
    pub(super) fn make(
        self,
        bytes: &mut [u8],
        known: Option<Known<'_>>,
        nodes: Option<&mut [u8]>,
        leaf: &Leaf<'_>,
    ) -> Result<Value, StreamError> {
        let Some((left, right, size)) = self.split() else {
            return leaf(self.start, bytes, known.map(|known| known.value));
        };
        let (known_left, known_right) = match known {
            Some(known) => {
                let (a, b) = self.descend(known, size)?;
                (Some(a), Some(b))
            }
            None => (None, None),
        };
        let short = || StreamError::from(Error::TooLong);
        let middle = size.saturating_mul(GROUP);
        let (bytes_left, bytes_right) = bytes.split_at_mut_checked(middle).ok_or_else(short)?;
        let (own, nodes_left, nodes_right) = match nodes {
            Some(nodes) => {
                let (own, rest) = nodes.split_at_mut_checked(NODE).ok_or_else(short)?;
                let middle = size.saturating_sub(1).saturating_mul(NODE);
                let (a, b) = rest.split_at_mut_checked(middle).ok_or_else(short)?;
                (Some(own), Some(a), Some(b))
            }
            None => (None, None, None),
        };
        let do_left = || left.make(bytes_left, known_left, nodes_left, leaf);
        let do_right = || right.make(bytes_right, known_right, nodes_right, leaf);
        let (a, b) = if self.shared && self.count > ALONE {
            rayon::join(do_left, do_right)
        } else {
            (do_left(), do_right())
        };
        let (a, b) = (a?, b?);
        let Some(own) = own else {
            return Ok([0; 32]);
        };
        own.copy_from_slice([a, b].as_flattened());
        Ok(self.merge(&a, &b))
    }

    /// Checks the nodes of `known` alone.
    pub(super) fn check_nodes(self, known: Known<'_>) -> Result<(), StreamError> {
        let Some((left, right, size)) = self.split() else {
            return Ok(());
        };
        let (a, b) = self.descend(known, size)?;
        let do_left = || left.check_nodes(a);
        let do_right = || right.check_nodes(b);
        let (a, b) = if self.shared && self.count > 32 * ALONE {
            rayon::join(do_left, do_right)
        } else {
            (do_left(), do_right())
        };
        a.and(b)
    }
}
