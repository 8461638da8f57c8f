//! Chain specifications: the presets of the runtime, or a file.

use athanor_runtime::{genesis_config_presets::STAGING_RUNTIME_PRESET, WASM_BINARY};
use sc_chain_spec::ChainSpecExtension;
use sc_service::{ChainType, Properties};
use serde::{Deserialize, Serialize};

/// What a specification says beside genesis and boot nodes.
#[derive(Default, Clone, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extensions {
    /// A recent finalised state for light clients, written by `sync_state_genSyncSpec`.
    pub(crate) light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// Specification of an Athanor chain.
pub(crate) type ChainSpec = sc_service::GenericChainSpec<Extensions>;

const NO_WASM: &str =
    "this node was built without its runtime (SKIP_WASM_BUILD was set): build it again without";

fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "AUR".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties.insert("ss58Format".into(), 42.into());
    properties
}

fn preset(name: &str, id: &str, kind: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let wasm = WASM_BINARY.ok_or(NO_WASM)?;
    Ok(ChainSpec::builder(wasm, Extensions::default())
        .with_name(name)
        .with_id(id)
        .with_protocol_id("aur")
        .with_chain_type(kind)
        .with_properties(properties())
        .with_genesis_config_preset_name(preset)
        .build())
}

/// One validator, Alice, with her keys in the node: blocks at once.
pub(crate) fn development() -> Result<ChainSpec, String> {
    preset(
        "Athanor Development",
        "athanor_dev",
        ChainType::Development,
        sp_genesis_builder_names::DEVELOPMENT,
    )
}

/// Four validators with public keys.
pub(crate) fn local() -> Result<ChainSpec, String> {
    preset(
        "Athanor Local",
        "athanor_local",
        ChainType::Local,
        sp_genesis_builder_names::LOCAL,
    )
}

/// A rehearsal of a public network: no sudo.
pub(crate) fn staging() -> Result<ChainSpec, String> {
    preset(
        "Athanor Staging",
        "athanor_staging",
        ChainType::Live,
        STAGING_RUNTIME_PRESET,
    )
}

/// The specification named by `--chain`.
pub(crate) fn load(id: &str) -> Result<ChainSpec, String> {
    match id {
        "" | "dev" | "development" => development(),
        "local" => local(),
        "staging" => staging(),
        path => ChainSpec::from_json_file(std::path::PathBuf::from(path)).map_err(|error| {
            format!("--chain takes dev, local, staging or a specification file; {path}: {error}")
        }),
    }
}

/// The SDK's names of the first two presets.
mod sp_genesis_builder_names {
    pub(super) const DEVELOPMENT: &str = "development";
    pub(super) const LOCAL: &str = "local_testnet";
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::BuildStorage;

    #[test]
    fn every_preset_builds_its_genesis() {
        for id in ["dev", "local", "staging"] {
            let spec = load(id).expect("a preset");
            let storage = spec.build_storage().expect("the preset builds");
            assert!(!storage.top.is_empty(), "{id}");
        }
    }

    #[test]
    fn an_unknown_chain_is_refused_with_the_names_that_exist() {
        let error = load("nowhere").map(|_| ()).expect_err("no such file");
        assert!(error.contains("dev, local, staging"), "{error}");
    }
}
