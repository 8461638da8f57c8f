//! `athanor data seed`: the secrets that keys follow from.

use super::{folder_of, seed_file, Role};
use crate::{
    commands::{read_file, Context},
    error::{Error, Result},
    output,
};
use athanor_market_client::{seed, write_new};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `data seed`.
#[derive(Args, Clone, Debug)]
pub struct Seed {
    /// Whose: a seller's keys open his seals, a buyer's what he bought
    #[arg(long, value_enum, value_name = "ROLE", default_value = "seller")]
    pub role: Role,
    /// The seed [default: ~/.local/state/athanor/market/ROLE.seed]
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Write a backup of it, encrypted with the passphrase
    #[arg(long, value_name = "FILE", requires = "passphrase_file")]
    pub backup: Option<PathBuf>,
    /// Get it back from a backup
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "backup",
        requires = "passphrase_file"
    )]
    pub restore: Option<PathBuf>,
    /// File with the passphrase, on its first line
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Most bytes of a file with a passphrase, and of a backup.
const MAX_FILE: u64 = 4_096;

fn passphrase(options: &Seed) -> Result<String> {
    let path = options.passphrase_file.clone().unwrap_or_default();
    let bytes = read_file(&path, MAX_FILE, "a passphrase")?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return Err(Error::BadFile {
            path,
            reason: "its first line holds no passphrase".into(),
        });
    }
    Ok(line.to_owned())
}

pub(super) fn run(options: Seed, context: &Context) -> Result<()> {
    let path = seed_file(options.seed.as_deref(), options.role, context)?;
    let done = if let Some(from) = &options.restore {
        let bytes = read_file(from, MAX_FILE, "a backup")?;
        let found = seed::restore(&bytes, &passphrase(&options)?)?;
        folder_of(&path)?;
        seed::store(&path, &found)?;
        "restored"
    } else if let Some(to) = &options.backup {
        let text = seed::backup(&seed::load(&path)?, &passphrase(&options)?)?;
        write_new(to, &text, true)?;
        "backed up"
    } else if path.exists() {
        seed::load(&path)?;
        "there"
    } else {
        folder_of(&path)?;
        seed::create(&path)?;
        "made"
    };
    let file = path.display().to_string();
    let value = json!({"seed": file, "state": done});
    context.output.result(&value, || {
        let text = output::pairs(&[("seed", file.as_str()), ("state", done)]);
        format!(
            "{text}\n\nWhoever has it can open what was sealed or bought with it. Keep a backup."
        )
    });
    Ok(())
}
