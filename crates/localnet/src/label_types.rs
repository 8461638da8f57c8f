//! A small campaign of every type of label on a live chain, all at the same time, by people without
//! a token: one with private pages, one with a joined follow-up, one of whose contributors gives a
//! page back.

use crate::{
    athanor::{amount, number, text, Athanor},
    chain,
    network::{DaemonPlan, Network},
    node::NodePlan,
    ports,
    process::Process,
    progress::Progress,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use futures::future::try_join_all;
use serde_json::{json, Value};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

/// Pages of a batch.
const PAGES: usize = 4;
/// Tasks of a page.
const TASKS: usize = 8;
/// Gold of a page.
const GOLD: usize = 2;
/// Contributors of a batch. Each answers every page.
const PANEL: usize = 4;
/// Full pay of an answer, 10 mAUR.
const PAY_UNITS: u128 = 10_000_000_000;
/// How long a fresh chain may take to its first finalised blocks.
const FIRST_BLOCKS: Duration = Duration::from_secs(180);
/// How long a service may take to start.
const START: Duration = Duration::from_secs(60);
/// Seconds a batch may take.
const PATIENCE: &str = "900";

/// A type, and what its campaign has beside the others'.
pub(crate) struct Kind {
    name: &'static str,
    options: &'static [&'static str],
    /// Answers that are right in turn.
    answers: &'static [&'static str],
    requester: &'static str,
    private: bool,
    joined: bool,
    gives_back: bool,
}

const PLAIN: Kind = Kind {
    name: "",
    options: &[],
    answers: &[],
    requester: "",
    private: false,
    joined: false,
    gives_back: false,
};

pub(crate) const KINDS: [Kind; 7] = [
    Kind {
        name: "classification",
        options: &["--labels", "positive,negative,neutral"],
        answers: &["positive", "negative", "neutral"],
        requester: "//Alice",
        gives_back: true,
        ..PLAIN
    },
    Kind {
        name: "preference",
        answers: &["A", "B"],
        requester: "//Bob",
        joined: true,
        ..PLAIN
    },
    Kind {
        name: "rating",
        options: &["--steps", "5"],
        answers: &["1", "5", "3", "2", "4"],
        requester: "//Charlie",
        ..PLAIN
    },
    Kind {
        name: "multi-label",
        options: &["--labels", "toxic,spam,off-topic"],
        answers: &["toxic", "spam|off-topic", "", "off-topic"],
        requester: "//Dave",
        ..PLAIN
    },
    Kind {
        name: "safety",
        options: &["--labels", "hate=4,spam"],
        answers: &["hate=2", "", "spam=1", "hate=3|spam=1"],
        requester: "//Eve",
        private: true,
        ..PLAIN
    },
    Kind {
        name: "ranking",
        options: &["--items", "3"],
        answers: &["2>0>1", "0>1>2", "1>2>0"],
        requester: "//Ferdie",
        ..PLAIN
    },
    Kind {
        name: "span",
        options: &["--labels", "person,place", "--tokens", "16"],
        answers: &["person:0:2|place:4:1", "place:1:1", "person:3:2"],
        requester: "//Alice//stash",
        ..PLAIN
    },
];

impl Kind {
    /// What is right of the task `number` of the batch `round`.
    fn right(&self, round: usize, number: usize) -> &'static str {
        // Gold, which comes first in the file, and the rest both go through all answers.
        self.answers[(number + round) % self.answers.len()]
    }

    fn id(&self, round: usize, number: usize) -> String {
        format!("{}-{round}-{number}", self.name)
    }

    fn task(&self, round: usize, number: usize) -> Value {
        let id = self.id(round, number);
        let mut task = json!({ "id": id, "prompt": format!("Question {id}") });
        match self.name {
            "preference" => {
                task["a"] = json!(format!("first answer to {id}"));
                task["b"] = json!(format!("second answer to {id}"));
            }
            "ranking" => {
                task["items"] = json!(["one", "two", "three"].map(|item| format!("{item} {id}")));
            }
            "span" => task["tokens"] = json!("Ada Lovelace lived in London with friends"),
            _ => task["text"] = json!(format!("Something that was said of {id}")),
        }
        if number < PAGES * GOLD {
            task["gold"] = match self.right(round, number) {
                // An empty text is no gold.
                "" if self.name == "safety" => json!({}),
                "" => json!([]),
                right => json!(right),
            };
        }
        task
    }

    fn tasks(&self, round: usize) -> String {
        (0..PAGES * TASKS)
            .map(|number| format!("{}\n", self.task(round, number)))
            .collect()
    }

    fn right_answers(&self, round: usize) -> String {
        (0..PAGES * TASKS)
            .map(|number| {
                let id = self.id(round, number);
                let answer = self.right(round, number);
                format!("{}\n", json!({ "id": id, "answer": answer }))
            })
            .collect()
    }

    /// Those who label a batch.
    fn crowd(&self, round: usize) -> [String; PANEL] {
        std::array::from_fn(|who| format!("//Kind//{}//{round}//{who}", self.name))
    }
}

