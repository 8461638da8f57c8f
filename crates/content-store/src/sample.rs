use std::collections::BTreeSet;
use std::io::Read;

use athanor_content_tree::market::draw;
use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::Groups;

use crate::{Error, Root};

/// The sample of a listing in the data market: groups of its goods that the chain drew, opened for
/// everybody. A store has it under its seed, which buyer and seller compute from the chain; the goods
/// themselves may lie nowhere. Format and draw: section 7 of `docs/spec/data-market.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What the groups are drawn by, and the sample's name.
    pub seed: Root,
    /// Root of the goods.
    pub root: Root,
    /// Bytes of the goods.
    pub len: u64,
    /// Groups that the listing promises.
    pub groups: u32,
}

impl Sample {
    /// Most groups of a sample that is handled: 1 GiB.
    pub const MOST: u32 = 1 << 16;

    /// The groups drawn, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::BadContent`] for a length no goods have; [`Error::TooLarge`] above
    /// [`MOST`](Self::MOST) groups.
    pub fn indices(&self) -> Result<BTreeSet<u64>, Error> {
        let groups = Groups::new(self.len).map_err(StreamError::from)?;
        if groups.count().min(self.groups.into()) > Self::MOST.into() {
            return Err(Error::TooLarge {
                limit: u64::from(Self::MOST).saturating_mul(athanor_content_tree::GROUP as u64),
            });
        }
        Ok(draw(&self.seed, &groups, self.groups))
    }

    pub(crate) fn check(&self, indices: &BTreeSet<u64>, file: impl Read) -> Result<(), Error> {
        let each = |_, _: &[u8]| Ok::<_, StreamError>(());
        Ok(stream::check_sample(
            &self.root, self.len, indices, file, each,
        )?)
    }
}
