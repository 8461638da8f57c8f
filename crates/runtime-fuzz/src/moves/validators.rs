//! Validators: session keys, bonds, seats, and equivocations of either kind.

use super::{amount, somebody, Act, Book};
use crate::{
    dice::Dice,
    people::{self, Ring},
};
use athanor_runtime::{
    configs::consensus::MinBond, session_keys, time::EPOCH_DURATION_IN_BLOCKS, AccountId, Babe,
    BlockNumber, CollatorSelection, Grandpa, Hash, Header, Historical, Runtime, RuntimeCall,
    Session, Validators, UNIT,
};
use codec::{Decode, Encode};
use frame_support::traits::KeyOwnerProofSystem;
use pallet_collator_selection::{CandidateList, Invulnerables};
use pallet_validators::{Bond, BondState, Bonds, Sentences};
use sp_consensus_babe::{
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
    EquivocationProof,
};
use sp_core::{crypto::Pair as _, proof_of_possession::statement_of_ownership};
use sp_runtime::{traits::Header as _, Digest, DigestItem};

/// Those of the rich who want seats most: few, so that some get them.
const ASPIRANTS: std::ops::Range<usize> = 4..8;

/// Most seats that are remembered.
const MOST_SEATS: usize = 24;

/// Proof that a key belonged to a validator.
type Owner = <Runtime as pallet_babe::Config>::KeyOwnerProof;

/// A validator's seat in a session, with the proofs that can be made of it only while it lasts.
#[derive(Clone, Debug)]
pub struct Seat {
    slot: u64,
    index: u32,
    blocks: [u8; 32],
    blocks_owner: Owner,
    set: u64,
    finality: [u8; 32],
    finality_owner: Owner,
}

/// Somebody's seat in the session that runs.
fn seat(dice: &mut Dice) -> Option<Seat> {
    let authorities = Babe::authorities();
    let index = dice.below(authorities.len() as u32);
    let (blocks, _) = authorities.get(index as usize)?;
    let voters = Grandpa::grandpa_authorities();
    let (finality, _) = dice.pick(&voters)?;
    Some(Seat {
        slot: *Babe::current_slot(),
        index,
        blocks: blocks.encode().try_into().ok()?,
        blocks_owner: Historical::prove((sp_consensus_babe::KEY_TYPE, blocks.clone()))?,
        set: Grandpa::current_set_id(),
        finality: finality.encode().try_into().ok()?,
        finality_owner: Historical::prove((sp_consensus_grandpa::KEY_TYPE, finality.clone()))?,
    })
}

fn remember(dice: &mut Dice, book: &mut Book) {
    let Some(seat) = seat(dice) else {
        return;
    };
    if book.seats.len() == MOST_SEATS {
        book.seats.remove(0);
    }
    book.seats.push(seat);
}

/// A header of the seat's slot, sealed by its key.
fn sealed(seat: &Seat, ring: &Ring, slot: u64, salt: u8) -> Header {
    let pre = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: seat.index,
        slot: slot.into(),
    });
    let mut header = Header::new(
        7,
        Hash::repeat_byte(salt),
        Hash::zero(),
        Hash::zero(),
        Digest {
            logs: vec![DigestItem::babe_pre_digest(pre)],
        },
    );
    let seal = ring.blocks.sign(header.hash().as_bytes());
    header.digest_mut().push(DigestItem::babe_seal(seal.into()));
    header
}

/// Two blocks of one slot; now and then the same one twice, which is no offence.
fn double_block(dice: &mut Dice, seat: &Seat) -> Option<[RuntimeCall; 2]> {
    let ring = people::rings()
        .iter()
        .find(|ring| ring.blocks.public().0 == seat.blocks)?;
    let slot = seat.slot + u64::from(dice.below(3));
    let second = if dice.one_in(10) { 1 } else { 2 };
    let proof = Box::new(EquivocationProof {
        offender: ring.blocks.public().into(),
        slot: slot.into(),
        first_header: sealed(seat, ring, slot, 1),
        second_header: sealed(seat, ring, slot, second),
    });
    use pallet_babe::Call;
    Some([
        Call::<Runtime>::report_equivocation_unsigned {
            equivocation_proof: proof.clone(),
            key_owner_proof: seat.blocks_owner.clone(),
        }
        .into(),
        Call::<Runtime>::report_equivocation {
            equivocation_proof: proof,
            key_owner_proof: seat.blocks_owner.clone(),
        }
        .into(),
    ])
}

