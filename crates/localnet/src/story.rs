//! The steps of a job's life, each through the command line, as the demo and the tests play them.

use crate::{
    athanor::{amount, exact, number, text, Athanor},
    digits::Digits,
    progress::Step,
};
use anyhow::{ensure, Context, Result};
use serde_json::Value;
use std::path::Path;

/// Balance that an account needs for fees and the existential deposit.
const POCKET_MONEY: u128 = 20_000_000_000_000;

/// Prices of every offer, per million of each cost.
const PRICES: [&str; 8] = [
    "--minimum",
    "0.1 AUR",
    "--macs-rate",
    "0.01 AUR",
    "--bytes-rate",
    "0.2 AUR",
    "--load-rate",
    "0.5 AUR",
];

/// What is taken where an offer names no models.
const ANY_MODEL: [&str; 2] = ["--any-model-bytes", "1GiB"];

/// A provider to be registered.
#[derive(Clone, Debug)]
pub struct Provider<'a> {
    /// Secret of its account, the cold key.
    pub owner: &'a str,
    /// Secret of its worker key, which its node holds.
    pub worker: &'a str,
    /// Where clients fetch outputs.
    pub endpoint: &'a str,
    /// Balance to hold as its bond.
    pub bond: u128,
    /// Secret of an account that lends the money.
    pub funder: &'a str,
    /// Terms of its offer beyond the usual, as the command line takes them.
    pub offer: &'a [&'a str],
}

impl Provider<'_> {
    /// Funds the account, registers the provider and makes its offer. Answers its address.
    ///
    /// # Errors
    ///
    /// If a command fails.
    pub async fn register(&self, cli: &Athanor) -> Result<String> {
        let address = cli.address(self.owner).await?;
        let money = self
            .bond
            .checked_add(POCKET_MONEY)
            .context("a bond without bounds")?;
        cli.transfer(self.funder, &address, &exact(money)).await?;
        let bond = exact(self.bond);
        cli.run(&[
            "provider",
            "register",
            "--worker",
            self.worker,
            "--endpoint",
            self.endpoint,
            "--bond",
            &bond,
            "--suri",
            self.owner,
        ])
        .await?;
        let offer = ["provider", "offer", "--suri", self.owner];
        let models: &[&str] = if self.offer.contains(&"--model") {
            &[]
        } else {
            &ANY_MODEL
        };
        cli.run(&[&offer[..], &PRICES[..], models, self.offer].concat())
            .await?;
        Ok(address)
    }
}

/// What a provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Free and held balance of its account.
    pub total: u128,
    /// Its bond.
    pub bond: u128,
    /// Balance of its worker key.
    pub worker: u128,
}

impl Holdings {
    /// Asks for the holdings of a provider.
    ///
    /// # Errors
    ///
    /// If a command fails.
    pub async fn of(cli: &Athanor, provider: &str, worker: &str) -> Result<Self> {
        let status = cli.run(&["provider", "status", provider]).await?;
        Ok(Self {
            total: cli.total(provider).await?,
            bond: amount(&status, "bond")?,
            worker: cli.total(worker).await?,
        })
    }
}

/// A registered model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its id.
    pub id: u64,
    /// Hash of its program.
    pub program_hash: String,
}

/// Registers the digits program and model, and puts its weights into the content store.
///
/// # Errors
///
/// If a command fails.
pub async fn publish(cli: &Athanor, digits: &Digits, store: &str, owner: &str) -> Result<Model> {
    let file = digits.program_file().display().to_string();
    let answer = cli
        .run(&["program", "register", &file, "--suri", owner])
        .await?;
    let program_hash = text(&answer, "program_hash")?;
    let expected = format!("0x{}", hex::encode(digits.program().program().hash()));
    ensure!(
        program_hash == expected,
        "the program's hash is {program_hash}, not {expected}"
    );
    let id = register_model(cli, digits, &program_hash, store, owner).await?;
    Ok(Model { id, program_hash })
}

