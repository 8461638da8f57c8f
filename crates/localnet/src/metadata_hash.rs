//! A transaction that says which metadata its signer read: RFC-78, mode 1 of `CheckMetadataHash`. The
//! hash is worked out from the metadata that the node hands out, as an offline wallet does.

use crate::{
    load::follow::{Signer, State},
    rpc::{wait_for, Rpc},
};
use anyhow::{ensure, Context, Result};
use codec::{Compact, Decode, Encode};
use frame_metadata::RuntimeMetadataPrefixed;
use merkleized_metadata::{generate_metadata_digest, ExtraInfo};
use serde_json::{json, Value as Json};
use sp_crypto_hashing::blake2_256;
use std::time::Duration;
use subxt::{
    dynamic::{self, Value},
    OnlineClient, SubstrateConfig,
};

/// Symbol and decimals that the runtime's hash is made with.
const TOKEN: (&str, u8) = ("AUR", 12);
/// Longest wait for the transaction's block.
const PATIENCE: Duration = Duration::from_secs(60);
/// A signed transaction of version 4.
const SIGNED: u8 = 0b1000_0100;

/// Sends a transaction of `suri` with the hash of the metadata, after the same with another hash.
/// Answers the right one.
///
/// # Errors
///
/// If the chain takes the other hash, or does not take the right one.
pub(crate) async fn check(ws: &str, rpc: &Rpc, suri: &str) -> Result<[u8; 32]> {
    let client = OnlineClient::<SubstrateConfig>::from_insecure_url(ws)
        .await
        .with_context(|| format!("cannot reach {ws}"))?;
    let state = client.at_current_block().await.context("no block")?;
    let version: Json = rpc.call("state_getRuntimeVersion", json!([])).await?;
    let hash = hash(&state, rpc, &version).await?;

    let mut signer = Signer::new(suri)?;
    let account = signer.account();
    signer.nonce = rpc.nonce(&account.to_string()).await?;
    let genesis = rpc.call::<String>("chain_getBlockHash", json!([0])).await?;
    let genesis = hex::decode(genesis.trim_start_matches("0x"))?;
    let mut wrong = hash;
    wrong[0] ^= 1;
    let wrong = sign(&state, &signer, &version, &genesis, wrong)?;
    let refused = rpc.submit(&[wrong]).await;
    ensure!(
        refused.is_err_and(|error| format!("{error:#}").contains("bad signature")),
        "the hash of other metadata is not refused as a bad signature"
    );
    rpc.submit(&[sign(&state, &signer, &version, &genesis, hash)?])
        .await
        .context("the metadata's hash")?;
    let next = signer.nonce + 1;
    wait_for("the transaction's block", PATIENCE, || async {
        let state = client.at_current_block().await?;
        let nonce = state.tx().account_nonce(&account).await?;
        Ok((nonce >= next).then_some(()))
    })
    .await?;
    Ok(hash)
}

/// RFC-78's hash of the metadata in its version 15.
async fn hash(state: &State, rpc: &Rpc, version: &Json) -> Result<[u8; 32]> {
    let method = "Metadata_metadata_at_version";
    let wanted = format!("0x{}", hex::encode(15u32.encode()));
    let metadata: String = rpc.call("state_call", json!([method, wanted])).await?;
    let metadata = hex::decode(metadata.trim_start_matches("0x"))?;
    let metadata = Option::<Vec<u8>>::decode(&mut metadata.as_slice())?;
    let metadata = metadata.context("the node has no metadata of version 15")?;
    let metadata = RuntimeMetadataPrefixed::decode(&mut metadata.as_slice())?.1;
    let prefix = dynamic::constant::<u16>("System", "SS58Prefix");
    let extra = ExtraInfo {
        spec_version: number(version, "specVersion")?,
        spec_name: version["specName"].as_str().context("no name")?.to_owned(),
        base58_prefix: state.constants().entry(prefix)?,
        decimals: TOKEN.1,
        token_symbol: TOKEN.0.to_owned(),
    };
    let digest = generate_metadata_digest(&metadata, extra);
    Ok(digest.map_err(anyhow::Error::msg)?.hash())
}

/// A remark with mode 1 of `CheckMetadataHash`; the client library knows mode 0 only.
fn sign(
    state: &State,
    signer: &Signer,
    version: &Json,
    genesis: &[u8],
    hash: [u8; 32],
) -> Result<String> {
    let remark = dynamic::tx("System", "remark", vec![Value::from_bytes([])]);
    let call = state.transactions().call_data(&remark)?;
    let (mut explicit, mut implicit) = (Vec::new(), Vec::new());
    let metadata = state.metadata();
    for extension in metadata
        .extrinsic()
        .transaction_extensions_to_use_for_encoding()
    {
        match extension.identifier() {
            "CheckSpecVersion" => number(version, "specVersion")?.encode_to(&mut implicit),
            "CheckTxVersion" => number(version, "transactionVersion")?.encode_to(&mut implicit),
            "CheckGenesis" => implicit.extend_from_slice(genesis),
            "CheckMortality" => {
                explicit.push(0);
                implicit.extend_from_slice(genesis);
            }
            "CheckNonce" => Compact(signer.nonce).encode_to(&mut explicit),
            "ChargeTransactionPayment" => explicit.push(0),
            "CheckMetadataHash" => {
                explicit.push(1);
                Some(hash).encode_to(&mut implicit);
            }
            // What has bytes, and is not known here, makes the signature a bad one.
            _ => {}
        }
    }
    let mut payload = [&call[..], &explicit, &implicit].concat();
    if payload.len() > 256 {
        payload = blake2_256(&payload).to_vec();
    }
    let mut bytes = vec![SIGNED, 0];
    bytes.extend_from_slice(&signer.account().0);
    bytes.push(1);
    bytes.extend_from_slice(&signer.key.sign(&payload).0);
    bytes.extend_from_slice(&explicit);
    bytes.extend_from_slice(&call);
    Ok(format!("0x{}", hex::encode(bytes.encode())))
}

fn number(version: &Json, field: &str) -> Result<u32> {
    let number = version[field].as_u64();
    let number = number.with_context(|| format!("no {field} in {version}"))?;
    Ok(number.try_into()?)
}
