//! A labelling campaign on a live chain: real pairs of sentences, twelve contributors of different
//! kinds, some without a single token, played through the `athanor` command line as people would.

use crate::{
    athanor::{amount, aur, number, text, Athanor},
    by_rpc, chain,
    network::{DaemonPlan, Network},
    progress::Progress,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{bail, ensure, Context, Result};
use athanor_cli::keys::from_suri;
use comfy_table::{presets::UTF8_FULL_CONDENSED, Table};
use serde_json::{json, Value};
use sp_crypto_hashing::blake2_256;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// The pairs.
const PAIRS: &str = include_str!("../../../examples/word-senses/pairs.jsonl");
/// Pairs that become gold.
const GOLD: usize = 40;
/// Tasks of a page.
const TASKS: u64 = 16;
/// Gold of a page.
const PAGE_GOLD: u64 = 2;
/// Full pay of an answer, 10 mAUR.
const PAY_UNITS: u128 = 10_000_000_000;
/// Share of the full pay that whoever is honest gets more than.
const LEAST_HONEST: f64 = 0.8;
/// Share that the coin gets at most. Of 1,500 simulated ones on seven pages of such a crowd 42 were paid
/// something and one more than this, each of them less than the least of the honest.
const MOST_RANDOM: f64 = 0.6;
/// Share that a constant answer gets at most; the simulated ones got nothing.
const MOST_CONSTANT: f64 = 0.1;
/// Of contributors who have any.
const POCKET_MONEY: &str = "20 AUR";
/// Most pages of a contributor. All of them together fill every panel.
const PAGES: &str = "12";
/// Who buys.
const REQUESTER: &str = "//Eve";
/// How long a fresh chain may take to its first finalised blocks.
const FIRST_BLOCKS: Duration = Duration::from_secs(180);
/// Seconds the batch may take from the last answer on.
const PATIENCE: &str = "1200";

/// How somebody labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Right in nineteen cases of twenty.
    Honest,
    /// Honest, without a token: behind a sponsoring voucher.
    Sponsored,
    /// The same, and always right, for one page, by JSON-RPC and signatures alone.
    ByRpc,
    /// Honest, and gone after its commitments.
    Absent,
    /// Looks at every second task only.
    HalfEffort,
    /// Says A to everything.
    Constant,
    /// Throws a coin.
    Random,
}

/// Twelve people.
const CROWD: [Kind; 12] = [
    Kind::Honest,
    Kind::Honest,
    Kind::Honest,
    Kind::Honest,
    Kind::Honest,
    Kind::Sponsored,
    Kind::Sponsored,
    Kind::ByRpc,
    Kind::Absent,
    Kind::HalfEffort,
    Kind::Constant,
    Kind::Random,
];

impl Kind {
    /// The answer to a task of which `true` is right.
    fn answer(self, who: usize, task: &str, right: &'static str) -> &'static str {
        let drawn = blake2_256(format!("{who} {task}").as_bytes());
        let coin = if drawn[0] & 1 == 0 { "A" } else { "B" };
        match self {
            Kind::Honest | Kind::Sponsored | Kind::Absent if drawn[1] < 13 => other(right),
            Kind::Honest | Kind::Sponsored | Kind::Absent => right,
            Kind::HalfEffort if drawn[2] & 1 == 0 => coin,
            Kind::HalfEffort => right,
            Kind::Constant => "A",
            Kind::Random => coin,
            Kind::ByRpc => right,
        }
    }

    fn is_honest(self) -> bool {
        self.is_sponsored() || matches!(self, Kind::Honest | Kind::Absent)
    }

    fn is_sponsored(self) -> bool {
        matches!(self, Kind::Sponsored | Kind::ByRpc)
    }
}

fn other(answer: &str) -> &'static str {
    if answer == "A" {
        "B"
    } else {
        "A"
    }
}

/// A pair with the answer that only this program knows.
struct Pair {
    id: String,
    task: Value,
    right: &'static str,
}

fn pairs() -> Result<Vec<Pair>> {
    PAIRS
        .lines()
        .map(|line| {
            let mut task: Value = serde_json::from_str(line).context("a pair is no JSON")?;
            let right = match task.get("truth").and_then(Value::as_str) {
                Some("A") => "A",
                Some("B") => "B",
                _ => bail!("a pair without its truth"),
            };
            task.as_object_mut().map(|fields| fields.remove("truth"));
            Ok(Pair {
                id: text(&task, "id")?,
                task,
                right,
            })
        })
        .collect()
}

