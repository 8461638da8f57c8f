//! Referenda from the proposal to what they do, on the `staging` preset, which has no sudo.

use super::externalities;
use crate::{configs::*, *};
use codec::Encode;
use custom_origins::Origin;
use frame_support::{
    assert_noop, assert_ok,
    traits::{
        fungible::{Inspect, Mutate},
        schedule::DispatchTime,
        Bounded, Contains, Get, Hooks, StorePreimage,
    },
};
use governance::{custom_origins, Tracks, TreasuryAccount};
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use pallet_referenda::{ReferendumInfo, TracksInfo};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{
    traits::{Dispatchable, Hash as _},
    DispatchError, DispatchResult,
};

const ROOT: OriginCaller = OriginCaller::system(frame_system::RawOrigin::Root);

fn chain(test: impl FnOnce()) {
    externalities("staging").execute_with(|| {
        System::set_block_number(1);
        test();
    });
}

fn someone() -> AccountId {
    Sr25519Keyring::Eve.to_account_id()
}

/// Goes to the next block in which something is to happen; there are tens of thousands of others.
fn next_block() {
    let now = System::block_number();
    let next = pallet_scheduler::Agenda::<Runtime>::iter_keys()
        .filter(|block| *block > now)
        .min()
        .unwrap_or(now + 1);
    System::set_block_number(next);
    Scheduler::on_initialize(next);
}

fn propose(origin: OriginCaller, call: RuntimeCall) -> u32 {
    let who = RuntimeOrigin::signed(someone());
    let index = pallet_referenda::ReferendumCount::<Runtime>::get();
    let bytes = call.encode();
    assert_ok!(Preimage::note_preimage(who.clone(), bytes.clone()));
    let proposal = Bounded::Lookup {
        hash: BlakeTwo256::hash(&bytes),
        len: bytes.len() as u32,
    };
    assert_ok!(Referenda::submit(
        who.clone(),
        Box::new(origin),
        proposal,
        DispatchTime::After(0)
    ));
    assert_ok!(Referenda::place_decision_deposit(who, index));
    index
}

fn vote(who: Sr25519Keyring, index: u32, aye: bool) {
    assert_ok!(ConvictionVoting::vote(
        RuntimeOrigin::signed(who.to_account_id()),
        index,
        AccountVote::Standard {
            vote: Vote {
                aye,
                conviction: Conviction::Locked1x,
            },
            balance: 900_000 * UNIT,
        }
    ));
}

/// The longest that a referendum of this origin takes.
fn longest(origin: &OriginCaller) -> BlockNumber {
    let track = Tracks::track_for(origin).expect("it has a track");
    let info = Tracks::info(track).expect("it exists");
    info.prepare_period + info.decision_period + info.confirm_period + info.min_enactment_period + 4
}

fn is_ongoing(index: u32) -> bool {
    matches!(
        pallet_referenda::ReferendumInfoFor::<Runtime>::get(index),
        Some(ReferendumInfo::Ongoing(_))
    )
}

/// Passes a referendum with every holder's vote and answers what its call answered.
fn enact(origin: OriginCaller, call: RuntimeCall) -> DispatchResult {
    let blocks = longest(&origin);
    let index = propose(origin, call);
    Sr25519Keyring::well_known().for_each(|who| vote(who, index, true));
    System::reset_events();
    let end = System::block_number() + blocks;
    while System::block_number() <= end {
        next_block();
        let mut events = System::read_events_for_pallet::<pallet_scheduler::Event<Runtime>>();
        let done = events.drain(..).find_map(|event| match event {
            // A referendum's alarms have no name; what it enacts has one.
            pallet_scheduler::Event::Dispatched {
                id: Some(_),
                result,
                ..
            } => Some(result),
            _ => None,
        });
        if let Some(result) = done {
            assert!(matches!(
                pallet_referenda::ReferendumInfoFor::<Runtime>::get(index),
                Some(ReferendumInfo::Approved(..))
            ));
            return result;
        }
        System::reset_events();
    }
    panic!("nothing was enacted in {blocks} blocks");
}

fn transfer() -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: Sr25519Keyring::Ferdie.to_account_id().into(),
        value: UNIT,
    })
}

fn dispatch(call: RuntimeCall) -> DispatchResult {
    call.dispatch(RuntimeOrigin::signed(someone()))
        .map(drop)
        .map_err(|error| error.error)
}

