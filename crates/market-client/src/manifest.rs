use serde::{Deserialize, Serialize};

use crate::path::{check_all, MANIFEST};
use crate::{Error, Result};

/// Most files of a container.
pub const MAX_FILES: u64 = 1 << 18;

/// Most bytes of `athanor.json`.
pub const MAX_MANIFEST: u64 = 64 << 20;

/// A file of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Relative, `/` between names.
    pub path: String,
    /// Bytes.
    pub length: u64,
    /// BLAKE3 of its bytes.
    #[serde(with = "hex_root")]
    pub blake3: [u8; 32],
}

/// `athanor.json`: what a container holds, in order of the paths' bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub athanor: u32,
    /// The files, without `athanor.json` itself.
    pub files: Vec<Entry>,
}

mod hex_root {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(root: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(root))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        crate::hex_bytes(&text)
            .ok_or_else(|| D::Error::custom("a BLAKE3 root is 64 lower-case hex digits"))
    }
}

pub(crate) fn count(found: u64) -> Result<u32> {
    if found == 0 {
        return Err(Error::malformed(MANIFEST, "there are no files"));
    }
    match u32::try_from(found) {
        Ok(count) if found <= MAX_FILES => Ok(count),
        _ => Err(Error::TooLarge {
            what: "a container",
            most: MAX_FILES,
            found,
            unit: "files",
        }),
    }
}

pub(crate) fn check_len(found: u64) -> Result<()> {
    if found > MAX_MANIFEST {
        return Err(Error::TooLarge {
            what: MANIFEST,
            most: MAX_MANIFEST,
            found,
            unit: "bytes",
        });
    }
    Ok(())
}

impl Manifest {
    /// The manifest of `files`, which it sorts.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Malformed`] without files, [`Error::Path`], [`Error::Clash`].
    pub fn new(files: Vec<Entry>) -> Result<Self> {
        let mut files = files;
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        let manifest = Self { athanor: 1, files };
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<()> {
        count(self.files.len() as u64)?;
        check_all(self.files.iter().map(|file| file.path.as_str()))
    }

    /// Its bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::malformed(MANIFEST, error))?;
        check_len(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// Reads it. Only what [`encode`](Self::encode) gives is taken, so that a container's bytes
    /// follow from its files and salts.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        check_len(bytes.len() as u64)?;
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| Error::malformed(MANIFEST, error))?;
        let malformed = |reason: &str| Err(Error::malformed(MANIFEST, reason));
        if manifest.athanor != 1 {
            return malformed("it is of a version this client does not know");
        }
        manifest.check()?;
        let names = manifest.files.iter().map(|file| file.path.as_bytes());
        if !names.is_sorted() {
            return malformed("its files are not in order of their paths");
        }
        if manifest.encode()? != bytes {
            return malformed("it is not written as it should be");
        }
        Ok(manifest)
    }

    /// Bytes of all files.
    pub fn total(&self) -> u64 {
        let lengths = self.files.iter().map(|file| file.length);
        lengths.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            path: path.into(),
            length: 5,
            blake3: [7; 32],
        }
    }

    #[test]
    fn it_comes_back_in_order() {
        let manifest = Manifest::new(vec![entry("b"), entry("a/z"), entry("a")]);
        assert!(matches!(manifest, Err(Error::Clash { .. })));
        let manifest = Manifest::new(vec![entry("b"), entry("a/z"), entry("B2")]).unwrap();
        let paths: Vec<_> = manifest.files.iter().map(|file| &file.path).collect();
        assert_eq!(paths, ["B2", "a/z", "b"]);
        let bytes = manifest.encode().unwrap();
        assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
    }

    #[test]
    fn another_writing_of_the_same_is_refused() {
        let good = Manifest::new(vec![entry("a"), entry("b")]).unwrap();
        let text = String::from_utf8(good.encode().unwrap()).unwrap();
        Manifest::decode(text.as_bytes()).unwrap();
        let mut swapped = good.clone();
        swapped.files.reverse();
        for bad in [
            text.replace(":1,", ": 1,"),
            text.replace(":1,", ":2,"),
            text.replace(":5,", ":5,\"mode\":511,"),
            text.replace("0707", "07"),
            text.replace(":5,", ":-5,"),
            text.replace(":5,", ":18446744073709551616,"),
            text.clone() + " ",
            text[..text.len() - 1].to_owned(),
            "[".repeat(100_000),
            serde_json::to_string(&swapped).unwrap(),
            r#"{"athanor":1,"files":[]}"#.to_owned(),
        ] {
            assert!(Manifest::decode(bad.as_bytes()).is_err(), "{bad:.80}");
        }
    }

    #[test]
    fn too_many_files_are_refused() {
        let files = vec![entry("a"); usize::try_from(MAX_FILES).unwrap() + 1];
        assert!(matches!(Manifest::new(files), Err(Error::TooLarge { .. })));
    }
}
