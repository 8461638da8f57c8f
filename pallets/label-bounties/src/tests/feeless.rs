//! Feeless calls: what the pool takes, and that whatever it takes succeeds.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{
    commit_text, request_text, BatchId, CampaignTerms, Refusal, Voucher,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use proptest::prelude::*;
use sp_runtime::transaction_validity::ValidTransaction;

fn provides(call: &RuntimeCall) -> Vec<Vec<u8>> {
    authorise(call).unwrap().provides
}

#[test]
fn a_worker_without_a_token_leases_commits_and_reveals() {
    build_and_execute(|| {
        let campaign = campaign(gated());
        let id = open(campaign, 8, until(&gated()), None);
        let who = poor("newcomer");
        let pass = voucher(campaign, "newcomer", 2, true);
        send(request_call(id, "newcomer", pass.clone()));
        run_blocks(2);
        let page = leases(id, "newcomer")[0];
        // One at a time.
        assert_eq!(
            refusal(&request_call(id, "newcomer", pass.clone())),
            Some(Refusal::TooManyLeases)
        );
        send(commit_call(id, "newcomer", page));
        send(request_call(id, "newcomer", pass.clone()));
        run_blocks(2);
        let second = leases(id, "newcomer")[0];
        send(skip_call(id, "newcomer", second));
        send(request_call(id, "newcomer", pass.clone()));
        run_blocks(2);
        let third = leases(id, "newcomer")[0];
        send(commit_call(id, "newcomer", third));
        assert_eq!(
            refusal(&request_call(id, "newcomer", pass)),
            Some(Refusal::VoucherUsedUp)
        );
        assert_ok!(try_cancel(id));
        run_blocks(1);
        send(reveal_call(id, "newcomer", page));
        send(reveal_call(id, "newcomer", third));
        assert!(!System::account_exists(&who));
        let record = worker(id, "newcomer");
        assert!(record.sponsored);
        assert_eq!((record.staked, record.leased, record.skipped), (0, 3, 1));
    });
}

#[test]
fn feeless_calls_stand_in_the_pool_like_untipped_ones() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let pages = lease(id, "a", 2);
        let ValidTransaction {
            priority,
            requires,
            provides,
            longevity,
            propagate,
        } = authorise(&commit_call(id, "a", pages[0])).unwrap();
        assert!(requires.is_empty());
        assert_eq!(provides.len(), 1);
        assert_eq!(longevity, 64);
        assert!(propagate);
        // How many fit into a block, by weight or by length.
        assert!(priority > 1 && priority < 1 << 20);
    });
}

#[test]
fn one_call_of_a_slot_and_kind_is_pending() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let pages = lease(id, "a", 2);
        let one = commit_call(id, "a", pages[0]);
        let other = {
            let hash = [9; 32];
            let text = commit_text(
                &LabelBounties::genesis(),
                id,
                pages[0],
                &poor("a").into(),
                &hash,
                Some(b"sealed"),
            );
            Call::commit {
                batch: id,
                page: pages[0],
                worker: poor("a"),
                hash,
                sealed: Some(b"sealed".to_vec().try_into().unwrap()),
                signature: Some(sign("a", &text)),
            }
            .into()
        };
        assert_eq!(provides(&one), provides(&other));
        assert_ne!(provides(&one), provides(&commit_call(id, "a", pages[1])));
        assert_ne!(provides(&one), provides(&skip_call(id, "a", pages[0])));
        lease(id, "b", 3);
        if let Some(page) = leases(id, "b").iter().find(|page| **page == pages[0]) {
            assert_ne!(provides(&one), provides(&commit_call(id, "b", *page)));
        }
    });
}

#[test]
fn signatures_are_of_the_worker_and_the_text() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let pages = lease(id, "a", 2);
        let broken = |change: &dyn Fn(&mut Call<Test>)| {
            let RuntimeCall::LabelBounties(mut call) = commit_call(id, "a", pages[0]) else {
                unreachable!()
            };
            change(&mut call);
            refusal(&call.into())
        };
        assert_eq!(broken(&|_| ()), None);
        let changes: [&dyn Fn(&mut Call<Test>); 5] = [
            &|call| {
                if let Call::commit { signature, .. } = call {
                    *signature = None;
                }
            },
            &|call| {
                if let Call::commit { hash, .. } = call {
                    *hash = [1; 32];
                }
            },
            &|call| {
                if let Call::commit { page, .. } = call {
                    *page = pages[1];
                }
            },
            &|call| {
                if let Call::commit { sealed, .. } = call {
                    *sealed = Some(b"other".to_vec().try_into().unwrap());
                }
            },
            &|call| {
                if let Call::commit { signature, .. } = call {
                    *signature = Some(sign("b", b"text"));
                }
            },
        ];
        for change in changes {
            assert_eq!(broken(change), Some(Refusal::BadSignature));
        }
    });
}

