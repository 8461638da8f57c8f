//! A seller's lies that no honest tool would make: the folder of a seal, changed by hand.

use super::goods::write;
use anyhow::{ensure, Context as _, Result};
use athanor_content_tree::{
    market::{Context, Secret},
    root, stream, Groups, GROUP,
};
use serde_json::{json, Value};
use std::{io::Cursor, path::Path};

/// Which group is garbled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    First,
    Middle,
    Last,
}

impl At {
    /// The group's index in goods of this length.
    pub(crate) fn index(self, length: u64) -> Result<u64> {
        let count = Groups::new(length)
            .context("goods of such a length")?
            .count();
        Ok(match self {
            At::First => 0,
            At::Middle => count / 2,
            At::Last => count - 1,
        })
    }
}

/// Bytes of hex in a record.
fn bytes<const N: usize>(record: &Value, field: &str) -> Result<[u8; N]> {
    record
        .get(field)
        .and_then(Value::as_str)
        .and_then(|text| hex::decode(text.trim_start_matches("0x")).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .with_context(|| format!("no `{field}` in the seal's record"))
}

struct Record {
    value: Value,
    length: u64,
}

impl Record {
    fn read(folder: &Path) -> Result<Self> {
        let text = std::fs::read(folder.join("seal.json")).context("no record of a seal")?;
        let value: Value = serde_json::from_slice(&text).context("a seal's record")?;
        let length = value.get("length").and_then(Value::as_u64);
        Ok(Self {
            length: length.context("a seal without length")?,
            value,
        })
    }

    fn context(&self) -> Result<Context> {
        Ok(Context::new(
            &bytes(&self.value, "genesis")?,
            &bytes(&self.value, "seller")?,
            &bytes(&self.value, "x_root")?,
            self.length,
            &bytes(&self.value, "nonce")?,
        ))
    }

    /// Writes z with an outboard of its own, and a record that agrees with itself.
    fn store(mut self, folder: &Path, z: &[u8], h_k: &[u8; 32]) -> Result<()> {
        let mut outboard = Cursor::new(Vec::new());
        let z_root = stream::encode(self.length, z, &mut outboard).context("a tree of z")?;
        write(&folder.join("z"), z)?;
        write(&folder.join("z.obao"), outboard.get_ref())?;
        let seal_id = self.context()?.seal_id(&z_root, h_k);
        let hex = |bytes: &[u8]| json!(format!("0x{}", hex::encode(bytes)));
        self.value["length"] = json!(self.length);
        self.value["z_root"] = hex(&z_root);
        self.value["h_k"] = hex(h_k);
        self.value["seal_id"] = hex(&seal_id);
        let text = serde_json::to_vec(&self.value).context("a seal's record")?;
        write(&folder.join("seal.json"), &text)
    }
}

/// Flips one bit of the ciphertext in one group. What is published agrees with itself.
pub(crate) fn garble(folder: &Path, at: At) -> Result<u64> {
    let record = Record::read(folder)?;
    let groups = Groups::new(record.length).context("a seal's length")?;
    let index = at.index(record.length)?;
    let mut z = std::fs::read(folder.join("z")).context("no ciphertext")?;
    let byte = usize::try_from(index)? * GROUP + groups.group_len(index)? / 2;
    *z.get_mut(byte).context("a short ciphertext")? ^= 0x10;
    let h_k = bytes(&record.value, "h_k")?;
    record.store(folder, &z, &h_k)?;
    Ok(index)
}

/// Has the goods be a byte longer than they are: the last group decrypts to something else.
pub(crate) fn lengthen(folder: &Path, seed: &Secret) -> Result<()> {
    let mut record = Record::read(folder)?;
    let old = record.length;
    record.length += 1;
    let groups = Groups::new(record.length).context("a seal's length")?;
    ensure!(
        groups.count() == Groups::new(old)?.count(),
        "the last group is full: no outboard fits another length"
    );
    let x = record.value.get("x").and_then(Value::as_str);
    let mut z = std::fs::read(x.context("a seal of nothing")?).context("no goods")?;
    z.push(0);
    let context = record.context()?;
    let key = context.key(seed);
    let cipher = context.cipher(&key);
    for (index, group) in (0u64..).zip(z.chunks_mut(GROUP)) {
        cipher.apply(index, group);
    }
    let card = folder.join("card.json");
    let text = std::fs::read_to_string(&card).context("no card")?;
    let text = text.replace(&old.to_string(), &record.length.to_string());
    record.value["card_root"] = json!(format!("0x{}", hex::encode(root(text.as_bytes()))));
    write(&card, text.as_bytes())?;
    let h_k = context.commit(&key);
    record.store(folder, &z, &h_k)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 3 * GROUP + 100;

    fn sealed(dir: &Path, seed: &Secret) -> Vec<u8> {
        let x: Vec<u8> = (0..LENGTH).map(|byte| (byte % 251) as u8).collect();
        write(&dir.join("x"), &x).unwrap();
        let hex = |bytes: &[u8]| json!(format!("0x{}", hex::encode(bytes)));
        let mut record = Record {
            value: json!({
                "genesis": hex(&[1; 32]), "seller": hex(&[2; 32]), "x_root": hex(&root(&x)),
                "nonce": hex(&[3; 16]), "x": dir.join("x"),
            }),
            length: LENGTH as u64,
        };
        let context = record.context().unwrap();
        let key = context.key(seed);
        let cipher = context.cipher(&key);
        let mut z = x.clone();
        for (index, group) in (0u64..).zip(z.chunks_mut(GROUP)) {
            cipher.apply(index, group);
        }
        record.value["h_k"] = hex(&context.commit(&key));
        write(
            &dir.join("card.json"),
            format!("{{\"size\": {LENGTH}}}").as_bytes(),
        )
        .unwrap();
        record.store(dir, &z, &context.commit(&key)).unwrap();
        x
    }

    /// The group that is wrong, and whether what is published agrees with itself.
    fn wrong(dir: &Path, seed: &Secret, x: &[u8]) -> Option<u64> {
        let record = Record::read(dir).unwrap();
        let context = record.context().unwrap();
        let z = std::fs::read(dir.join("z")).unwrap();
        let outboard = std::fs::read(dir.join("z.obao")).unwrap();
        let z_root = bytes(&record.value, "z_root").unwrap();
        stream::verify(
            &z_root,
            record.length,
            &outboard[..],
            &z[..],
            std::io::sink(),
        )
        .unwrap();
        let h_k: [u8; 32] = bytes(&record.value, "h_k").unwrap();
        let key = context.key(seed);
        assert_eq!(context.commit(&key), h_k);
        let seal_id: [u8; 32] = bytes(&record.value, "seal_id").unwrap();
        assert_eq!(context.seal_id(&z_root, &h_k), seal_id);
        let mut x_outboard = Cursor::new(Vec::new());
        let x_root = stream::encode(LENGTH as u64, x, &mut x_outboard).unwrap();
        let opened = stream::open(
            &context.cipher(&key),
            &x_root,
            record.length,
            &x_outboard.get_ref()[..],
            &z[..],
            std::io::sink(),
        );
        match opened {
            Ok(()) => None,
            Err(stream::StreamError::BadGroup { index }) => Some(index),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_garbled_group_shows_only_once_it_is_decrypted() {
        let seed = Secret::new([7; 32]);
        for (at, index) in [(At::First, 0), (At::Middle, 2), (At::Last, 3)] {
            let dir = tempfile::tempdir().unwrap();
            let x = sealed(dir.path(), &seed);
            assert_eq!(wrong(dir.path(), &seed, &x), None);
            assert_eq!(garble(dir.path(), at).unwrap(), index);
            assert_eq!(wrong(dir.path(), &seed, &x), Some(index));
        }
    }

    #[test]
    fn a_false_length_shows_in_the_last_group() {
        let seed = Secret::new([7; 32]);
        let dir = tempfile::tempdir().unwrap();
        let x = sealed(dir.path(), &seed);
        lengthen(dir.path(), &seed).unwrap();
        assert_eq!(wrong(dir.path(), &seed, &x), Some(3));
        let card = std::fs::read_to_string(dir.path().join("card.json")).unwrap();
        assert_eq!(card, format!("{{\"size\": {}}}", LENGTH + 1));
    }
}
