//! Sealing: from goods to what a seller publishes before anybody pays.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use athanor_content_tree::market::{Context, Secret};
use athanor_content_tree::{stream, Groups};
use serde::{Deserialize, Serialize};

use crate::card::{self, MAX_CARD};
use crate::files::{self, Behind, Metered, NewFolder, Progress};
use crate::goods::{Goods, Packing, OUTBOARD, X};
use crate::{hex_text, licence, random, to_json, Error, Result};

/// Name of the ciphertext in a seal's folder.
pub const Z: &str = "z";
/// Name of its outboard.
pub const Z_OUTBOARD: &str = "z.obao";
/// Name of the goods' outboard.
pub const X_OUTBOARD: &str = "x.obao";
/// Name of the record.
pub const RECORD: &str = "seal.json";
/// Name of the card.
pub const CARD: &str = "card.json";
/// Name of the licence's text.
pub const LICENCE: &str = "licence.txt";

/// Most bytes of a record.
const MAX_RECORD: u64 = 64 << 10;

/// What is sealed, for whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// Folder of the goods, as [`pack`](crate::pack) made it.
    pub goods: PathBuf,
    /// Hash of the chain's first block.
    pub genesis: [u8; 32],
    /// The seller's account.
    pub seller: [u8; 32],
    /// The seller's seed.
    pub seed: Secret,
    /// 16 bytes of its own for every seal; `None`: random.
    pub nonce: Option<[u8; 16]>,
    /// The card, which must be of these goods.
    pub card: PathBuf,
    /// The licence's text.
    pub licence: PathBuf,
}

/// The record of a seal. It holds no secret: the key follows from the seller's seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Version of the record.
    pub version: u32,
    /// Hash of the chain's first block.
    #[serde(with = "hex_text")]
    pub genesis: [u8; 32],
    /// The seller's account.
    #[serde(with = "hex_text")]
    pub seller: [u8; 32],
    /// Root of the goods.
    #[serde(with = "hex_text")]
    pub x_root: [u8; 32],
    /// Bytes of the goods, and of the ciphertext.
    pub length: u64,
    /// How the goods came to be.
    pub packing: Packing,
    /// The seal's nonce.
    #[serde(with = "hex_text")]
    pub nonce: [u8; 16],
    /// Root of the ciphertext.
    #[serde(with = "hex_text")]
    pub z_root: [u8; 32],
    /// Commitment to the key.
    #[serde(with = "hex_text")]
    pub h_k: [u8; 32],
    /// Its id.
    #[serde(with = "hex_text")]
    pub seal_id: [u8; 32],
    /// Root of the card.
    #[serde(with = "hex_text")]
    pub card_root: [u8; 32],
    /// Root of the licence's text.
    #[serde(with = "hex_text")]
    pub licence_root: [u8; 32],
    /// Where the goods lie.
    pub x: PathBuf,
}

impl Sealed {
    /// Reads the record in a seal's folder, and checks that it agrees with itself.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::TooLarge`], [`Error::Malformed`], [`Error::Tree`].
    pub fn read(folder: &Path) -> Result<Self> {
        let bytes = files::read(&folder.join(RECORD), MAX_RECORD, RECORD)?;
        let sealed: Self =
            serde_json::from_slice(&bytes).map_err(|error| Error::malformed(RECORD, error))?;
        if sealed.version != 1 {
            return Err(Error::malformed(
                RECORD,
                "this client does not know its version",
            ));
        }
        Groups::new(sealed.length)?;
        if sealed.context().seal_id(&sealed.z_root, &sealed.h_k) != sealed.seal_id {
            return Err(Error::malformed(
                RECORD,
                "its seal_id is not that of its fields",
            ));
        }
        Ok(sealed)
    }

    /// `ctx` of the seal.
    pub fn context(&self) -> Context {
        Context::new(
            &self.genesis,
            &self.seller,
            &self.x_root,
            self.length,
            &self.nonce,
        )
    }

    /// The seal's key, out of the seller's seed.
    ///
    /// # Errors
    ///
    /// [`Error::WrongRoot`] for another seed than it was sealed with.
    pub fn key(&self, seed: &Secret) -> Result<Secret> {
        let context = self.context();
        let key = context.key(seed);
        if context.commit(&key) != self.h_k {
            return Err(Error::WrongRoot {
                what: "the seller's seed",
            });
        }
        Ok(key)
    }
}

/// Bytes that [`seal`] reports to its progress, for goods of `len` bytes.
pub fn work(len: u64) -> u64 {
    len.saturating_mul(2)
}