#[test]
fn ed25519_and_ecdsa_sign_as_well() {
    use sp_core::{ecdsa, ed25519, Pair};
    use sp_runtime::{
        traits::{IdentifyAccount, Verify},
        MultiSignature, MultiSigner,
    };
    build_and_execute(|| {
        let campaign = campaign(gated());
        let id = open(campaign, 8, until(&gated()), None);
        let ed = ed25519::Pair::from_seed(&[1; 32]);
        let ec = ecdsa::Pair::from_seed(&[2; 32]);
        let signers: [(MultiSigner, &dyn Fn(&[u8]) -> MultiSignature); 2] = [
            (ed.public().into(), &|text| ed.sign(text).into()),
            (ec.public().into(), &|text| ec.sign(text).into()),
        ];
        for (signer, sign_text) in signers {
            let who: AccountId = signer.into_account();
            let voucher = Voucher {
                pages: 1,
                sponsored: true,
                expires: 100,
            };
            let text = athanor_primitives::labels::voucher_text(
                &LabelBounties::genesis(),
                campaign,
                &who.clone().into(),
                &voucher,
            );
            let voucher = SignedVoucher {
                voucher,
                signature: sign("sponsor", &text),
            };
            let text = request_text(&LabelBounties::genesis(), id, &who.clone().into(), 0);
            let signature = sign_text(&text);
            assert!(signature.verify(&text[..], &who));
            send(
                Call::request_sponsored {
                    batch: id,
                    worker: who,
                    voucher,
                    signature: Some(signature),
                }
                .into(),
            );
        }
    });
}

#[test]
fn a_signed_request_cannot_be_replayed() {
    build_and_execute(|| {
        let campaign = campaign(gated());
        let id = open(campaign, 8, until(&gated()), None);
        let pass = voucher(campaign, "newcomer", 5, true);
        let old = request_call(id, "newcomer", pass);
        send(old.clone());
        assert_eq!(refusal(&old), Some(Refusal::RequestPending));
        run_blocks(2);
        let page = leases(id, "newcomer")[0];
        send(commit_call(id, "newcomer", page));
        assert_eq!(refusal(&old), Some(Refusal::BadSignature));
    });
}

#[test]
fn a_request_that_found_no_page_cannot_be_replayed_either() {
    build_and_execute(|| {
        let one = CampaignTerms {
            panel_min: 1,
            panel_max: 1,
            ..gated()
        };
        let campaign = campaign(one);
        let id = open(campaign, 2, until(&one), None);
        for name in ["a", "b"] {
            send(request_call(id, name, voucher(campaign, name, 1, true)));
        }
        run_blocks(2);
        let old = request_call(id, "c", voucher(campaign, "c", 1, true));
        send(old.clone());
        run_blocks(2);
        assert_eq!(worker(id, "c").leased, 0);
        assert_eq!(VoucherUse::<Test>::get(campaign, poor("c")), 0);
        assert_eq!(refusal(&old), Some(Refusal::BadSignature));
    });
}

#[test]
fn sponsored_requests_are_bounded_by_what_is_prepaid() {
    build_and_execute(|| {
        let one = CampaignTerms {
            panel_min: 1,
            panel_max: 1,
            ..gated()
        };
        let campaign = campaign(one);
        let id = open(campaign, 2, until(&one), None);
        for i in 0..8 {
            let name = format!("w{i}");
            send(request_call(id, &name, voucher(campaign, &name, 1, true)));
            run_blocks(2);
        }
        let last = request_call(id, "w8", voucher(campaign, "w8", 1, true));
        assert_eq!(refusal(&last), Some(Refusal::SponsoringUsedUp));
        // Who pays for his requests may go on.
        assert_ok!(LabelBounties::request_pages(
            signed(&account("w9")),
            id,
            1,
            Some(voucher(campaign, "w9", 1, false))
        ));
    });
}

#[test]
fn a_batch_is_worked_on_with_a_stake_or_sponsored() {
    build_and_execute(|| {
        let campaign = campaign(gated());
        let id = open(campaign, 8, until(&gated()), None);
        let who = account("a");
        let plain = voucher(campaign, "a", 5, false);
        assert_eq!(
            refusal(&request_call(id, "a", plain.clone())),
            Some(Refusal::NotSponsored)
        );
        assert_ok!(LabelBounties::request_pages(
            signed(&who),
            id,
            1,
            Some(plain)
        ));
        run_blocks(2);
        let sponsored = voucher(campaign, "a", 5, true);
        assert_eq!(
            refusal(&request_call(id, "a", sponsored)),
            Some(Refusal::OtherMode)
        );
        let pass = voucher(campaign, "b", 5, true);
        let b = account("b");
        send(request_call(id, "b", pass.clone()));
        run_blocks(2);
        commit(id, "b", leases(id, "b")[0]);
        assert_noop!(
            LabelBounties::request_pages(signed(&b), id, 1, Some(pass)),
            Error::<Test>::OtherMode
        );
    });
}

