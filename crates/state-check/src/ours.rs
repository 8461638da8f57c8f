//! What always holds of the state of our pallets, and of the money in it.

use crate::{Broken, Check};
use athanor_runtime::{
    Balance, Balances, ComputeJobs, DataMarket, LabelBounties, Programs, Runtime,
    RuntimeHoldReason, Validators,
};
use codec::{DecodeAll, Encode};
use sp_runtime::DispatchError;
use std::collections::BTreeMap;

/// The checks; they hold at any time, also between two transactions.
pub const CHECKS: &[Check] = &[
    ("programs", || Programs::do_try_state().map_err(words)),
    ("compute jobs", || {
        ComputeJobs::do_try_state().map_err(words)
    }),
    ("escrow", escrow),
    ("label bounties", || {
        LabelBounties::do_try_state().map_err(words)
    }),
    ("data market", || DataMarket::do_try_state().map_err(words)),
    ("validators", || Validators::do_try_state().map_err(words)),
    ("money", money),
];

/// An error in words.
pub fn words(error: DispatchError) -> String {
    match error {
        DispatchError::Module(error) => error
            .message
            .map_or_else(|| format!("{error:?}"), Into::into),
        DispatchError::Other(words) => words.into(),
        other => format!("{other:?}"),
    }
}

/// What the job escrow and the registry of programs hold of everybody together, for each reason, is
/// what their records account for. Their own checks ask only those who have a record, so money that
/// a job, a thread or a model left on hold when it ended shows here.
fn escrow() -> Result<(), Broken> {
    use pallet_compute_jobs::{HoldReason, Jobs, Providers, Receipts, Threads};
    use pallet_programs::{Models, Programs};
    let mut held: BTreeMap<String, Balance> = BTreeMap::new();
    for holds in pallet_balances::Holds::<Runtime>::iter_values() {
        for hold in holds {
            if let RuntimeHoldReason::ComputeJobs(_) | RuntimeHoldReason::Programs(_) = hold.id {
                *held.entry(format!("{:?}", hold.id)).or_default() += hold.amount;
            }
        }
    }
    let mut owed: BTreeMap<String, Balance> = BTreeMap::new();
    let mut add = |reason: RuntimeHoldReason, amount: Balance| {
        *owed.entry(format!("{reason:?}")).or_default() += amount;
    };
    let deposits = Programs::<Runtime>::iter_values().map(|entry| entry.deposit);
    for deposit in deposits.chain(Models::<Runtime>::iter_values().map(|entry| entry.deposit)) {
        let reason = pallet_programs::HoldReason::Deposit;
        add(reason.into(), amount(&deposit)?);
    }
    let mut owe = |reason: HoldReason, amount| add(reason.into(), amount);
    for job in Jobs::<Runtime>::iter_values() {
        owe(
            HoldReason::JobBudget,
            job.budget + job.premium + job.stake + job.tip,
        );
        owe(HoldReason::Deposit, job.deposit);
        owe(
            HoldReason::AuditPay,
            job.auditor().map_or(0, |auditor| auditor.pay),
        );
    }
    for kept in Receipts::<Runtime>::iter_values() {
        owe(HoldReason::Deposit, kept.deposit);
    }
    for thread in Threads::<Runtime>::iter_values() {
        owe(HoldReason::ThreadBond, thread.bond + thread.prepaid);
    }
    for provider in Providers::<Runtime>::iter_values() {
        owe(HoldReason::ProviderBond, provider.bond);
    }
    held.retain(|_, amount| *amount > 0);
    owed.retain(|_, amount| *amount > 0);
    if held != owed {
        return Err(format!("{held:?} is held, and {owed:?} is accounted for"));
    }
    Ok(())
}

/// A ticket shows what it holds in its encoding only.
fn amount(ticket: &impl Encode) -> Result<Balance, Broken> {
    Balance::decode_all(&mut &ticket.encode()[..]).map_err(|error| format!("a ticket: {error}"))
}

/// What is issued is what accounts have, and nobody has more on hold than is reserved.
fn money() -> Result<(), Broken> {
    let issuance = Balances::total_issuance();
    let of_accounts: Balance = frame_system::Account::<Runtime>::iter_values()
        .map(|account| account.data.free + account.data.reserved)
        .sum();
    if issuance != of_accounts {
        return Err(format!(
            "{issuance} are issued, and accounts have {of_accounts}"
        ));
    }
    for (who, holds) in pallet_balances::Holds::<Runtime>::iter() {
        let held: Balance = holds.iter().map(|hold| hold.amount).sum();
        let reserved = frame_system::Account::<Runtime>::get(&who).data.reserved;
        if held > reserved {
            return Err(format!("{who}: {held} are held of {reserved} reserved"));
        }
    }
    Ok(())
}
