//! Jobs that are audited by chance, until an auditor was drawn.

use super::{
    change, ensure_money, fee, key, keys, pays, Job, Owner, Played, Quote, Stage, MAX_PAY, REFUSED,
};
use crate::{
    athanor::{amount, aur, text},
    market::{
        self,
        ledger::{Key, Snapshot},
        money::Changes,
    },
};
use anyhow::{ensure, Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// Each with a node and a daemon of its own; the second asks for more.
pub(super) const PROVIDERS: [Owner; 2] = [
    Owner::new("//Daily//Audited//0", "//Daily//AuditedWorker//0"),
    Owner::new("//Daily//Audited//1", "//Daily//AuditedWorker//1"),
];
/// Of 256 jobs, so many are audited: the most that the chain has.
const RATE: u128 = 64;
const RATE_TEXT: &str = "64";
/// Who order jobs side by side, and how many each at a time: of a hundred rounds, one is in vain.
const REQUESTERS: usize = 4;
const JOBS: usize = 4;
/// Rounds before it can't be chance any more.
const ROUNDS: usize = 4;

/// Secrets of those who order.
pub(super) fn requesters() -> Vec<String> {
    (0..REQUESTERS)
        .map(|number| format!("//Daily//Auditing//{number}"))
        .collect()
}

/// The account that auditors are paid from: that of the escrow's pallet.
fn pot() -> Key {
    let mut key = [0; 32];
    for (byte, of) in key.iter_mut().zip(b"modlath/jobs") {
        *byte = *of;
    }
    key
}

/// A job that was settled.
struct Settled {
    job: Job,
    requester: String,
    /// All that was said of its end.
    said: Value,
}

pub(super) async fn play(stage: &Stage<'_>, model: u64) -> Result<Played> {
    let requesters = requesters();
    let mut who = requesters.clone();
    who.extend(PROVIDERS.map(|owner| owner.suri.to_string()));
    who.extend(PROVIDERS.map(|owner| owner.worker.to_string()));
    let mut accounts = keys(&who)?;
    accounts.push(pot());
    let before = stage.snapshot(&accounts).await?;

    let terms = ["--audit", RATE_TEXT, "--keep-receipt"];
    let quote = stage.quote(model, &terms).await?;
    let premium = (MAX_PAY * RATE).div_ceil(256);
    let cheapest = quote.cheapest.context("no offer is quoted")?;
    ensure!(
        quote.eligible == 2 && quote.case("settled_cheapest")?.pays == cheapest + premium,
        "{quote:?}"
    );
    let mut jobs = Vec::new();
    let (after, audited) = loop {
        ensure!(
            jobs.len() < ROUNDS * REQUESTERS * JOBS,
            "none of {} jobs was audited",
            jobs.len()
        );
        let lanes = requesters
            .iter()
            .map(|requester| lane(stage, requester, model, &terms, &quote));
        for settled in futures::future::try_join_all(lanes).await? {
            jobs.extend(settled);
        }
        let after = stage.snapshot(&accounts).await?;
        let audited: Vec<u64> = after
            .jobs
            .iter()
            .filter(|(id, happened)| {
                happened.seats.len() == 2 && jobs.iter().any(|settled| settled.job.id == **id)
            })
            .map(|(id, _)| *id)
            .collect();
        if !audited.is_empty() {
            break (after, audited);
        }
        stage
            .step
            .note(format!("none of {} jobs was audited", jobs.len()));
    };

    let (mut expected, mut paid) = (Changes::default(), BTreeMap::<Key, Vec<u128>>::new());
    for settled in &jobs {
        ensure_settled(settled, &after, &quote, premium, &mut expected, &mut paid)?;
    }
    ensure_money(&before, &after, &expected, &who)?;
    let (got, wanted) = (change(&before, &after, &pot())?, expected.of(&pot()));
    ensure!(got == wanted, "the pot has {got} more, not {wanted}");
    let held = after.held.get(&pot()).copied().unwrap_or_default();
    ensure!(held == 0, "{held} is still set aside for auditors");
    for owner in PROVIDERS {
        let pays = paid.remove(&key(owner.suri)?).unwrap_or_default();
        stage.ensure_earned(owner.suri, &pays, 0).await?;
    }
    forget(stage, &jobs, &audited, &quote).await?;
    Ok(Played {
        treasury: expected.of(&market::treasury()),
        jobs: jobs.len(),
        words: format!(
            "{} of {} jobs were audited, {} is left in the pot",
            audited.len(),
            jobs.len(),
            aur(wanted.unsigned_abs())
        ),
    })
}

/// Some jobs of one requester, to their ends.
async fn lane(
    stage: &Stage<'_>,
    requester: &str,
    model: u64,
    terms: &[&str],
    quote: &Quote,
) -> Result<Vec<Settled>> {
    let mut jobs = Vec::new();
    for _ in 0..JOBS {
        jobs.push(stage.create(requester, model, terms, quote).await?);
    }
    let mut settled = Vec::new();
    for job in jobs {
        let (outcome, said) = stage.ended(&job).await?;
        outcome.ensure_settled()?;
        ensure!(outcome.struck.is_empty(), "somebody was struck: {said}");
        settled.push(Settled {
            job,
            requester: requester.to_string(),
            said,
        });
    }
    Ok(settled)
}

/// Checks how a job ended, and adds what it moves to the money table: the provider is paid by the
/// requester, and the auditor, if there was one, by the pot, into which the premium goes.
fn ensure_settled(
    settled: &Settled,
    after: &Snapshot,
    quote: &Quote,
    premium: u128,
    expected: &mut Changes,
    paid: &mut BTreeMap<Key, Vec<u128>>,
) -> Result<()> {
    let Settled { job, said, .. } = settled;
    let requester = key(&settled.requester)?;
    let happened = after.jobs.get(&job.id).context("a job without events")?;
    let [claimant, auditor @ ..] = &happened.seats[..] else {
        anyhow::bail!("nobody was drawn for job {}", job.id);
    };
    ensure!(auditor.len() <= 1, "job {} has several auditors", job.id);
    for seat in &happened.seats {
        let one = |list: &[Key]| list.iter().filter(|who| **who == seat.provider).count() == 1;
        ensure!(
            one(&happened.committed) && one(&happened.revealed),
            "a provider did not commit and reveal once in job {}",
            job.id
        );
        paid.entry(seat.provider).or_default().push(seat.pay);
    }
    expected.moves(requester, pot(), premium);
    pays(expected, requester, claimant.provider, claimant.pay);
    let grade = said.get("grade").context("a job without a grade")?;
    let mut fees = fee(claimant.pay);
    match auditor {
        [seat] => {
            ensure!(grade == "audited", "{said}");
            pays(expected, pot(), seat.provider, seat.pay);
            fees += fee(seat.pay);
        }
        _ => ensure!(
            grade.pointer("/sampled/audit").and_then(Value::as_u64) == Some(RATE as u64),
            "{said}"
        ),
    }
    let said_fees = said.get("fees").and_then(Value::as_object);
    let mut sum = 0;
    for account in said_fees.context("a job without fees")?.keys() {
        sum += amount(&said["fees"], account)?;
    }
    ensure!(sum == fees, "fees of {fees} are {sum}: {said}");
    let refund = job.held - premium - claimant.pay;
    ensure!(
        amount(said, "refund")? == refund,
        "{refund} should return: {said}"
    );
    if Some(claimant.pay) == quote.cheapest {
        let quoted = quote.case("settled_cheapest")?.refund;
        ensure!(refund == quoted, "{quoted} was quoted to return: {said}");
    }
    Ok(())
}

/// Removes the receipt of an audited job, whose deposit returns.
async fn forget(stage: &Stage<'_>, jobs: &[Settled], audited: &[u64], quote: &Quote) -> Result<()> {
    let first = audited.first().context("no job was audited")?;
    let settled = jobs
        .iter()
        .find(|settled| settled.job.id == *first)
        .context("an unknown job")?;
    let (id, suri) = (first.to_string(), settled.requester.as_str());
    let show = ["job", "show", &id];
    let receipt = stage.cli.run(&show).await?;
    ensure!(
        receipt.pointer("/receipt/grade").and_then(Value::as_str) == Some("audited"),
        "{receipt}"
    );
    let args = ["job", "list", "--mine", "--suri", suri];
    let list = stage.cli.run(&args).await?;
    let list = list.as_array().context("no list of jobs")?;
    let kept = list
        .iter()
        .find(|entry| entry.get("job").and_then(Value::as_u64) == Some(*first))
        .context("a kept receipt is not listed")?;
    ensure!(
        text(kept, "state")? == "settled" && amount(kept, "deposit")? == quote.deposit,
        "{kept}"
    );
    let account = keys(&[suri])?;
    let before = stage.snapshot(&account).await?;
    let forget = ["job", "forget", &id, "--suri", suri];
    stage.cli.run(&forget).await?;
    let after = stage.snapshot(&account).await?;
    let held = |snapshot: &Snapshot| snapshot.held.values().sum::<u128>();
    ensure!(
        held(&after) + quote.deposit == held(&before),
        "the deposit of {} did not return: {} and {} held",
        quote.deposit,
        held(&before),
        held(&after)
    );
    ensure_money(&before, &after, &Changes::default(), &[suri])?;
    stage
        .refused(&forget, REFUSED, "ComputeJobs.NoSuchReceipt")
        .await?;
    stage
        .refused(&show, REFUSED, "no receipt of it is kept")
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::ledger::{Happened, Seat};
    use serde_json::json;

    fn checked(seats: &[u8], grade: Value, fees: &str, refund: &str) -> Result<[i128; 5]> {
        let seat = |owner: &u8| Seat {
            provider: [*owner; 32],
            worker: [*owner + 10; 32],
            pay: 100,
            collateral: 5,
        };
        let providers: Vec<Key> = seats.iter().map(|owner| [*owner; 32]).collect();
        let happened = Happened {
            seats: seats.iter().map(seat).collect(),
            committed: providers.clone(),
            revealed: providers,
            ..Happened::default()
        };
        let after = Snapshot {
            block: 1,
            total: BTreeMap::new(),
            held: BTreeMap::new(),
            fees: BTreeMap::new(),
            tips: BTreeMap::new(),
            fees_to_treasury: 0,
            signed: BTreeMap::new(),
            refused: BTreeMap::new(),
            jobs: [(7, happened)].into(),
        };
        let quote = Quote::read(&json!({ "held": "500", "deposit": "0", "eligible": 2,
            "cheapest": ["100"], "cases": [{ "case": "settled_cheapest", "pays": "130",
            "refund": "370", "compensation_up_to": "0" }] }))?;
        let settled = Settled {
            job: Job { id: 7, held: 500 },
            requester: "//Alice".into(),
            said: json!({ "grade": grade, "fees": { "a": fees }, "refund": refund }),
        };
        let mut expected = Changes::default();
        let mut paid = BTreeMap::new();
        ensure_settled(&settled, &after, &quote, 30, &mut expected, &mut paid)?;
        let who = [key("//Alice")?, [1; 32], [2; 32], pot(), market::treasury()];
        Ok(who.map(|who| expected.of(&who)))
    }

    #[test]
    fn an_auditor_is_paid_by_the_pot() {
        let sampled = json!({ "sampled": { "audit": 64 } });
        let got = checked(&[1], sampled.clone(), "2", "370").unwrap();
        assert_eq!(got, [-130, 98, 0, 30, 2]);
        let got = checked(&[1, 2], json!("audited"), "4", "370").unwrap();
        assert_eq!(got, [-130, 98, 98, -70, 4]);
        for (seats, grade, fees, refund) in [
            (&[1, 2][..], sampled, "4", "370"),
            (&[1], json!("audited"), "2", "370"),
            (&[1, 2], json!("audited"), "2", "370"),
            (&[1, 2], json!("audited"), "4", "371"),
            (&[], json!("audited"), "0", "370"),
        ] {
            assert!(checked(seats, grade, fees, refund).is_err(), "{seats:?}");
        }
    }
}