fn filtered() -> DispatchError {
    frame_system::Error::<Runtime>::CallFiltered.into()
}

fn spend(amount: Balance) -> RuntimeCall {
    RuntimeCall::Treasury(pallet_treasury::Call::spend {
        asset_kind: Box::new(()),
        amount,
        beneficiary: Box::new(AccountId::new([7; 32])),
        valid_from: None,
    })
}

#[test]
fn the_treasury_pays_what_a_referendum_spends() {
    chain(|| {
        assert_ok!(Balances::mint_into(&TreasuryAccount::get(), 500 * UNIT));
        let treasurer = OriginCaller::Origins(Origin::Treasurer);
        assert_ok!(enact(treasurer, spend(200 * UNIT)));
        assert_eq!(Balances::balance(&AccountId::new([7; 32])), 0);
        assert_ok!(Treasury::payout(RuntimeOrigin::signed(someone()), 0));
        assert_eq!(Balances::balance(&AccountId::new([7; 32])), 200 * UNIT);
        assert_eq!(Balances::balance(&TreasuryAccount::get()), 301 * UNIT);
        assert_noop!(
            Treasury::payout(RuntimeOrigin::signed(someone()), 0),
            pallet_treasury::Error::<Runtime>::AlreadyAttempted
        );
    });
}

#[test]
fn a_treasurer_does_not_spend_above_its_limit() {
    chain(|| {
        let treasurer = OriginCaller::Origins(Origin::Treasurer);
        assert_eq!(
            enact(treasurer, spend(100_001 * UNIT)),
            Err(pallet_treasury::Error::<Runtime>::InsufficientPermission.into())
        );
        assert_noop!(
            Treasury::payout(RuntimeOrigin::signed(someone()), 0),
            pallet_treasury::Error::<Runtime>::InvalidIndex
        );
    });
}

#[test]
fn a_parameter_changes_by_referendum_and_by_nobody_else() {
    use dynamic_params::compute::{Parameters, ProtocolFee};
    chain(|| {
        let new = sp_runtime::Permill::from_percent(5);
        let set = RuntimeCall::Parameters(pallet_parameters::Call::set_parameter {
            key_value: RuntimeParameters::Compute(Parameters::ProtocolFee(ProtocolFee, Some(new))),
        });
        assert_eq!(dispatch(set.clone()), Err(DispatchError::BadOrigin));
        assert_ne!(ProtocolFee::get(), new);
        assert_ok!(enact(ROOT, set));
        assert_eq!(ProtocolFee::get(), new);
    });
}

#[test]
fn safe_mode_is_entered_extended_and_ended_by_referenda() {
    use pallet_safe_mode::{Call, EnteredUntil};
    chain(|| {
        assert_ok!(dispatch(transfer()));
        assert_ok!(enact(ROOT, RuntimeCall::SafeMode(Call::force_enter {})));
        let until = EnteredUntil::<Runtime>::get().expect("entered");
        assert_eq!(dispatch(transfer()), Err(filtered()));
        assert_ok!(dispatch(RuntimeCall::System(frame_system::Call::remark {
            remark: vec![]
        })));
        // In production it ends by itself before a referendum that begins now can extend it.
        let extend = RuntimeCall::SafeMode(Call::force_extend {});
        assert_ok!(extend.dispatch(RuntimeOrigin::root()));
        let extended = EnteredUntil::<Runtime>::get().expect("still in it");
        assert_eq!(extended - until, SafeModeDuration::get());
        for _ in 0..5 {
            let extend = RuntimeCall::SafeMode(Call::force_extend {});
            assert_ok!(extend.dispatch(RuntimeOrigin::root()));
        }

        assert_ok!(enact(ROOT, RuntimeCall::SafeMode(Call::force_exit {})));
        assert!(!SafeMode::is_entered());
        assert_ok!(dispatch(transfer()));
    });
}

