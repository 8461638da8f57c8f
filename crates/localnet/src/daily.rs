//! A provider's and a requester's daily life, through the `athanor` command line.
//!
//! Four things happen side by side on one chain, to people who have nothing to do with each other. A
//! requester quotes jobs that nobody takes, lists and cancels one, and lets others expire. A provider
//! is paid, pauses, resumes, adds to its bond, leaves and gets the bond back. Two requesters demand an
//! output on the chain: one provider shows it, the other withholds it and goes to jail for a while.
//! And jobs are audited until an auditor is drawn, with a node and a daemon of its own. Whatever a
//! quote promised must be what the chain did, and in the end every account must have to the unit what
//! the money table of `docs/spec/compute-jobs.md` says.

mod audits;
mod open;
mod provider;
mod quote;
mod shown;

use crate::{
    athanor::{amount, exact, number, text, Athanor},
    chain,
    daemon::{Fault, LAST_NODE},
    digits::Digits,
    load::follow::Signer,
    market::{
        self,
        ledger::{Key, Ledger, Snapshot},
        money::Changes,
    },
    network::{DaemonPlan, Network},
    node::NodePlan,
    progress::{Progress, Step},
    provide::{Provide, Runner},
    rpc::wait_for,
    story::{publish, register_model, Job, Outcome},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{bail, ensure, Context, Result};
use quote::Quote;
use serde_json::{json, Value};
use std::{path::PathBuf, time::Duration};

/// The smallest units of an AUR.
const UNIT: u128 = 1_000_000_000_000;
/// Digits in a job.
const BATCH: u32 = 64;
/// A provider's bond.
const BOND: u128 = 500 * UNIT;
/// What everybody starts with: a bond and enough for jobs and fees.
const MONEY: u128 = 600 * UNIT;
/// The most a job pays a provider.
const MAX_PAY: u128 = UNIT;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a job may take to its end.
const JOB_SECONDS: u64 = 900;
/// φ, in parts of a million.
const FEE: u128 = 20_000;
/// Exit code of a command that was refused, and of one that makes no sense.
const REFUSED: i32 = 1;
const USAGE: i32 = 2;

/// Who takes part, beside those of the audits.
const REQUESTER: &str = "//Daily//Requester";
const POKER: &str = "//Daily//Poker";
const CUSTOMER: &str = "//Daily//Customer";
const DOUBTER: &str = "//Daily//Doubter";
const CHEATED: &str = "//Daily//Cheated";
const LEAVING: Owner = Owner::new("//Daily//Leaving", "//Daily//LeavingWorker");
const SHOWING: Owner = Owner::new("//Daily//Showing", "//Daily//ShowingWorker");
const SILENT: Owner = Owner::new("//Daily//Silent", "//Daily//SilentWorker");

/// Secrets of a provider and of its worker key.
#[derive(Clone, Copy, Debug)]
struct Owner {
    suri: &'static str,
    worker: &'static str,
}

impl Owner {
    const fn new(suri: &'static str, worker: &'static str) -> Self {
        Self { suri, worker }
    }
}

/// What a part leaves to be checked when all are over.
struct Played {
    /// Money that went to the treasury.
    treasury: i128,
    /// Jobs that were created.
    jobs: usize,
    /// What it was about.
    words: String,
}

/// What all parts share.
struct Stage<'a> {
    cli: Athanor,
    ws: String,
    ledger: Ledger,
    store: String,
    digits: &'a Digits,
    input_root: String,
    folder: PathBuf,
    step: &'a Step,
}

