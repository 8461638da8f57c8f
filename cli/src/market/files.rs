//! The folder of a purchase.

use crate::error::{Error, Result};
use athanor_market_client::{
    open::Files,
    seal::{CARD, LICENCE, X_OUTBOARD, Z, Z_OUTBOARD},
};
use std::path::{Path, PathBuf};

/// A purchase's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
    z: PathBuf,
    z_outboard: PathBuf,
    x_outboard: PathBuf,
}

impl Folder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            z: path.join(Z),
            z_outboard: path.join(Z_OUTBOARD),
            x_outboard: path.join(X_OUTBOARD),
            path,
        }
    }

    /// Creates the folder, unless it is there.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn create(&self) -> Result<()> {
        std::fs::create_dir_all(&self.path).map_err(|source| Error::File {
            action: "create the folder",
            path: self.path.clone(),
            source,
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was done so far.
    pub fn journal(&self) -> PathBuf {
        self.path.join("purchase.jsonl")
    }

    /// Ciphertext and outboards.
    pub fn files(&self) -> Files<'_> {
        Files {
            z: &self.z,
            z_outboard: &self.z_outboard,
            x_outboard: &self.x_outboard,
        }
    }

    /// The goods.
    pub fn x(&self) -> PathBuf {
        self.path.join("x")
    }

    /// The card.
    pub fn card(&self) -> PathBuf {
        self.path.join(CARD)
    }

    /// The listing's sample.
    pub fn sample(&self) -> PathBuf {
        self.path.join("sample")
    }

    /// The licence's text.
    pub fn licence(&self) -> PathBuf {
        self.path.join(LICENCE)
    }
}
