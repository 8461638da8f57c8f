//! What always holds of the state of the SDK's pallets.
//!
//! Their own `try_state` is compiled only with the feature `try-runtime` of every FRAME crate,
//! which the tests of the workspace do without: it would compile all of FRAME and whatever is built
//! on it once more. What those functions say of the pallets that this runtime has is said here
//! again, with what they leave out: deposits, references, preimages, agendas.

use crate::{Broken, Check};
use athanor_runtime::{
    AccountId, AuthorityDiscovery, Babe, Balance, Balances, Grandpa, Runtime, RuntimeHoldReason,
    Session, SessionKeys, System, EXISTENTIAL_DEPOSIT,
};
use codec::{DecodeAll, Encode};
use frame_support::traits::{fungible::InspectHold, Get};
use pallet_assets::ExistenceReason;
use pallet_collator_selection::{
    CandidacyBond, CandidateList, Config as Seats, DesiredCandidates, Invulnerables,
};
use pallet_preimage::RequestStatus;
use pallet_referenda::ReferendumInfo;
use sp_runtime::traits::OpaqueKeys;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

/// The checks, for the state after a block.
pub const CHECKS: &[Check] = &[
    ("assets", || assets().map(drop)),
    ("deposits", || deposits(assets()?.deposits)),
    ("references", || references(&assets()?)),
    ("locks", locks),
    ("preimages", preimages),
    ("agendas", agendas),
    ("referenda", referenda),
    ("spends", spends),
    ("seats", seats),
    ("sessions", sessions),
    ("epochs", epochs),
];

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(what())
    }
}

fn same<T: PartialEq + Debug>(
    one: T,
    other: T,
    what: impl FnOnce() -> String,
) -> Result<(), Broken> {
    ensure(one == other, || {
        format!("{}: {one:?} and {other:?}", what())
    })
}

/// What assets say of accounts.
#[derive(Default)]
struct Assets {
    deposits: Balance,
    consumers: BTreeMap<AccountId, u32>,
    sufficients: BTreeMap<AccountId, u32>,
}

/// An asset's supply is what accounts have of it, and its counters count; nothing is left of an
/// asset that there is not.
fn assets() -> Result<Assets, Broken> {
    use pallet_assets::{Account, Approvals, Asset, AssetStatus, Metadata};
    let mut found = Assets::default();
    let mut seen: BTreeMap<u32, (Balance, u32, u32, u32)> = BTreeMap::new();
    for (id, who, account) in Account::<Runtime>::iter() {
        let (supply, accounts, sufficients, _) = seen.entry(id).or_default();
        *supply += account.balance;
        *accounts += 1;
        match account.reason {
            ExistenceReason::Consumer => *found.consumers.entry(who).or_default() += 1,
            ExistenceReason::Sufficient => {
                *sufficients += 1;
                *found.sufficients.entry(who).or_default() += 1;
            }
            ExistenceReason::DepositHeld(deposit) | ExistenceReason::DepositFrom(_, deposit) => {
                found.deposits += deposit;
            }
            ExistenceReason::DepositRefunded => {}
        }
    }
    for ((id, _, _), approval) in Approvals::<Runtime>::iter() {
        seen.entry(id).or_default().3 += 1;
        found.deposits += approval.deposit;
    }
    for (id, metadata) in Metadata::<Runtime>::iter() {
        seen.entry(id).or_default();
        found.deposits += metadata.deposit;
    }
    for (id, asset) in Asset::<Runtime>::iter() {
        found.deposits += asset.deposit;
        let of_accounts = seen.remove(&id).unwrap_or_default();
        // What is being destroyed has its accounts first, its supply last.
        if asset.status != AssetStatus::Destroying {
            let counted = (
                asset.supply,
                asset.accounts,
                asset.sufficients,
                asset.approvals,
            );
            same(counted, of_accounts, || format!("asset {id}"))?;
        }
    }
    ensure(seen.is_empty(), || format!("no assets: {:?}", seen.keys()))?;
    Ok(found)
}