#[test]
fn the_same_calls_may_be_signed_by_their_worker_only() {
    build_and_execute(|| {
        let campaign = campaign(gated());
        let id = open(campaign, 8, until(&gated()), None);
        let (a, mallory) = (account("a"), account("mallory"));
        let pass = voucher(campaign, "a", 5, true);
        let request = |who: &AccountId| {
            LabelBounties::request_sponsored(signed(who), id, a.clone(), pass.clone(), None)
        };
        assert_noop!(request(&mallory), sp_runtime::traits::BadOrigin);
        assert_ok!(request(&a));
        run_blocks(2);
        let page = leases(id, "a")[0];
        assert_noop!(
            LabelBounties::skip(signed(&mallory), id, page, a.clone(), None),
            sp_runtime::traits::BadOrigin
        );
        assert_noop!(
            LabelBounties::skip(RuntimeOrigin::root(), id, page, a.clone(), None),
            sp_runtime::traits::BadOrigin
        );
        assert_ok!(LabelBounties::skip(signed(&a), id, page, a.clone(), None));
    });
}

/// What a random call of the property below is about.
#[derive(Clone, Debug)]
enum Try {
    Request(u8, u8),
    Skip(u8, u8),
    Commit(u8, u8),
    Reveal(u8, u8),
    Stake(u8, u8),
    Blocks(u8),
    Leap(u8),
    ClosePage(u8),
    Cancel,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        4 => (0u8..5, 0u8..4).prop_map(|(who, how)| Try::Request(who, how)),
        2 => (0u8..5, 0u8..6).prop_map(|(who, page)| Try::Skip(who, page)),
        8 => (0u8..5, 0u8..6).prop_map(|(who, page)| Try::Commit(who, page)),
        8 => (0u8..5, 0u8..6).prop_map(|(who, page)| Try::Reveal(who, page)),
        3 => (0u8..5, 1u8..5).prop_map(|(who, pages)| Try::Stake(who, pages)),
        6 => (1u8..4).prop_map(Try::Blocks),
        1 => (5u8..120).prop_map(Try::Leap),
        1 => (0u8..6).prop_map(Try::ClosePage),
        1 => Just(Try::Cancel),
    ];
    prop::collection::vec(one, 10..120)
}

fn feeless(id: BatchId, what: &Try) -> Option<RuntimeCall> {
    let name = |who: u8| format!("w{who}");
    Some(match what {
        Try::Request(who, how) => {
            let name = name(*who);
            let pass = match how {
                0 => voucher(0, &name, 1, true),
                1 => voucher(0, &name, 9, false),
                2 => voucher(1, &name, 9, true),
                _ => voucher(0, &name, 9, true),
            };
            request_call(id, &name, pass)
        }
        Try::Skip(who, page) => skip_call(id, &name(*who), (*page).into()),
        Try::Commit(who, page) => commit_call(id, &name(*who), (*page).into()),
        Try::Reveal(who, page) => reveal_call(id, &name(*who), (*page).into()),
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What the pool takes succeeds, what it refuses fails with the error of the same name when
    /// its worker signs it, and a call that succeeded is taken no second time.
    #[test]
    fn the_pool_and_the_chain_agree(tries in tries()) {
        build_and_execute(|| {
            let terms = CampaignTerms { gold: 4, ..gated() };
            let campaign = campaign(terms);
            for who in 0..5 {
                account(&format!("w{who}"));
            }
            let id = open(campaign, 6, until(&terms), None);
            for what in tries {
                match &what {
                    Try::Blocks(count) => run_blocks((*count).into()),
                    Try::Leap(ticks) => pass((*ticks).into()),
                    Try::ClosePage(page) => {
 let _ = try_close(id, (*page).into());
 },
                    Try::Cancel => {
 let _ = try_cancel(id);
 },
                    Try::Stake(who, pages) => {
                        let name = format!("w{who}");
                        let _ = LabelBounties::request_pages(
                            signed(&poor(&name)),
                            id,
                            (*pages).into(),
                            Some(voucher(0, &name, 9, false)),
                        );
                    }
                    _ => {
                        let call = feeless(id, &what).unwrap();
                        match refusal(&call) {
                            None => {
                                assert_ok!(dispatch_authorised(call.clone()));
                                assert!(refusal(&call).is_some(), "{what:?} is taken twice");
                            }
                            Some(refusal) => {
                                let error = dispatch_signed(&call);
                                // Who signs himself needs no other signature.
                                if refusal != Refusal::BadSignature {
                                    assert_eq!(error, Some(Error::<Test>::from(refusal).encode()));
                                }
                            }
                        }
                    }
                }
            }
        });
    }
}

/// The pallet's error a call fails with when its worker signs it, in a storage layer that is
/// rolled back.
fn dispatch_signed(call: &RuntimeCall) -> Option<Vec<u8>> {
    use frame_support::storage::{with_transaction, TransactionOutcome};
    use sp_runtime::{traits::Dispatchable, DispatchError, ModuleError};
    let RuntimeCall::LabelBounties(
        Call::request_sponsored { worker, .. }
        | Call::skip { worker, .. }
        | Call::commit { worker, .. }
        | Call::reveal { worker, .. },
    ) = call
    else {
        unreachable!()
    };
    let result: Result<_, DispatchError> = with_transaction(|| {
        TransactionOutcome::Rollback(Ok(call.clone().dispatch(signed(worker))))
    });
    match result.unwrap().map_err(|error| error.error) {
        Err(DispatchError::Module(ModuleError { error, .. })) => Some(error[..1].to_vec()),
        _ => None,
    }
}