/// Two prevotes of one round; now and then the same one twice.
fn double_vote(dice: &mut Dice, seat: &Seat) -> Option<[RuntimeCall; 2]> {
    let ring = people::rings()
        .iter()
        .find(|ring| ring.finality.public().0 == seat.finality)?;
    let round = u64::from(dice.below(4));
    let second = if dice.one_in(10) { 1 } else { 2 };
    // The types are finality-grandpa's; their encoding is what a node signs and sends.
    let vote = |salt: u8| {
        let target = (Hash::repeat_byte(salt), BlockNumber::from(salt));
        const PREVOTE: u8 = 0;
        let message = (PREVOTE, target, round, seat.set).encode();
        (target, ring.finality.sign(&message))
    };
    const OF_PREVOTES: u8 = 0;
    let bytes = (
        seat.set,
        OF_PREVOTES,
        round,
        seat.finality,
        vote(1),
        vote(second),
    )
        .encode();
    let proof: Box<sp_consensus_grandpa::EquivocationProof<Hash, BlockNumber>> =
        Box::new(Decode::decode(&mut &bytes[..]).ok()?);
    use pallet_grandpa::Call;
    Some([
        Call::<Runtime>::report_equivocation_unsigned {
            equivocation_proof: proof.clone(),
            key_owner_proof: seat.finality_owner.clone(),
        }
        .into(),
        Call::<Runtime>::report_equivocation {
            equivocation_proof: proof,
            key_owner_proof: seat.finality_owner.clone(),
        }
        .into(),
    ])
}

fn report(dice: &mut Dice, book: &Book) -> Option<Act> {
    let seat = dice.pick(&book.seats)?.clone();
    let [bare, signed] = if dice.one_in(2) {
        double_block(dice, &seat)?
    } else {
        double_vote(dice, &seat)?
    };
    Some(if dice.one_in(3) {
        Act::signed(&somebody(dice), signed)
    } else {
        Act::Bare(bare)
    })
}

fn set_keys(dice: &mut Dice, who: &AccountId) -> Option<Act> {
    let ring = dice.pick(people::rings())?;
    let owner = if dice.one_in(12) {
        somebody(dice)
    } else {
        who.clone()
    };
    let statement = statement_of_ownership(&owner.encode());
    let proof = (
        ring.finality.sign(&statement),
        ring.blocks.sign(&statement),
        ring.blocks.sign(&statement),
    );
    let keys = session_keys(
        ring.finality.public().into(),
        ring.blocks.public().into(),
        ring.blocks.public().into(),
    );
    let proof = proof.encode();
    Some(Act::signed(
        who,
        pallet_session::Call::<Runtime>::set_keys { keys, proof },
    ))
}

fn candidates() -> Vec<AccountId> {
    let list = CandidateList::<Runtime>::get();
    list.into_iter().map(|candidate| candidate.who).collect()
}

/// What brings somebody nearer to a seat, or away from it.
fn step(dice: &mut Dice) -> Option<Act> {
    use pallet_collator_selection::Call as Seats;
    let few = people::rich().get(ASPIRANTS)?;
    let who = if dice.one_in(3) {
        somebody(dice)
    } else {
        dice.pick(few)?.clone()
    };
    if Session::load_keys(&who).is_none() {
        return set_keys(dice, &who);
    }
    if !Validators::is_bonded(&who) {
        let amount = MinBond::get() + amount(dice, 500) / 2;
        return Some(Act::signed(
            &who,
            pallet_validators::Call::<Runtime>::bond { amount },
        ));
    }
    let others = candidates();
    let deposit = (100 + u128::from(dice.below(60))) * UNIT;
    if others.contains(&who) {
        return match dice.below(4) {
            0 => Some(Act::signed(&who, Seats::<Runtime>::leave_intent {})),
            1 => set_keys(dice, &who),
            _ => Some(Act::signed(
                &who,
                Seats::<Runtime>::update_bond {
                    new_deposit: deposit,
                },
            )),
        };
    }
    match dice.below(8) {
        0..=1 => Some(Act::signed(
            &who,
            pallet_validators::Call::<Runtime>::unbond {},
        )),
        2 => Some(Act::signed(
            &who,
            pallet_session::Call::<Runtime>::purge_keys {},
        )),
        3..=4 => dice.pick(&others).map(|target| {
            let target = target.clone();
            Act::signed(
                &who,
                Seats::<Runtime>::take_candidate_slot { deposit, target },
            )
        }),
        _ => Some(Act::signed(
            &who,
            Seats::<Runtime>::register_as_candidate {},
        )),
    }
}