/// What is reserved of anybody is reserved for something on record.
fn deposits(of_assets: Balance) -> Result<(), Broken> {
    let held: Balance = pallet_balances::Holds::<Runtime>::iter_values()
        .flat_map(|holds| holds.into_iter().map(|hold| hold.amount))
        .sum();
    let multisigs: Balance = pallet_multisig::Multisigs::<Runtime>::iter_values()
        .map(|multisig| multisig.deposit)
        .sum();
    let proxies: Balance = pallet_proxy::Proxies::<Runtime>::iter_values()
        .map(|(_, deposit)| deposit)
        .sum();
    let announcements: Balance = pallet_proxy::Announcements::<Runtime>::iter_values()
        .map(|(_, deposit)| deposit)
        .sum();
    let referenda: Balance = pallet_referenda::ReferendumInfoFor::<Runtime>::iter_values()
        .flat_map(|info| match info {
            ReferendumInfo::Ongoing(status) => {
                [Some(status.submission_deposit), status.decision_deposit]
            }
            ReferendumInfo::Approved(_, one, other)
            | ReferendumInfo::Rejected(_, one, other)
            | ReferendumInfo::Cancelled(_, one, other)
            | ReferendumInfo::TimedOut(_, one, other) => [one, other],
            ReferendumInfo::Killed(_) => [None, None],
        })
        .flatten()
        .map(|deposit| deposit.amount)
        .sum();
    let candidates: Balance = CandidateList::<Runtime>::get()
        .iter()
        .map(|candidate| candidate.deposit)
        .sum();
    let all = [
        held,
        multisigs,
        proxies,
        announcements,
        referenda,
        candidates,
        of_assets,
    ];
    let reserved: Balance = frame_system::Account::<Runtime>::iter_values()
        .map(|account| account.data.reserved)
        .sum();
    same(reserved, all.iter().sum(), || {
        format!(
            "what is reserved, and is for holds, multisigs, proxies, announcements, referenda, \
             candidates and assets, {all:?}"
        )
    })
}

/// An account lives by its balance or a sufficient asset, and is referred to by its reserved or
/// frozen balance, its session keys and its other assets.
fn references(assets: &Assets) -> Result<(), Broken> {
    for (who, account) in frame_system::Account::<Runtime>::iter() {
        let of = |counts: &BTreeMap<AccountId, u32>| counts.get(&who).copied().unwrap_or(0);
        let data = &account.data;
        let providers = u32::from(data.free >= EXISTENTIAL_DEPOSIT);
        let consumers = of(&assets.consumers)
            + u32::from(data.reserved > 0 || data.frozen > 0)
            + u32::from(pallet_session::NextKeys::<Runtime>::contains_key(&who));
        let counted = (account.providers, account.consumers, account.sufficients);
        let found = (providers, consumers, of(&assets.sufficients));
        same(counted, found, || {
            format!("providers, consumers and sufficients of {who}, {data:?}")
        })?;
        ensure(providers > 0 || account.sufficients > 0, || {
            format!("{who} lives by nothing")
        })?;
    }
    Ok(())
}

/// The greatest lock and the greatest freeze are frozen, and nothing else is.
fn locks() -> Result<(), Broken> {
    let mut frozen: BTreeMap<AccountId, Balance> = BTreeMap::new();
    for (who, locks) in pallet_balances::Locks::<Runtime>::iter() {
        let most = frozen.entry(who).or_default();
        *most = locks
            .iter()
            .map(|lock| lock.amount)
            .fold(*most, Balance::max);
    }
    for (who, freezes) in pallet_balances::Freezes::<Runtime>::iter() {
        let most = frozen.entry(who).or_default();
        *most = freezes
            .iter()
            .map(|freeze| freeze.amount)
            .fold(*most, Balance::max);
    }
    for (who, account) in frame_system::Account::<Runtime>::iter() {
        let most = frozen.remove(&who).unwrap_or(0);
        same(account.data.frozen, most, || format!("frozen of {who}"))?;
    }
    ensure(frozen.is_empty(), || format!("no accounts: {frozen:?}"))
}

