//! The commands, one module per group.

pub mod account;
pub mod bench;
pub mod data;
pub mod job;
pub mod keys;
pub mod label;
pub mod model;
pub mod program;
pub mod provider;
pub mod store;

use crate::{
    amount::Amount,
    chain::{Call, Chain, Included, State},
    config::{self, Settings},
    error::{Error, Result},
    output::{pairs, Output},
    pending::Journal,
};
use athanor_content_store::Client;
use athanor_tensor_program::Validated;
use serde_json::{json, Map, Value};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use subxt::ext::scale_encode::EncodeAsFields;
use subxt_signer::sr25519::Keypair;

/// What every command works with.
#[derive(Clone, Debug)]
pub struct Context {
    /// Settings.
    pub settings: Settings,
    /// The terminal.
    pub output: Output,
    /// What to do after Ctrl-C.
    next: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// Settings and a terminal.
    pub fn new(settings: Settings, output: Output) -> Self {
        Self {
            settings,
            output,
            next: Arc::default(),
        }
    }

    /// Notes how to go on if the command is interrupted from here on.
    pub fn set_next(&self, next: impl Into<String>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next.into());
    }

    /// How to go on after an interruption.
    pub fn next(&self) -> Option<String> {
        self.next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What this machine remembers of its jobs; `None` without a home folder.
    pub fn journal(&self) -> Option<Journal> {
        let state = self.settings.state.as_ref()?;
        Some(Journal::new(state.join("jobs")))
    }

    /// Connects to the node.
    pub async fn chain(&self) -> Result<Chain> {
        let _progress = self
            .output
            .spinner(format!("connecting to {}", self.settings.node));
        Chain::connect(&self.settings.node).await
    }

    /// The key that signs.
    pub fn signer(&self) -> Result<Keypair> {
        self.settings
            .key
            .as_ref()
            .ok_or_else(|| {
                Error::Usage(
                    "this needs a signing account: give --key FILE, or --suri //Alice on a \
                     development chain"
                        .into(),
                )
            })?
            .load()
    }

    /// The store uploads go to, if one is set.
    pub fn upload_client(&self) -> Result<Option<Client>> {
        let Some(url) = self.settings.stores.first() else {
            return Ok(None);
        };
        let token = self
            .settings
            .store_token_file
            .as_deref()
            .map(config::read_token)
            .transpose()?;
        Ok(Some(Client::new(url, token)?))
    }

    /// The stores downloads are tried from.
    pub fn download_clients(&self) -> Result<Vec<Client>> {
        self.settings
            .stores
            .iter()
            .map(|url| Client::new(url, None).map_err(Error::Store))
            .collect()
    }

    /// Signs and submits a call, and waits for its block.
    pub async fn submit<Args: EncodeAsFields>(
        &self,
        chain: &Chain,
        signer: &Keypair,
        call: Call<Args>,
    ) -> Result<Included> {
        chain
            .submit(call, signer, self.settings.finalized, &self.output)
            .await
    }

    /// Shows what a call would do and cost, without submitting it.
    pub async fn show_dry_run<Args: EncodeAsFields>(
        &self,
        chain: &Chain,
        signer: &Keypair,
        call: Call<Args>,
        amounts: &[(&str, u128)],
    ) -> Result<()> {
        let name = call.full_name();
        let run = chain.dry_run(call, signer).await?;
        let account = crate::keys::account(signer);
        let balance = chain.best().await?.balance(&account).await?;
        let moved = Map::from_iter(
            amounts
                .iter()
                .map(|(name, planck)| ((*name).to_owned(), json!(planck.to_string()))),
        );
        let value = json!({
            "dry_run": true,
            "call": run.call,
            "signer": account.to_string(),
            "fee": run.fee.to_string(),
            "amounts": moved,
            "free": balance.free.to_string(),
            "problem": run.problem,
        });
        self.output.result(&value, || {
            let mut rows = vec![
                ("would call".to_owned(), name),
                ("signed by".to_owned(), account.to_string()),
            ];
            for (name, planck) in amounts {
                rows.push(((*name).to_owned(), Amount(*planck).to_string()));
            }
            rows.push(("fee, about".into(), Amount(run.fee).to_string()));
            rows.push(("free balance".into(), Amount(balance.free).to_string()));
            if let Some(problem) = &run.problem {
                rows.push(("it would be refused".into(), problem.clone()));
            }
            format!(
                "{}\n\n{}\n\nNothing was sent.",
                pairs(&rows),
                crate::output::describe(&run.call)
            )
        });
        Ok(())
    }
}

/// A constant that is a number or a decimal string.
pub(crate) fn number(value: &Value) -> Option<u128> {
    value
        .as_u64()
        .map(u128::from)
        .or_else(|| value.as_str()?.parse().ok())
}

/// A numeric constant of a pallet.
pub(crate) fn constant(state: &State, pallet: &str, name: &str) -> Result<u128> {
    let value = state.constant(pallet, name)?;
    number(&value)
        .ok_or_else(|| Error::protocol(format!("constant {pallet}.{name}"), "it is no number"))
}

