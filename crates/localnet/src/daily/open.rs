//! Jobs that nobody takes: quoted, listed, cancelled, expired, poked.

use super::{
    ensure_money, keys, Job, Played, Stage, MAX_PAY, POKER, REFUSED, REQUESTER, UNIT, USAGE,
};
use crate::{
    athanor::{amount, number, text},
    chain,
    market::money::Changes,
};
use anyhow::{ensure, Context, Result};
use serde_json::Value;

/// For whoever carries out a deadline.
const TIP: u128 = UNIT / 100;
const TIP_TEXT: &str = "10 mAUR";
/// Jobs that expire. The chain looks after the end of one in the same block in which it may be poked
/// first, so a poke can be too late.
const EXPIRING: usize = 3;

pub(super) async fn play(stage: &Stage<'_>, model: u64) -> Result<Played> {
    let who = [REQUESTER, POKER];
    let accounts = keys(&who)?;
    let [requester, poker] = accounts[..] else {
        anyhow::bail!("somebody is missing");
    };
    let before = stage.snapshot(&accounts).await?;
    let stake: u128 = chain::job_constant(&stage.ws, "SeatStake").await?;
    let least: u128 = chain::job_constant(&stage.ws, "MinCollateral").await?;
    let reward: u128 = chain::job_constant(&stage.ws, "PokeReward").await?;

    let terms = ["--tip", TIP_TEXT];
    let quote = stage.quote(model, &terms).await?;
    ensure!(
        (quote.held, quote.eligible, quote.cheapest) == (MAX_PAY + stake + TIP, 0, None),
        "{quote:?}"
    );
    let compensation = (least.max(5 * MAX_PAY) / 5).min(MAX_PAY / 5);
    quote.ensure_cases(&[
        ("settled_limit", MAX_PAY, 0),
        ("expired", 0, 0),
        ("cancelled", 0, 0),
        ("failed_not_accepted", TIP + stake, 0),
        ("failed_not_computed", 0, 0),
        ("failed_not_revealed", 0, compensation),
        ("failed_proven_wrong", 0, compensation),
    ])?;
    let wrong = stage.terms("quote", model, &["--audit", "5"]);
    let wrong: Vec<&str> = wrong.iter().map(String::as_str).collect();
    stage
        .refused(
            &wrong,
            USAGE,
            "the audit rate is one of [0, 4, 8, 16, 32, 64]",
        )
        .await?;

    cancel(stage, model, &terms).await?;
    stage.step.note("a job was quoted, listed and cancelled");
    let after = stage.snapshot(&accounts).await?;
    ensure_money(&before, &after, &Changes::default(), &who)?;
    let held = after.held.get(&requester).copied();
    ensure!(held == Some(0), "{held:?} is held for a cancelled job");

    let mut expiring = Vec::new();
    for _ in 0..EXPIRING {
        let job = stage.create(REQUESTER, model, &terms, &quote).await?;
        let entry = listed(stage, &job).await?.context("a job is not listed")?;
        let deadline = number(&entry, "deadline")?;
        expiring.push((job, deadline));
        let next = stage.ledger.rpc.best_block().await? + 1;
        stage.until(next).await?;
    }
    let mut pokes = Vec::new();
    for (job, deadline) in expiring {
        stage.until(deadline - 1).await?;
        let paid = poke(stage, &job, reward).await?;
        stage.step.note(format!("job {} expired", job.id));
        pokes.push((job, paid));
    }
    let mut poked = 0;
    for (job, paid) in &pokes {
        let (outcome, said) = stage.ended(job).await?;
        ensure!(
            outcome.state == "expired" && outcome.refund + paid == quote.case("expired")?.refund,
            "a job that was poked for {paid} ended so: {said}"
        );
        poked += u128::from(*paid > 0);
    }
    ensure!(poked > 0, "no poke came in time");
    let mut expected = Changes::default();
    expected.moves(requester, poker, poked * reward);
    let after = stage.snapshot(&accounts).await?;
    ensure_money(&before, &after, &expected, &who)?;
    Ok(Played {
        treasury: 0,
        jobs: EXPIRING + 1,
        words: format!("one job cancelled, {EXPIRING} expired, {poked} of them poked"),
    })
}

/// Pokes a job that is over. Answers what that was paid, nothing if the chain had come before.
async fn poke(stage: &Stage<'_>, job: &Job, reward: u128) -> Result<u128> {
    let id = job.id.to_string();
    match stage.cli.run(&["job", "poke", &id, "--suri", POKER]).await {
        Ok(answer) => {
            ensure!(
                number(&answer, "job")? == job.id && amount(&answer, "amount")? == reward,
                "{answer}"
            );
            Ok(reward)
        }
        Err(error) => {
            let error = format!("{error:#}");
            ensure!(error.contains("ComputeJobs.NoSuchJob"), "{error}");
            Ok(0)
        }
    }
}

/// Creates a job and cancels it, both after vain attempts of other things.
async fn cancel(stage: &Stage<'_>, model: u64, terms: &[&str]) -> Result<()> {
    let quote = stage.quote(model, terms).await?;
    let job = stage.create(REQUESTER, model, terms, &quote).await?;
    let entry = listed(stage, &job).await?.context("a job is not listed")?;
    ensure!(
        text(&entry, "state")? == "open"
            && number(&entry, "model")? == model
            && amount(&entry, "budget")? == MAX_PAY
            && text(&entry, "input_root")? == stage.input_root,
        "{entry}"
    );
    let id = job.id.to_string();
    let poke = ["job", "poke", &id, "--suri", POKER];
    stage
        .refused(&poke, REFUSED, "ComputeJobs.NothingDue")
        .await?;
    let cancel = |suri| ["job", "cancel", id.as_str(), "--suri", suri];
    stage
        .refused(&cancel(POKER), REFUSED, "ComputeJobs.NotRequester")
        .await?;
    let out = stage.folder.join("open.bin").display().to_string();
    let deliver = ["job", "deliver", &id, "--out", &out, "--suri", REQUESTER];
    let words = format!("job {id} is open: an output can be demanded while its window is open");
    stage.refused(&deliver, REFUSED, &words).await?;

    let answer = stage.cli.run(&cancel(REQUESTER)).await?;
    ensure!(
        text(&answer, "state")? == "cancelled"
            && amount(&answer, "refund")? == quote.case("cancelled")?.refund,
        "{answer}"
    );
    ensure!(
        listed(stage, &job).await?.is_none(),
        "a cancelled job is still listed"
    );
    stage
        .refused(&cancel(REQUESTER), REFUSED, "ComputeJobs.NoSuchJob")
        .await?;
    let (outcome, said) = stage.ended(&job).await?;
    ensure!(
        outcome.state == "cancelled" && outcome.refund == job.held,
        "{said}"
    );
    Ok(())
}

/// What `job list` says of a job, if it is there.
async fn listed(stage: &Stage<'_>, job: &Job) -> Result<Option<Value>> {
    let args = ["job", "list", "--mine", "--suri", REQUESTER];
    let list = stage.cli.run(&args).await?;
    let list = list.as_array().context("no list of jobs")?;
    let found = list
        .iter()
        .find(|entry| entry.get("job").and_then(Value::as_u64) == Some(job.id));
    Ok(found.cloned())
}
