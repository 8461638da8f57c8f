//! Assets: made, moved, approved, frozen, destroyed.

use super::{somebody, Act};
use crate::{dice::Dice, people};
use athanor_runtime::{AccountId, Balance, Runtime};
use codec::Compact;
use pallet_assets::{Account, Approvals, Asset, AssetStatus, Call};

/// Assets there are at once.
const MOST: u32 = 4;

type Details = pallet_assets::AssetDetails<Balance, AccountId, Balance>;

fn amount(dice: &mut Dice) -> Balance {
    match dice.below(24) {
        0 => 0,
        1 => Balance::MAX,
        _ => dice.below(1_000).into(),
    }
}

/// Anybody, with money or without.
fn anybody(dice: &mut Dice) -> AccountId {
    match dice.below(4) {
        0 => people::poor(dice.below(people::POOR)),
        1 => people::worker(dice.below(people::WORKERS)),
        _ => somebody(dice),
    }
}

fn create(dice: &mut Dice, id: u32) -> Act {
    let id = Compact(id);
    let min_balance = (1 + dice.below(20)).into();
    if dice.one_in(3) {
        let owner = somebody(dice).into();
        let is_sufficient = !dice.one_in(4);
        return Act::Root(
            Call::<Runtime>::force_create {
                id,
                owner,
                is_sufficient,
                min_balance,
            }
            .into(),
        );
    }
    let admin = somebody(dice).into();
    Act::signed(
        &somebody(dice),
        Call::<Runtime>::create {
            id,
            admin,
            min_balance,
        },
    )
}

fn holder(dice: &mut Dice, id: u32) -> AccountId {
    let mut all: Vec<_> = Account::<Runtime>::iter_key_prefix(id).collect();
    all.sort_unstable();
    match dice.pick(&all) {
        Some(who) if dice.below(8) > 0 => who.clone(),
        _ => anybody(dice),
    }
}

/// Somebody moves what is his.
fn moved(dice: &mut Dice, asset: u32) -> Act {
    let id = Compact(asset);
    let from = holder(dice, asset);
    let amount = amount(dice);
    let target = anybody(dice).into();
    match dice.below(5) {
        0 => {
            let keep_alive = dice.one_in(2);
            let dest = target;
            Act::signed(
                &from,
                Call::<Runtime>::transfer_all {
                    id,
                    dest,
                    keep_alive,
                },
            )
        }
        1 => Act::signed(
            &from,
            Call::<Runtime>::transfer_keep_alive { id, target, amount },
        ),
        _ => Act::signed(&from, Call::<Runtime>::transfer { id, target, amount }),
    }
}

fn approval(dice: &mut Dice, asset: u32) -> Act {
    let id = Compact(asset);
    let mut all: Vec<_> = Approvals::<Runtime>::iter_key_prefix((asset,)).collect();
    all.sort_unstable();
    let amount = amount(dice);
    let Some((owner, delegate)) = dice.pick(&all).filter(|_| !dice.clone().one_in(3)).cloned()
    else {
        let delegate = somebody(dice).into();
        return Act::signed(
            &holder(dice, asset),
            Call::<Runtime>::approve_transfer {
                id,
                delegate,
                amount,
            },
        );
    };
    if dice.one_in(3) {
        let delegate = delegate.into();
        return Act::signed(&owner, Call::<Runtime>::cancel_approval { id, delegate });
    }
    let destination = anybody(dice).into();
    let owner = owner.into();
    Act::signed(
        &delegate,
        Call::<Runtime>::transfer_approved {
            id,
            owner,
            destination,
            amount,
        },
    )
}

/// A place for an asset, against a deposit.
fn place(dice: &mut Dice, asset: u32) -> Act {
    let id = Compact(asset);
    let by = holder(dice, asset);
    match dice.below(4) {
        0 => Act::signed(&anybody(dice), Call::<Runtime>::touch { id }),
        1 => {
            let allow_burn = dice.one_in(2);
            Act::signed(&by, Call::<Runtime>::refund { id, allow_burn })
        }
        2 => {
            let who = anybody(dice).into();
            Act::signed(&somebody(dice), Call::<Runtime>::touch_other { id, who })
        }
        _ => {
            let who = by.into();
            Act::signed(&somebody(dice), Call::<Runtime>::refund_other { id, who })
        }
    }
}

/// What those may do who have a say in an asset.
fn managed(dice: &mut Dice, asset: u32, details: &Details) -> Act {
    let id = Compact(asset);
    let Details {
        owner,
        issuer,
        admin,
        freezer,
        ..
    } = details;
    let who = holder(dice, asset).into();
    match dice.below(16) {
        0..=4 => {
            let beneficiary = anybody(dice).into();
            let amount = amount(dice);
            Act::signed(
                issuer,
                Call::<Runtime>::mint {
                    id,
                    beneficiary,
                    amount,
                },
            )
        }
        5 => {
            let amount = amount(dice);
            Act::signed(admin, Call::<Runtime>::burn { id, who, amount })
        }
        6 => Act::signed(freezer, Call::<Runtime>::freeze { id, who }),
        7 => Act::signed(admin, Call::<Runtime>::thaw { id, who }),
        8 => Act::signed(freezer, Call::<Runtime>::block { id, who }),
        9 if details.status == AssetStatus::Live && dice.one_in(3) => {
            Act::signed(freezer, Call::<Runtime>::freeze_asset { id })
        }
        10 => Act::signed(admin, Call::<Runtime>::thaw_asset { id }),
        11 => {
            let name = vec![b'a'; dice.below(52) as usize];
            let symbol = b"ABC".to_vec();
            let decimals = 9;
            Act::signed(
                owner,
                Call::<Runtime>::set_metadata {
                    id,
                    name,
                    symbol,
                    decimals,
                },
            )
        }
        12 => Act::signed(owner, Call::<Runtime>::clear_metadata { id }),
        13 => {
            let new = somebody(dice).into();
            Act::signed(
                owner,
                Call::<Runtime>::transfer_ownership { id, owner: new },
            )
        }
        14 => Act::signed(
            owner,
            Call::<Runtime>::set_team {
                id,
                issuer: somebody(dice).into(),
                admin: somebody(dice).into(),
                freezer: somebody(dice).into(),
            },
        ),
        _ if dice.one_in(4) => Act::signed(owner, Call::<Runtime>::start_destroy { id }),
        _ => {
            let min_balance = (1 + dice.below(20)).into();
            Act::signed(owner, Call::<Runtime>::set_min_balance { id, min_balance })
        }
    }
}

/// What happens next.
pub fn next(dice: &mut Dice) -> Vec<Act> {
    let asset = dice.below(MOST);
    let id = Compact(asset);
    let act = match Asset::<Runtime>::get(asset) {
        None => create(dice, asset),
        Some(details) if details.status == AssetStatus::Destroying => {
            let call = match dice.below(3) {
                0 => Call::<Runtime>::destroy_accounts { id },
                1 => Call::<Runtime>::destroy_approvals { id },
                _ => Call::<Runtime>::finish_destroy { id },
            };
            Act::signed(&somebody(dice), call)
        }
        Some(details) => match dice.below(12) {
            0..=3 => moved(dice, asset),
            4..=5 => approval(dice, asset),
            6..=7 => place(dice, asset),
            _ => managed(dice, asset, &details),
        },
    };
    vec![act]
}
