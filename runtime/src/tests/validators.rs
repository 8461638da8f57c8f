//! Bonds, seats and offences, as the whole runtime plays them.

use super::{externalities, of_patch};
use crate::{configs::*, *};
use codec::Encode;
use frame_support::{
    assert_noop, assert_ok,
    traits::{fungible::InspectHold, KeyOwnerProofSystem},
};
use pallet_collator_selection::Invulnerables;
use sp_consensus_babe::{
    digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest},
    EquivocationProof,
};
use sp_core::{sr25519, Pair};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{traits::Header as _, AccountId32, Digest, DigestItem, Perbill};
use sp_session::MembershipProof;

const DAVE: Sr25519Keyring = Sr25519Keyring::Dave;

fn dave() -> AccountId32 {
    Sr25519Keyring::DaveStash.to_account_id()
}

fn bond_of(who: &AccountId32) -> Balance {
    Balances::balance_on_hold(
        &RuntimeHoldReason::Validators(pallet_validators::HoldReason::Bond),
        who,
    )
}

/// A sealed header of this slot by this key; `salt` makes it differ from others.
fn header(pair: &sr25519::Pair, slot: u64, salt: u8) -> Header {
    let index = Babe::authorities()
        .iter()
        .position(|(id, _)| id.encode() == pair.public().encode())
        .expect("an authority") as u32;
    let pre = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: index,
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
    let seal = pair.sign(header.hash().as_bytes());
    header.digest_mut().push(DigestItem::babe_seal(seal.into()));
    header
}

fn double_block(key: Sr25519Keyring, slot: u64) -> EquivocationProof<Header> {
    let pair = key.pair();
    EquivocationProof {
        offender: pair.public().into(),
        slot: slot.into(),
        first_header: header(&pair, slot, 1),
        second_header: header(&pair, slot, 2),
    }
}

fn ownership(key: Sr25519Keyring) -> MembershipProof {
    Historical::prove((sp_consensus_babe::KEY_TYPE, key.public().encode())).expect("its key")
}

fn report(proof: EquivocationProof<Header>, owner: MembershipProof) -> sp_runtime::DispatchResult {
    Babe::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(proof), owner)
        .map(drop)
        .map_err(|error| error.error)
}

/// Ends the session.
fn rotate() {
    Session::rotate_session();
}

#[test]
fn validators_at_genesis_have_bonds() {
    for preset in ["development", "local_testnet", "staging"] {
        externalities(preset).execute_with(|| {
            for who in Session::validators() {
                assert!(Validators::may_stand(&who), "{preset}");
                assert_eq!(bond_of(&who), consensus::MinBond::get());
            }
            assert_ok!(Validators::do_try_state());
        });
    }
}

#[test]
fn a_validator_without_a_bond_is_not_chosen_at_genesis() {
    let patch = genesis_config_presets::get_preset(&"local_testnet".into()).expect("a preset");
    let mut patch: serde_json::Value = serde_json::from_slice(&patch).expect("JSON");
    let bonds = patch
        .pointer_mut("/validators/bonds")
        .and_then(serde_json::Value::as_array_mut)
        .expect("bonds");
    bonds.pop();
    of_patch(patch).execute_with(|| {
        assert_eq!(Invulnerables::<Runtime>::get().len(), 4);
        assert_eq!(Session::validators().len(), 3);
    });
}

#[test]
fn a_double_block_costs_the_bond_and_the_seat() {
    externalities("local_testnet").execute_with(|| {
        System::set_block_number(1);
        let treasury = Balances::free_balance(governance::TreasuryAccount::get());
        assert_ok!(report(double_block(DAVE, 3), ownership(DAVE)));

        // One of four: (3/4)² of it.
        let slashed = Perbill::from_rational(9u32, 16).mul_ceil(consensus::MinBond::get());
        assert_eq!(bond_of(&dave()), consensus::MinBond::get() - slashed);
        let after = Balances::free_balance(governance::TreasuryAccount::get());
        assert_eq!(after, treasury + slashed);
        assert_eq!(Session::disabled_validators().len(), 1);
        assert!(!Invulnerables::<Runtime>::get().contains(&dave()));
        let sentence = pallet_validators::Sentences::<Runtime>::get(dave()).expect("it is jailed");
        assert_eq!(
            sentence.term,
            pallet_validators::Term::Until(consensus::JailTerm::get())
        );
        assert_eq!(&sentence.offences[0].kind, b"babe:equivocatio");
        assert_ok!(Validators::do_try_state());
    });
}

