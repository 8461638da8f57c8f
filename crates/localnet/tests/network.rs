//! A network of four validators and a full node: finality, a crash, a transfer, a job.
//!
//! Needs `athanor-node` (with `fast-runtime`), `gpu-worker` and `athanor`, built, in the target
//! folder or in `$ATHANOR_BIN_DIR`; fails if one is missing.

use anyhow::{ensure, Context, Result};
use athanor_localnet::{
    athanor::Athanor,
    chain,
    digits::Digits,
    network::{DaemonPlan, Network},
    process,
    progress::Progress,
    rpc::wait_for,
    story::{fetch_and_check, publish, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use std::time::Duration;

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
    network.ensure_running()?;
    chain::audit(&network.first()?.ws()).await?;
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
    let job = order.create(cli).await?;
    let step = Progress::default().step("a job on five nodes");
    let outcome = Outcome::watch(cli, &job, 900, &step).await?;
    outcome.ensure_settled()?;
    step.done("settled");
    let output = workspace.data("outputs")?.join("output.bin");
    fetch_and_check(cli, &job, &outcome, &digits, BATCH, &[store], &output)
        .await
        .map(|_| ())
}
