//! Outputs that are demanded on the chain: one is shown, one withheld.

use super::{
    ensure_money, flag, keys, pays, warns, Job, Played, Stage, BATCH, BOND, CHEATED, DOUBTER,
    MAX_PAY, REFUSED, SHOWING, SILENT,
};
use crate::{
    athanor::{amount, aur, number, text},
    chain, market,
    market::money::Changes,
};
use anyhow::{ensure, Context, Result};
use serde_json::Value;

/// A provider that shows the output when it is asked, and is paid for that too.
pub(super) async fn show(stage: &Stage<'_>, model: u64) -> Result<Played> {
    let who = [DOUBTER, SHOWING.suri, SHOWING.worker];
    let accounts = keys(&who)?;
    let [doubter, owner, worker] = accounts[..] else {
        anyhow::bail!("somebody is missing");
    };
    let price: u128 = chain::job_constant(&stage.ws, "AnswerPrice").await?;
    let before = stage.snapshot(&accounts).await?;
    let quote = stage.quote(model, &[]).await?;
    let job = stage.create(DOUBTER, model, &[], &quote).await?;
    stage.reaches(&job, "Claimed").await?;
    let expected_output = stage.digits.reference(BATCH)?;
    // Asked for once, and found again on the chain.
    for paid in [price, 0] {
        let file = stage.folder.join(format!("shown-{paid}.bin"));
        let out = file.display().to_string();
        let answer = stage
            .cli
            .run(&deliver(&job.id.to_string(), &out, DOUBTER))
            .await?;
        let output = std::fs::read(&file).context("cannot read what was delivered")?;
        ensure!(
            number(&answer, "pieces")? == 1
                && amount(&answer, "paid")? == paid
                && number(&answer, "bytes")? == output.len() as u64
                && output == expected_output,
            "not the output for {paid}: {answer}"
        );
    }
    stage.step.note("an output was shown on the chain");
    let (outcome, said) = stage.ended(&job).await?;
    outcome.ensure_settled()?;
    let case = quote.case("settled_cheapest")?;
    ensure!(
        (outcome.total_paid(), outcome.refund) == (case.pays, case.refund),
        "it was quoted otherwise, {case:?}: {said}"
    );
    fetch(stage, &job).await?;
    let mut expected = Changes::default();
    pays(&mut expected, doubter, owner, case.pays);
    expected.moves(doubter, worker, price);
    let after = stage.snapshot(&accounts).await?;
    ensure_money(&before, &after, &expected, &who)?;
    stage.ensure_earned(SHOWING.suri, &[case.pays], 0).await?;
    Ok(Played {
        treasury: expected.of(&market::treasury()),
        jobs: 1,
        words: format!("an output was shown on the chain for {}", aur(price)),
    })
}

/// The output comes from the store as well, named by its root.
async fn fetch(stage: &Stage<'_>, job: &Job) -> Result<()> {
    let file = stage.folder.join("fetched.bin");
    let (id, out) = (job.id.to_string(), file.display().to_string());
    let args = ["job", "fetch", &id, "--out", &out, "--store", &stage.store];
    stage.cli.run(&args).await?;
    ensure!(
        std::fs::read(&file)? == stage.digits.reference(BATCH)?,
        "what the store has is another output"
    );
    Ok(())
}

fn deliver<'a>(id: &'a str, out: &'a str, suri: &'a str) -> [&'a str; 8] {
    ["job", "deliver", id, "--out", out, "--yes", "--suri", suri]
}