/// Registers one more model of the digits program, with the same weights. Answers its id.
///
/// # Errors
///
/// If a command fails.
pub async fn register_model(
    cli: &Athanor,
    digits: &Digits,
    program_hash: &str,
    store: &str,
    owner: &str,
) -> Result<u64> {
    let mut args: Vec<String> = ["model", "register", "--program", program_hash]
        .map(String::from)
        .into();
    for file in digits.weight_files() {
        args.extend(["--weights".into(), file.display().to_string()]);
    }
    let rest = ["--licence", "Apache-2.0", "--store", store, "--suri", owner];
    args.extend(rest.map(String::from));
    number(&cli.run(&args).await?, "model")
}

/// How a job is to be checked.
#[derive(Clone, Copy, Debug)]
pub enum Policy {
    /// One provider; anybody may object within the window.
    Optimistic,
    /// Several providers of different owners.
    Replicated {
        /// How many.
        replicas: u8,
        /// How many must agree.
        quorum: u8,
    },
}

/// A job to be ordered.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The model.
    pub model: u64,
    /// Root of the input, which lies in a content store.
    pub input_root: &'a str,
    /// Digits in the input.
    pub batch: u32,
    /// How it is checked.
    pub policy: Policy,
    /// Blocks between the results and the verdict.
    pub window: u32,
    /// The most a provider may cost.
    pub max_pay: &'a str,
    /// Secret of who pays.
    pub requester: &'a str,
}

/// A job on chain.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: u64,
    /// What it holds of the requester's balance.
    pub held: u128,
}

impl Order<'_> {
    /// Creates the job.
    ///
    /// # Errors
    ///
    /// If the command fails.
    pub async fn create(&self, cli: &Athanor) -> Result<Job> {
        let (model, batch) = (self.model.to_string(), self.batch.to_string());
        let window = self.window.to_string();
        let mut args = vec![
            "job",
            "create",
            "--model",
            &model,
            "--input-root",
            self.input_root,
            "--batch",
            &batch,
            "--window",
            &window,
            "--max-pay",
            self.max_pay,
            "--suri",
            self.requester,
        ];
        let (n, q);
        match self.policy {
            Policy::Optimistic => args.extend(["--policy", "optimistic", "--audit", "0"]),
            Policy::Replicated { replicas, quorum } => {
                (n, q) = (replicas.to_string(), quorum.to_string());
                args.extend(["--policy", "replicated", "--replicas", &n, "--quorum", &q]);
            }
        }
        let answer = cli.run(&args).await?;
        Ok(Job {
            id: number(&answer, "job")?,
            held: amount(&answer, "held")?,
        })
    }
}

/// How a job ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its last state.
    pub state: String,
    /// Root of its output, if it settled.
    pub output_root: Option<String>,
    /// Who was paid, and how much.
    pub paid: Vec<(String, u128)>,
    /// Who was struck, and why.
    pub struck: Vec<(String, String)>,
    /// What the protocol kept of what was paid.
    pub fees: u128,
    /// What went back to the requester.
    pub refund: u128,
}

impl Outcome {
    /// Follows a job to its end and shows its states as a step's notes.
    ///
    /// # Errors
    ///
    /// If the job does not end within `seconds`, or the answer lacks a field.
    pub async fn watch(cli: &Athanor, job: &Job, seconds: u64, step: &Step) -> Result<Self> {
        let (id, limit) = (job.id.to_string(), seconds.to_string());
        let answer = cli
            .run_watched(&["job", "watch", &id, "--timeout", &limit], |line| {
                step.note(line)
            })
            .await?;
        Self::read(&answer)
    }

