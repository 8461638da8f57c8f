//! Feeless calls as the transactions they travel in.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::Refusal;
use codec::{Decode, Encode};
use frame_support::{
    assert_ok,
    dispatch::{DispatchInfo, GetDispatchInfo, PostDispatchInfo},
};
use sp_runtime::{
    traits::{Applyable, Checkable},
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError,
    },
    ApplyExtrinsicResultWithInfo,
};

fn extension() -> TxExtension {
    (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckNonce::from(0),
        frame_system::CheckWeight::new(),
    )
}

/// What the pool says, and what a block does, with a transaction read from its bytes.
fn both(
    transaction: &Extrinsic,
) -> (
    TransactionValidity,
    ApplyExtrinsicResultWithInfo<PostDispatchInfo>,
) {
    let bytes = transaction.encode();
    let info: DispatchInfo = transaction.get_dispatch_info();
    let checked = || {
        Extrinsic::decode(&mut &bytes[..])
            .unwrap()
            .check(&frame_system::ChainContext::<Test>::default())
            .unwrap()
    };
    let validity = checked().validate::<Test>(TransactionSource::External, &info, bytes.len());
    (validity, checked().apply::<Test>(&info, bytes.len()))
}

#[test]
fn a_commit_and_a_reveal_travel_without_signer_nonce_or_fee() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        let page = lease(id, "a", 1)[0];
        let balance = free(&poor("a"));
        let commit = Extrinsic::new_transaction(commit_call(id, "a", page), extension());
        assert!(commit.encoded_size() <= 165, "{}", commit.encoded_size());
        let (validity, applied) = both(&commit);
        assert_eq!(validity.unwrap().provides.len(), 1);
        assert_ok!(applied.unwrap());
        assert_eq!(worker(id, "a").committed, 1);
        assert_ok!(try_cancel(id));
        run_blocks(1);
        let reveal = Extrinsic::new_transaction(reveal_call(id, "a", page), extension());
        assert!(reveal.encoded_size() <= 95, "{}", reveal.encoded_size());
        assert_ok!(both(&reveal).1.unwrap());
        assert_eq!(get(id).revealed_pages, 1);
        assert_eq!(free(&poor("a")), balance);
        assert_eq!(System::account_nonce(poor("a")), 0);
    });
}

#[test]
fn what_the_pool_refuses_no_block_takes() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        let page = lease(id, "a", 1)[0];
        let refused = |call: RuntimeCall| {
            let (validity, applied) = both(&Extrinsic::new_transaction(call, extension()));
            let error = validity.unwrap_err();
            assert_eq!(applied.unwrap_err(), error);
            error
        };
        let custom = |refusal: Refusal| {
            TransactionValidityError::from(InvalidTransaction::Custom(refusal.code()))
        };
        assert_eq!(
            refused(reveal_call(id, "a", page)),
            custom(Refusal::UnexpectedState)
        );
        assert_eq!(
            refused(commit_call(id, "b", page)),
            custom(Refusal::NoLease)
        );
        allow_calls(false);
        assert_eq!(refused(commit_call(id, "a", page)), custom(Refusal::Paused));
        allow_calls(true);
        // Calls that cost a fee travel with a signature only.
        let call: RuntimeCall = Call::request_pages {
            batch: id,
            pages: 1,
            voucher: None,
        }
        .into();
        assert!(matches!(
            refused(call),
            TransactionValidityError::Unknown(_) | TransactionValidityError::Invalid(_)
        ));
    });
}
