//! Feeless calls: who may make them, and how they stand in the pool.
//!
//! Each function here first runs the check its dispatch starts with, and verifies the signature
//! last, so that a worthless call costs the node little and a valid one cannot fail.

use crate::{Call, Config, Hash, Pallet, Sealed, Sheet, SignedVoucher, WeightInfo};
use athanor_primitives::labels::{
    commit_text, request_text, skip_text, BatchId, PageIndex, Refusal,
};
use codec::Encode;
use core::marker::PhantomData;
use frame_support::{
    dispatch::DispatchClass,
    ensure,
    pallet_prelude::{
        InvalidTransaction, TransactionSource, TransactionValidityWithRefund, ValidTransaction,
        Weight,
    },
    traits::{Contains, Get},
};
use frame_system::{ensure_authorized, ensure_signed};
use sp_runtime::{
    traits::{BadOrigin, Verify},
    AccountId32, MultiSignature,
};

/// Blocks for which a feeless call stays in a pool.
const LONGEVITY: u64 = 64;

/// Bytes of a transaction around its call: version, extensions and the two indices.
const AROUND: u32 = 16;

/// What of a slot or a request a feeless call changes. There is one pending call of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Skip,
    Commit,
    Reveal,
}

impl Kind {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Request => b"r",
            Self::Skip => b"s",
            Self::Commit => b"c",
            Self::Reveal => b"o",
        }
    }
}

/// Whether no call that a worker or requester depends on is filtered, and so the clock runs: a
/// [`Config::CallsAllowed`] that asks the runtime's `BaseCallFilter`, hence safe mode and tx-pause.
pub struct AllCallsAllowed<T>(PhantomData<T>);

impl<T: Config> Get<bool> for AllCallsAllowed<T> {
    fn get() -> bool {
        [Kind::Request, Kind::Skip, Kind::Commit, Kind::Reveal]
            .into_iter()
            .map(sample)
            .chain([
                Call::request_pages {
                    batch: 0,
                    pages: 0,
                    voucher: None,
                },
                Call::close_page { batch: 0, page: 0 },
                Call::open_gold {
                    batch: 0,
                    openings: Default::default(),
                },
                Call::advance { batch: 0, limit: 0 },
            ])
            .all(is_allowed::<T>)
    }
}

fn is_allowed<T: Config>(call: Call<T>) -> bool {
    T::BaseCallFilter::contains(&call.into())
}

/// A call of a kind, for filters that go by its name.
fn sample<T: Config>(kind: Kind) -> Call<T> {
    let nobody = || T::AccountId::from([0; 32]);
    let signature = None;
    match kind {
        Kind::Request => Call::request_sponsored {
            batch: 0,
            worker: nobody(),
            voucher: SignedVoucher {
                voucher: athanor_primitives::labels::Voucher {
                    pages: 0,
                    sponsored: true,
                    expires: 0,
                },
                signature: MultiSignature::Sr25519([0; 64].into()),
            },
            signature,
        },
        Kind::Skip => Call::skip {
            batch: 0,
            page: 0,
            worker: nobody(),
            signature,
        },
        Kind::Commit => Call::commit {
            batch: 0,
            page: 0,
            worker: nobody(),
            hash: [0; 32],
            sealed: None,
            signature,
        },
        Kind::Reveal => Call::reveal {
            batch: 0,
            page: 0,
            worker: nobody(),
            sheet: Sheet::default(),
            salt: [0; 32],
        },
    }
}

fn refused(refusal: Refusal) -> InvalidTransaction {
    InvalidTransaction::Custom(refusal.code())
}

impl<T: Config> Pallet<T> {
    /// Whether an origin is an authorised call, or a worker's own signature.
    pub(crate) fn ensure_authorized_or(
        origin: T::RuntimeOrigin,
        worker: &T::AccountId,
    ) -> Result<(), BadOrigin> {
        if ensure_authorized(origin.clone()).is_ok() {
            return Ok(());
        }
        let signer = ensure_signed(origin)?;
        if signer == *worker {
            Ok(())
        } else {
            Err(BadOrigin)
        }
    }

    /// Whether an origin is an authorised call, or anybody's signature.
    pub(crate) fn ensure_authorized_or_signed(origin: T::RuntimeOrigin) -> Result<(), BadOrigin> {
        if ensure_authorized(origin.clone()).is_ok() {
            return Ok(());
        }
        ensure_signed(origin).map(|_| ())
    }

    fn ensure_allowed(kind: Kind) -> Result<(), InvalidTransaction> {
        ensure!(is_allowed::<T>(sample(kind)), refused(Refusal::Paused));
        Ok(())
    }

