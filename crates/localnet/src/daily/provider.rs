//! A provider from its first pay to the return of its bond.

use super::{
    ensure_money, fee, flag, keys, pays, warns, Job, Played, Quote, Stage, BOND, CUSTOMER, LEAVING,
    PATIENCE, REFUSED, USAGE,
};
use crate::{
    athanor::{amount, aur, number, text},
    chain, market,
    market::money::Changes,
    rpc::wait_for,
};
use anyhow::{ensure, Context, Result};

/// What is added to the bond.
const MORE: u128 = 5_000_000_000_007;
const MORE_TEXT: &str = "5.000000000007 AUR";

pub(super) async fn play(stage: &Stage<'_>, model: u64) -> Result<Played> {
    let Stage { cli, ws, .. } = stage;
    let who = [CUSTOMER, LEAVING.suri, LEAVING.worker];
    let accounts = keys(&who)?;
    let [customer, owner, _] = accounts[..] else {
        anyhow::bail!("somebody is missing");
    };
    let suri = LEAVING.suri;
    let before = stage.snapshot(&accounts).await?;
    let status = stage.status(suri).await?;
    ensure!(
        amount(&status, "bond")? == BOND
            && amount(&status, "free")? == BOND
            && number(&status, "live_jobs")? == 0
            && flag(&status, "/offer/paused") == Some(false),
        "{status}"
    );

    let quote = stage.quote(model, &[]).await?;
    let price = quote.cheapest.context("no offer is quoted")?;
    ensure!(
        quote.eligible == 1 && quote.case("settled_cheapest")?.pays == price,
        "{quote:?}"
    );
    let job = stage.create(CUSTOMER, model, &[], &quote).await?;
    settled(stage, &job, &quote).await?;
    let earned = stage.ensure_earned(suri, &[price], 0).await?;
    ensure!(
        earned.pointer("/entries/0/job").and_then(|id| id.as_u64()) == Some(job.id),
        "{earned}"
    );
    let wrong = ["provider", "earnings", suri, "--blocks", "0"];
    stage.refused(&wrong, USAGE, "--blocks is zero").await?;
    stage.step.note("a provider was paid");

    let answer = stage.provider("pause", suri).await?;
    ensure!(text(&answer, "state")? == "paused", "{answer}");
    let status = stage.status(suri).await?;
    ensure!(
        flag(&status, "/offer/paused") == Some(true) && warns(&status, "the offer is paused"),
        "{status}"
    );
    let pause = ["provider", "pause", "--suri", suri];
    stage
        .refused(&pause, REFUSED, "ComputeJobs.AlreadyPaused")
        .await?;
    let nobody = stage.quote(model, &[]).await?;
    ensure!(
        nobody.eligible == 0 && nobody.case("settled_cheapest").is_err(),
        "{nobody:?}"
    );
    let second = stage.create(CUSTOMER, model, &[], &nobody).await?;
    // Long enough for two rounds of the draw.
    let round: u32 = chain::job_constant(ws, "RoundBlocks").await?;
    let rounds = stage.ledger.rpc.best_block().await? + 2 * u64::from(round) + 4;
    stage.until(rounds).await?;
    let state = chain::job(ws, second.id).await?;
    ensure!(
        state
            .as_ref()
            .is_some_and(|job| job.status == "Open" && job.replicas.is_empty()),
        "a paused provider was drawn: {state:?}"
    );
    stage.step.note("a paused provider was not drawn");
    let answer = stage.provider("resume", suri).await?;
    ensure!(text(&answer, "state")? == "resumed", "{answer}");
    let resume = ["provider", "resume", "--suri", suri];
    stage
        .refused(&resume, REFUSED, "ComputeJobs.NotPaused")
        .await?;
    wait_for("the draw of a resumed provider", PATIENCE, || async {
        let state = chain::job(ws, second.id).await?;
        Ok(state.is_none_or(|job| job.status != "Open").then_some(()))
    })
    .await?;
    let status = stage.status(suri).await?;
    ensure!(
        number(&status, "live_jobs")? == 1
            && status.pointer("/jobs/0/job").and_then(|id| id.as_u64()) == Some(second.id)
            && amount(&status, "locked")? > 0,
        "{status}"
    );
    let leave = ["provider", "deregister", "--suri", suri];
    stage
        .refused(&leave, REFUSED, "ComputeJobs.StillLiable")
        .await?;
    settled(stage, &second, &quote).await?;
    stage.ensure_earned(suri, &[price, price], 0).await?;
    stage.step.note("a resumed provider was paid");
    leave_and_withdraw(stage, suri).await?;

    let mut expected = Changes::default();
    for _ in 0..2 {
        pays(&mut expected, customer, owner, price);
    }
    let after = stage.snapshot(&accounts).await?;
    ensure_money(&before, &after, &expected, &who)?;
    for key in &accounts {
        let held = after.held.get(key).copied();
        ensure!(held == Some(0), "{held:?} is still held");
    }
    let gone = ["provider", "status", suri];
    stage.refused(&gone, REFUSED, "is no provider").await?;
    let balance = cli.run(&["account", "balance", suri]).await?;
    ensure!(
        amount(&balance, "free")? == amount(&balance, "total")?,
        "{balance}"
    );
    Ok(Played {
        treasury: expected.of(&market::treasury()),
        jobs: 2,
        words: format!(
            "a provider was paid twice, paused, and left with its bond: {} net",
            aur(2 * (price - fee(price)))
        ),
    })
}