    pub(crate) fn read(answer: &Value) -> Result<Self> {
        let paid = amounts(answer, "paid")?;
        let fees = amounts(answer, "fees")?.iter().map(|(_, fee)| fee).sum();
        let list = answer.get("struck").and_then(Value::as_array);
        let struck = list
            .with_context(|| format!("no `struck` in {answer}"))?
            .iter()
            .map(|entry| Ok((text(entry, "provider")?, text(entry, "fault")?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            state: text(answer, "state")?,
            output_root: text(answer, "output_root").ok(),
            paid,
            struck,
            fees,
            refund: amount(answer, "refund")?,
        })
    }

    /// What all providers were paid.
    pub fn total_paid(&self) -> u128 {
        self.paid.iter().map(|(_, amount)| amount).sum()
    }

    /// What a provider was paid.
    pub fn paid_to(&self, provider: &str) -> u128 {
        self.paid
            .iter()
            .filter(|(who, _)| who == provider)
            .map(|(_, amount)| amount)
            .sum()
    }

    /// Checks that the job settled.
    ///
    /// # Errors
    ///
    /// If it ended otherwise.
    pub fn ensure_settled(&self) -> Result<()> {
        ensure!(
            self.state == "settled",
            "the job ended as {}, not settled: {self:?}",
            self.state
        );
        Ok(())
    }
}

/// The amounts of a map from account to amount.
fn amounts(answer: &Value, field: &str) -> Result<Vec<(String, u128)>> {
    let map = answer
        .get(field)
        .with_context(|| format!("no `{field}` in {answer}"))?;
    let accounts = map
        .as_object()
        .with_context(|| format!("`{field}` is no map in {answer}"))?;
    accounts
        .keys()
        .map(|who| Ok((who.clone(), amount(map, who)?)))
        .collect()
}

/// What was checked of an output.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its root, as in the receipt.
    pub root: String,
    /// Its length.
    pub bytes: usize,
    /// Digits named rightly.
    pub right: usize,
}

/// Downloads a job's output by its root and compares it bit for bit with the reference
/// interpreter's.
///
/// # Errors
///
/// If it cannot be had, or one bit differs.
pub async fn fetch_and_check(
    cli: &Athanor,
    job: &Job,
    outcome: &Outcome,
    digits: &Digits,
    batch: u32,
    stores: &[String],
    file: &Path,
) -> Result<Checked> {
    let root = outcome
        .output_root
        .clone()
        .context("the job has no output root")?;
    let (id, path) = (job.id.to_string(), file.display().to_string());
    let mut args = vec!["job", "fetch", &id, "--out", &path];
    for store in stores {
        args.extend(["--store", store]);
    }
    cli.run(&args).await?;
    let output = std::fs::read(file).context("cannot read the fetched output")?;
    let found = format!("0x{}", hex::encode(athanor_content_tree::root(&output)));
    ensure!(
        found == root,
        "the fetched output has the root {found}, the receipt says {root}"
    );
    let expected = digits.reference(batch)?;
    let wrong = output.iter().zip(&expected).position(|(a, b)| a != b);
    ensure!(
        output == expected,
        "the output differs from the reference interpreter's: {} and {} bytes, first at {wrong:?}",
        output.len(),
        expected.len()
    );
    Ok(Checked {
        root,
        bytes: output.len(),
        right: digits.right(&output, batch)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_outcome_is_read() {
        let outcome = Outcome::read(&json!({
            "job": 1, "state": "settled", "output_root": "0x01", "providers": ["a", "b"],
            "paid": { "a": "10", "b": "5" }, "fees": { "a": "1" },
            "struck": [{ "provider": "c", "fault": "outvoted" }],
            "refund": "7", "history": []
        }))
        .unwrap();
        outcome.ensure_settled().unwrap();
        assert_eq!(
            (outcome.total_paid(), outcome.paid_to("b"), outcome.refund),
            (15, 5, 7)
        );
        assert_eq!(outcome.fees, 1);
        assert_eq!(outcome.struck, [("c".to_string(), "outvoted".to_string())]);
    }

    #[test]
    fn a_job_that_failed_is_no_success() {
        let answer = json!({
            "state": "failed", "output_root": null, "paid": {}, "fees": {}, "struck": [], "refund": "7"
        });
        let outcome = Outcome::read(&answer).unwrap();
        assert!(outcome.output_root.is_none());
        assert!(outcome
            .ensure_settled()
            .unwrap_err()
            .to_string()
            .contains("failed"));
    }

    #[test]
    fn an_incomplete_answer_is_refused() {
        for answer in [
            json!({}),
            json!({ "paid": {}, "struck": [] }),
            json!({ "paid": [] }),
        ] {
            assert!(Outcome::read(&answer).is_err(), "{answer}");
        }
    }
}