/// A preimage is there as long as its record says, under its hash, and its deposit is held.
fn preimages() -> Result<(), Broken> {
    use pallet_preimage::{PreimageFor, RequestStatusFor};
    let mut deposits: BTreeMap<AccountId, Balance> = BTreeMap::new();
    let mut count = 0;
    for (hash, status) in RequestStatusFor::<Runtime>::iter() {
        let (ticket, len) = match status {
            RequestStatus::Unrequested { ticket, len } => (Some(ticket), Some(len)),
            RequestStatus::Requested {
                maybe_ticket,
                count,
                maybe_len,
            } => {
                ensure(count > 0, || format!("{hash} is requested by nobody"))?;
                (maybe_ticket, maybe_len)
            }
        };
        if let Some(len) = len {
            count += 1;
            let bytes = PreimageFor::<Runtime>::get((hash, len)).unwrap_or_default();
            same(bytes.len(), len as usize, || format!("length of {hash}"))?;
            same(sp_io::hashing::blake2_256(&bytes), hash.0, || {
                format!("hash of {hash}")
            })?;
        }
        if let Some((who, ticket)) = ticket {
            // A ticket shows what it holds in its encoding only.
            let held = Balance::decode_all(&mut &ticket.encode()[..])
                .map_err(|error| format!("the ticket of {hash}: {error}"))?;
            *deposits.entry(who).or_default() += held;
        }
    }
    same(PreimageFor::<Runtime>::iter_keys().count(), count, || {
        "preimages and their records".into()
    })?;
    let reason = RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    for who in frame_system::Account::<Runtime>::iter_keys() {
        let held = Balances::balance_on_hold(&reason, &who);
        let owed = deposits.remove(&who).unwrap_or(0);
        same(held, owed, || format!("preimages of {who}"))?;
    }
    ensure(deposits.is_empty(), || format!("no accounts: {deposits:?}"))
}

/// Every task with a name is found by it, and every name leads to its task.
fn agendas() -> Result<(), Broken> {
    use pallet_scheduler::{Agenda, Lookup};
    let mut names = 0;
    for (when, tasks) in Agenda::<Runtime>::iter() {
        for (index, task) in (0u32..).zip(&tasks) {
            let Some(name) = task.as_ref().and_then(|task| task.maybe_id) else {
                continue;
            };
            names += 1;
            same(Lookup::<Runtime>::get(name), Some((when, index)), || {
                format!("where task {name:?} is")
            })?;
        }
    }
    same(Lookup::<Runtime>::iter_keys().count(), names, || {
        "names and named tasks".into()
    })
}

/// Every referendum counted is on record; those in a queue are ongoing; no track decides fewer
/// than are being decided in it.
fn referenda() -> Result<(), Broken> {
    use pallet_referenda::{
        DecidingCount, MetadataOf, ReferendumCount, ReferendumInfoFor, TrackQueue,
    };
    let all: BTreeMap<_, _> = ReferendumInfoFor::<Runtime>::iter().collect();
    same(
        ReferendumCount::<Runtime>::get() as usize,
        all.len(),
        || "referenda".into(),
    )?;
    let mut deciding: BTreeMap<u16, u32> = BTreeMap::new();
    for (index, info) in &all {
        let ReferendumInfo::Ongoing(status) = info else {
            continue;
        };
        if let Some(phase) = &status.deciding {
            *deciding.entry(status.track).or_default() += 1;
            ensure(phase.confirming.is_none_or(|end| phase.since < end), || {
                format!("referendum {index} is confirmed before it is decided")
            })?;
        }
    }
    for (track, count) in deciding {
        // One that ended is subtracted by a task of its own, later.
        ensure(DecidingCount::<Runtime>::get(track) >= count, || {
            format!("track {track} decides more than it counts, {count}")
        })?;
    }
    for (track, queue) in TrackQueue::<Runtime>::iter() {
        for (index, _) in queue {
            ensure(all.contains_key(&index), || {
                format!("referendum {index} in the queue of track {track}")
            })?;
        }
    }
    for index in MetadataOf::<Runtime>::iter_keys() {
        ensure(all.contains_key(&index), || {
            format!("metadata of no referendum {index}")
        })?;
    }
    Ok(())
}

