//! A campaign's folder: everything about it that the chain does not know, and without which
//! gold can't be opened and answers can't be understood.
//!
//! ```text
//! campaign.json   type, terms, number on the chain
//! guideline       what workers read
//! secrets.json    seal key, secret of the plans
//! round-N/        a batch
//!   batch.json      shape, roots, number on the chain
//!   gold.json       gold with its salts
//!   keys.json       keys of private pages
//!   index.jsonl, pages/, stored/
//!   openings.jsonl  sealed openings that were found
//!   sheets.jsonl, consensus.jsonl  what was revealed, and labels of it
//! ```
//!
//! The folder and its files are readable by their owner only. Every file is written beside
//! its place and moved there, so an interruption leaves a file or none.

use super::ask::bad_file;
use crate::error::{Error, Result};
use athanor_label_client::{page::Page, private::PageKey, schema::Schema, seal::SealKey};
use athanor_primitives::labels::CampaignTerms;
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Most batches of a folder.
const MAX_ROUNDS: u32 = 10_000;

/// `campaign.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Campaign {
    /// Version of the folder's form, 1.
    pub(super) v: u32,
    /// Genesis hash of its chain, `0x` hex.
    pub(super) genesis: String,
    /// Whose it is.
    pub(super) requester: String,
    /// Names of the codes.
    pub(super) schema: Schema,
    /// Terms as they stand on the chain.
    pub(super) terms: CampaignTerms,
    /// Its number, once it is known.
    pub(super) campaign: Option<u64>,
    /// Best block when the transaction was sent.
    pub(super) sent_at: Option<u64>,
    /// Where the requester's service will be reached; may be empty.
    pub(super) gateway: String,
}

/// `secrets.json`.
#[derive(Serialize, Deserialize)]
struct Secrets {
    warning: String,
    seal: String,
    plan: String,
}

/// `batch.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch {
    /// Pages.
    pub(super) pages: u32,
    /// Root of the tree of pages, `0x` hex.
    pub(super) pages_root: String,
    /// Root of the index, `0x` hex.
    pub(super) index_root: String,
    /// Ticks it stays open.
    pub(super) open_for: u32,
    /// The batch it is joined to.
    pub(super) joins: Option<u64>,
    /// Whether its pages are in the store.
    pub(super) stored: bool,
    /// Its number, once it is known.
    pub(super) batch: Option<u64>,
    /// Best block when the transaction was sent.
    pub(super) sent_at: Option<u64>,
    /// The next block to look for sealed openings in.
    pub(super) scanned: u64,
}

/// Gold of one page with what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GoldPage {
    /// The page.
    pub(super) page: u32,
    /// Salt of the commitment, hex.
    pub(super) salt: String,
    /// Position and packed answer, hex.
    pub(super) entries: Vec<(u8, String)>,
}

/// A sheet with its worker; of an opening also the salt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sheet {
    /// The page.
    pub(super) page: u32,
    /// Whose it is, `0x` hex.
    pub(super) worker: String,
    /// The packed answers, hex.
    pub(super) sheet: String,
    /// The salt, hex; empty once it is of no use.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) salt: String,
}

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        action,
        path,
        source,
    }
}

/// Writes a file that only its owner reads.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("draft");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(&draft).and_then(|mut file| {
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()
    });
    written.map_err(failed("write", &draft))?;
    fs::rename(&draft, path).map_err(failed("write", path))
}

fn make(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder
        .create(path)
        .map_err(failed("create the folder", path))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = crate::commands::read_file(path, MAX_FILE, "a campaign's file")?;
    serde_json::from_slice(&bytes).map_err(|error| Error::BadFile {
        path: path.into(),
        reason: error.to_string(),
    })
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(io::Error::other)
        .map_err(failed("write", path))?;
    bytes.push(b'\n');
    write(path, &bytes)
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = crate::commands::read_file(path, MAX_FILE, "a campaign's file")?;
    bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            serde_json::from_slice(line).map_err(|error| Error::BadFile {
                path: path.into(),
                reason: format!("line {}: {error}", at + 1),
            })
        })
        .collect()
}