/// Plays all of it.
///
/// # Errors
///
/// If a command answers otherwise than it should, or a balance is another.
pub async fn play(tools: &Tools, workspace: &Workspace, progress: Progress) -> Result<()> {
    let digits = Digits::find()?;
    let step =
        progress.step("start two nodes with their daemons, and a provider that hides things");
    let daemons = [DaemonPlan::honest("alice"), DaemonPlan::honest("bob")];
    let mut network = Network::on_preset(tools, workspace, "development", &daemons).await?;
    for plan in [NodePlan::validator("alice"), NodePlan::full("bob")] {
        network.add_node(tools, workspace, plan).await?;
    }
    network.wait_for_finality(&[], 1, PATIENCE).await?;
    let ws = network.first()?.ws();
    let store = network.daemon("alice")?.url().to_string();
    let runner = Runner::Own {
        gateway: &store,
        fault: Some(Fault::HiddenElement(LAST_NODE)),
    };
    let nodes = [ws.clone()];
    let mut silent =
        Provide::start(tools, workspace, "silent", &nodes, SILENT.worker, runner).await?;
    step.done(&ws);

    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let rpc = network.first()?.rpc().clone();
    let ledger = Ledger::new(&rpc, &ws).await?;
    let step = progress.step("fund everybody, register a model for each part");
    let everybody = everybody();
    let keys = keys(&everybody)?;
    ledger.fund("//Alice//stash", &keys, MONEY).await?;
    let first = publish(&cli, &digits, &store, "//Dave").await?;
    let more = ["//Bob", "//Charlie", "//Dave", "//Eve"].map(|owner| {
        let (cli, digits, store, hash) = (&cli, &digits, &store, &first.program_hash);
        async move { register_model(cli, digits, hash, store, owner).await }
    });
    let more = futures::future::try_join_all(more).await?;
    let [leaving, showing, silent_model, audited] = more[..] else {
        bail!("models are missing");
    };
    let input = workspace.data("input")?.join("digits.bin");
    std::fs::write(&input, digits.input(BATCH)?).context("cannot write the input")?;
    let input_root = cli.put(&input, &store).await?;
    step.done("");

    let step = progress.step("register the providers");
    for (node, owner) in [
        ("alice", SHOWING),
        ("alice", audits::PROVIDERS[0]),
        ("bob", audits::PROVIDERS[1]),
        ("bob", LEAVING),
    ] {
        insert_key(&cli, &network, node, owner.worker).await?;
    }
    let (alice, bob) = (network.daemon("alice")?.url(), network.daemon("bob")?.url());
    tokio::try_join!(
        register(&cli, LEAVING, bob, "100 mAUR", leaving),
        register(&cli, SHOWING, alice, "100 mAUR", showing),
        register(&cli, SILENT, silent.url(), "100 mAUR", silent_model),
        register(&cli, audits::PROVIDERS[0], alice, "100 mAUR", audited),
        register(&cli, audits::PROVIDERS[1], bob, "200 mAUR", audited),
    )?;
    step.done("");

    let step = progress.step("daily life, side by side");
    let stage = Stage {
        cli,
        ws,
        ledger,
        store,
        digits: &digits,
        input_root,
        folder: workspace.data("outputs")?,
        step: &step,
    };
    let treasury = market::treasury();
    let before = stage.snapshot(&[treasury]).await?;
    let named = |name: &'static str| move |error: anyhow::Error| error.context(name);
    let (a, b, c, d, e) = tokio::try_join!(
        async {
            open::play(&stage, first.id)
                .await
                .map_err(named("jobs that nobody takes"))
        },
        async {
            provider::play(&stage, leaving)
                .await
                .map_err(named("a provider that leaves"))
        },
        async {
            shown::show(&stage, showing)
                .await
                .map_err(named("an output that is shown"))
        },
        async {
            let played = shown::withhold(&stage, silent_model).await;
            played.map_err(named("an output that is withheld"))
        },
        async { audits::play(&stage, audited).await.map_err(named("audits")) },
    )?;
    let parts = [a, b, c, d, e];
    let after = stage.snapshot(&[treasury]).await?;
    let mut expected = 0;
    for part in &parts {
        expected += part.treasury;
    }
    let got = change(&before, &after, &treasury)?;
    ensure!(
        got == expected,
        "the treasury should have {expected} more than before and has {got}, fees apart"
    );
    let jobs: usize = parts.iter().map(|part| part.jobs).sum();
    let known = after.jobs.len();
    ensure!(known == jobs, "{known} jobs were created, not {jobs}");
    let ws = stage.ws.clone();
    drop(stage);
    step.done(format!("{jobs} jobs"));
    for part in &parts {
        println!("  {}", part.words);
    }
    println!("every quote held, every balance to the unit");
    network.ensure_running()?;
    silent.ensure_running()?;
    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    Ok(())
}

/// Secrets of everybody who needs money.
fn everybody() -> Vec<String> {
    let one = [REQUESTER, POKER, CUSTOMER, DOUBTER, CHEATED];
    let owners = [LEAVING, SHOWING, SILENT].into_iter();
    let owners = owners.chain(audits::PROVIDERS);
    let mut all: Vec<String> = one.map(String::from).into();
    all.extend(owners.flat_map(|owner| [owner.suri, owner.worker].map(String::from)));
    all.extend(audits::requesters());
    all
}

fn key(suri: &str) -> Result<Key> {
    Ok(Signer::new(suri)?.account().0)
}

fn keys<S: AsRef<str>>(suris: &[S]) -> Result<Vec<Key>> {
    suris.iter().map(|suri| key(suri.as_ref())).collect()
}