#[test]
fn two_proofs_of_one_double_block_are_one_offence() {
    externalities("local_testnet").execute_with(|| {
        assert_ok!(report(double_block(DAVE, 3), ownership(DAVE)));
        let left = bond_of(&dave());
        assert_noop!(
            report(double_block(DAVE, 3), ownership(DAVE)),
            pallet_babe::Error::<Runtime>::DuplicateOffenceReport
        );
        // Another slot of the same session is another offence, and costs no more.
        assert_ok!(report(double_block(DAVE, 4), ownership(DAVE)));
        assert_eq!(bond_of(&dave()), left);
    });
}

#[test]
fn a_header_without_its_seal_proves_nothing() {
    externalities("local_testnet").execute_with(|| {
        let mut proof = double_block(DAVE, 3);
        proof.second_header.digest_mut().pop();
        let owner = ownership(DAVE);
        assert_noop!(
            report(proof, owner),
            pallet_babe::Error::<Runtime>::InvalidEquivocationProof
        );
        assert_eq!(bond_of(&dave()), consensus::MinBond::get());
    });
}

#[test]
fn giving_up_the_keys_before_the_report_saves_nothing() {
    externalities("local_testnet").execute_with(|| {
        System::set_block_number(1);
        let (proof, owner) = (double_block(DAVE, 3), ownership(DAVE));
        rotate();
        assert_ok!(Session::purge_keys(RuntimeOrigin::signed(dave())));
        rotate();
        assert_ok!(report(proof, owner));
        assert!(bond_of(&dave()) < consensus::MinBond::get());
    });
}

#[test]
fn an_offence_is_out_of_reach_when_its_bond_may_go() {
    for (sessions, reachable) in [
        (consensus::ReportableFor::get(), true),
        (consensus::ReportableFor::get() + 1, false),
    ] {
        externalities("local_testnet").execute_with(|| {
            System::set_block_number(1);
            let (proof, owner) = (double_block(DAVE, 3), ownership(DAVE));
            for _ in 0..sessions {
                rotate();
            }
            if reachable {
                assert_ok!(report(proof, owner));
            } else {
                assert_noop!(
                    report(proof, owner),
                    pallet_babe::Error::<Runtime>::InvalidKeyOwnershipProof
                );
            }
        });
    }
}

#[test]
fn an_offender_is_disabled_until_it_is_out_and_cannot_come_back() {
    externalities("local_testnet").execute_with(|| {
        System::set_block_number(1);
        assert_ok!(report(double_block(DAVE, 3), ownership(DAVE)));
        rotate();
        let index = Session::validator_id_to_index(&dave()).expect("the removal bites later");
        assert_eq!(Session::disabled_validators(), [index]);
        rotate();
        assert_eq!(Session::validator_id_to_index(&dave()), None);
        assert!(Session::disabled_validators().is_empty());

        let origin = RuntimeOrigin::signed(dave());
        assert_ok!(Validators::bond(
            origin.clone(),
            2 * consensus::MinBond::get()
        ));
        assert_noop!(
            CollatorSelection::register_as_candidate(origin.clone()),
            pallet_collator_selection::Error::<Runtime>::ValidatorNotRegistered
        );
        assert_noop!(
            CollatorSelection::add_invulnerable(RuntimeOrigin::root(), dave()),
            pallet_collator_selection::Error::<Runtime>::ValidatorNotRegistered
        );
        assert_ok!(Validators::unjail(RuntimeOrigin::root(), dave()));
        assert_ok!(CollatorSelection::register_as_candidate(origin));
    });
}

/// Eve, with session keys.
fn eve() -> AccountId32 {
    let eve = Sr25519Keyring::Eve;
    let keys = session_keys(
        sp_keyring::Ed25519Keyring::Eve.public().into(),
        eve.public().into(),
        eve.public().into(),
    );
    let who = eve.to_account_id();
    pallet_session::NextKeys::<Runtime>::insert(&who, keys);
    who
}