fn write_lines<T: Serialize>(path: &Path, items: &[T]) -> Result<()> {
    let mut bytes = Vec::new();
    for item in items {
        serde_json::to_writer(&mut bytes, item)
            .map_err(io::Error::other)
            .map_err(failed("write", path))?;
        bytes.push(b'\n');
    }
    write(path, &bytes)
}

fn secret(path: &Path, text: &str) -> Result<[u8; 32]> {
    athanor_primitives::ticket::root_from_hex(text).ok_or_else(|| Error::BadFile {
        path: path.into(),
        reason: "a secret is not 0x and 64 hex digits".into(),
    })
}

impl Folder {
    /// The folder of a campaign that is there.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if !path.join("campaign.json").is_file() {
            return Err(Error::BadFile {
                path: path.into(),
                reason: "this is no campaign's folder: `athanor label create` makes one".into(),
            });
        }
        Ok(Self { path: path.into() })
    }

    /// A new folder with new secrets. The terms get its seal key.
    pub(super) fn create(path: &Path, campaign: &mut Campaign) -> Result<Self> {
        if path.exists() {
            return Err(Error::Refused(format!(
                "{} is there already: take another --folder, or go on with it by `athanor label \
                 resume {}`",
                path.display(),
                path.display()
            )));
        }
        let no_random = |error: athanor_label_client::Error| bad_file(path, &error);
        let seal: [u8; 32] = athanor_label_client::seal::random().map_err(no_random)?;
        let plan: [u8; 32] = athanor_label_client::seal::random().map_err(no_random)?;
        campaign.terms.seal_key = Some(SealKey::derive(&seal).public());
        make(path)?;
        let folder = Self { path: path.into() };
        let secrets = Secrets {
            warning: "Whoever reads this knows the gold and can read answers early. Without it \
                      gold can't be opened, which costs the bond."
                .into(),
            seal: crate::scale::hex(&seal),
            plan: crate::scale::hex(&plan),
        };
        write_json(&path.join("secrets.json"), &secrets)?;
        folder.set_campaign(campaign)?;
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The campaign.
    pub(super) fn campaign(&self) -> Result<Campaign> {
        let path = self.path.join("campaign.json");
        let campaign: Campaign = read_json(&path)?;
        if campaign.v != 1 {
            return Err(Error::BadFile {
                path,
                reason: format!("version {} is not known to this client", campaign.v),
            });
        }
        Ok(campaign)
    }

    /// Writes the campaign.
    pub(super) fn set_campaign(&self, campaign: &Campaign) -> Result<()> {
        write_json(&self.path.join("campaign.json"), campaign)
    }

    /// Keeps the guideline.
    pub(super) fn set_guideline(&self, bytes: &[u8]) -> Result<()> {
        write(&self.path.join("guideline"), bytes)
    }

    /// The guideline, if there is one.
    pub(super) fn guideline(&self) -> Result<Option<Vec<u8>>> {
        let path = self.path.join("guideline");
        if !path.exists() {
            return Ok(None);
        }
        crate::commands::read_file(&path, MAX_FILE, "a guideline").map(Some)
    }

    fn secrets(&self) -> Result<(PathBuf, Secrets)> {
        let path = self.path.join("secrets.json");
        let secrets = read_json(&path)?;
        Ok((path, secrets))
    }

    /// The key that openings are sealed to.
    pub(super) fn seal_key(&self) -> Result<SealKey> {
        let (path, secrets) = self.secrets()?;
        Ok(SealKey::derive(&secret(&path, &secrets.seal)?))
    }

    /// The secret from which a round's plan follows.
    pub(super) fn plan_secret(&self, round: u32) -> Result<[u8; 32]> {
        let (path, secrets) = self.secrets()?;
        let mut bytes = secret(&path, &secrets.plan)?.to_vec();
        bytes.extend_from_slice(&round.to_le_bytes());
        Ok(sp_crypto_hashing::blake2_256(&bytes))
    }

    /// Number of batches.
    pub(super) fn rounds(&self) -> u32 {
        let there = |round: &u32| self.round(*round).file("batch.json").is_file();
        (0..MAX_ROUNDS).take_while(there).count() as u32
    }

    /// A batch.
    pub(super) fn round(&self, round: u32) -> Round {
        Round {
            path: self.path.join(format!("round-{round}")),
            round,
        }
    }

    /// The batch that was asked for, or the last one.
    pub(super) fn chosen(&self, round: Option<u32>) -> Result<Round> {
        let rounds = self.rounds();
        match round.or(rounds.checked_sub(1)) {
            Some(round) if round < rounds => Ok(self.round(round)),
            _ => Err(Error::NotFound(format!(
                "{} has {rounds} batches, numbered from 0",
                self.path.display()
            ))),
        }
    }
}

