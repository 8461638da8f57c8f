use core::fmt;

use crate::market::Secret;
use crate::{Error, GROUP, MAX_CONTENT};

/// Bytes of the salt at the start of each group of a container.
pub const SALT: usize = 32;

/// Bytes of payload in a group of a container. Only the last group may have fewer.
pub const GROUP_PAYLOAD: usize = GROUP - SALT;

/// Bytes of [`Header`], with which the payload starts.
pub const HEADER_LEN: usize = 32;

const MAGIC: [u8; 8] = *b"ATHDATA1";
const VERSION: u16 = 1;

/// Bytes of the container of a payload of `payload` bytes.
///
/// # Errors
///
/// [`Error::BadContentLength`] when there is no payload, or the container would be too long.
pub fn container_len(payload: u64) -> Result<u64, Error> {
    let salts = payload
        .div_ceil(GROUP_PAYLOAD as u64)
        .saturating_mul(SALT as u64);
    let len = payload.saturating_add(salts);
    if len == 0 || len > MAX_CONTENT {
        return Err(Error::BadContentLength(len));
    }
    Ok(len)
}

/// Bytes of payload in a container of `len` bytes.
///
/// # Errors
///
/// [`Error::BadContentLength`] when no container has that length.
pub fn payload_len(len: u64) -> Result<u64, Error> {
    let salts = len.div_ceil(GROUP as u64).saturating_mul(SALT as u64);
    let payload = len.saturating_sub(salts);
    match container_len(payload) {
        Ok(found) if found == len => Ok(payload),
        _ => Err(Error::BadContentLength(len)),
    }
}

/// The salts of one container. Their seed is random for every container and never shipped: without
/// it the chaining value of a group confirms no guess of its bytes.
#[derive(Clone)]
pub struct Salts {
    seed: Secret,
}

impl Salts {
    /// The salts of this seed.
    pub const fn new(seed: Secret) -> Self {
        Self { seed }
    }

    /// The salt of group `index`.
    pub fn salt(&self, index: u64) -> [u8; SALT] {
        *blake3::keyed_hash(self.seed.expose(), &index.to_le_bytes()).as_bytes()
    }
}

impl fmt::Debug for Salts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salts(…)")
    }
}

/// The start of a container's payload; the tar follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of files, without `athanor.json`.
    pub files: u32,
    /// Bytes of the tar.
    pub tar_len: u64,
}

impl Header {
    /// Its bytes: `ATHDATA1` ‖ u16 version = 1 ‖ u16 flags = 0 ‖ u32 files ‖ u64 length of the tar
    /// ‖ u64 zero.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let parts = MAGIC
            .into_iter()
            .chain(VERSION.to_le_bytes())
            .chain([0; 2])
            .chain(self.files.to_le_bytes())
            .chain(self.tar_len.to_le_bytes());
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = part;
        }
        bytes
    }

    /// Reads the first bytes of the payload of a container of `len` bytes. The only valid encoding
    /// is that of [`encode`](Self::encode), and the tar fills the rest of the payload.
    ///
    /// # Errors
    ///
    /// [`Error::BadContentLength`] as [`payload_len`]; [`Error::BadHeader`].
    pub fn decode(len: u64, bytes: &[u8; HEADER_LEN]) -> Result<Self, Error> {
        let payload = payload_len(len)?;
        let number = |at: usize, size: usize| {
            let bytes = bytes.iter().skip(at).take(size).rev();
            bytes.fold(0u64, |sum, byte| sum.wrapping_shl(8) | u64::from(*byte))
        };
        let header = Self {
            files: u32::try_from(number(12, 4)).map_err(|_| Error::BadHeader)?,
            tar_len: number(16, 8),
        };
        let fills = payload.checked_sub(HEADER_LEN as u64) == Some(header.tar_len);
        if header.encode() != *bytes || !fills {
            return Err(Error::BadHeader);
        }
        Ok(header)
    }
}
