//! The demo: one job on a development chain, then the same input on a local network where one of
//! three providers lies.

use crate::{
    athanor::{aur, Athanor},
    chain,
    daemon::Fault,
    digits::Digits,
    network::{DaemonPlan, Network},
    progress::Progress,
    story::{fetch_and_check, publish, Checked, Holdings, Job, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use comfy_table::{presets::UTF8_FULL_CONDENSED, CellAlignment, Table};
use std::time::Duration;

/// Who publishes the model.
const AUTHOR: &str = "//Dave";
/// Who orders the jobs.
const REQUESTER: &str = "//Eve";
/// The most a provider may cost.
const MAX_PAY: &str = "1 AUR";
/// How long a job may take. With the windows of `fast-runtime` minutes are enough.
const JOB_SECONDS: u64 = 1_200;
/// How long a fresh chain may take to its first finalised blocks.
const FIRST_BLOCKS: Duration = Duration::from_secs(180);
/// A provider's bond, in multiples of the least one.
const BONDS: u128 = 10;

/// Plays both parts.
///
/// # Errors
///
/// At the first step that fails or comes out other than it should.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    digits: &Digits,
    progress: Progress,
) -> Result<()> {
    let mut summary = table(["", "one provider", "three providers, one lies"]);
    let one = one_job(tools, workspace, digits, progress)
        .await
        .context("part 1 failed")?;
    let three = three_providers(tools, workspace, digits, progress)
        .await
        .context("part 2 failed")?;
    for ((name, one), (_, three)) in one.rows.iter().zip(&three.rows) {
        summary.add_row([name.as_str(), one, three]);
    }
    progress.headline("Summary");
    println!("{summary}");
    Ok(())
}

/// What a part contributes to the summary.
struct Part {
    rows: Vec<(String, String)>,
}

impl Part {
    fn new(
        digits: &Digits,
        job: &Job,
        outcome: &Outcome,
        checked: &Checked,
        batch: u32,
    ) -> Result<Self> {
        let cost = digits
            .program()
            .cost(batch)
            .context("the batch is too large")?;
        let row = |name: &str, value: String| (name.to_string(), value);
        Ok(Self {
            rows: vec![
                row("digits named rightly", accuracy(checked, batch)),
                row("bit for bit as the reference", "yes".into()),
                row("output root", short(&checked.root)),
                row("units of work", cost.units().to_string()),
                row("held for the job", aur(job.held)),
                row("paid to providers", aur(outcome.total_paid())),
                row("of it to the treasury", aur(outcome.fees)),
                row("refunded", aur(outcome.refund)),
                row("providers paid", outcome.paid.len().to_string()),
                row("providers struck", outcome.struck.len().to_string()),
            ],
        })
    }
}

async fn one_job(
    tools: &Tools,
    workspace: &Workspace,
    digits: &Digits,
    progress: Progress,
) -> Result<Part> {
    progress.headline("Part 1: one job on a development chain");
    let batch = digits.batch()?;

    let step = progress.step("start a node and a gpu-worker");
    let mut network = Network::development(tools, workspace).await?;
    network.wait_for_finality(&[], 1, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    step.done(format!("{ws}, {}", network.daemon("dev")?.url()));
    let store = network.daemon("dev")?.url().to_string();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor-part-1"));

    let bond = bond(&ws).await?;
    let step = progress.step("register a provider and its offer");
    let provider = Provider {
        owner: "//ProviderAlice",
        worker: "//Alice",
        endpoint: &store,
        bond,
        funder: "//Alice//stash",
        offer: &[],
    };
    let address = provider.register(&cli).await?;
    step.done(format!("{}, bond {}", short(&address), aur(bond)));

    let (model, input_root) = prepare(&cli, digits, &store, progress).await?;

    let worker = cli.address(provider.worker).await?;
    let before = (
        cli.total(REQUESTER).await?,
        Holdings::of(&cli, &address, &worker).await?,
    );
    let window: u32 = chain::job_constant(&ws, "MinWindow").await?;
    let step = progress.step("create the job, its budget held");
    let order = Order {
        model,
        input_root: &input_root,
        batch,
        policy: Policy::Optimistic,
        window,
        max_pay: MAX_PAY,
        requester: REQUESTER,
    };
    let job = order.create(&cli).await?;
    step.done(format!(
        "job {}, {} held, window {window} blocks",
        job.id,
        aur(job.held)
    ));

    let step = progress.step("wait for receipt, window and settlement");
    let outcome = Outcome::watch(&cli, &job, JOB_SECONDS, &step).await?;
    network.ensure_running()?;
    outcome.ensure_settled()?;
    step.done(format!("settled, {} paid", aur(outcome.total_paid())));

    let checked = check(
        &cli,
        &Finished {
            job: &job,
            outcome: &outcome,
            batch,
        },
        digits,
        &[store],
        workspace,
        progress,
    )
    .await?;

    let after = (
        cli.total(REQUESTER).await?,
        Holdings::of(&cli, &address, &worker).await?,
    );
    let mut balances = table(["account", "before", "after"]);
    balances.add_row(["requester".into(), aur(before.0), aur(after.0)]);
    balances.add_row(["provider".into(), aur(before.1.total), aur(after.1.total)]);
    balances.add_row([
        "provider's worker key".into(),
        aur(before.1.worker),
        aur(after.1.worker),
    ]);
    println!("{balances}");
    ensure!(
        after.0 < before.0 && earned(before.1, after.1),
        "the requester did not pay, or the provider was not paid"
    );
    ensure!(
        after.1.bond == before.1.bond,
        "an honest provider's bond changed"
    );

    audit(&ws, progress).await?;
    Part::new(digits, &job, &outcome, &checked, batch)
}

async fn three_providers(
    tools: &Tools,
    workspace: &Workspace,
    digits: &Digits,
    progress: Progress,
) -> Result<Part> {
    progress.headline("Part 2: three providers on a local network, one of them lies");
    let batch = digits.batch()?;

    let step = progress.step("start four validators and three gpu-workers");
    let daemons = [
        DaemonPlan::honest("alice"),
        DaemonPlan::honest("bob"),
        DaemonPlan::faulty("charlie", Fault::WrongOutput),
    ];
    let mut network = Network::local(tools, workspace, &[], &daemons).await?;
    network.wait_for_finality(&[], 2, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    step.done(format!("{ws} and three more"));
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor-part-2"));
    let store = network.daemon("alice")?.url().to_string();

    let bond = bond(&ws).await?;
    let step = progress.step("register three providers of different owners");
    let names = ["Alice", "Bob", "Charlie"];
    let registered = names.map(|name| {
        let endpoint = network
            .daemon(&name.to_lowercase())
            .map(|d| d.url().to_string());
        let cli = &cli;
        async move {
            let (owner, worker) = (format!("//Provider{name}"), format!("//{name}"));
            let provider = Provider {
                owner: &owner,
                worker: &worker,
                endpoint: &endpoint?,
                bond,
                funder: &format!("//{name}//stash"),
                offer: &[],
            };
            let address = provider.register(cli).await?;
            anyhow::Ok((name, address, cli.address(&worker).await?))
        }
    });
    let providers = futures::future::try_join_all(registered).await?;
    step.done(format!("bond {} each", aur(bond)));

    let (model, input_root) = prepare(&cli, digits, &store, progress).await?;

    let paid_before = cli.total(REQUESTER).await?;
    let mut before = Vec::new();
    for (_, address, worker) in &providers {
        before.push(Holdings::of(&cli, address, worker).await?);
    }
    let window: u32 = chain::job_constant(&ws, "MinWindow").await?;
    let step = progress.step("create the job: three replicas, two must agree");
    let order = Order {
        model,
        input_root: &input_root,
        batch,
        policy: Policy::Replicated {
            replicas: 3,
            quorum: 2,
        },
        window,
        max_pay: MAX_PAY,
        requester: REQUESTER,
    };
    let job = order.create(&cli).await?;
    step.done(format!(
        "job {}, {} held, window {window} blocks",
        job.id,
        aur(job.held)
    ));

    let step = progress.step("wait for receipts, window and verdict");
    let outcome = Outcome::watch(&cli, &job, JOB_SECONDS, &step).await?;
    network.ensure_running()?;
    outcome.ensure_settled()?;
    step.done(format!("settled, {} struck", outcome.struck.len()));

    let stores: Vec<String> = ["alice", "bob"]
        .iter()
        .map(|n| Ok(network.daemon(n)?.url().into()))
        .collect::<Result<_>>()?;
    let checked = check(
        &cli,
        &Finished {
            job: &job,
            outcome: &outcome,
            batch,
        },
        digits,
        &stores,
        workspace,
        progress,
    )
    .await?;

    let mut verdicts = table([
        "provider",
        "verdict",
        "paid",
        "bond before",
        "bond after",
        "total before",
        "after",
    ]);
    for ((name, address, worker), before) in providers.iter().zip(&before) {
        let after = Holdings::of(&cli, address, worker).await?;
        let fault = outcome
            .struck
            .iter()
            .find(|(who, _)| who == address)
            .map(|(_, fault)| fault);
        let lies = *name == "Charlie";
        ensure!(
            fault.is_some() == lies,
            "{name} was {}, but it {}",
            fault.map_or("not struck", String::as_str),
            if lies { "lies" } else { "is honest" }
        );
        if lies {
            ensure!(after.bond < before.bond, "the liar's bond was not slashed");
            ensure!(outcome.paid_to(address) == 0, "the liar was paid");
        } else {
            ensure!(
                after.bond == before.bond,
                "an honest provider's bond changed"
            );
            ensure!(earned(*before, after), "{name} is honest and was not paid");
        }
        verdicts.add_row([
            (*name).into(),
            fault.cloned().unwrap_or_else(|| "accepted".into()),
            aur(outcome.paid_to(address)),
            aur(before.bond),
            aur(after.bond),
            aur(before.total.saturating_add(before.worker)),
            aur(after.total.saturating_add(after.worker)),
        ]);
    }
    println!("{verdicts}");
    println!(
        "  requester: {} before, {} after",
        aur(paid_before),
        aur(cli.total(REQUESTER).await?)
    );

    audit(&ws, progress).await?;
    Part::new(digits, &job, &outcome, &checked, batch)
}

/// Publishes the model and puts the input into the content store.
async fn prepare(
    cli: &Athanor,
    digits: &Digits,
    store: &str,
    progress: Progress,
) -> Result<(u64, String)> {
    let step = progress.step("register the digits program and model");
    let model = publish(cli, digits, store, AUTHOR).await?;
    step.done(format!(
        "model {}, program {}",
        model.id,
        short(&model.program_hash)
    ));

    let batch = digits.batch()?;
    let step = progress.step(format!(
        "put {batch} handwritten digits into the content store"
    ));
    let root = cli.put(&digits.input_file(), store).await?;
    step.done(short(&root));
    Ok((model.id, root))
}

/// A job at its end.
struct Finished<'a> {
    job: &'a Job,
    outcome: &'a Outcome,
    batch: u32,
}

async fn check(
    cli: &Athanor,
    finished: &Finished<'_>,
    digits: &Digits,
    stores: &[String],
    workspace: &Workspace,
    progress: Progress,
) -> Result<Checked> {
    let step =
        progress.step("fetch the output by its root, compare with the reference interpreter");
    let file = workspace
        .data("outputs")?
        .join(format!("{}.bin", finished.job.id));
    let Finished {
        job,
        outcome,
        batch,
    } = *finished;
    let checked = fetch_and_check(cli, job, outcome, digits, batch, stores, &file).await?;
    step.done(format!(
        "{} bytes, every bit the same; {}",
        checked.bytes,
        accuracy(&checked, batch)
    ));
    Ok(checked)
}

/// Checks the chain's own invariants on the live state.
async fn audit(ws: &str, progress: Progress) -> Result<()> {
    let step = progress.step("check the chain's invariants");
    let audit = chain::audit(ws).await?;
    step.done(audit);
    Ok(())
}

/// A provider's bond on this chain.
async fn bond(ws: &str) -> Result<u128> {
    let least: u128 = chain::job_constant(ws, "MinBond").await?;
    least
        .checked_mul(BONDS)
        .context("the least bond has no bounds")
}

/// Whether a provider, with its worker key, has more than before. The worker key pays fees, which
/// are far below the pay.
fn earned(before: Holdings, after: Holdings) -> bool {
    after.total.saturating_add(after.worker) > before.total.saturating_add(before.worker)
}

fn accuracy(checked: &Checked, batch: u32) -> String {
    let percent = 100.0 * checked.right as f64 / f64::from(batch.max(1));
    format!("{} of {batch} ({percent:.2} %)", checked.right)
}

/// The beginning of a root, hash or address.
fn short(text: &str) -> String {
    match text.char_indices().nth(14) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.into(),
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(short("0x0123456789abcdef"), "0x0123456789ab…");
        assert_eq!(short("0x01"), "0x01");
    }

    #[test]
    fn accuracy_is_shown_in_percent() {
        let checked = Checked {
            root: String::new(),
            bytes: 4,
            right: 3,
        };
        assert_eq!(accuracy(&checked, 4), "3 of 4 (75.00 %)");
    }
}
