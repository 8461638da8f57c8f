//! `athanor keys`: making and showing keys.

use super::Context;
use crate::{
    error::{Error, Result},
    keys, output, scale,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Make and show keys.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a new key
    ///
    /// The key is a mnemonic of 12 words. With --out it goes into a new file
    /// that only you can read, and is not shown; without, it is shown once and
    /// kept nowhere.
    #[command(after_help = "\
Examples:
  athanor keys new --out ~/.config/athanor/key
  athanor keys new")]
    New(New),
    /// Show the address and the public key of a secret
    #[command(after_help = "\
Examples:
  athanor keys show --key ~/.config/athanor/key
  athanor keys show --suri //Alice")]
    Show,
    /// Show the address of a secret, or of a public key
    #[command(after_help = "\
Examples:
  athanor keys address --suri //Alice
  athanor keys address //Alice//stash")]
    Address(Address),
}

/// Options of `keys new`.
#[derive(Args, Debug)]
pub struct New {
    /// Write the secret into this new file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Options of `keys address`.
#[derive(Args, Debug)]
pub struct Address {
    /// Address, 0x public key or development key [default: the signing account]
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// Runs a command of the group.
pub fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::New(options) => new(options, context),
        Command::Show => {
            let pair = context.signer()?;
            show(
                &keys::account(&pair).to_string(),
                &pair.public_key().0,
                context,
            )
        }
        Command::Address(options) => {
            let account = match options.account {
                Some(text) => keys::parse_account(&text)?,
                None => keys::account(&context.signer()?),
            };
            show(&account.to_string(), &account.0, context)
        }
    }
}

fn show(address: &str, public_key: &[u8; 32], context: &Context) -> Result<()> {
    let public_key = scale::hex(public_key);
    let value = json!({"address": address, "public_key": public_key});
    context.output.result(&value, || {
        output::pairs(&[("address", address), ("public key", public_key.as_str())])
    });
    Ok(())
}

fn new(options: New, context: &Context) -> Result<()> {
    let mnemonic = keys::generate()?.to_string();
    let pair = keys::from_suri(&mnemonic)?;
    let address = keys::account(&pair).to_string();
    let public_key = scale::hex(&pair.public_key().0);
    let mut value = json!({"address": address, "public_key": public_key});
    match &options.out {
        Some(path) => keys::write_new(path, &mnemonic).map_err(|error| match error {
            Error::File { path, source, .. }
                if source.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                Error::Refused(format!(
                    "{} exists already and is never overwritten: choose another file",
                    path.display()
                ))
            }
            other => other,
        })?,
        None => {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("mnemonic".into(), json!(mnemonic));
            }
        }
    }
    context.output.result(&value, || {
        let mut rows = vec![
            ("address", address.clone()),
            ("public key", public_key.clone()),
        ];
        match &options.out {
            Some(path) => rows.push(("secret in", path.display().to_string())),
            None => rows.push(("mnemonic", mnemonic.clone())),
        }
        let text = output::pairs(&rows);
        format!("{text}\n\nWhoever has the secret has the account. Keep a copy in a safe place.")
    });
    Ok(())
}
