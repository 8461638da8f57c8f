//! `athanor label seed`: what the salts of commitments follow from, as a backup file.

use super::derived_seed;
use crate::{
    commands::{read_file, Context},
    error::{Error, Result},
    keys, output, scale,
};
use athanor_label_client::seed::{self, Seed, MAX_BACKUP};
use athanor_market_client::write_new;
use clap::Args;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use subxt_signer::sr25519::Keypair;

/// Options of `label seed`.
#[derive(Args, Clone, Debug)]
pub struct SeedOptions {
    /// Write a backup of it, encrypted if there is a passphrase
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
    /// Label with the seed of a backup from now on, such as another client's
    #[arg(long, value_name = "FILE", conflicts_with = "backup")]
    pub restore: Option<PathBuf>,
    /// File with the passphrase, on its first line
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Most bytes of a file with a passphrase.
const MAX_PASSPHRASE: u64 = 4_096;

/// Where what an account committed is kept.
pub(super) fn state_folder(context: &Context) -> Result<PathBuf> {
    let state = context.settings.state.as_ref().ok_or_else(|| {
        Error::Usage("there is no home folder to keep answers in: set XDG_STATE_HOME".into())
    })?;
    Ok(state.join("labels"))
}

/// Where a restored seed of an account lies.
fn path_of(folder: &Path, signer: &Keypair) -> PathBuf {
    folder.join(format!("{}.seed", scale::ss58(keys::account(signer).0)))
}

fn passphrase(path: Option<&Path>) -> Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let bytes = read_file(path, MAX_PASSPHRASE, "a passphrase")?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(Error::BadFile {
            path: path.into(),
            reason: "its first line holds no passphrase".into(),
        });
    }
    Ok(Some(line.to_owned()))
}

fn open(path: &Path, signer: &Keypair, passphrase: Option<&str>) -> Result<Seed> {
    let bad = |reason: String| Error::BadFile {
        path: path.into(),
        reason,
    };
    let bytes = read_file(path, MAX_BACKUP as u64, "a backup of a seed")?;
    if passphrase.is_none() && seed::is_encrypted(&bytes).map_err(|error| bad(error.to_string()))? {
        return Err(bad("it is encrypted: add --passphrase-file".into()));
    }
    let restored = seed::restore(&bytes, passphrase).map_err(|error| bad(error.to_string()))?;
    let account = scale::ss58(keys::account(signer).0);
    if restored.account != account {
        return Err(bad(format!(
            "it is of the account {}, and the key is of {account}",
            athanor_label_client::text::one_line(&restored.account)
        )));
    }
    Ok(restored.seed)
}

/// The seed an account labels with: one that was restored into `folder`, else the one that follows
/// from its key.
pub(super) fn seed_of(folder: &Path, signer: &Keypair) -> Result<Seed> {
    let path = path_of(folder, signer);
    if path.exists() {
        open(&path, signer, None)
    } else {
        Ok(derived_seed(signer))
    }
}

fn save(path: &Path, text: &str) -> Result<()> {
    write_new(path, text.as_bytes(), true).map_err(Error::from)
}

pub(super) fn run(options: &SeedOptions, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let folder = state_folder(context)?;
    let kept = path_of(&folder, &signer);
    let account = scale::ss58(keys::account(&signer).0);
    let passphrase = passphrase(options.passphrase_file.as_deref())?;
    let state = if let Some(from) = &options.restore {
        let found = open(from, &signer, passphrase.as_deref())?;
        fs::create_dir_all(&folder).map_err(|source| Error::File {
            action: "create the folder",
            path: folder.clone(),
            source,
        })?;
        let text = seed::backup(&account, &found, None)
            .map_err(|error| Error::Refused(error.to_string()))?;
        save(&kept, &text)?;
        "restored"
    } else if let Some(to) = &options.backup {
        let text = seed::backup(&account, &seed_of(&folder, &signer)?, passphrase.as_deref())
            .map_err(|error| Error::Refused(error.to_string()))?;
        save(to, &text)?;
        "backed up"
    } else {
        seed_of(&folder, &signer)?;
        "there"
    };
    let source = if kept.exists() {
        kept.display().to_string()
    } else {
        "follows from the account's key".to_owned()
    };
    let plain = options.backup.is_some() && passphrase.is_none();
    let value = json!({"account": account, "seed": source, "state": state, "encrypted": !plain});
    context.output.result(&value, || {
        let mut text = output::pairs(&[
            ("account", account.as_str()),
            ("seed", source.as_str()),
            ("state", state),
        ]);
        if plain {
            text.push_str(
                "\n\nThe backup is not encrypted: whoever reads it can see what you committed.",
            );
        }
        text
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(suri: &str) -> Keypair {
        keys::from_suri(suri).unwrap()
    }

    #[test]
    fn a_restored_seed_takes_the_place_of_the_derived_one() {
        let folder = tempfile::tempdir().unwrap();
        let (bob, other) = (signer("//Bob"), Seed::from_bytes([7; 32]));
        assert_eq!(seed_of(folder.path(), &bob).unwrap(), derived_seed(&bob));
        let address = scale::ss58(keys::account(&bob).0);
        let text = seed::backup(&address, &other, None).unwrap();
        save(&path_of(folder.path(), &bob), &text).unwrap();
        assert_eq!(seed_of(folder.path(), &bob).unwrap(), other);
        assert_eq!(
            seed_of(folder.path(), &signer("//Eve")).unwrap(),
            derived_seed(&signer("//Eve"))
        );
        assert!(save(&path_of(folder.path(), &bob), &text).is_err());
    }

    #[test]
    fn a_backup_of_another_account_or_without_its_passphrase_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let (bob, eve) = (signer("//Bob"), signer("//Eve"));
        let address = scale::ss58(keys::account(&bob).0);
        let text = seed::backup(&address, &derived_seed(&bob), Some("three words here")).unwrap();
        save(&path, &text).unwrap();
        let reason = |found: Result<Seed>| found.unwrap_err().to_string();
        assert!(reason(open(&path, &bob, None)).contains("--passphrase-file"));
        assert!(reason(open(&path, &bob, Some("other"))).contains("backup"));
        assert!(reason(open(&path, &eve, Some("three words here"))).contains("of the account"));
        assert_eq!(
            open(&path, &bob, Some("three words here")).unwrap(),
            derived_seed(&bob)
        );
    }
}