/// A campaign under way.
pub(crate) struct Campaign<'a> {
    kind: &'a Kind,
    cli: &'a Athanor,
    store: &'a str,
    data: PathBuf,
    folder: String,
    campaign: String,
    batches: Vec<String>,
}

impl Campaign<'_> {
    pub(crate) async fn create<'a>(
        kind: &'a Kind,
        cli: &'a Athanor,
        store: &'a str,
        data: &Path,
        gateway: &str,
    ) -> Result<Campaign<'a>> {
        let data = data.join(kind.name);
        std::fs::create_dir_all(&data).context("cannot make a folder")?;
        let path = |name: &str| data.join(name).display().to_string();
        let (input, folder) = (path("tasks-0.jsonl"), path("campaign"));
        write(&input, &kind.tasks(0))?;
        let (tasks, gold, panel) = (TASKS.to_string(), GOLD.to_string(), format!("3..{PANEL}"));
        let mut args = vec!["label", "create", &input, "--type", kind.name];
        args.extend(kind.options);
        args.extend(["--pay", "10 mAUR", "--panel", &panel]);
        args.extend(["--page-tasks", &tasks, "--page-gold", &gold]);
        args.extend(["--lease", "30m", "--open-for", "2h"]);
        if kind.private {
            args.extend(["--private", "--gateway", gateway]);
        }
        args.extend(["--folder", &folder, "--store", store]);
        args.extend(["--yes", "--suri", kind.requester]);
        let created = cli.run(&args).await.context(kind.name)?;
        let mut batches = vec![number(&created, "batch")?.to_string()];
        if kind.joined {
            let more = path("tasks-1.jsonl");
            write(&more, &kind.tasks(1))?;
            let args = [
                "label",
                "batch",
                &folder,
                &more,
                "--joins",
                "--open-for",
                "90m",
                "--store",
                store,
                "--yes",
                "--suri",
                kind.requester,
            ];
            let joined = cli.run(&args).await.context(kind.name)?;
            batches.push(number(&joined, "batch")?.to_string());
        }
        Ok(Campaign {
            kind,
            cli,
            store,
            folder,
            campaign: number(&created, "campaign")?.to_string(),
            batches,
            data,
        })
    }

    fn path(&self, name: &str) -> String {
        self.data.join(name).display().to_string()
    }

    /// Lets the crowd of a batch label all of its pages; answers how many pages were given back.
    async fn label(&self, round: usize) -> Result<usize> {
        self.invite(round).await?;
        self.label_by(round, 0..PANEL).await
    }

    /// Writes the crowd's answers, and vouchers for those who have no token.
    pub(crate) async fn invite(&self, round: usize) -> Result<()> {
        let kind = self.kind;
        let (answers, vouchers) = self.files(round);
        write(&answers, &kind.right_answers(round))?;
        let crowd = kind.crowd(round);
        let mut args = vec!["label", "voucher", "--campaign", &self.campaign];
        for who in &crowd {
            args.extend(["--worker", who]);
        }
        args.extend(["--pages", "8", "--sponsored", "--expires", "1000000"]);
        args.extend(["--out", &vouchers, "--suri", kind.requester]);
        self.cli.run(&args).await.map(drop)
    }

    fn files(&self, round: usize) -> (String, String) {
        (
            self.path(&format!("answers-{round}.jsonl")),
            self.path(&format!("vouchers-{round}.jsonl")),
        )
    }

    /// Lets some of the crowd, by number, label all pages of a batch; answers how many pages were
    /// given back.
    pub(crate) async fn label_by(&self, round: usize, some: Range<usize>) -> Result<usize> {
        let kind = self.kind;
        let (answers, vouchers) = self.files(round);
        let crowd = kind.crowd(round);
        let chosen = crowd.iter().enumerate();
        let chosen = chosen.filter(|(who, _)| some.contains(who));
        let work = chosen.map(|(who, suri)| {
            let (answers, vouchers) = (&answers, &vouchers);
            async move {
                let mut given_back = 0;
                if kind.gives_back && who == 0 {
                    given_back = self.give_back(round, suri, vouchers).await?;
                }
                let done = self.work(round, suri, answers, vouchers).await?;
                let pages = number(&done, "commits")?;
                ensure!(pages as usize <= PAGES, "{suri} has labelled {pages} pages");
                anyhow::Ok(given_back)
            }
        });
        Ok(try_join_all(work).await?.into_iter().sum())
    }

    async fn work(&self, round: usize, suri: &str, answers: &str, vouchers: &str) -> Result<Value> {
        let pages = PAGES.to_string();
        let mut args = vec!["label", "work", "--batch", &self.batches[round]];
        args.extend(["--answers", answers, "--pages", &pages, "--patience", "60"]);
        args.extend(["--voucher", vouchers, "--sponsored", "--no-reveal"]);
        if self.kind.private {
            args.push("--gateway");
        }
        args.extend(["--store", self.store, "--suri", suri]);
        self.cli.run(&args).await.with_context(|| suri.to_owned())
    }

    /// Leases a page with answers that are of other tasks, and gives it back.
    async fn give_back(&self, round: usize, suri: &str, vouchers: &str) -> Result<usize> {
        let empty = self.path("no-answers.jsonl");
        write(&empty, "{\"id\": \"nothing\", \"answer\": \"nothing\"}\n")?;
        let refused = self.work(round, suri, &empty, vouchers).await;
        ensure!(
            refused.is_err(),
            "{suri} labelled a page without an answer to it"
        );
        let args = ["label", "skip", &self.batches[round], "--suri", suri];
        let skipped = self.cli.run(&args).await?;
        let pages = skipped.get("skipped").and_then(Value::as_array);
        Ok(pages.map(Vec::len).unwrap_or_default())
    }

    /// Serves a batch until it is paid, and answers in what state it is.
    pub(crate) async fn watch(&self, round: usize) -> Result<String> {
        let round = round.to_string();
        let args = [
            "label",
            "watch",
            &self.folder,
            "--round",
            &round,
            "--grace",
            "0",
            "--timeout",
            PATIENCE,
            "--suri",
            self.kind.requester,
        ];
        text(&self.cli.run(&args).await.context(self.kind.name)?, "state")
    }

    /// Checks pay and labels of a batch. Answers how many labels there are.
    pub(crate) async fn check(&self, round: usize) -> Result<usize> {
        for suri in self.kind.crowd(round) {
            let address = self.cli.address(&suri).await?;
            let args = ["label", "explain", &self.batches[round], &address];
            let found = self.cli.run(&args).await?;
            let found = found.get("explained").context("nothing is explained")?;
            let answers = number(found, "revealed")? * TASKS as u64;
            let paid = amount(found.get("outcome").context("no outcome")?, "pay")?;
            let full = u128::from(answers) * PAY_UNITS;
            ensure!(answers > 0, "{suri} has revealed nothing");
            ensure!(
                paid == full,
                "{suri} was always right, and gets {paid} of {full}"
            );
            let has = self.cli.total(&address).await?;
            ensure!(has == paid, "{suri} was to get {paid} and has {has}");
        }
        let out = self.path(&format!("labels-{round}.jsonl"));
        let number = round.to_string();
        let args = [
            "label",
            "export",
            &self.folder,
            "--round",
            &number,
            "--format",
            "labels",
            "--out",
            &out,
        ];
        self.cli.run(&args).await?;
        let labels = std::fs::read_to_string(&out).context("no export")?;
        let labels: Vec<Value> = labels
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .context("a label is no JSON")?;
        ensure!(
            labels.len() == PAGES * TASKS,
            "{}: {} labels",
            self.kind.name,
            labels.len()
        );
        for number in 0..PAGES * TASKS {
            let id = self.kind.id(round, number);
            let label = labels
                .iter()
                .find(|label| label["id"] == id.as_str())
                .with_context(|| format!("no label of {id}"))?;
            ensure!(
                as_text(&label["label"]) == self.kind.right(round, number),
                "the label of {id} is {label}"
            );
        }
        Ok(labels.len())
    }
}