struct Contributor {
    kind: Kind,
    suri: String,
    address: String,
    answers: PathBuf,
}

/// Plays the campaign to its end and checks who was paid what. The labels are left in the file
/// `export`, in TRL's preference format.
///
/// # Errors
///
/// If a step fails, or somebody is paid against the rule.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    export: Option<&Path>,
    progress: Progress,
) -> Result<()> {
    let step = progress.step("start a node and a content store");
    let daemons = [DaemonPlan::honest("store")];
    let mut network = Network::on_preset(tools, workspace, "development", &daemons).await?;
    network
        .add_node(tools, workspace, crate::node::NodePlan::validator("alice"))
        .await?;
    network.wait_for_finality(&[], 1, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    let store = network.daemon("store")?.url().to_string();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    step.done(&ws);

    let step = progress.step("make the requester's file: 256 pairs of real sentences");
    let pairs = pairs()?;
    let data = workspace.data("labels")?;
    let input = data.join("pairs.jsonl");
    let mut lines = String::new();
    for (number, pair) in pairs.iter().enumerate() {
        let mut task = pair.task.clone();
        if number < GOLD {
            task["gold"] = json!(pair.right);
        }
        lines += &format!("{task}\n");
    }
    write(&input, &lines)?;
    let input = input.display().to_string();
    step.done(format!("{} pairs, {GOLD} with a known answer", pairs.len()));

    let step = progress.step("create the campaign and open its batch");
    let (tasks, page_gold) = (TASKS.to_string(), PAGE_GOLD.to_string());
    let folder = data.join("campaign").display().to_string();
    let requester = cli.address(REQUESTER).await?;
    let before = cli.total(&requester).await?;
    let created = cli
        .run(&[
            "label",
            "create",
            &input,
            "--type",
            "preference",
            "--pay",
            "10 mAUR",
            "--page-tasks",
            &tasks,
            "--page-gold",
            &page_gold,
            "--panel",
            "3..5",
            "--lease",
            "30m",
            "--open-for",
            "2h",
            "--folder",
            &folder,
            "--store",
            &store,
            "--yes",
            "--suri",
            REQUESTER,
        ])
        .await?;
    let campaign = number(&created, "campaign")?.to_string();
    let batch = number(&created, "batch")?.to_string();
    step.done(format!("campaign {campaign}, batch {batch}"));

    let step = progress.step("bring twelve contributors");
    let mut crowd = Vec::new();
    for (who, kind) in CROWD.into_iter().enumerate() {
        let suri = format!("//Label//{who}");
        let address = cli.address(&suri).await?;
        if !kind.is_sponsored() {
            cli.transfer("//Bob", &address, POCKET_MONEY).await?;
        }
        let answers = data.join(format!("answers-{who}.jsonl"));
        let lines: String = pairs
            .iter()
            .map(|pair| {
                let answer = kind.answer(who, &pair.id, pair.right);
                format!("{}\n", json!({ "id": pair.id, "answer": answer }))
            })
            .collect();
        write(&answers, &lines)?;
        crowd.push(Contributor {
            kind,
            suri,
            address,
            answers,
        });
    }
    let vouchers = data.join("vouchers.jsonl").display().to_string();
    let mut args: Vec<String> = ["label", "voucher", "--campaign", &campaign]
        .map(String::from)
        .into();
    for who in crowd.iter().filter(|who| who.kind.is_sponsored()) {
        args.extend(["--worker".into(), who.address.clone()]);
    }
    let rest = [
        "--pages",
        PAGES,
        "--sponsored",
        "--expires",
        "1000000",
        "--out",
        &vouchers,
        "--suri",
        REQUESTER,
    ];
    args.extend(rest.map(String::from));
    cli.run(&args).await?;
    for who in crowd.iter().filter(|who| who.kind.is_sponsored()) {
        ensure!(
            cli.total(&who.address).await? == 0,
            "a sponsored account has money already"
        );
    }
    step.done("3 of them have no token");

    let step = progress.step("label");
    let by_rpc = async {
        let who = crowd
            .iter()
            .find(|who| who.kind == Kind::ByRpc)
            .context("nobody labels by JSON-RPC")?;
        let key = from_suri(&who.suri)?;
        let worker = format!("0x{}", hex::encode(key.public_key().0));
        let voucher = voucher_of(&vouchers, &worker)?;
        let caller = by_rpc::Contributor {
            rpc: network.first()?.rpc(),
            store: &store,
            key: &key,
            address: &who.address,
            batch: number(&created, "batch")?,
        };
        let right: BTreeMap<&str, u8> = pairs
            .iter()
            .map(|pair| (pair.id.as_str(), u8::from(pair.right == "B")))
            .collect();
        caller
            .first_page(&voucher, |id| right.get(id).copied())
            .await
            .with_context(|| format!("{} by JSON-RPC", who.suri))
    };
    let work = crowd
        .iter()
        .filter(|who| who.kind != Kind::ByRpc)
        .map(|who| {
            let (cli, batch, store, vouchers, step) = (&cli, &batch, &store, &vouchers, &step);
            async move {
                let answers = who.answers.display().to_string();
                let mut args = vec![
                    "label",
                    "work",
                    "--batch",
                    batch,
                    "--answers",
                    &answers,
                    "--pages",
                    PAGES,
                    "--store",
                    store,
                    "--no-reveal",
                    "--suri",
                    &who.suri,
                ];
                if who.kind == Kind::Sponsored {
                    args.extend(["--voucher", vouchers, "--sponsored"]);
                }
                let done = cli.run(&args).await.with_context(|| who.suri.clone())?;
                let sheets = number(&done, "commits")?;
                step.note(format!("{} ({:?}): {sheets} pages", who.suri, who.kind));
                anyhow::Ok(sheets)
            }
        });
    let watching = async {
        cli.run(&[
            "label",
            "watch",
            &folder,
            "--timeout",
            PATIENCE,
            "--suri",
            REQUESTER,
        ])
        .await
    };
    let revealing = async {
        let sheets: u64 = futures::future::try_join_all(work).await?.into_iter().sum();
        step.note(format!("{sheets} pages answered in all"));
        let reveals = crowd
            .iter()
            .filter(|who| !matches!(who.kind, Kind::Absent | Kind::ByRpc))
            .map(|who| {
                let (cli, batch) = (&cli, &batch);
                async move {
                    cli.run(&[
                        "label", "reveal", "--batch", batch, "--wait", PATIENCE, "--suri",
                        &who.suri,
                    ])
                    .await
                    .with_context(|| who.suri.clone())
                }
            });
        futures::future::try_join_all(reveals).await?;
        anyhow::Ok(sheets)
    };
    let (watched, sheets, by_rpc) = futures::future::try_join3(watching, revealing, by_rpc).await?;
    step.done(format!(
        "{sheets} pages, batch {}",
        text(&watched, "state")?
    ));

    let step = progress.step("see that the gold was opened");
    let result = watched.get("result").context("no result")?;
    let pages = number(result, "pages")?;
    let (opened, contested) = (
        number(result, "gold_opened")?,
        number(result, "gold_contested")?,
    );
    ensure!(
        opened == pages * PAGE_GOLD,
        "{opened} gold answers of {pages} pages opened"
    );
    // Nearly everybody is right: more would be the gold's fault.
    ensure!(
        contested * 4 <= opened,
        "{contested} of {opened} gold answers contested"
    );
    let (used, shown) = (
        number(result, "used_slots")?,
        number(result, "revealed_slots")?,
    );
    ensure!(
        used == sheets + 1 && shown == used,
        "of {sheets} sheets and one by JSON-RPC {used} were committed and {shown} revealed"
    );
    step.done(format!(
        "{opened} of {pages} pages, {contested} contested; {shown} sheets revealed"
    ));

    let step = progress.step("see who was paid what");
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header([
        "contributor",
        "kind",
        "answers",
        "score",
        "paid",
        "of",
    ]);
    let (mut least_honest, mut idle) = (1.0f64, Vec::new());
    for who in &crowd {
        let found = cli.run(&["label", "explain", &batch, &who.address]).await?;
        let found = found.get("explained").context("nothing is explained")?;
        let (committed, revealed) = (number(found, "committed")?, number(found, "revealed")?);
        // He reveals nothing himself, and nobody but the requester has what his answers were sealed to.
        if who.kind == Kind::Absent {
            ensure!(
                committed > 0 && revealed == committed,
                "{revealed} of the {committed} sheets of {}, who went away, were revealed",
                who.suri
            );
            step.note(format!(
                "{revealed} sheets of {} revealed by the requester",
                who.suri
            ));
        }
        let answers = revealed * TASKS;
        let outcome = found.get("outcome").context("no outcome")?;
        let paid = amount(outcome, "pay")?;
        let full = u128::from(answers) * PAY_UNITS;
        let share = paid as f64 / full.max(1) as f64;
        table.add_row([
            who.suri.clone(),
            format!("{:?}", who.kind),
            answers.to_string(),
            found["pay"]["score_bp"].to_string(),
            aur(paid),
            format!("{:.0} %", 100.0 * share),
        ]);
        if who.kind.is_sponsored() {
            let has = cli.total(&who.address).await?;
            ensure!(
                has == paid && paid > 0,
                "{} was to get {paid} and has {has}",
                who.suri
            );
        }
        if who.kind.is_honest() {
            ensure!(share > LEAST_HONEST, "{} got {share:.2}", who.suri);
            least_honest = least_honest.min(share);
        }
        let most = match who.kind {
            Kind::Constant => MOST_CONSTANT,
            Kind::Random => MOST_RANDOM,
            _ => 1.0,
        };
        ensure!(share <= most, "{} got {share:.2}", who.suri);
        if matches!(who.kind, Kind::Constant | Kind::Random) {
            idle.push((&who.suri, share));
        }
    }
    ensure!(idle.len() == 2, "{} of the crowd do not look", idle.len());
    for (suri, share) in idle {
        ensure!(
            share < least_honest,
            "{suri} got {share:.2}, somebody honest {least_honest:.2}"
        );
    }
    println!("{table}");
    step.done(format!(
        "by JSON-RPC alone: {} for a page",
        aur(amount(by_rpc.get("outcome").context("no outcome")?, "pay")?)
    ));

    let step = progress.step("export the labels");
    let out = data.join("preference.jsonl");
    cli.run(&[
        "label",
        "export",
        &folder,
        "--format",
        "trl-preference",
        "--out",
        &out.display().to_string(),
    ])
    .await?;
    let exported = std::fs::read_to_string(&out).context("no export")?;
    let right = pairs
        .iter()
        .filter(|pair| {
            let best = if pair.right == "A" { "a" } else { "b" };
            let chosen = pair.task[best].as_str().unwrap_or_default();
            exported.lines().any(|line| {
                serde_json::from_str::<Value>(line).ok().is_some_and(|row| {
                    row["chosen"]
                        .to_string()
                        .contains(&json!(chosen).to_string())
                })
            })
        })
        .count();
    let rows = exported.lines().count();
    ensure!(rows >= 200, "{rows} rows exported");
    ensure!(
        right * 100 >= rows * 90,
        "{right} of {rows} exported labels are right"
    );
    step.done(format!("{rows} rows, {right} as WordNet has it"));
    if let Some(to) = export {
        std::fs::copy(&out, to).with_context(|| format!("cannot write {}", to.display()))?;
    }

    let step = progress.step("check the chain's invariants");
    let after = cli.total(&requester).await?;
    println!("  requester: {} before, {} after", aur(before), aur(after));
    step.done(chain::audit(&ws).await?);
    Ok(())
}

/// The voucher of an account (32 bytes, hex) in a file of them, as `labels_submit` takes it.
fn voucher_of(file: &str, worker: &str) -> Result<Value> {
    let lines = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    for line in lines.lines() {
        let voucher: Value = serde_json::from_str(line).context("a voucher is no JSON")?;
        if voucher["worker"] == worker {
            // One byte says which kind of signature follows; 1 is sr25519.
            let signature = voucher["signature"].as_str().unwrap_or_default();
            let signature = signature
                .strip_prefix("0x01")
                .context("the requester's key is sr25519, the voucher's is not")?;
            return Ok(json!({
                "pages": voucher["pages"], "sponsored": voucher["sponsored"],
                "expires": voucher["expires"],
                "signature": { "sr25519": format!("0x{signature}") },
            }));
        }
    }
    bail!("no voucher for {worker}")
}

fn write(path: &Path, lines: &str) -> Result<()> {
    std::fs::write(path, lines).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pairs_are_read_without_their_truth() {
        let pairs = pairs().unwrap();
        assert_eq!(pairs.len(), 256);
        assert_eq!(pairs.iter().filter(|pair| pair.right == "A").count(), 128);
        assert!(pairs.iter().all(|pair| pair.task.get("truth").is_none()));
    }

    #[test]
    fn the_crowd_is_as_good_as_it_says() {
        let right = |kind: Kind| {
            (0..1_000)
                .filter(|task| kind.answer(3, &task.to_string(), "B") == "B")
                .count()
        };
        assert!((920..980).contains(&right(Kind::Honest)));
        assert!((700..800).contains(&right(Kind::HalfEffort)));
        assert!((450..550).contains(&right(Kind::Random)));
        assert_eq!(right(Kind::Constant), 0);
    }
}