/// The treasury's spends are numbered below the next number, and valid before they expire.
fn spends() -> Result<(), Broken> {
    use pallet_treasury::{SpendCount, Spends};
    let next = SpendCount::<Runtime>::get();
    for (index, spend) in Spends::<Runtime>::iter() {
        ensure(index < next && spend.valid_from < spend.expire_at, || {
            format!("spend {index} of {next}: {spend:?}")
        })?;
    }
    Ok(())
}

/// Candidates are listed once, by deposit, with the least or more; invulnerables once, in order.
fn seats() -> Result<(), Broken> {
    let candidates = CandidateList::<Runtime>::get();
    let least = CandidacyBond::<Runtime>::get();
    let who: BTreeSet<_> = candidates.iter().map(|candidate| &candidate.who).collect();
    let sorted = candidates
        .iter()
        .map(|candidate| candidate.deposit)
        .is_sorted();
    let enough = candidates
        .iter()
        .all(|candidate| candidate.deposit >= least);
    ensure(who.len() == candidates.len() && sorted && enough, || {
        format!("candidates with {least} or more: {candidates:?}")
    })?;
    let invulnerables = Invulnerables::<Runtime>::get();
    ensure(invulnerables.is_sorted_by(|one, other| one < other), || {
        format!("invulnerables: {invulnerables:?}")
    })?;
    ensure(
        DesiredCandidates::<Runtime>::get() <= <Runtime as Seats>::MaxCandidates::get(),
        || "more candidates are desired than there may be".into(),
    )
}

/// Every validator has one seat, in each list of keys; the disabled are in order, and a majority
/// is not. Every key has the owner that has it.
fn sessions() -> Result<(), Broken> {
    let validators = Session::validators();
    let unique: BTreeSet<_> = validators.iter().collect();
    ensure(
        !unique.is_empty() && unique.len() == validators.len(),
        || format!("validators: {validators:?}"),
    )?;
    let authorities: BTreeSet<_> = Babe::authorities().iter().map(Encode::encode).collect();
    same(authorities.len(), validators.len(), || "authors".into())?;
    let discovered: BTreeSet<_> = AuthorityDiscovery::current_authorities()
        .iter()
        .map(Encode::encode)
        .collect();
    same(discovered.len(), validators.len(), || {
        "validators that can be found".into()
    })?;
    let voters: BTreeSet<_> = Grandpa::grandpa_authorities()
        .into_iter()
        .map(|(id, _)| id.encode())
        .collect();
    // A change of voters takes effect at a block's end, with that of the others.
    same(voters.len(), validators.len(), || "voters".into())?;
    let disabled = Session::disabled_validators();
    ensure(
        disabled.is_sorted_by(|one, other| one < other)
            && disabled
                .iter()
                .all(|index| (*index as usize) < validators.len())
            && (disabled.is_empty() || disabled.len() * 2 < validators.len()),
        || format!("disabled of {}: {disabled:?}", validators.len()),
    )?;
    let mut keys = 0;
    for (who, own) in pallet_session::NextKeys::<Runtime>::iter() {
        for id in SessionKeys::key_ids() {
            keys += 1;
            let owner = pallet_session::KeyOwner::<Runtime>::get((*id, own.get_raw(*id)));
            same(owner, Some(who.clone()), || {
                format!("owner of a key, {id:?}")
            })?;
        }
    }
    same(
        pallet_session::KeyOwner::<Runtime>::iter_keys().count(),
        keys,
        || "keys and their owners".into(),
    )
}

/// BABE's slots and epochs go forward.
fn epochs() -> Result<(), Broken> {
    use pallet_babe::{CurrentSlot, EpochConfig, EpochStart, GenesisSlot, SkippedEpochs};
    let (genesis, now) = (GenesisSlot::<Runtime>::get(), CurrentSlot::<Runtime>::get());
    let (before, start) = EpochStart::<Runtime>::get();
    let skipped = SkippedEpochs::<Runtime>::get();
    ensure(
        genesis <= now
            && EpochConfig::<Runtime>::get().is_some()
            && before <= start
            && start <= System::block_number()
            && skipped.is_sorted_by(|one, other| one.0 < other.0)
            && skipped
                .iter()
                .all(|(epoch, session)| *epoch >= u64::from(*session)),
        || format!("slot {now:?} of {genesis:?}, epochs {before} and {start}, {skipped:?}"),
    )
}
