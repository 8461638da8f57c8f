//! Two nodes with one validator's keys, as a careless operator starts a spare: the offence is
//! reported, and the validator is disabled and then out.
//!
//! The two nodes vote alike until they see different chains, which takes minutes, so this is run by
//! hand: `cargo test --release -p athanor-localnet --test equivocation -- --ignored`. Needs
//! `athanor-node` (with `fast-runtime`), built, as the network test does.

use anyhow::{ensure, Context, Result};
use athanor_localnet::{
    athanor::Athanor, chain, network::Network, node::NodePlan, rpc::wait_for, tools::Tools,
    workspace::Workspace,
};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(1_200);

#[tokio::test]
#[ignore = "takes minutes: see the module's header"]
async fn a_validator_that_runs_twice_is_disabled_and_removed() -> Result<()> {
    let tools = Tools::find()?;
    let mut workspace = Workspace::temporary()?;
    let played = play(&tools, &workspace).await;
    if played.is_err() {
        workspace.keep_logs();
    }
    played.with_context(|| format!("the logs are in {}", workspace.logs().display()))
}

async fn play(tools: &Tools, workspace: &Workspace) -> Result<()> {
    let mut network = Network::local(tools, workspace, &[], &[]).await?;
    network.wait_for_finality(&[], 2, LIMIT).await?;
    let rpc = network.first()?.rpc().clone();
    let ws = network.first()?.ws();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let dave = cli.public_key("//Dave//stash").await?;
    let (before, disabled) = chain::validators(&rpc).await?;
    ensure!(
        before.len() == 4 && before.contains(&dave) && disabled == 0,
        "the network does not begin with four validators"
    );

    network
        .add_node(tools, workspace, NodePlan::twin("spare", "dave"))
        .await?;
    wait_for("the offender's disabling", LIMIT, || async {
        Ok((chain::validators(&rpc).await?.1 == 1).then_some(()))
    })
    .await?;
    wait_for("the offender's removal", LIMIT, || async {
        Ok((!chain::validators(&rpc).await?.0.contains(&dave)).then_some(()))
    })
    .await?;
    let (after, _) = chain::validators(&rpc).await?;
    ensure!(
        after.len() == 3 && after.iter().all(|who| before.contains(who)),
        "others than the offender left"
    );

    // The three that stay go on without it.
    let height = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&["alice", "bob", "charlie"], height + 5, LIMIT)
        .await?;
    network.ensure_running()
}