/// A batch of the folder.
#[derive(Clone, Debug)]
pub(super) struct Round {
    path: PathBuf,
    round: u32,
}

impl Round {
    /// Its place in the campaign, from 0.
    pub(super) fn number(&self) -> u32 {
        self.round
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a new batch: pages as they are, pages as they are stored, index, gold, keys,
    /// and last what says that all of them are there.
    pub(super) fn create(
        &self,
        batch: &Batch,
        pages: &[Page],
        stored: &[Vec<u8>],
        index: &[u8],
        gold: &[GoldPage],
        keys: &[PageKey],
    ) -> Result<()> {
        make(&self.file("pages"))?;
        make(&self.file("stored"))?;
        for page in pages {
            let path = self.file(&format!("pages/page-{}.jsonl", page.page));
            let bytes = page.to_bytes().map_err(|error| bad_file(&path, &error))?;
            write(&path, &bytes)?;
        }
        for (page, bytes) in stored.iter().enumerate() {
            write(&self.file(&format!("stored/page-{page}.bin")), bytes)?;
        }
        write(&self.file("index.jsonl"), index)?;
        write_json(&self.file("gold.json"), &gold)?;
        let keys: Vec<String> = keys
            .iter()
            .map(|key| crate::scale::hex(key.as_bytes()))
            .collect();
        write_json(&self.file("keys.json"), &keys)?;
        self.set_batch(batch)
    }

    /// The batch.
    pub(super) fn batch(&self) -> Result<Batch> {
        read_json(&self.file("batch.json"))
    }

    /// Writes the batch.
    pub(super) fn set_batch(&self, batch: &Batch) -> Result<()> {
        write_json(&self.file("batch.json"), batch)
    }

    /// Its number on the chain.
    pub(super) fn id(&self) -> Result<u64> {
        self.batch()?.batch.ok_or_else(|| {
            Error::Refused(format!(
                "batch {} of this folder is not on the chain yet: `athanor label resume FOLDER` \
                 goes on with it",
                self.round
            ))
        })
    }

    /// The index file.
    pub(super) fn index(&self) -> Result<Vec<u8>> {
        crate::commands::read_file(&self.file("index.jsonl"), MAX_FILE, "an index")
    }

    /// A page as it is stored.
    pub(super) fn stored(&self, page: u32) -> Result<Vec<u8>> {
        let path = self.file(&format!("stored/page-{page}.bin"));
        crate::commands::read_file(&path, MAX_FILE, "a page")
    }

    /// A page.
    pub(super) fn page(&self, page: u32) -> Result<Page> {
        let path = self.file(&format!("pages/page-{page}.jsonl"));
        let bytes = crate::commands::read_file(&path, MAX_FILE, "a page")?;
        Page::from_bytes(&bytes).map_err(|error| bad_file(&path, &error))
    }

    /// Its gold.
    pub(super) fn gold(&self) -> Result<Vec<GoldPage>> {
        read_json(&self.file("gold.json"))
    }

    /// Keys of its pages, page 0 first; none if they are public.
    pub(super) fn keys(&self) -> Result<Vec<PageKey>> {
        let path = self.file("keys.json");
        let keys: Vec<String> = read_json(&path)?;
        keys.iter()
            .map(|key| secret(&path, key).map(PageKey::from))
            .collect()
    }

    /// Sealed openings that were found and opened.
    pub(super) fn openings(&self) -> Result<Vec<Sheet>> {
        read_lines(&self.file("openings.jsonl"))
    }

    /// Writes the openings.
    pub(super) fn set_openings(&self, openings: &[Sheet]) -> Result<()> {
        write_lines(&self.file("openings.jsonl"), openings)
    }

    /// What was revealed, page by page in order of slots; empty before it was kept.
    pub(super) fn sheets(&self) -> Result<Vec<Sheet>> {
        read_lines(&self.file("sheets.jsonl"))
    }

    /// Labels of the panels, page by page, as the chain gave them.
    pub(super) fn consensus(&self) -> Result<Vec<serde_json::Value>> {
        read_lines(&self.file("consensus.jsonl"))
    }

    /// Writes the labels of the panels.
    pub(super) fn set_consensus(&self, labels: &[serde_json::Value]) -> Result<()> {
        write_lines(&self.file("consensus.jsonl"), labels)
    }

    /// Writes what was revealed.
    pub(super) fn set_sheets(&self, sheets: &[Sheet]) -> Result<()> {
        write_lines(&self.file("sheets.jsonl"), sheets)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use athanor_label_math::LabelType;

    pub(in crate::commands::label) fn campaign() -> Campaign {
        Campaign {
            v: 1,
            genesis: "0x01".into(),
            requester: "5G".into(),
            schema: Schema::Preference,
            terms: CampaignTerms::standard(LabelType::Preference, 8, 2, 1_000_000_000_000),
            campaign: None,
            sent_at: None,
            gateway: String::new(),
        }
    }

    #[test]
    fn a_folder_keeps_its_secrets_and_is_never_overwritten() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("campaign");
        let mut made = campaign();
        let folder = Folder::create(&path, &mut made).unwrap();
        assert_eq!(folder.campaign().unwrap(), made);
        let key = folder.seal_key().unwrap().public();
        assert_eq!(made.terms.seal_key, Some(key));
        assert_ne!(
            folder.plan_secret(0).unwrap(),
            folder.plan_secret(1).unwrap()
        );
        assert_eq!(folder.rounds(), 0);
        assert!(folder.chosen(None).is_err());
        let again = Folder::create(&path, &mut made).unwrap_err().to_string();
        assert!(again.contains("label resume"), "{again}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            assert_eq!(mode(&path.join("secrets.json")), 0o600);
        }
        assert!(Folder::open(parent.path()).is_err());
    }

    #[test]
    fn a_round_is_there_once_all_of_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let mut made = campaign();
        let folder = Folder::create(&parent.path().join("x"), &mut made).unwrap();
        let round = folder.round(0);
        let batch = Batch {
            pages: 0,
            pages_root: String::new(),
            index_root: String::new(),
            open_for: 5,
            joins: None,
            stored: false,
            batch: None,
            sent_at: None,
            scanned: 0,
        };
        let key = PageKey::from([7; 32]);
        round
            .create(
                &batch,
                &[],
                &[b"x".to_vec()],
                b"",
                &[],
                std::slice::from_ref(&key),
            )
            .unwrap();
        assert_eq!(folder.rounds(), 1);
        let round = folder.chosen(None).unwrap();
        assert_eq!(round.batch().unwrap(), batch);
        assert_eq!(round.keys().unwrap(), [key]);
        assert_eq!(round.stored(0).unwrap(), b"x");
        assert!(round.id().is_err());
        assert!(round.openings().unwrap().is_empty());
        let sheet = Sheet {
            page: 1,
            worker: "0x".into(),
            sheet: "00".into(),
            salt: String::new(),
        };
        round.set_sheets(std::slice::from_ref(&sheet)).unwrap();
        assert_eq!(round.sheets().unwrap(), [sheet]);
        assert!(folder.chosen(Some(1)).is_err());
    }
}
