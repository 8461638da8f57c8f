//! NumPy's `.npz`: a zip archive of `.npy` arrays.

use crate::{
    error::{Error, Result},
    onnx::decode_raw,
    tensor::{Elem, Tensor},
    wire::array,
};
use std::collections::BTreeMap;

/// Most arrays of an archive.
const MAX_ARRAYS: usize = 256;
/// Longest array, in bytes, uncompressed.
const MAX_ARRAY_BYTES: u64 = 1 << 30;
/// Most bytes of all arrays.
const MAX_TOTAL_BYTES: u64 = 1 << 31;

fn fail(reason: impl Into<String>) -> Error {
    Error::Samples {
        reason: reason.into(),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(array(
        bytes.get(at..at.checked_add(2)?)?,
    ))))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(array(
        bytes.get(at..at.checked_add(4)?)?,
    ))))
}

/// The arrays of an archive by name, their lengths checked before they are
/// unpacked.
///
/// # Errors
///
/// [`Error::Samples`].
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    // The end record is 22 bytes and a comment of at most 65,535.
    let from = bytes.len().saturating_sub(22 + 65_535);
    let tail = bytes.get(from..).unwrap_or_default();
    let end = tail
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")
        .map(|at| at + from)
        .ok_or_else(|| fail("this is no .npz archive"))?;
    let broken = || fail("the archive's directory is damaged");
    let count = u16_at(bytes, end + 10).ok_or_else(broken)?;
    let mut at = u32_at(bytes, end + 16).ok_or_else(broken)? as usize;
    if count > MAX_ARRAYS {
        return Err(fail(format!("{count} arrays, {MAX_ARRAYS} are the limit")));
    }
    let mut arrays = BTreeMap::new();
    let mut total = 0;
    for _ in 0..count {
        if bytes.get(at..).and_then(|rest| rest.get(..4)) != Some(b"PK\x01\x02") {
            return Err(broken());
        }
        let method = u16_at(bytes, at + 10).ok_or_else(broken)?;
        let packed = u32_at(bytes, at + 20).ok_or_else(broken)?;
        let unpacked = u32_at(bytes, at + 24).ok_or_else(broken)?;
        let [name, extra, comment] = [28, 30, 32].map(|o| u16_at(bytes, at + o));
        let (Some(name), Some(extra), Some(comment)) = (name, extra, comment) else {
            return Err(broken());
        };
        let local = u32_at(bytes, at + 42).ok_or_else(broken)? as usize;
        let label = bytes
            .get(at + 46..at + 46 + name)
            .and_then(|name| core::str::from_utf8(name).ok())
            .ok_or_else(broken)?;
        at += 46 + name + extra + comment;
        total += unpacked;
        if unpacked > MAX_ARRAY_BYTES || total > MAX_TOTAL_BYTES {
            return Err(fail(format!("array '{label}' is too large")));
        }
        let skip = u16_at(bytes, local + 26)
            .zip(u16_at(bytes, local + 28))
            .map(|(name, extra)| local + 30 + name + extra)
            .ok_or_else(broken)?;
        let data = skip
            .checked_add(packed as usize)
            .and_then(|end| bytes.get(skip..end))
            .ok_or_else(broken)?;
        let inflated;
        let npy = match method {
            0 => data,
            8 => {
                inflated =
                    miniz_oxide::inflate::decompress_to_vec_with_limit(data, unpacked as usize)
                        .map_err(|_| fail(format!("array '{label}' cannot be unpacked")))?;
                &inflated
            }
            _ => return Err(fail(format!("array '{label}' is packed in an unknown way"))),
        };
        let tensor = read_npy(npy).map_err(|reason| fail(format!("array '{label}': {reason}")))?;
        arrays.insert(label.trim_end_matches(".npy").to_owned(), tensor);
    }
    Ok(arrays)
}