/// A constant that counts blocks.
pub(crate) fn blocks(state: &State, name: &str) -> Result<u32> {
    Ok(u32::try_from(constant(state, "ComputeJobs", name)?).unwrap_or(u32::MAX))
}

/// A field of an object of the chain.
pub(crate) fn field<'a>(value: &'a Value, key: &str) -> Result<&'a Value> {
    value
        .get(key)
        .ok_or_else(|| Error::protocol("a query", format!("'{key}' is missing")))
}

/// A number of an object of the chain.
pub(crate) fn field_u64(value: &Value, key: &str) -> Result<u64> {
    field(value, key)?
        .as_u64()
        .ok_or_else(|| Error::protocol("a query", format!("'{key}' is no number")))
}

/// Turns byte strings that hold text into text.
pub(crate) fn texts(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(hex) if keys.contains(&key.as_str()) => {
                        let bytes = athanor_primitives::ticket::bytes_from_hex(hex, 1_024);
                        if let Some(Ok(text)) = bytes.map(String::from_utf8) {
                            if !text.chars().any(char::is_control) {
                                *hex = text;
                            }
                        }
                    }
                    value => texts(value, keys),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, keys)),
        _ => {}
    }
}

/// Reads a small file.
pub(crate) fn read_file(path: &Path, limit: u64, what: &str) -> Result<Vec<u8>> {
    let failed = |source| Error::File {
        action: "read",
        path: path.into(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::BadFile {
            path: path.into(),
            reason: "this is no file".into(),
        });
    }
    if metadata.len() > limit {
        return Err(Error::BadFile {
            path: path.into(),
            reason: format!(
                "{what} has at most {limit} bytes, this has {}",
                metadata.len()
            ),
        });
    }
    std::fs::read(path).map_err(failed)
}

/// A registered model with its program.
pub(crate) struct Model {
    /// What the view function says.
    pub(crate) view: Value,
    /// Its program.
    pub(crate) program: Validated,
}

/// Reads a program from the chain.
pub(crate) async fn program_of(state: &State, hash: [u8; 32]) -> Result<(Value, Validated)> {
    let shown = crate::scale::hex(&hash);
    let view = state.view("Programs", "program", (hash,)).await?;
    if view.is_null() {
        return Err(Error::NotFound(format!(
            "no program {shown} is registered: `athanor program register FILE` does that"
        )));
    }
    let bytes = field(&view, "bytes")?
        .as_str()
        .and_then(|hex| {
            athanor_primitives::ticket::bytes_from_hex(
                hex,
                athanor_tensor_program::MAX_PROGRAM_BYTES,
            )
        })
        .ok_or_else(|| Error::protocol("program", "its bytes are no hex"))?;
    if sp_crypto_hashing::blake2_256(&bytes) != hash {
        return Err(Error::protocol(
            "program",
            "its bytes do not hash to its name",
        ));
    }
    let program =
        athanor_tensor_program::load(&bytes).map_err(|error| Error::protocol("program", error))?;
    Ok((view, program))
}

/// Reads a model and its program from the chain.
pub(crate) async fn model_of(state: &State, id: u64) -> Result<Model> {
    let mut view = state.view("Programs", "model", (id,)).await?;
    if view.is_null() {
        return Err(Error::NotFound(format!(
            "no model {id} is registered: `athanor model register` makes one"
        )));
    }
    texts(&mut view, &["licence"]);
    let hash = field(&view, "program_hash")?
        .as_str()
        .and_then(athanor_primitives::ticket::root_from_hex)
        .ok_or_else(|| Error::protocol("model", "its program hash is malformed"))?;
    let (_, program) = program_of(state, hash).await?;
    Ok(Model { view, program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_strings_that_hold_text_become_text_wherever_they_are() {
        let mut value = json!({
            "licence": "0x4d4954",
            "offers": [{"endpoint": "0x687474703a2f2f78", "root": "0x4d4954"}],
            "endpoint": "0xff",
        });
        texts(&mut value, &["licence", "endpoint"]);
        assert_eq!(
            value,
            json!({
                "licence": "MIT",
                "offers": [{"endpoint": "http://x", "root": "0x4d4954"}],
                "endpoint": "0xff",
            })
        );
    }

    #[test]
    fn numbers_come_as_numbers_or_as_decimal_strings() {
        assert_eq!(number(&json!(7)), Some(7));
        assert_eq!(
            number(&json!("340282366920938463463374607431768211455")),
            Some(u128::MAX)
        );
        assert_eq!(number(&json!("x")), None);
        assert_eq!(number(&json!(-1)), None);
    }

    #[test]
    fn long_files_are_refused_before_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.bin");
        std::fs::write(&path, [0; 100]).unwrap();
        assert_eq!(read_file(&path, 100, "a program").unwrap().len(), 100);
        let error = read_file(&path, 99, "a program").unwrap_err().to_string();
        assert!(error.contains("at most 99 bytes, this has 100"), "{error}");
    }
}
