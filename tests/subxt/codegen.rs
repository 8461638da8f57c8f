//! The code that subxt generates for this chain, compiled and used against a development node.
//!
//! Empty unless `ATHANOR_METADATA` names the chain's metadata, which `scripts/test-client` takes
//! from the node it starts. That script runs the test.
#![cfg(athanor_metadata)]

use anyhow::{ensure, Context, Result};
use subxt::{OnlineClient, SubstrateConfig};
use subxt_signer::sr25519::dev;

const UNIT: u128 = 1_000_000_000_000;

#[allow(missing_docs, unreachable_pub, rustdoc::all, clippy::all)]
#[subxt::subxt(runtime_metadata_path = "$OUT_DIR/metadata.scale")]
mod athanor {}

#[tokio::test]
#[ignore = "needs a development node in ATHANOR_NODE: scripts/test-client"]
async fn what_is_generated_reads_and_sends() -> Result<()> {
    let url = std::env::var("ATHANOR_NODE").context("ATHANOR_NODE is not set")?;
    let client = OnlineClient::<SubstrateConfig>::from_insecure_url(url).await?;

    let at = client.at_current_block().await?;
    ensure!(
        athanor::is_codegen_valid_for(at.metadata_ref()),
        "generated from the metadata of another runtime"
    );
    let fee: u128 = at
        .constants()
        .entry(athanor::constants().data_market().listing_fee())?;
    ensure!(fee > 0, "listing is free");

    let models = athanor::storage().programs().next_model_id();
    let next: u64 = at.storage().fetch(models, ()).await?.decode()?;
    let mut found = 0u64;
    let mut entries = at
        .storage()
        .entry(athanor::storage().programs().models())?
        .iter(())
        .await?;
    while let Some(entry) = entries.next().await {
        let model = entry?.value().decode()?;
        ensure!(!model.licence.0.is_empty(), "a model without a licence");
        found += 1;
    }
    ensure!(found <= next, "{found} models, and the next is {next}");

    // The nonce is that of the last final block, and what another client sent may not be in it yet:
    // no other signs with this key.
    let signer = dev::charlie();
    let bob = dev::bob().public_key().to_account_id();
    let transfer = athanor::transactions()
        .balances()
        .transfer_keep_alive(bob.clone().into(), UNIT);
    let events = at
        .transactions()
        .sign_and_submit_then_watch_default(&transfer, &signer)
        .await?
        .wait_for_finalized_success()
        .await?;
    let moved = events
        .find_first::<athanor::balances::events::Transfer>()
        .context("no event of the transfer")??;
    ensure!(moved.to == bob && moved.amount == UNIT, "{moved:?}");
    Ok(())
}