fn bond(dice: &mut Dice) -> Act {
    let amount = amount(dice, 1_500);
    Act::signed(
        &somebody(dice),
        pallet_validators::Call::<Runtime>::bond { amount },
    )
}

fn leaving() -> Vec<(AccountId, u32)> {
    let mut all: Vec<_> = Bonds::<Runtime>::iter()
        .filter_map(|(who, Bond { state, .. })| match state {
            BondState::Leaving { until } => Some((who, until)),
            BondState::Active => None,
        })
        .collect();
    all.sort_unstable();
    all
}

fn sentenced() -> Vec<AccountId> {
    let mut all: Vec<_> = Sentences::<Runtime>::iter_keys().collect();
    all.sort_unstable();
    all
}

/// Those whose bonds may go.
fn released() -> Vec<AccountId> {
    let now = Session::current_index();
    leaving()
        .into_iter()
        .filter(|(_, until)| *until <= now)
        .map(|(who, _)| who)
        .collect()
}

/// What is waited for: a bond goes, or somebody on the way to a seat gets on.
pub fn urgent(dice: &mut Dice) -> Option<Act> {
    match dice.pick(&released()) {
        Some(who) => {
            let who = who.clone();
            let poke = pallet_validators::Call::<Runtime>::poke { who };
            Some(Act::signed(&somebody(dice), poke))
        }
        None => step(dice),
    }
}

fn poke(dice: &mut Dice) -> Act {
    let mut all = released();
    all.extend(sentenced());
    let who = match dice.pick(&all) {
        Some(who) if dice.below(6) > 0 => who.clone(),
        _ => somebody(dice),
    };
    Act::signed(
        &somebody(dice),
        pallet_validators::Call::<Runtime>::poke { who },
    )
}

/// What governance decides of seats and of those who have them.
fn decided(dice: &mut Dice) -> RuntimeCall {
    use pallet_collator_selection::Call as Seats;
    use pallet_validators::Call;
    let invulnerable = Invulnerables::<Runtime>::get().into_inner();
    let who = somebody(dice);
    match dice.below(10) {
        0..=1 => Seats::<Runtime>::set_desired_candidates { max: dice.below(6) }.into(),
        2 => Seats::<Runtime>::add_invulnerable { who }.into(),
        3 => {
            let who = dice.pick(&invulnerable).cloned().unwrap_or(who);
            Seats::<Runtime>::remove_invulnerable { who }.into()
        }
        4 => {
            // Whoever stands already may be among them.
            let mut new = invulnerable;
            new.extend(dice.pick(&candidates()).cloned());
            new.push(who);
            // Not twice: collator-selection keeps whoever is named twice twice until the next session.
            new.sort_unstable();
            new.dedup();
            Seats::<Runtime>::set_invulnerables { new }.into()
        }
        5 => {
            let bond = (50 + u128::from(dice.below(100))) * UNIT;
            Seats::<Runtime>::set_candidacy_bond { bond }.into()
        }
        6 => {
            let sessions = Some(dice.below(4)).filter(|sessions| *sessions != 3);
            Call::<Runtime>::jail { who, sessions }.into()
        }
        _ => {
            let who = dice.pick(&sentenced()).cloned().unwrap_or(who);
            Call::<Runtime>::unjail { who }.into()
        }
    }
}

/// Blocks until bonds of those who leave may go.
pub fn deadlines() -> Vec<u32> {
    let now = Session::current_index();
    leaving()
        .into_iter()
        .map(|(_, until)| until.saturating_sub(now))
        .filter(|sessions| *sessions > 0)
        .map(|sessions| sessions.saturating_mul(EPOCH_DURATION_IN_BLOCKS))
        .collect()
}

/// Somebody fills the pot that authors are paid from.
fn reward(dice: &mut Dice) -> Act {
    let dest = CollatorSelection::account_id().into();
    let value = amount(dice, 3);
    Act::signed(
        &somebody(dice),
        pallet_balances::Call::<Runtime>::transfer_allow_death { dest, value },
    )
}

/// What happens next.
pub fn next(dice: &mut Dice, book: &mut Book) -> Vec<Act> {
    if dice.one_in(2) {
        remember(dice, book);
    }
    let act = match dice.below(16) {
        0..=7 => step(dice),
        8..=10 => report(dice, book),
        11..=12 => Some(poke(dice)),
        13 => Some(bond(dice)),
        14 => Some(reward(dice)),
        _ => Some(Act::Root(decided(dice))),
    };
    act.into_iter().collect()
}
