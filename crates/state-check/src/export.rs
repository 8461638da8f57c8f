//! States that `athanor-node export-state` has written: a chain specification whose genesis is the
//! state of a block.

use crate::State;
use anyhow::{ensure, Context, Result};
use serde::Deserialize;
use std::{collections::BTreeMap, io::Read};

#[derive(Deserialize)]
struct Specification {
    genesis: Genesis,
}

#[derive(Deserialize)]
struct Genesis {
    raw: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    top: BTreeMap<String, String>,
    #[serde(default)]
    children_default: BTreeMap<String, serde_json::Value>,
}

/// Reads an exported state.
///
/// # Errors
///
/// If it is not a raw chain specification.
pub fn read(from: impl Read) -> Result<State> {
    let specification: Specification = serde_json::from_reader(from)
        .context("not a chain specification; `athanor-node export-state` writes one")?;
    let raw = specification.genesis.raw.context(
        "this specification has a genesis in words; one with a state is written by \
         `athanor-node export-state`, or by `export-chain-spec --raw` for block 0",
    )?;
    ensure!(
        raw.children_default.is_empty(),
        "this state has child tries, which no runtime of ours makes"
    );
    let mut state = State::default();
    for (key, value) in raw.top {
        state.insert(bytes(&key)?, bytes(&value).with_context(|| key.clone())?);
    }
    Ok(state)
}

/// The bytes of `0x…`.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>> {
    let digits = text.strip_prefix("0x").with_context(|| {
        format!(
            "not hex with 0x: {}",
            text.chars().take(20).collect::<String>()
        )
    })?;
    hex::decode(digits).context("not hex")
}
