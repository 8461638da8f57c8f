use std::io::{self, Read, Write};

use crate::market::{Salts, SALT};
use crate::GROUP;

/// Reads a container: the payload that a source gives, with a salt before each group of it.
///
/// The payload's length must be known beforehand, see [`container_len`](crate::market::container_len).
#[derive(Debug)]
pub struct Salted<R> {
    payload: R,
    salts: Salts,
    /// The next group.
    index: u64,
    group: Box<[u8]>,
    /// Bytes of `group` not given yet.
    ready: std::ops::Range<usize>,
}

impl<R: Read> Salted<R> {
    /// The container of `payload`.
    pub fn new(payload: R, salts: Salts) -> Self {
        Self {
            payload,
            salts,
            index: 0,
            group: vec![0; GROUP].into(),
            ready: 0..0,
        }
    }

    fn next_group(&mut self) -> io::Result<()> {
        let Some((salt, rest)) = self.group.split_first_chunk_mut::<SALT>() else {
            return Ok(());
        };
        let mut filled = 0;
        while let Some(room) = rest.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.payload.read(room) {
                Ok(0) => break,
                Ok(count) => filled = filled.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled > 0 {
            *salt = self.salts.salt(self.index);
            self.index = self.index.saturating_add(1);
            self.ready = 0..filled.saturating_add(SALT);
        }
        Ok(())
    }
}

impl<R: Read> Read for Salted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            self.next_group()?;
        }
        let count = buffer.len().min(self.ready.len());
        let end = self.ready.start.saturating_add(count);
        let (Some(to), Some(from)) = (
            buffer.get_mut(..count),
            self.group.get(self.ready.start..end),
        ) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        self.ready.start = end;
        Ok(count)
    }
}

/// Takes a container and writes its payload: what stands after each group's salt.
#[derive(Debug)]
pub struct Unsalted<W> {
    payload: W,
    /// Where in its group the next byte stands.
    at: usize,
}

impl<W: Write> Unsalted<W> {
    /// Writes the payload to `payload`.
    pub fn new(payload: W) -> Self {
        Self { payload, at: 0 }
    }

    /// Where the payload went.
    pub fn into_inner(self) -> W {
        self.payload
    }
}

impl<W: Write> Write for Unsalted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let salt = SALT.saturating_sub(self.at).min(bytes.len());
        let count = if salt > 0 {
            salt
        } else {
            let group = bytes.len().min(GROUP.saturating_sub(self.at));
            self.payload.write(bytes.get(..group).unwrap_or_default())?
        };
        self.at = self.at.saturating_add(count);
        if self.at == GROUP {
            self.at = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.payload.flush()
    }
}
