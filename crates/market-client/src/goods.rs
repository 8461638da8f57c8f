//! What a seller keeps of his goods: a folder with the bytes, their outboard and a record.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::{files, hex_text, Error, Result};

/// Name of the goods in their folder. They stay with the seller.
pub const X: &str = "x";

/// Name of their outboard, which is published.
pub const OUTBOARD: &str = "x.obao";

/// Name of the record.
pub const RECORD: &str = "goods.json";

/// Most bytes of a record.
const MAX_RECORD: u64 = 1 << 20;

/// Most kinds of files a record lists.
const MAX_KINDS: usize = 64;

/// How the bytes came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packing {
    /// A container with salted groups.
    Container,
    /// One file as it is.
    Raw {
        /// Its name.
        name: String,
    },
}

/// The files of one kind, for cards: no names, no roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Which files: `**/*.jsonl`.
    pub glob: String,
    /// Media type.
    pub media: String,
    /// How many.
    pub files: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

/// Media type of an extension; `application/octet-stream` where it tells nothing.
pub(crate) fn media(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/jsonlines",
        "xml" => "application/xml",
        "parquet" => "application/vnd.apache.parquet",
        "arrow" => "application/vnd.apache.arrow.file",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        "tar" => "application/x-tar",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        // `.hidden` has none, and an odd one says nothing.
        Some((stem, extension))
            if !stem.is_empty()
                && (1..=16).contains(&extension.len())
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            extension
        }
        _ => "",
    }
}

impl Kind {
    /// The kind of one file.
    pub(crate) fn of_file(path: &str, bytes: u64) -> Self {
        let extension = extension(path);
        Self {
            glob: match extension {
                "" => "**/*".into(),
                extension => format!("**/*.{extension}"),
            },
            media: media(extension).into(),
            files: 1,
            bytes,
        }
    }

    /// The kinds of a manifest's files, the most bytes first. Those beyond the first 64 are one.
    pub(crate) fn of(manifest: &Manifest) -> Vec<Self> {
        let mut kinds: BTreeMap<String, Self> = BTreeMap::new();
        for file in &manifest.files {
            let new = Self::of_file(&file.path, file.length);
            match kinds.get_mut(&new.glob) {
                Some(kind) => kind.add(&new),
                None => {
                    kinds.insert(new.glob.clone(), new);
                }
            }
        }
        let mut kinds: Vec<Self> = kinds.into_values().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.bytes));
        if kinds.len() > MAX_KINDS {
            let mut rest = Self::of_file("", 0);
            rest.files = 0;
            let others = kinds.split_off(MAX_KINDS - 1);
            others.iter().for_each(|kind| rest.add(kind));
            kinds.retain(|kind| {
                let same = kind.glob == rest.glob;
                if same {
                    rest.add(kind);
                }
                !same
            });
            kinds.push(rest);
        }
        kinds
    }

    fn add(&mut self, other: &Self) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The record of goods: what listing, seal and card need of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goods {
    /// Version of the record.
    pub version: u32,
    /// Root of the bytes.
    #[serde(with = "hex_text")]
    pub x_root: [u8; 32],
    /// Bytes.
    pub length: u64,
    /// SHA-256 of the bytes, for the card.
    #[serde(with = "hex_text")]
    pub sha256: [u8; 32],
    /// How they came to be.
    pub packing: Packing,
    /// What files they hold.
    pub kinds: Vec<Kind>,
}

impl Goods {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        crate::to_json("goods.json", self)
    }

    /// Reads the record in a folder that [`pack`](crate::pack) made.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::TooLarge`], [`Error::Malformed`].
    pub fn read(folder: &Path) -> Result<Self> {
        let bytes = files::read(&folder.join(RECORD), MAX_RECORD, "goods.json")?;
        let goods: Self =
            serde_json::from_slice(&bytes).map_err(|error| Error::malformed(RECORD, error))?;
        if goods.version != 1 || goods.kinds.len() > MAX_KINDS {
            return Err(Error::malformed(
                RECORD,
                "this client does not know its version",
            ));
        }
        athanor_content_tree::Groups::new(goods.length)?;
        Ok(goods)
    }
}