/// Seals goods into the new folder `dest`: ciphertext, both outboards, card, licence, record.
///
/// What was written is read back, decrypted and checked group by group before the folder gets its
/// name: evidence against a flipped bit would cost the bond and publish the key.
///
/// # Errors
///
/// [`Error::CardMismatch`] for a card of other goods or another seller; [`Error::Stream`] for goods
/// that changed since they were packed, and when what was written reads back otherwise;
/// [`Error::Exists`], [`Error::File`].
pub fn seal(request: &Request, dest: &Path, progress: Progress<'_>) -> Result<Sealed> {
    let goods = Goods::read(&request.goods)?;
    let x = request.goods.join(X);
    let x = fs::canonicalize(&x).map_err(Error::file("read", &x))?;
    let x_outboard = request.goods.join(OUTBOARD);
    let card = files::read(&request.card, MAX_CARD, "a card")?;
    card::read(&card)?.check(&request.seller, &goods.x_root, goods.length)?;
    let (licence, licence_root) = licence::read(&request.licence)?;
    let nonce = match request.nonce {
        Some(nonce) => nonce,
        None => random()?,
    };
    let (x_root, len) = (goods.x_root, goods.length);
    let context = Context::new(&request.genesis, &request.seller, &x_root, len, &nonce);
    let key = context.key(&request.seed);
    let (cipher, h_k) = (context.cipher(&key), context.commit(&key));

    let folder = NewFolder::create(dest)?;
    let at = |name: &str| folder.path().join(name);
    let mut z = Behind::new(files::create(&at(Z))?);
    let z_outboard = files::create(&at(Z_OUTBOARD))?;
    let z_root = stream::seal(
        &cipher,
        &x_root,
        len,
        files::open(&x_outboard)?,
        Metered::new(files::open(&x)?, progress),
        &mut z,
        BufWriter::new(&z_outboard),
    )?;
    sync(&z_outboard, &at(Z_OUTBOARD))?;

    // As it can be read now, while the disk takes the rest of it.
    std::thread::scope(|scope| {
        let synced = scope.spawn(|| z.finish().map_err(Error::file("write", &at(Z))));
        let checked = stream::check_seal(
            &cipher,
            len,
            (&x_root, files::open(&x_outboard)?),
            (&z_root, files::open(&at(Z_OUTBOARD))?),
            Metered::new(files::open(&at(Z))?, progress),
        );
        let lost = || {
            Err(Error::file("write", &at(Z))(io::Error::other(
                "a thread ended",
            )))
        };
        synced.join().unwrap_or_else(|_| lost())?;
        Ok::<_, Error>(checked?)
    })?;

    let copy = at(X_OUTBOARD);
    fs::copy(&x_outboard, &copy).map_err(Error::file("write", &copy))?;
    stream::check_outboard(&x_root, len, files::open(&copy)?)?;
    sync(&files::open(&copy)?, &copy)?;
    files::write_new(&at(CARD), &card, false)?;
    files::write_new(&at(LICENCE), &licence, false)?;
    let sealed = Sealed {
        version: 1,
        genesis: request.genesis,
        seller: request.seller,
        x_root,
        length: len,
        packing: goods.packing,
        nonce,
        z_root,
        h_k,
        seal_id: context.seal_id(&z_root, &h_k),
        card_root: *blake3::hash(&card).as_bytes(),
        licence_root,
        x,
    };
    files::write_new(&at(RECORD), &to_json(RECORD, &sealed)?, false)?;
    folder.finish()?;
    Ok(sealed)
}

fn sync(file: &File, path: &Path) -> Result<()> {
    file.sync_all().map_err(Error::file("write", path))
}

/// Checks the goods in a folder against their record and outboard.
///
/// # Errors
///
/// [`Error::Stream`], [`Error::File`], [`Error::Malformed`].
pub fn verify_goods(folder: &Path, progress: Progress<'_>) -> Result<Goods> {
    let goods = Goods::read(folder)?;
    stream::verify(
        &goods.x_root,
        goods.length,
        files::open(&folder.join(OUTBOARD))?,
        Metered::new(files::open(&folder.join(X))?, progress),
        io::sink(),
    )?;
    Ok(goods)
}

/// Checks a seal's folder: every group of z, both outboards, card, licence; with the seller's seed
/// also that z decrypts to the goods.
///
/// # Errors
///
/// [`Error::Stream`], [`Error::WrongRoot`], [`Error::CardMismatch`], [`Error::File`],
/// [`Error::Malformed`].
pub fn verify(folder: &Path, seed: Option<&Secret>, progress: Progress<'_>) -> Result<Sealed> {
    let sealed = Sealed::read(folder)?;
    let at = |name: &str| folder.join(name);
    let card = files::read(&at(CARD), MAX_CARD, "a card")?;
    if *blake3::hash(&card).as_bytes() != sealed.card_root {
        return Err(Error::WrongRoot { what: "the card" });
    }
    card::read(&card)?.check(&sealed.seller, &sealed.x_root, sealed.length)?;
    if licence::read(&at(LICENCE))?.1 != sealed.licence_root {
        return Err(Error::WrongRoot {
            what: "the licence",
        });
    }
    let z = || Ok::<_, Error>(Metered::new(files::open(&at(Z))?, progress));
    let len = sealed.length;
    stream::check_outboard(&sealed.x_root, len, files::open(&at(X_OUTBOARD))?)?;
    let outboard = files::open(&at(Z_OUTBOARD))?;
    stream::verify(&sealed.z_root, len, outboard, z()?, io::sink())?;
    if let Some(seed) = seed {
        let cipher = sealed.context().cipher(&sealed.key(seed)?);
        let outboard = files::open(&at(X_OUTBOARD))?;
        stream::open(&cipher, &sealed.x_root, len, outboard, z()?, io::sink())?;
    }
    Ok(sealed)
}
