//! Reads SCALE bytes into JSON by the chain's own type descriptions.
//!
//! One rule per kind of type, so that every view, storage item, event and call
//! of the chain has a JSON shape without a line of code of its own:
//!
//! | type | JSON |
//! |---|---|
//! | `u8`…`u64`, `i8`…`i64`, `Compact` of them | number |
//! | `u128`, `i128`, 256 bits | decimal string: amounts lose nothing |
//! | `AccountId32` | SS58 address, prefix 42 |
//! | `[u8; N]`, `Vec<u8>` | `0x` hex |
//! | struct with one unnamed field | that field |
//! | enum without fields | its name in `snake_case` |
//! | enum with fields | `{"snake_case_name": fields}` |
//! | `Option` | `null` or the value |

use serde_json::{Map, Number, Value};
use subxt::{
    ext::codec::{Compact, Decode},
    utils::AccountId32,
};

/// Deeper than any type of a sensible chain.
const MAX_DEPTH: usize = 64;

/// Type descriptions as the chain's metadata carries them.
pub type Registry = scale_info::PortableRegistry;

/// Why bytes and type do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The metadata names a type it does not describe.
    #[error("type {0} is not described")]
    UnknownType(u32),
    /// The bytes end early or hold something the type does not allow.
    #[error("bytes do not fit the type: {0}")]
    BadBytes(String),
    /// The type nests without end.
    #[error("the type is nested too deep")]
    TooDeep,
    /// A kind of type nothing of ours uses.
    #[error("bit sequences are not supported")]
    Unsupported,
}

impl From<subxt::ext::codec::Error> for Error {
    fn from(error: subxt::ext::codec::Error) -> Self {
        Self::BadBytes(error.to_string())
    }
}

/// Reads one value of type `id` from the front of `bytes`.
pub fn to_json(bytes: &mut &[u8], id: u32, types: &Registry) -> Result<Value, Error> {
    read(bytes, id, types, 0)
}

/// Reads the fields of an event or a call into an object.
pub fn fields_to_json<'a>(
    bytes: &mut &[u8],
    fields: impl IntoIterator<Item = (Option<&'a str>, u32)>,
    types: &Registry,
) -> Result<Value, Error> {
    let mut object = Map::new();
    for (index, (name, id)) in fields.into_iter().enumerate() {
        let value = read(bytes, id, types, 0)?;
        let key = name.map_or_else(|| index.to_string(), str::to_owned);
        object.insert(key, value);
    }
    Ok(Value::Object(object))
}