/// Waits until a job is settled as it was quoted.
async fn settled(stage: &Stage<'_>, job: &Job, quote: &Quote) -> Result<()> {
    let (outcome, said) = stage.ended(job).await?;
    outcome.ensure_settled()?;
    let case = quote.case("settled_cheapest")?;
    ensure!(
        (outcome.total_paid(), outcome.refund) == (case.pays, case.refund)
            && outcome.fees == fee(case.pays),
        "it was quoted otherwise, {case:?}: {said}"
    );
    Ok(())
}

/// Adds to the bond, leaves, and gets all of it back when the unbonding is over.
async fn leave_and_withdraw(stage: &Stage<'_>, suri: &str) -> Result<()> {
    let add = |amount| ["provider", "add-bond", amount, "--suri", suri];
    stage
        .refused(&add("0"), USAGE, "there is nothing to lock")
        .await?;
    let answer = stage.cli.run(&add(MORE_TEXT)).await?;
    ensure!(amount(&answer, "amount")? == MORE, "{answer}");
    let status = stage.status(suri).await?;
    ensure!(
        amount(&status, "bond")? == BOND + MORE && amount(&status, "free")? == BOND + MORE,
        "{status}"
    );
    let withdraw = ["provider", "withdraw", "--suri", suri];
    stage
        .refused(&withdraw, REFUSED, "ComputeJobs.NotUnbonding")
        .await?;
    let unbonding: u32 = chain::job_constant(&stage.ws, "UnbondingBlocks").await?;
    let early = stage.ledger.rpc.best_block().await? + u64::from(unbonding);
    let answer = stage.provider("deregister", suri).await?;
    let until = number(&answer, "unbonding_until")?;
    let late = stage.ledger.rpc.best_block().await? + u64::from(unbonding);
    ensure!(
        text(&answer, "state")? == "unbonding" && (early..=late).contains(&until),
        "it is not unbonding until {early} to {late}: {answer}"
    );
    let status = stage.status(suri).await?;
    ensure!(
        number(&status, "unbonding_until")? == until && warns(&status, "is leaving"),
        "{status}"
    );
    stage
        .refused(&withdraw, REFUSED, "ComputeJobs.StillUnbonding")
        .await?;
    stage
        .step
        .note(format!("a provider leaves at block {until}"));
    stage.until(until).await?;
    let answer = stage.cli.run(&withdraw).await?;
    ensure!(amount(&answer, "amount")? == BOND + MORE, "{answer}");
    stage
        .refused(&withdraw, REFUSED, "ComputeJobs.NotAProvider")
        .await
}
