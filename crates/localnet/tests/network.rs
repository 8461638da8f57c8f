//! A network of four validators and a full node: finality, a crash, a transfer, a job, a newcomer.
//!
//! Needs `athanor-node` (with `fast-runtime`), `gpu-worker` and `athanor`, built, in the target
//! folder or in `$ATHANOR_BIN_DIR`; fails if one is missing.

use anyhow::{bail, ensure, Context, Result};
use athanor_localnet::{
    athanor::Athanor,
    chain,
    digits::Digits,
    network::{DaemonPlan, Network},
    node::NodePlan,
    process,
    progress::Progress,
    rpc::wait_for,
    story::{fetch_and_check, publish, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use serde_json::{json, Value};
use std::{collections::BTreeSet, path::Path, time::Duration};

const FINALITY: Duration = Duration::from_secs(240);
/// Digits in the job: enough to be real, few enough for a slow machine.
const BATCH: u32 = 64;

#[tokio::test]
async fn a_network_survives_a_crash_and_settles_a_job() -> Result<()> {
    let tools = Tools::find()?;
    let mut workspace = Workspace::temporary()?;
    let mut pids = Vec::new();
    let played = play(&tools, &workspace, &mut pids).await;
    if played.is_err() {
        workspace.keep_logs();
    }
    played.with_context(|| format!("the logs are in {}", workspace.logs().display()))?;

    let left: Vec<u32> = pids
        .into_iter()
        .filter(|pid| process::exists(*pid))
        .collect();
    ensure!(left.is_empty(), "processes were left behind: {left:?}");
    Ok(())
}

async fn play(tools: &Tools, workspace: &Workspace, pids: &mut Vec<u32>) -> Result<()> {
    let daemons = [DaemonPlan::honest("alice")];
    let mut network = Network::local(tools, workspace, &["eve"], &daemons).await?;
    pids.extend(network.pids());
    ensure!(
        network.nodes().len() == 5,
        "the network does not have five nodes"
    );

    network
        .wait_for_finality(&[], 11, FINALITY)
        .await
        .context("before the crash")?;
    crash_and_return(&mut network, pids)
        .await
        .context("around the crash")?;
    let cli = Athanor::new(
        &tools.cli,
        &network.first()?.ws(),
        &workspace.log("athanor"),
    );
    transfer(&cli).await.context("the transfer")?;
    job(&network, &cli, workspace).await.context("the job")?;
    warp(&mut network, tools, workspace, pids)
        .await
        .context("the warp sync")?;
    light_sync_state(&network).await?;
    metrics(&network).await.context("the metrics")?;
    network.ensure_running()?;
    chain::audit(&network.first()?.ws()).await?;
    Ok(())
}

/// A node with an empty database takes the proof of finality and the state instead of the blocks.
///
/// The SDK's client (sc-service 0.58) refuses the state of a block whose parent came with the proof,
/// the first of a session, for want of the parent's own ancestors. The node then has to be started
/// anew, so there are three attempts, each a block later at least.
async fn warp(
    network: &mut Network,
    tools: &Tools,
    workspace: &Workspace,
    pids: &mut Vec<u32>,
) -> Result<()> {
    for name in ["frank", "grace", "heidi"] {
        network
            .add_node(tools, workspace, NodePlan::warping(name))
            .await?;
        pids.extend(network.pids());
        let node = network.node_mut(name)?;
        let synced = wait_for("the end of the warp sync", FINALITY, || async {
            let (done, failed) = (
                node.has_logged("State sync is complete")?,
                node.has_logged("State sync failed")?,
            );
            Ok((done || failed).then_some(done))
        })
        .await?;
        if !synced {
            network.remove_node(name)?;
            continue;
        }
        let target = network.first()?.rpc().finalized_block().await? + 2;
        network.wait_for_finality(&[name], target, FINALITY).await?;
        return chain::audit(&network.node_mut(name)?.ws()).await.map(drop);
    }
    bail!("no newcomer could take the state")
}

/// A specification for light clients starts at a finalised header with its authorities.
async fn light_sync_state(network: &Network) -> Result<()> {
    let spec: Value = network
        .first()?
        .rpc()
        .call("sync_state_genSyncSpec", json!([true]))
        .await?;
    let state = spec
        .get("lightSyncState")
        .context("the specification has no light sync state")?;
    for part in [
        "finalizedBlockHeader",
        "babeEpochChanges",
        "grandpaAuthoritySet",
    ] {
        let text = state.get(part).and_then(Value::as_str).unwrap_or_default();
        ensure!(
            text.len() > 66,
            "the light sync state has no {part}: {state}"
        );
    }
    Ok(())
}

async fn crash_and_return(network: &mut Network, pids: &mut Vec<u32>) -> Result<()> {
    let others = ["alice", "bob", "charlie", "eve"];
    network.node_mut("dave")?.kill()?;
    let crashed_at = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&others, crashed_at + 5, FINALITY)
        .await?;

    network.node_mut("dave")?.restart().await?;
    pids.extend(network.pids());
    let returned_at = network.first()?.rpc().finalized_block().await?;
    network
        .wait_for_finality(&[], returned_at + 3, FINALITY)
        .await
}

async fn transfer(cli: &Athanor) -> Result<()> {
    let to = cli.address("//Nobody yet").await?;
    ensure!(cli.total(&to).await? == 0, "the receiver is no new account");
    cli.transfer("//Bob//stash", &to, "2.5 AUR").await?;
    wait_for("the transfer", Duration::from_secs(60), || async {
        Ok((cli.total(&to).await? == 2_500_000_000_000).then_some(()))
    })
    .await
}

async fn job(network: &Network, cli: &Athanor, workspace: &Workspace) -> Result<()> {
    let digits = Digits::find()?;
    let ws = network.first()?.ws();
    let store = network.daemon("alice")?.url().to_string();
    let least: u128 = chain::job_constant(&ws, "MinBond").await?;
    Provider {
        owner: "//ProviderAlice",
        worker: "//Alice",
        endpoint: &store,
        bond: least
            .checked_mul(10)
            .context("the least bond has no bounds")?,
        funder: "//Alice//stash",
        offer: &[],
    }
    .register(cli)
    .await?;
    let model = publish(cli, &digits, &store, "//Dave").await?;
    let input = workspace.data("inputs")?.join("digits.bin");
    std::fs::write(&input, digits.input(BATCH)?)?;
    let input_root = cli.put(&input, &store).await?;

    let order = Order {
        model: model.id,
        input_root: &input_root,
        batch: BATCH,
        policy: Policy::Optimistic,
        window: chain::job_constant(&ws, "MinWindow").await?,
        max_pay: "1 AUR",
        requester: "//Eve",
    };
    quoted(network, model.id).await.context("compute_quote")?;
    let job = order.create(cli).await?;
    seen_by_rpc(network, cli, job.id).await?;
    let step = Progress::default().step("a job on five nodes");
    let outcome = Outcome::watch(cli, &job, 900, &step).await?;
    outcome.ensure_settled()?;
    step.done("settled");
    let output = workspace.data("outputs")?.join("output.bin");
    fetch_and_check(cli, &job, &outcome, &digits, BATCH, &[store], &output)
        .await
        .map(|_| ())
}

/// The offer is listed, and taken into the price.
async fn quoted(network: &Network, model: u64) -> Result<()> {
    let rpc = network.first()?.rpc();
    let offers: Value = rpc.call("compute_offers", json!([])).await?;
    ensure!(
        offers.pointer("/offers/0/live") == Some(&json!(true)),
        "no live offer: {offers}"
    );
    let window: u32 = chain::job_constant(&network.first()?.ws(), "MinWindow").await?;
    let policy = json!({"optimistic": {"window": window, "audit": 0}});
    let stake: u128 = chain::job_constant(&network.first()?.ws(), "SeatStake").await?;
    let pay: u128 = 1_000_000_000_000;
    let terms =
        json!({"model": model, "batch": BATCH, "max_pay": pay.to_string(), "policy": policy});
    let quote: Value = rpc.call("compute_quote", json!({ "terms": terms })).await?;
    ensure!(
        quote.get("held") == Some(&json!((pay + stake).to_string())),
        "the quote holds something else: {quote}"
    );
    let terms = json!({"model": 1_000, "batch": 1, "max_pay": "1", "policy": policy});
    let refused = rpc.call::<Value>("compute_quote", json!([terms])).await;
    ensure!(
        refused.is_err_and(|error| error.to_string().contains("-32032")),
        "an unknown model is quoted"
    );
    Ok(())
}

/// The job, and what it asks of the worker key, until it asks for something.
async fn seen_by_rpc(network: &Network, cli: &Athanor, id: u64) -> Result<()> {
    let rpc = network.first()?.rpc();
    let job: Value = rpc.call("compute_job", json!([id])).await?;
    let requester = cli.address("//Eve").await?;
    ensure!(
        job.get("job") == Some(&json!(id)) && job.get("requester") == Some(&json!(requester)),
        "compute_job shows another job: {job}"
    );
    let refused = rpc.call::<Value>("compute_job", json!([id + 1_000])).await;
    ensure!(
        refused.is_err_and(|error| error.to_string().contains("-32031")),
        "a job that never was is shown"
    );
    let worker = cli.address("//Alice").await?;
    wait_for("a ticket", Duration::from_secs(120), || async {
        let work: Value = rpc
            .call("compute_work", json!({ "worker": worker }))
            .await?;
        Ok((work.pointer("/tickets/0/job") == Some(&json!(id))).then_some(()))
    })
    .await
}

/// A validator serves every metric that the dashboards and alerts ask of nodes.
async fn metrics(network: &Network) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../monitoring");
    let mut wanted = BTreeSet::new();
    for file in ["grafana/validator.json", "prometheus/athanor.rules.yml"] {
        let text = std::fs::read_to_string(folder.join(file))?;
        wanted.extend(
            text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .filter(|word| word.starts_with("substrate_"))
                .map(str::to_owned),
        );
    }
    ensure!(wanted.len() > 10, "only {wanted:?} are asked for");
    let url = network.first()?.metrics();
    let served = reqwest::get(&url).await?.error_for_status()?.text().await?;
    let names: BTreeSet<&str> = served
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|name| !names.contains(name.as_str()))
        .collect();
    ensure!(missing.is_empty(), "{url} lacks {missing:?}");
    Ok(())
}