#[test]
fn a_call_is_paused_and_freed_by_referenda() {
    use pallet_tx_pause::Call;
    chain(|| {
        let name = |call: &[u8]| {
            (
                b"Balances".to_vec().try_into().expect("short"),
                call.to_vec().try_into().expect("short"),
            )
        };
        let full_name = name(b"transfer_keep_alive");
        assert_ok!(enact(
            ROOT,
            RuntimeCall::TxPause(Call::pause {
                full_name: full_name.clone()
            })
        ));
        assert_eq!(dispatch(transfer()), Err(filtered()));
        let other = RuntimeCall::Balances(pallet_balances::Call::transfer_allow_death {
            dest: Sr25519Keyring::Ferdie.to_account_id().into(),
            value: UNIT,
        });
        assert_ok!(dispatch(other));
        assert_ok!(enact(
            ROOT,
            RuntimeCall::TxPause(Call::unpause { ident: full_name })
        ));
        assert_ok!(dispatch(transfer()));
    });
}

#[test]
fn a_brake_never_keeps_holders_from_lifting_it() {
    for (pallet, call) in [
        ("Preimage", "note_preimage"),
        ("Referenda", "submit"),
        ("Referenda", "place_decision_deposit"),
        ("ConvictionVoting", "vote"),
        ("TxPause", "unpause"),
    ] {
        let name = (
            pallet.as_bytes().to_vec().try_into().expect("short"),
            call.as_bytes().to_vec().try_into().expect("short"),
        );
        assert!(TxPauseWhitelist::contains(&name), "{pallet}.{call}");
    }
    chain(|| {
        assert_ok!(
            RuntimeCall::SafeMode(pallet_safe_mode::Call::force_enter {})
                .dispatch(RuntimeOrigin::root())
        );
        let bytes = transfer().encode();
        assert_ok!(dispatch(RuntimeCall::Preimage(
            pallet_preimage::Call::note_preimage {
                bytes: bytes.clone()
            }
        )));
        assert_ok!(dispatch(RuntimeCall::Referenda(
            pallet_referenda::Call::submit {
                proposal_origin: Box::new(ROOT),
                proposal: Preimage::bound(transfer()).expect("small"),
                enactment_moment: DispatchTime::After(0),
            }
        )));
    });
}

#[test]
fn the_number_of_candidates_changes_by_referendum() {
    chain(|| {
        let set = RuntimeCall::CollatorSelection(
            pallet_collator_selection::Call::set_desired_candidates { max: 3 },
        );
        assert_eq!(dispatch(set.clone()), Err(DispatchError::BadOrigin));
        assert_ok!(enact(ROOT, set));
        assert_eq!(
            pallet_collator_selection::DesiredCandidates::<Runtime>::get(),
            3
        );
    });
}

#[test]
fn a_referendum_authorises_an_upgrade_to_one_code_only() {
    chain(|| {
        let code_hash = BlakeTwo256::hash(b"the next runtime");
        assert_ok!(enact(
            ROOT,
            RuntimeCall::System(frame_system::Call::authorize_upgrade { code_hash })
        ));
        assert!(System::authorized_upgrade().is_some());
        let apply = RuntimeCall::System(frame_system::Call::apply_authorized_upgrade {
            code: b"another runtime".to_vec(),
        });
        assert_eq!(
            dispatch(apply),
            Err(frame_system::Error::<Runtime>::Unauthorized.into())
        );
    });
}

#[test]
fn a_referendum_with_too_little_support_does_nothing() {
    chain(|| {
        let call = RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 });
        let index = propose(ROOT, call);
        // Half of the approval, and a twelfth of the tokens on each side.
        vote(Sr25519Keyring::Alice, index, true);
        vote(Sr25519Keyring::Bob, index, false);
        vote(Sr25519Keyring::Charlie, index, false);
        let end = System::block_number() + longest(&ROOT);
        while System::block_number() <= end && is_ongoing(index) {
            next_block();
        }
        assert!(matches!(
            pallet_referenda::ReferendumInfoFor::<Runtime>::get(index),
            Some(ReferendumInfo::Rejected(..))
        ));
    });
}

#[test]
fn a_referendum_is_cancelled_by_another() {
    chain(|| {
        let call = RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 });
        let index = propose(ROOT, call);
        let canceller = OriginCaller::Origins(Origin::ReferendumCanceller);
        let cancel = RuntimeCall::Referenda(pallet_referenda::Call::cancel { index });
        assert_eq!(dispatch(cancel.clone()), Err(DispatchError::BadOrigin));
        assert!(is_ongoing(index));
        assert_ok!(enact(canceller, cancel));
        assert!(matches!(
            pallet_referenda::ReferendumInfoFor::<Runtime>::get(index),
            Some(ReferendumInfo::Cancelled(..))
        ));
    });
}
