//! Protobuf's wire format, as much of it as ONNX needs.
//!
//! Nothing is copied and nothing recurses: a field that holds a message is a byte
//! slice for the caller to read.

use crate::error::{Error, Result};

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The fields of one message.
pub(crate) struct Fields<'a> {
    place: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(place: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            place,
            bytes,
            at: 0,
        }
    }

    fn fail(&self, reason: &'static str) -> Error {
        Error::Malformed {
            place: self.place,
            at: self.at,
            reason,
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        let part = end.and_then(|end| self.bytes.get(self.at..end));
        let Some(part) = part else {
            return Err(self.fail("the file ends inside a field"));
        };
        self.at += count;
        Ok(part)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.bytes.get(self.at).copied() else {
                return Err(self.fail("the file ends inside a number"));
            };
            self.at += 1;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.fail("a number is longer than ten bytes"))
    }

    /// The next field's number and value, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(array(self.take(8)?))),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(array(self.take(4)?))),
            _ => return Err(self.fail("a field has an unknown wire type")),
        };
        if key >> 3 == 0 {
            return Err(self.fail("a field has number 0"));
        }
        Ok(Some((key >> 3, value)))
    }

    pub(crate) fn bytes(&self, value: Value<'a>) -> Result<&'a [u8]> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.fail("a number stands where bytes belong")),
        }
    }

    pub(crate) fn text(&self, value: Value<'a>) -> Result<&'a str> {
        core::str::from_utf8(self.bytes(value)?).map_err(|_| self.fail("a name is no UTF-8"))
    }

    pub(crate) fn integer(&self, value: Value<'a>) -> Result<i64> {
        match value {
            Value::Varint(value) => Ok(value as i64),
            _ => Err(self.fail("something else stands where a number belongs")),
        }
    }

    pub(crate) fn float(&self, value: Value<'a>) -> Result<f32> {
        match value {
            Value::Fixed32(bits) => Ok(f32::from_bits(bits)),
            _ => Err(self.fail("something else stands where a float belongs")),
        }
    }

    /// Appends a repeated integer, packed or not.
    pub(crate) fn integers(&self, value: Value<'a>, into: &mut Vec<i64>) -> Result<()> {
        match value {
            Value::Varint(value) => into.push(value as i64),
            Value::Bytes(bytes) => {
                let mut packed = Fields::new(self.place, bytes);
                while packed.at < bytes.len() {
                    into.push(packed.varint()? as i64);
                }
            }
            _ => return Err(self.fail("something else stands where numbers belong")),
        }
        Ok(())
    }

    /// Appends a repeated float, packed or not.
    pub(crate) fn floats(&self, value: Value<'a>, into: &mut Vec<f32>) -> Result<()> {
        match value {
            Value::Fixed32(bits) => into.push(f32::from_bits(bits)),
            Value::Bytes(bytes) if bytes.len().is_multiple_of(4) => into.extend(
                bytes
                    .chunks_exact(4)
                    .map(|part| f32::from_le_bytes(array(part))),
            ),
            _ => return Err(self.fail("something else stands where floats belong")),
        }
        Ok(())
    }

    /// Appends a repeated double, packed or not.
    pub(crate) fn doubles(&self, value: Value<'a>, into: &mut Vec<f32>) -> Result<()> {
        match value {
            Value::Fixed64(bits) => into.push(f64::from_bits(bits) as f32),
            Value::Bytes(bytes) if bytes.len().is_multiple_of(8) => into.extend(
                bytes
                    .chunks_exact(8)
                    .map(|part| f64::from_le_bytes(array(part)) as f32),
            ),
            _ => return Err(self.fail("something else stands where doubles belong")),
        }
        Ok(())
    }
}

/// The first N bytes of a slice that has them; zeros stand for missing ones.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_wire_type_are_read() {
        let bytes = [
            0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1A, 2, b'h', b'i', 0x25, 0, 0, 0x80,
            0x3F,
        ];
        let mut fields = Fields::new("a test", &bytes);
        assert_eq!(fields.next(), Ok(Some((1, Value::Varint(150)))));
        assert_eq!(fields.next(), Ok(Some((2, Value::Fixed64(1)))));
        assert_eq!(fields.next(), Ok(Some((3, Value::Bytes(b"hi")))));
        let (number, value) = fields.next().unwrap().unwrap();
        assert_eq!((number, fields.float(value)), (4, Ok(1.0)));
        assert_eq!(fields.next(), Ok(None));
    }

    #[test]
    fn truncated_and_overlong_fields_are_refused() {
        for bytes in [
            &[0x08][..],
            &[0x08, 0x80],
            &[0x1A, 5, 1],
            &[0x11, 0],
            &[0x25, 0],
            &[0x0B],
            &[0x00, 0x00],
            &[
                0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01,
            ],
            &[
                0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
            ],
        ] {
            let mut fields = Fields::new("a test", bytes);
            assert!(
                matches!(fields.next(), Err(Error::Malformed { .. })),
                "{bytes:?}"
            );
        }
    }
}