/// A provider that shows nothing: it loses its collateral, goes to jail and leaves that.
pub(super) async fn withhold(stage: &Stage<'_>, model: u64) -> Result<Played> {
    let who = [CHEATED, SILENT.suri, SILENT.worker];
    let accounts = keys(&who)?;
    let [cheated, owner, _] = accounts[..] else {
        anyhow::bail!("somebody is missing");
    };
    let suri = SILENT.suri;
    let unjail = ["provider", "unjail", "--suri", suri];
    stage
        .refused(&unjail, REFUSED, "ComputeJobs.NotJailed")
        .await?;
    let before = stage.snapshot(&accounts).await?;
    let quote = stage.quote(model, &[]).await?;
    let job = stage.create(CHEATED, model, &[], &quote).await?;
    stage.reaches(&job, "Claimed").await?;
    let out = stage.folder.join("withheld.bin");
    let id = job.id.to_string();
    let shown = out.display().to_string();
    let words = "a piece was not shown in time, and its claimant was struck";
    stage
        .refused(&deliver(&id, &shown, CHEATED), REFUSED, words)
        .await?;
    ensure!(!out.exists(), "a withheld output was written");
    let (outcome, said) = stage.ended(&job).await?;
    let address = stage.cli.address(suri).await?;
    let case = quote.case("failed_proven_wrong")?;
    ensure!(
        outcome.state == "failed"
            && outcome.struck == [(address, "data_withheld".to_string())]
            && outcome.paid.is_empty()
            && outcome.refund == case.refund
            && amount(&said, "compensation")? == case.compensation,
        "it was quoted otherwise, {case:?}: {said}"
    );

    let after = stage.snapshot(&accounts).await?;
    let happened = after.jobs.get(&job.id).context("a job without events")?;
    let collateral = happened
        .seats
        .first()
        .context("nobody was drawn")?
        .collateral;
    let compensation = (collateral / 5).min(MAX_PAY / 5);
    let reward = 2 * (collateral / 5);
    ensure!(
        case.compensation == compensation,
        "{case:?} for a collateral of {collateral}"
    );
    let mut expected = Changes::default();
    expected.moves(owner, cheated, compensation + reward);
    let rest = collateral - compensation - reward;
    expected.moves(owner, market::treasury(), rest);
    ensure_money(&before, &after, &expected, &who)?;
    let earned = stage.ensure_earned(suri, &[], collateral).await?;
    ensure!(
        earned.pointer("/entries/0/kind").and_then(Value::as_str) == Some("data_withheld"),
        "{earned}"
    );
    leave_jail(stage, suri, job.id, BOND - collateral).await?;
    let again = stage.quote(model, &[]).await?;
    ensure!(again.eligible == 1, "who left jail is not drawn: {again:?}");
    Ok(Played {
        treasury: expected.of(&market::treasury()),
        jobs: 1,
        words: format!(
            "an output was withheld: {} lost, {} of it to who asked; jailed and out again",
            aur(collateral),
            aur(compensation + reward)
        ),
    })
}

/// Waits in jail and leaves it.
async fn leave_jail(stage: &Stage<'_>, suri: &str, job: u64, bond: u128) -> Result<()> {
    let unjail = ["provider", "unjail", "--suri", suri];
    let status = stage.status(suri).await?;
    let until = number(&status, "jailed_until")?;
    let fault = status.pointer("/last_fault/fault").and_then(Value::as_str);
    ensure!(
        amount(&status, "bond")? == bond
            && number(&status, "faults")? == 1
            && fault == Some("data_withheld")
            && warns(&status, &format!("in jail: in job {job}"))
            && flag(&status, "/offer/paused") == Some(false),
        "{status}"
    );
    if stage.ledger.rpc.best_block().await? + 3 < until {
        stage
            .refused(&unjail, REFUSED, "ComputeJobs.StillJailed")
            .await?;
    }
    stage
        .step
        .note(format!("a provider is in jail until {until}"));
    stage.until(until).await?;
    let answer = stage.provider("unjail", suri).await?;
    ensure!(text(&answer, "state")? == "unjailed", "{answer}");
    let status = stage.status(suri).await?;
    ensure!(
        status.get("jailed_until").is_some_and(Value::is_null) && !warns(&status, "in jail"),
        "{status}"
    );
    Ok(())
}