/// An answer in the form of the raw table.
fn as_text(label: &Value) -> String {
    match label {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_u64) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            items.join(">")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(as_text).collect();
            items.join("|")
        }
        Value::Object(span) if span.contains_key("start") => {
            let name = as_text(&span["label"]);
            format!("{name}:{}:{}", span["start"], span["len"])
        }
        Value::Object(flags) => {
            let flags: Vec<String> = flags
                .iter()
                .map(|(flag, severity)| format!("{flag}={severity}"))
                .collect();
            flags.join("|")
        }
        other => other.to_string(),
    }
}

/// Plays all campaigns to their ends.
///
/// # Errors
///
/// If a step fails, somebody who was always right is not paid in full, or a label is wrong.
pub async fn play(tools: &Tools, workspace: &Workspace, progress: Progress) -> Result<()> {
    let step = progress.step("start a node and a content store");
    let daemons = [DaemonPlan::honest("store")];
    let mut network = Network::on_preset(tools, workspace, "development", &daemons).await?;
    network
        .add_node(tools, workspace, NodePlan::validator("alice"))
        .await?;
    network.wait_for_finality(&[], 1, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    let store = network.daemon("store")?.url().to_string();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let data = workspace.data("label-types")?;
    step.done(&ws);

    let step = progress.step("create a campaign of each of the seven types");
    let listen = format!("127.0.0.1:{}", ports::free()?);
    let gateway = format!("http://{listen}");
    let creating = KINDS
        .iter()
        .map(|kind| Campaign::create(kind, &cli, &store, &data, &gateway));
    let campaigns = try_join_all(creating).await?;
    let rounds: Vec<(&Campaign, usize)> = campaigns
        .iter()
        .flat_map(|campaign| (0..campaign.batches.len()).map(move |round| (campaign, round)))
        .collect();
    step.done(format!("{} batches", rounds.len()));

    let step = progress.step("hand out the keys of private pages");
    let private = campaigns
        .iter()
        .find(|campaign| campaign.kind.private)
        .context("no campaign is private")?;
    let args = [
        "--node",
        &ws,
        "label",
        "serve",
        &private.folder,
        "--listen",
        &listen,
    ];
    let mut service = Process::spawn("serve", &tools.cli, args, &workspace.log("serve"))?;
    service
        .wait_until_ready(START, || async {
            tokio::net::TcpStream::connect(&listen)
                .await
                .map(drop)
                .context("it does not listen")
        })
        .await?;
    step.done(&gateway);

    let step = progress.step("label every page four times, without a token");
    let watching = try_join_all(
        rounds
            .iter()
            .map(|(campaign, round)| campaign.watch(*round)),
    );
    let labelling = try_join_all(
        rounds
            .iter()
            .map(|(campaign, round)| campaign.label(*round)),
    );
    let (states, given_back) = futures::future::try_join(watching, labelling).await?;
    ensure!(
        given_back.iter().sum::<usize>() > 0,
        "nobody gave a page back"
    );
    for (state, (campaign, _)) in states.iter().zip(&rounds) {
        ensure!(
            state == "paid",
            "the batch of type {} is {state}",
            campaign.kind.name
        );
    }
    service.stop()?;
    step.done(format!("{} batches are paid", states.len()));

    let step = progress.step("check pay and labels");
    let mut labels = 0;
    for (campaign, round) in &rounds {
        labels += campaign.check(*round).await?;
    }
    step.done(format!("{labels} labels, all right, all paid in full"));

    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    Ok(())
}

fn write(path: &str, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_gold_somewhere() {
        for kind in &KINDS {
            for answer in kind.answers {
                let gold = (0..PAGES * GOLD).any(|number| kind.right(0, number) == *answer);
                assert!(gold, "{} {answer}", kind.name);
            }
        }
    }

    #[test]
    fn labels_are_compared_as_text() {
        for (label, text) in [
            (json!("A"), "A"),
            (json!(3), "3"),
            (json!(["spam", "off-topic"]), "spam|off-topic"),
            (json!({"hate": 3, "spam": 1}), "hate=3|spam=1"),
            (json!([2, 0, 1]), "2>0>1"),
            (
                json!([{"label": "place", "start": 1, "len": 1}]),
                "place:1:1",
            ),
            (json!([]), ""),
        ] {
            assert_eq!(as_text(&label), text);
        }
    }
}