    fn verify(
        signature: Option<&MultiSignature>,
        text: &[u8],
        who: &T::AccountId,
    ) -> Result<(), InvalidTransaction> {
        let account = AccountId32::new(who.clone().into());
        let good = signature.is_some_and(|signature| signature.verify(text, &account));
        ensure!(good, refused(Refusal::BadSignature));
        Ok(())
    }

    /// What `pallet-transaction-payment` gives a signed transaction without a tip: how many of its
    /// kind fit into a block.
    fn priority(weight: Weight, length: u32) -> u64 {
        let block = T::BlockWeights::get().max_block;
        let bounded = weight.max(Weight::from_parts(1, 1)).min(block);
        let by_weight = block.checked_div_per_component(&bounded).unwrap_or(1);
        let most = *T::BlockLength::get().max.get(DispatchClass::Normal);
        let by_length = most
            .checked_div(length.saturating_add(AROUND).clamp(1, most.max(1)))
            .unwrap_or(1);
        by_weight.min(by_length.into())
    }

    fn valid(
        kind: Kind,
        tag: impl Encode,
        weight: Weight,
        length: u32,
    ) -> TransactionValidityWithRefund {
        let valid = ValidTransaction::with_tag_prefix("AthanorLabels")
            .priority(Self::priority(weight, length))
            .and_provides((tag, kind.tag()))
            .longevity(LONGEVITY)
            .propagate(true)
            .build()?;
        Ok((valid, Weight::zero()))
    }

    pub(crate) fn authorize_request(
        _source: TransactionSource,
        batch: &BatchId,
        worker: &T::AccountId,
        voucher: &SignedVoucher,
        signature: &Option<MultiSignature>,
    ) -> TransactionValidityWithRefund {
        Self::ensure_allowed(Kind::Request)?;
        let requested =
            Self::check_request(worker, *batch, 1, Some(voucher), true).map_err(refused)?;
        let text = request_text(
            &Self::genesis(),
            *batch,
            &worker.clone().into(),
            requested.requests(),
        );
        Self::verify(signature.as_ref(), &text, worker)?;
        let weight = T::WeightInfo::request_sponsored()
            .saturating_add(T::WeightInfo::voucher())
            .saturating_add(T::WeightInfo::authorize_request());
        let length = (batch, worker, voucher, signature).encoded_size() as u32;
        Self::valid(Kind::Request, (batch, worker), weight, length)
    }

    pub(crate) fn authorize_skip(
        _source: TransactionSource,
        batch: &BatchId,
        page: &PageIndex,
        worker: &T::AccountId,
        signature: &Option<MultiSignature>,
    ) -> TransactionValidityWithRefund {
        Self::ensure_allowed(Kind::Skip)?;
        Self::check_lease(worker, *batch, *page).map_err(refused)?;
        let text = skip_text(&Self::genesis(), *batch, *page, &worker.clone().into());
        Self::verify(signature.as_ref(), &text, worker)?;
        let weight = T::WeightInfo::skip().saturating_add(T::WeightInfo::authorize_skip());
        let length = (batch, page, worker, signature).encoded_size() as u32;
        Self::valid(Kind::Skip, (batch, page, worker), weight, length)
    }

    pub(crate) fn authorize_commit(
        _source: TransactionSource,
        batch: &BatchId,
        page: &PageIndex,
        worker: &T::AccountId,
        hash: &Hash,
        sealed: &Option<Sealed>,
        signature: &Option<MultiSignature>,
    ) -> TransactionValidityWithRefund {
        Self::ensure_allowed(Kind::Commit)?;
        Self::check_lease(worker, *batch, *page).map_err(refused)?;
        let text = commit_text(
            &Self::genesis(),
            *batch,
            *page,
            &worker.clone().into(),
            hash,
            sealed.as_ref().map(|sealed| sealed.as_slice()),
        );
        Self::verify(signature.as_ref(), &text, worker)?;
        let weight = T::WeightInfo::commit().saturating_add(T::WeightInfo::authorize_commit());
        let length = (batch, page, worker, hash, sealed, signature).encoded_size() as u32;
        Self::valid(Kind::Commit, (batch, page, worker), weight, length)
    }

    pub(crate) fn authorize_reveal(
        _source: TransactionSource,
        batch: &BatchId,
        page: &PageIndex,
        worker: &T::AccountId,
        sheet: &Sheet,
        salt: &[u8; 32],
    ) -> TransactionValidityWithRefund {
        Self::ensure_allowed(Kind::Reveal)?;
        Self::check_reveal(worker, *batch, *page, sheet, salt).map_err(refused)?;
        let bytes = sheet.len() as u32;
        let weight =
            T::WeightInfo::reveal(bytes).saturating_add(T::WeightInfo::authorize_reveal(bytes));
        let length = (batch, page, worker, sheet, salt).encoded_size() as u32;
        Self::valid(Kind::Reveal, (batch, page, worker), weight, length)
    }
}
