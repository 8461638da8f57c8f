//! What happens next: calls that make sense in the state as it is, and some that make none.

pub mod assets;
pub mod general;
pub mod jobs;
pub mod labels;
pub mod later;
pub mod market;
pub mod programs;
pub mod validators;

use crate::{chain, dice::Dice, people};
use athanor_runtime::{AccountId, Balance, RuntimeCall, UncheckedExtrinsic, UNIT};
use codec::{DecodeLimit, Encode};

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Act {
    /// Somebody signs a call.
    Signed(AccountId, RuntimeCall),
    /// Somebody sends a call that authorises itself.
    General(RuntimeCall),
    /// A block's author puts in a call that nobody signs.
    Bare(RuntimeCall),
    /// Governance decided a call.
    Root(RuntimeCall),
    /// So many blocks pass.
    Blocks(u32),
}

impl Act {
    /// `who` signs `call`.
    pub fn signed(who: &AccountId, call: impl Into<RuntimeCall>) -> Self {
        Act::Signed(who.clone(), call.into())
    }

    /// The call, and the transaction it comes in.
    pub fn transaction(&self) -> Option<(&RuntimeCall, UncheckedExtrinsic)> {
        match self {
            Act::Signed(who, call) => Some((call, chain::signed(who, call.clone(), 0)?)),
            Act::General(call) => Some((call, chain::general(call.clone()))),
            Act::Bare(call) => Some((call, chain::bare(call.clone()))),
            Act::Root(_) | Act::Blocks(_) => None,
        }
    }
}

/// What people keep to themselves and cannot make again from the state.
#[derive(Default)]
pub struct Book {
    /// Goods by the root of their ciphertext.
    pub goods: std::collections::BTreeMap<[u8; 32], market::Goods>,
    /// Seats of validators whose double votes and blocks may be reported, oldest first.
    pub seats: Vec<validators::Seat>,
}

/// Most blocks that pass at once.
const MOST_BLOCKS: u32 = 70;

/// What happens next.
pub fn next(dice: &mut Dice, book: &mut Book) -> Vec<Act> {
    if dice.one_in(8) {
        if let Some(act) = general::release() {
            return vec![act];
        }
    }
    // Without it hardly any walk would see the end of a dispute, or gold.
    if dice.one_in(4) {
        let urgent = match dice.below(5) {
            0..=1 => jobs::urgent(dice),
            2..=3 => labels::urgent(dice),
            _ => validators::urgent(dice),
        };
        if let Some(act) = urgent {
            return vec![act];
        }
    }
    let acts = match dice.below(115) {
        0..=11 => vec![Act::Blocks(1 + dice.below(4))],
        12..=15 => until_a_deadline(dice),
        16..=20 => programs::next(dice),
        21..=44 => jobs::next(dice),
        45..=67 => labels::next(dice),
        68..=87 => market::next(dice, book),
        88..=104 => general::next(dice, book),
        105..=111 => validators::next(dice, book),
        _ => assets::next(dice),
    };
    match dice.below(12) {
        0 => spoil(dice, acts),
        1 => general::wrapped(dice, acts),
        _ => acts,
    }
}

fn until_a_deadline(dice: &mut Dice) -> Vec<Act> {
    let mut all = jobs::deadlines();
    all.extend(labels::deadlines());
    all.extend(market::deadlines());
    // They are sessions away: jobs and batches would be over by then.
    let far = validators::deadlines();
    if !far.is_empty() && (all.is_empty() || dice.one_in(6)) {
        all = far;
    }
    let to = dice.pick(&all).copied().unwrap_or(1);
    vec![Act::Blocks((to + dice.below(2)).clamp(1, MOST_BLOCKS))]
}

/// Signed calls with other bytes in them, by somebody else, or both.
fn spoil(dice: &mut Dice, acts: Vec<Act>) -> Vec<Act> {
    acts.into_iter()
        .filter_map(|act| match act {
            Act::Signed(who, call) => {
                let who = if dice.one_in(2) { somebody(dice) } else { who };
                Some(Act::Signed(who, spoilt(dice, &call)?))
            }
            Act::General(call) => Some(Act::General(spoilt(dice, &call)?)),
            Act::Bare(call) => spoilt(dice, &call)
                .filter(|call| matches!(call, RuntimeCall::Babe(_) | RuntimeCall::Grandpa(_)))
                .map(Act::Bare),
            other => Some(other),
        })
        .collect()
}

fn spoilt(dice: &mut Dice, call: &RuntimeCall) -> Option<RuntimeCall> {
    let mut bytes = call.encode();
    for _ in 0..1 + dice.below(3) {
        // Pallet and call stay mostly: what else would be left of their arguments?
        let first = if dice.one_in(8) { 0 } else { 2 };
        let len = bytes.len() as u32;
        let at = (first + dice.below(len.saturating_sub(first))) as usize;
        let byte = bytes.get_mut(at)?;
        *byte = match dice.below(4) {
            0 => 0,
            1 => 255,
            2 => *byte ^ (1 << dice.below(8)),
            _ => dice.below(256) as u8,
        };
    }
    let call = RuntimeCall::decode_all_with_depth_limit(64, &mut bytes.as_slice()).ok()?;
    // A referendum of root about who knows what would break anything, and rightly so.
    (!matches!(
        call,
        RuntimeCall::Referenda(_) | RuntimeCall::Preimage(_) | RuntimeCall::Scheduler(_)
    ))
    .then_some(call)
}

/// Anybody with money.
pub fn somebody(dice: &mut Dice) -> AccountId {
    let all = people::rich();
    dice.pick(all).cloned().unwrap_or_else(|| people::poor(0))
}

/// An amount: usual ones, and now and then the ends of the scale.
pub fn amount(dice: &mut Dice, most: u32) -> Balance {
    match dice.below(40) {
        0 => 0,
        1 => 1,
        2 => Balance::MAX,
        3 => Balance::from(u64::MAX),
        _ => Balance::from(dice.below(most)) * UNIT + Balance::from(dice.below(1_000_000)),
    }
}