#[test]
fn a_candidate_named_invulnerable_has_one_seat_and_loses_all_of_it() {
    externalities("local_testnet").execute_with(|| {
        let who = eve();
        let origin = RuntimeOrigin::signed(who.clone());
        assert_ok!(Validators::bond(origin.clone(), consensus::MinBond::get()));
        assert_ok!(CollatorSelection::register_as_candidate(origin));
        let mut all = Invulnerables::<Runtime>::get().into_inner();
        all.push(who.clone());
        assert_ok!(CollatorSelection::set_invulnerables(
            RuntimeOrigin::root(),
            all
        ));
        rotate();
        rotate();
        let seats = Session::validators();
        assert_eq!(seats.iter().filter(|seat| **seat == who).count(), 1);

        assert_ok!(Validators::jail(RuntimeOrigin::root(), who.clone(), None));
        assert!(!Invulnerables::<Runtime>::get().contains(&who));
        assert!(pallet_collator_selection::CandidateList::<Runtime>::get().is_empty());
    });
}

#[test]
fn whoever_is_named_invulnerable_twice_has_one_seat() {
    externalities("local_testnet").execute_with(|| {
        let once = Invulnerables::<Runtime>::get().into_inner();
        let mut twice = once.clone();
        twice.extend(once.clone());
        let named = CollatorSelection::set_invulnerables(RuntimeOrigin::root(), twice.clone());
        assert_ok!(named);
        assert_eq!(Invulnerables::<Runtime>::get().len(), twice.len());
        rotate();
        rotate();
        let mut seats = Session::validators();
        seats.sort_unstable();
        assert_eq!(seats, once);
        assert_eq!(Invulnerables::<Runtime>::get().into_inner(), once);
    });
}

#[test]
fn a_candidate_without_a_bond_is_refused() {
    externalities("local_testnet").execute_with(|| {
        let who = eve();
        let origin = RuntimeOrigin::signed(who.clone());
        assert_noop!(
            CollatorSelection::register_as_candidate(origin.clone()),
            pallet_collator_selection::Error::<Runtime>::ValidatorNotRegistered
        );
        assert_ok!(Validators::bond(origin.clone(), consensus::MinBond::get()));
        assert_ok!(CollatorSelection::register_as_candidate(origin.clone()));
        assert_noop!(
            Validators::unbond(origin),
            pallet_validators::Error::<Runtime>::StillStanding
        );
        rotate();
        rotate();
        assert!(Session::validators().contains(&who));
    });
}

#[test]
fn offences_of_all_leave_a_set_that_goes_on() {
    externalities("local_testnet").execute_with(|| {
        System::set_block_number(1);
        let keys = [
            Sr25519Keyring::Alice,
            Sr25519Keyring::Bob,
            Sr25519Keyring::Charlie,
            Sr25519Keyring::Dave,
        ];
        for (slot, key) in keys.into_iter().enumerate() {
            assert_ok!(report(double_block(key, slot as u64), ownership(key)));
        }
        assert_eq!(Invulnerables::<Runtime>::get().len(), 1);
        assert_eq!(Session::disabled_validators().len(), 1);
        for _ in 0..4 {
            rotate();
            assert!(!Session::validators().is_empty());
            assert!(Session::disabled_validators().len() * 2 < Session::validators().len());
        }
        assert_ok!(Validators::do_try_state());
    });
}

#[test]
fn an_empty_list_keeps_the_validators_and_their_proofs() {
    externalities("development").execute_with(|| {
        Invulnerables::<Runtime>::kill();
        let before = Session::validators();
        let chosen =
            <consensus::ValidatorManager as pallet_session::SessionManager<_>>::new_session(5);
        assert_eq!(chosen, Some(before));
    });
}

#[test]
fn every_offence_that_can_be_reported_in_time_can_be_proven() {
    let kept = u64::from(consensus::ReportableFor::get()) * consensus::EpochDuration::get();
    assert!(kept > consensus::ReportLongevity::get());
}