/// Puts a worker's key into a node's keystore.
async fn insert_key(cli: &Athanor, network: &Network, node: &str, suri: &str) -> Result<()> {
    let key = format!("0x{}", hex::encode(cli.public_key(suri).await?));
    let rpc = network.node(node)?.rpc();
    rpc.call("author_insertKey", json!(["gpuw", suri, key]))
        .await
}

/// Registers a provider for one model.
async fn register(
    cli: &Athanor,
    owner: Owner,
    endpoint: &str,
    minimum: &str,
    model: u64,
) -> Result<()> {
    let (bond, model) = (exact(BOND), model.to_string());
    cli.run(&[
        "provider",
        "register",
        "--worker",
        owner.worker,
        "--endpoint",
        endpoint,
        "--bond",
        &bond,
        "--suri",
        owner.suri,
    ])
    .await?;
    cli.run(&[
        "provider",
        "offer",
        "--minimum",
        minimum,
        "--macs-rate",
        "10 mAUR",
        "--slots",
        "40",
        "--model",
        &model,
        "--suri",
        owner.suri,
    ])
    .await?;
    Ok(())
}

/// What a protocol's fee is of a pay, rounded up.
fn fee(pay: u128) -> u128 {
    (pay * FEE).div_ceil(1_000_000)
}

/// How much more an account has, fees of transactions apart.
fn change(before: &Snapshot, after: &Snapshot, key: &Key) -> Result<i128> {
    let of = |snapshot: &Snapshot| -> Result<i128> {
        let total = snapshot.total.get(key).copied().unwrap_or_default();
        let fees = if *key == market::treasury() {
            -i128::try_from(snapshot.fees_to_treasury)?
        } else {
            i128::try_from(snapshot.fees.get(key).copied().unwrap_or_default())?
        };
        Ok(i128::try_from(total)? + fees)
    };
    Ok(of(after)? - of(before)?)
}

/// Compares these accounts with what is expected of them, fees of transactions apart.
fn ensure_money<S: AsRef<str>>(
    before: &Snapshot,
    after: &Snapshot,
    expected: &Changes,
    who: &[S],
) -> Result<()> {
    for suri in who {
        let suri = suri.as_ref();
        let key = key(suri)?;
        let (got, wanted) = (change(before, after, &key)?, expected.of(&key));
        ensure!(
            got == wanted,
            "{suri} should have {wanted} more than before and has {got}, fees apart"
        );
    }
    Ok(())
}

/// Moves a pay that was accepted, out of what the requester's job holds or the audit pot.
fn pays(expected: &mut Changes, from: Key, provider: Key, pay: u128) {
    expected.moves(from, provider, pay - fee(pay));
    expected.moves(from, market::treasury(), fee(pay));
}

