use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};

use super::StreamError;
use crate::{Groups, Root, GROUP, MAX_PATH};

/// Bytes of the sample file of these groups of a content of `len` bytes.
///
/// # Errors
///
/// [`StreamError::Tree`] for a group the content does not have.
pub fn sample_len(len: u64, indices: &BTreeSet<u64>) -> Result<u64, StreamError> {
    let groups = Groups::new(len)?;
    let mut sum = 0u64;
    for index in indices {
        let path = groups.turns(*index)?.count().saturating_mul(32);
        let size = groups
            .group_len(*index)?
            .saturating_add(path)
            .saturating_add(8);
        sum = sum.saturating_add(size as u64);
    }
    Ok(sum)
}

/// Checks a sample file: exactly these groups, ascending, each with its path to the root. `each` is
/// given index and bytes of every group that is right, before the next is read.
///
/// # Errors
///
/// [`StreamError::BadGroup`] for a group that is not the one of its index or has another index,
/// [`StreamError::Short`] and [`StreamError::Long`], in bytes of the file; what `each` gives.
pub fn check_sample<E: From<StreamError>>(
    root: &Root,
    len: u64,
    indices: &BTreeSet<u64>,
    source: impl Read,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let groups = Groups::new(len).map_err(StreamError::from)?;
    let total = sample_len(len, indices)?;
    let mut file = Counted {
        source: BufReader::with_capacity(1 << 16, source),
        at: 0,
        len: total,
    };
    let mut room = vec![0; GROUP];
    for index in indices {
        let mut number = [0; 8];
        file.fill(&mut number)?;
        if u64::from_le_bytes(number) != *index {
            return Err(StreamError::BadGroup { index: *index }.into());
        }
        let size = groups.group_len(*index).map_err(StreamError::from)?;
        let bytes = room.get_mut(..size).unwrap_or_default();
        file.fill(bytes)?;
        let mut path = [[0; 32]; MAX_PATH];
        let turns = groups.turns(*index).map_err(StreamError::from)?.count();
        let path = path.get_mut(..turns).unwrap_or_default();
        file.fill(path.as_flattened_mut())?;
        let value = groups.node(*index, bytes).map_err(StreamError::from)?;
        let folded = groups.fold(*index, value, path);
        if folded.map_err(StreamError::from)? != *root {
            return Err(StreamError::BadGroup { index: *index }.into());
        }
        each(*index, bytes)?;
    }
    Ok(file.end()?)
}

struct Counted<R> {
    source: BufReader<R>,
    at: u64,
    len: u64,
}

impl<R: Read> Counted<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StreamError> {
        self.source
            .read_exact(bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => StreamError::Short {
                    at: self.at,
                    len: self.len,
                },
                _ => StreamError::Read(error),
            })?;
        self.at = self.at.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn end(&mut self) -> Result<(), StreamError> {
        loop {
            match self.source.read(&mut [0]) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(StreamError::Long { len: self.len }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(StreamError::Read(error)),
            }
        }
    }
}