/// `CamelCase` as `snake_case`.
pub fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() {
            if index != 0 {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// Bytes as `0x` hex.
pub fn hex(bytes: &[u8]) -> String {
    athanor_primitives::ticket::to_hex(bytes)
}

/// 32 bytes as an SS58 address with prefix 42.
pub fn ss58(account: [u8; 32]) -> String {
    AccountId32(account).to_string()
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Error> {
    let (head, tail) = bytes
        .split_at_checked(count)
        .ok_or_else(|| Error::BadBytes(format!("{count} bytes expected, {} left", bytes.len())))?;
    *bytes = tail;
    Ok(head)
}

fn is_u8(id: u32, types: &Registry) -> bool {
    use scale_info::{TypeDef, TypeDefPrimitive};
    types
        .resolve(id)
        .is_some_and(|ty| matches!(ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U8)))
}

fn list(
    bytes: &mut &[u8],
    length: usize,
    element: u32,
    types: &Registry,
    depth: usize,
) -> Result<Value, Error> {
    if is_u8(element, types) {
        return Ok(Value::String(hex(take(bytes, length)?)));
    }
    let mut items = Vec::new();
    for _ in 0..length {
        let before = bytes.len();
        items.push(read(bytes, element, types, depth)?);
        if bytes.len() == before && length > 1_024 {
            return Err(Error::BadBytes(format!("{length} values without content")));
        }
    }
    Ok(Value::Array(items))
}

fn composite(
    bytes: &mut &[u8],
    fields: &[scale_info::Field<scale_info::form::PortableForm>],
    types: &Registry,
    depth: usize,
) -> Result<Value, Error> {
    match fields {
        [] => Ok(Value::Null),
        [field] if field.name.is_none() => read(bytes, field.ty.id, types, depth),
        fields if fields.iter().all(|field| field.name.is_none()) => fields
            .iter()
            .map(|field| read(bytes, field.ty.id, types, depth))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array),
        fields => {
            let mut object = Map::new();
            for (index, field) in fields.iter().enumerate() {
                let value = read(bytes, field.ty.id, types, depth)?;
                let name = field.name.clone().unwrap_or_else(|| index.to_string());
                object.insert(name, value);
            }
            Ok(Value::Object(object))
        }
    }
}

fn read(bytes: &mut &[u8], id: u32, types: &Registry, depth: usize) -> Result<Value, Error> {
    use scale_info::{TypeDef, TypeDefPrimitive as Primitive};
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    let depth = depth + 1;
    let ty = types.resolve(id).ok_or(Error::UnknownType(id))?;
    match &ty.type_def {
        TypeDef::Composite(inner) => {
            if ty
                .path
                .segments
                .last()
                .is_some_and(|name| name == "AccountId32")
            {
                return Ok(Value::String(ss58(Decode::decode(bytes)?)));
            }
            composite(bytes, &inner.fields, types, depth)
        }
        TypeDef::Variant(inner) => {
            let index = u8::decode(bytes)?;
            let variant = inner
                .variants
                .iter()
                .find(|variant| variant.index == index)
                .ok_or_else(|| Error::BadBytes(format!("no variant {index}")))?;
            let value = composite(bytes, &variant.fields, types, depth)?;
            let is_option = ty.path.segments.as_slice() == ["Option"];
            Ok(match (is_option, variant.fields.is_empty()) {
                (true, _) => value,
                (false, true) => Value::String(snake_case(&variant.name)),
                (false, false) => {
                    Value::Object(Map::from_iter([(snake_case(&variant.name), value)]))
                }
            })
        }
        TypeDef::Sequence(inner) => {
            let Compact(length) = Compact::<u32>::decode(bytes)?;
            list(bytes, length as usize, inner.type_param.id, types, depth)
        }
        TypeDef::Array(inner) => list(bytes, inner.len as usize, inner.type_param.id, types, depth),
        TypeDef::Tuple(inner) => match inner.fields.as_slice() {
            [] => Ok(Value::Null),
            fields => fields
                .iter()
                .map(|field| read(bytes, field.id, types, depth))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
        },
        TypeDef::Primitive(primitive) => Ok(match primitive {
            Primitive::Bool => Value::Bool(bool::decode(bytes)?),
            Primitive::Char => {
                let code = u32::decode(bytes)?;
                let c = char::from_u32(code)
                    .ok_or_else(|| Error::BadBytes(format!("{code} is no character")))?;
                Value::String(c.into())
            }
            Primitive::Str => Value::String(String::decode(bytes)?),
            Primitive::U8 => Value::Number(u8::decode(bytes)?.into()),
            Primitive::U16 => Value::Number(u16::decode(bytes)?.into()),
            Primitive::U32 => Value::Number(u32::decode(bytes)?.into()),
            Primitive::U64 => Value::Number(u64::decode(bytes)?.into()),
            Primitive::U128 => Value::String(u128::decode(bytes)?.to_string()),
            Primitive::I8 => Value::Number(i8::decode(bytes)?.into()),
            Primitive::I16 => Value::Number(i16::decode(bytes)?.into()),
            Primitive::I32 => Value::Number(i32::decode(bytes)?.into()),
            Primitive::I64 => Value::Number(i64::decode(bytes)?.into()),
            Primitive::I128 => Value::String(i128::decode(bytes)?.to_string()),
            Primitive::U256 | Primitive::I256 => Value::String(hex(take(bytes, 32)?)),
        }),
        TypeDef::Compact(inner) => compact(bytes, inner.type_param.id, types, depth),
        TypeDef::BitSequence(_) => Err(Error::Unsupported),
    }
}

fn compact(bytes: &mut &[u8], id: u32, types: &Registry, depth: usize) -> Result<Value, Error> {
    use scale_info::{TypeDef, TypeDefPrimitive as Primitive};
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep);
    }
    let ty = types.resolve(id).ok_or(Error::UnknownType(id))?;
    match &ty.type_def {
        TypeDef::Composite(inner) => match inner.fields.as_slice() {
            [] => Ok(Value::Null),
            [field] => compact(bytes, field.ty.id, types, depth + 1),
            _ => Err(Error::BadBytes("a compact value of several fields".into())),
        },
        TypeDef::Tuple(inner) if inner.fields.is_empty() => Ok(Value::Null),
        TypeDef::Primitive(Primitive::U128) => {
            Ok(Value::String(Compact::<u128>::decode(bytes)?.0.to_string()))
        }
        TypeDef::Primitive(_) => Ok(Value::Number(Number::from(
            Compact::<u64>::decode(bytes)?.0,
        ))),
        _ => Err(Error::BadBytes("only numbers can be compact".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use proptest::prelude::*;
    use scale_info::{MetaType, TypeInfo};
    use serde_json::json;

    fn registry<T: TypeInfo + 'static>() -> (u32, Registry) {
        let mut types = scale_info::Registry::new();
        let id = types.register_type(&MetaType::new::<T>()).id;
        (id, types.into())
    }

    fn json_of<T: TypeInfo + Encode + 'static>(value: &T) -> Result<Value, Error> {
        let (id, types) = registry::<T>();
        let bytes = value.encode();
        let mut rest = &bytes[..];
        let value = to_json(&mut rest, id, &types)?;
        assert!(rest.is_empty(), "everything is read");
        Ok(value)
    }

    #[derive(Encode, TypeInfo)]
    struct Wrapper(Vec<u8>);

    #[derive(Encode, TypeInfo)]
    enum Policy {
        #[codec(index = 9)]
        Optimistic {
            window: u32,
            audit: u8,
        },
        NotYetKnown,
        Pair(u8, u16),
        Single(u64),
    }

    #[derive(Encode, TypeInfo)]
    struct Everything {
        root: [u8; 32],
        name: Wrapper,
        pay: u128,
        #[codec(compact)]
        count: u64,
        policies: Vec<Policy>,
        none: Option<u32>,
        some: Option<u32>,
        nothing: (),
        pair: (bool, i8),
    }

    #[test]
    fn every_kind_of_type_has_its_json_shape() {
        let value = Everything {
            root: [7; 32],
            name: Wrapper(b"ab".to_vec()),
            pay: u128::MAX,
            count: 300,
            policies: vec![
                Policy::Optimistic {
                    window: 20,
                    audit: 16,
                },
                Policy::NotYetKnown,
                Policy::Pair(1, 2),
                Policy::Single(9),
            ],
            none: None,
            some: Some(5),
            nothing: (),
            pair: (true, -1),
        };
        assert_eq!(
            json_of(&value),
            Ok(json!({
                "root": format!("0x{}", "07".repeat(32)),
                "name": "0x6162",
                "pay": "340282366920938463463374607431768211455",
                "count": 300,
                "policies": [
                    {"optimistic": {"window": 20, "audit": 16}},
                    "not_yet_known",
                    {"pair": [1, 2]},
                    {"single": 9},
                ],
                "none": null,
                "some": 5,
                "nothing": null,
                "pair": [true, -1],
            }))
        );
    }

    #[test]
    fn accounts_are_shown_as_addresses_of_prefix_42() {
        #[derive(Encode, TypeInfo)]
        struct AccountId32([u8; 32]);
        let alice = subxt_signer::sr25519::dev::alice().public_key().0;
        assert_eq!(
            json_of(&AccountId32(alice)),
            Ok(json!("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"))
        );
    }

    #[test]
    fn truncated_and_impossible_bytes_are_errors() {
        let (id, types) = registry::<Policy>();
        for bytes in [&[][..], &[7], &[9, 1, 0, 0, 0], &[2, 1]] {
            assert!(to_json(&mut &bytes[..], id, &types).is_err(), "{bytes:?}");
        }
        let (id, types) = registry::<Vec<u64>>();
        assert!(to_json(&mut &Compact(u32::MAX).encode()[..], id, &types).is_err());
        let (id, types) = registry::<Vec<()>>();
        assert!(to_json(&mut &Compact(u32::MAX).encode()[..], id, &types).is_err());
        assert_eq!(
            to_json(&mut &[][..], 99, &types),
            Err(Error::UnknownType(99))
        );
    }

    #[test]
    fn names_turn_into_snake_case() {
        assert_eq!(snake_case("NoReveal"), "no_reveal");
        assert_eq!(snake_case("Open"), "open");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let (id, types) = registry::<Everything>();
            let _ = to_json(&mut &bytes[..], id, &types);
        }
    }
}