impl Stage<'_> {
    /// Everybody's money after the last final block, once all that is done now is final.
    async fn snapshot(&self, keys: &[Key]) -> Result<Snapshot> {
        let rpc = &self.ledger.rpc;
        let head = rpc.best_block().await?;
        wait_for("finality", PATIENCE, || async {
            Ok((rpc.finalized_block().await? >= head).then_some(()))
        })
        .await?;
        self.ledger.snapshot(keys).await
    }

    /// Waits for a best block of this number.
    async fn until(&self, block: u64) -> Result<()> {
        let rpc = &self.ledger.rpc;
        wait_for("a block", PATIENCE, || async {
            Ok((rpc.best_block().await? >= block).then_some(()))
        })
        .await
    }

    /// Terms of a job as `job quote` and `job create` take them.
    fn terms(&self, command: &str, model: u64, more: &[&str]) -> Vec<String> {
        let (model, batch, max_pay) = (model.to_string(), BATCH.to_string(), exact(MAX_PAY));
        let fixed = [
            "job",
            command,
            "--model",
            &model,
            "--batch",
            &batch,
            "--max-pay",
            &max_pay,
            "--window",
            "min",
        ];
        let all = fixed.iter().chain(more);
        all.map(|part| (*part).to_string()).collect()
    }

    async fn quote(&self, model: u64, more: &[&str]) -> Result<Quote> {
        let answer = self.cli.run(&self.terms("quote", model, more)).await?;
        Quote::read(&answer)
    }

    /// Creates a job, and checks that it holds what was quoted.
    async fn create(&self, suri: &str, model: u64, more: &[&str], quoted: &Quote) -> Result<Job> {
        let mut args = self.terms("create", model, more);
        let rest = ["--input-root", &self.input_root, "--yes", "--suri", suri];
        args.extend(rest.map(String::from));
        let answer = self.cli.run(&args).await?;
        let job = Job {
            id: number(&answer, "job")?,
            held: amount(&answer, "held")?,
        };
        ensure!(
            job.held == quoted.held && amount(&answer, "deposit")? == quoted.deposit,
            "{answer} does not hold what was quoted: {quoted:?}"
        );
        Ok(job)
    }

    /// Follows a job to its end, whatever that is. Answers it, and all that was said.
    async fn ended(&self, job: &Job) -> Result<(Outcome, Value)> {
        let (id, limit) = (job.id.to_string(), JOB_SECONDS.to_string());
        let args = ["job", "watch", &id, "--timeout", &limit];
        let answer = self.cli.run(&args).await?;
        Ok((Outcome::read(&answer)?, answer))
    }

    /// Waits until a job is in this state.
    async fn reaches(&self, job: &Job, status: &str) -> Result<()> {
        let what = format!("job {}: {status}", job.id);
        wait_for(&what, PATIENCE, || async {
            let state = chain::job(&self.ws, job.id).await?;
            let state = state.with_context(|| format!("job {} has ended", job.id))?;
            Ok((state.status == status).then_some(()))
        })
        .await
    }

    /// Runs a command that must be refused with this exit code, in these words.
    async fn refused(&self, args: &[&str], code: i32, words: &str) -> Result<()> {
        let shown = args.join(" ");
        let error = match self.cli.run(args).await {
            Ok(answer) => bail!("`athanor {shown}` was not refused: {answer}"),
            Err(error) => format!("{error:#}"),
        };
        ensure!(
            error.contains(&format!("(exit status: {code})"))
                && error.contains("error: ")
                && error.contains(words),
            "`athanor {shown}` should be refused with exit code {code} for `{words}`: {error}"
        );
        Ok(())
    }

    /// What `provider status` says of a provider.
    async fn status(&self, suri: &str) -> Result<Value> {
        self.cli.run(&["provider", "status", suri]).await
    }

    /// A provider's own command, without options.
    async fn provider(&self, command: &str, suri: &str) -> Result<Value> {
        let args = ["provider", command, "--suri", suri];
        let answer = self.cli.run(&args).await?;
        let address = self.cli.address(suri).await?;
        ensure!(
            text(&answer, "provider")? == address,
            "`provider {command}` is about another: {answer}"
        );
        Ok(answer)
    }

    /// Checks the totals of `provider earnings`: jobs paid, pay, fees, what was lost.
    async fn ensure_earned(&self, suri: &str, pays: &[u128], lost: u128) -> Result<Value> {
        let answer = self.cli.run(&["provider", "earnings", suri]).await?;
        let totals = answer.get("totals").context("no totals")?;
        let (pay, fees) = (
            pays.iter().sum::<u128>(),
            pays.iter().map(|pay| fee(*pay)).sum::<u128>(),
        );
        let right = number(totals, "jobs")? == pays.len() as u64
            && amount(totals, "pay")? == pay
            && amount(totals, "fees")? == fees
            && amount(totals, "net")? == pay - fees
            && amount(totals, "to_worker")? == 0
            && amount(totals, "lost")? == lost;
        ensure!(
            right,
            "{suri} was paid {pays:?} and lost {lost}, and its earnings are {answer}"
        );
        Ok(answer)
    }
}

fn flag(value: &Value, path: &str) -> Option<bool> {
    value.pointer(path).and_then(Value::as_bool)
}

/// Whether a provider's warnings have these words.
fn warns(status: &Value, words: &str) -> bool {
    let warnings = status.get("warnings").and_then(Value::as_array);
    let mut warnings = warnings.into_iter().flatten();
    warnings.any(|warning| warning.as_str().is_some_and(|text| text.contains(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_up() {
        assert_eq!([0, 1, 50, 51, 100].map(fee), [0, 1, 1, 2, 2]);
        let (mut expected, [from, to]) = (Changes::default(), [[1; 32], [2; 32]]);
        pays(&mut expected, from, to, 51);
        assert_eq!((expected.of(&from), expected.of(&to)), (-51, 49));
        assert_eq!(expected.of(&market::treasury()), 2);
    }

    #[test]
    fn nobody_takes_part_twice() {
        let mut keys = keys(&everybody()).unwrap();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn warnings_are_found_by_their_words() {
        let status = json!({ "warnings": ["the offer is paused: …"] });
        assert!(warns(&status, "is paused") && !warns(&status, "in jail"));
        assert!(!warns(&json!({}), ""));
    }
}