fn read_npy(bytes: &[u8]) -> core::result::Result<Tensor, String> {
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err("it is no .npy".into());
    }
    let wide = bytes.get(6).is_some_and(|major| *major > 1);
    let (start, length): (usize, usize) = if wide {
        (12, u32_at(bytes, 8).ok_or("it ends early")? as usize)
    } else {
        (10, u16_at(bytes, 8).ok_or("it ends early")?)
    };
    let header = start
        .checked_add(length)
        .and_then(|end| bytes.get(start..end))
        .and_then(|header| core::str::from_utf8(header).ok())
        .ok_or("its header is damaged")?;
    let body = bytes.get(start + length..).unwrap_or_default();
    let field = |name: &str| {
        header
            .split_once(&format!("'{name}':"))
            .map(|(_, rest)| rest.trim_start())
    };
    if field("fortran_order").is_none_or(|rest| !rest.starts_with("False")) {
        return Err("it is stored column by column: use numpy.ascontiguousarray".into());
    }
    let descr = field("descr")
        .and_then(|rest| rest.strip_prefix('\''))
        .and_then(|rest| rest.split_once('\''))
        .map(|(descr, _)| descr)
        .ok_or("its element type is missing")?;
    let elem = match descr.trim_start_matches(['<', '|', '=']) {
        "f4" => Elem::F32,
        "f8" => Elem::F64,
        "f2" => Elem::F16,
        "i8" => Elem::I64,
        "i4" => Elem::I32,
        "i2" => Elem::I16,
        "i1" => Elem::I8,
        "u1" => Elem::U8,
        "u2" => Elem::U16,
        "u4" => Elem::U32,
        "u8" => Elem::U64,
        "b1" => Elem::Bool,
        other => return Err(format!("its element type {other} is not known")),
    };
    if descr.starts_with('>') {
        return Err("it is big-endian".into());
    }
    let dims = field("shape")
        .and_then(|rest| rest.strip_prefix('('))
        .and_then(|rest| rest.split_once(')'))
        .map(|(dims, _)| dims)
        .ok_or("its shape is missing")?;
    let mut shape = Vec::new();
    let mut count = 1usize;
    for dim in dims.split(',').map(str::trim).filter(|dim| !dim.is_empty()) {
        let dim: usize = dim.parse().map_err(|_| "its shape is damaged")?;
        count = count.checked_mul(dim).ok_or("its shape is too large")?;
        shape.push(dim);
        if shape.len() > 16 {
            return Err("it has too many axes".into());
        }
    }
    let bytes = count
        .checked_mul(elem.width())
        .and_then(|length| body.get(..length))
        .ok_or("it has fewer bytes than its shape says")?;
    Tensor::new(elem, shape, decode_raw(elem, bytes)).ok_or_else(|| "it is damaged".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn arrays_are_read() {
        let tensor = read_npy(&npy("<i2", "2, 1", &[1, 0, 255, 255])).unwrap();
        assert_eq!(tensor.shape, [2, 1]);
        assert_eq!(tensor.as_ints(), Some(&[1, -1][..]));
        let tensor = read_npy(&npy("<f8", "", &2.5f64.to_le_bytes())).unwrap();
        assert_eq!(tensor.to_floats(), [2.5]);
    }

    #[test]
    fn damaged_arrays_are_refused() {
        for bytes in [
            npy("<f4", "3", &[0; 8]),
            npy(">f4", "1", &[0; 4]),
            npy("<c8", "1", &[0; 8]),
            npy("<f4", "99999999999, 99999999999", &[]),
            npy("<f4", "x", &[]),
            b"\x93NUMPY".to_vec(),
        ] {
            assert!(read_npy(&bytes).is_err());
        }
        for bytes in [
            &b""[..],
            b"PK\x05\x06",
            &[0x50, 0x4B, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0],
        ] {
            assert!(matches!(read(bytes), Err(Error::Samples { .. })));
        }
    }
}
