//! Benchmarks of every call, hook and unit of work, each at its dearest.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use crate::{
    score::{Cranked, Till},
    *,
};
use alloc::{vec, vec::Vec};
use athanor_label_math::{pack, pack_answer, Answer, LabelType, Prior, Span, WorkerSums};
use athanor_primitives::labels::{
    answer_commitment, commit_text, gold_commitment, page_path, pages_root, request_text,
    skip_text, voucher_text, BatchId, BatchState, CampaignId, CampaignTerms, Gate, PageIndex,
    PageLeaf, Voucher, MAX_OPENINGS, MAX_PAGES, MAX_PANEL, MAX_SHEET, MAX_WINDOW,
};
use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::Mutate, Authorize, Get, Hooks},
    BoundedVec,
};
use frame_system::{pallet_prelude::BlockNumberFor, Pallet as System, RawOrigin};
use sp_core::crypto::KeyTypeId;
use sp_runtime::{
    traits::Verify, transaction_validity::TransactionSource, AccountId32, MultiSignature,
};

const KEYS: KeyTypeId = KeyTypeId(*b"test");
const SALT: [u8; 32] = [5; 32];
const BINARY: LabelType = LabelType::Classification { classes: 2 };
const FLAGS: LabelType = LabelType::MultiLabel { flags: 32 };
const SPANS: LabelType = LabelType::Span { tokens: 512 };

/// A key that can sign, and its account.
struct Key<AccountId> {
    public: sp_core::sr25519::Public,
    account: AccountId,
}

impl<AccountId: From<[u8; 32]>> Key<AccountId> {
    fn new() -> Self {
        let public = sp_io::crypto::sr25519_generate(KEYS, None);
        Self {
            public,
            account: public.0.into(),
        }
    }

    fn sign(&self, text: &[u8]) -> MultiSignature {
        sp_io::crypto::sr25519_sign(KEYS, &self.public, text)
            .unwrap()
            .into()
    }
}

fn rich<T: Config>() -> Balance {
    T::Limits::get()
        .least_page_pay
        .saturating_add(T::DomainDeposit::get())
        .saturating_add(T::CampaignDeposit::get())
        .saturating_add(T::BatchDeposit::get())
        .saturating_mul(1_000_000_000_000)
}

fn fund<T: Config>(who: &T::AccountId) {
    T::Currency::set_balance(who, rich::<T>());
}

fn funded<T: Config>(name: &'static str, i: u32) -> T::AccountId {
    let who: T::AccountId = account(name, i, 0);
    fund::<T>(&who);
    who
}

fn requester<T: Config>() -> T::AccountId {
    account("requester", 0, 0)
}

/// Blocks, treasury and the pot as a chain has them.
fn prepare<T: Config>() {
    System::<T>::set_block_number(BlockNumberFor::<T>::from(10u32));
    Clock::<T>::put(100);
    fund::<T>(&T::Treasury::get());
    fund::<T>(&Pallet::<T>::pot());
    fund::<T>(&requester::<T>());
}

/// The dearest terms: every option that costs a read or a write.
fn terms<T: Config>(label: LabelType, tasks: u8, gold: u8, panel: u32) -> CampaignTerms {
    let limits = T::Limits::get();
    CampaignTerms {
        panel_min: 3.min(panel as u8),
        panel_max: panel as u8,
        lease: limits.lease.0,
        join_delay: limits.join_delay,
        domain: Some(0),
        share_revenue: true,
        ..CampaignTerms::standard(label, tasks, gold, limits.least_page_pay)
    }
}

fn campaign<T: Config>(terms: CampaignTerms) -> CampaignId {
    if !Domains::<T>::contains_key(0) {
        Pallet::<T>::do_create_domain(None).unwrap();
        Pallet::<T>::do_admit(None, 0, requester::<T>(), true).unwrap();
    }
    let id = NextCampaignId::<T>::get();
    Pallet::<T>::do_create_campaign(requester::<T>(), terms, gateway(1)).unwrap();
    id
}

/// For another pallet's benchmarks: a settled campaign with the answers of one worker.
pub(crate) fn contributed<T: Config>(
    requester: &T::AccountId,
    worker: &T::AccountId,
    answers: u32,
) -> CampaignId {
    fund::<T>(requester);
    let terms = CampaignTerms {
        domain: None,
        ..terms::<T>(BINARY, 32, 4, MAX_PANEL)
    };
    let id = NextCampaignId::<T>::get();
    Pallet::<T>::do_create_campaign(requester.clone(), terms, gateway(1)).unwrap();
    Pallet::<T>::do_close_campaign(requester.clone(), id).unwrap();
    Contributions::<T>::insert(id, worker, answers);
    id
}

fn gateway(byte: u8) -> Gateway {
    vec![byte; MAX_GATEWAY as usize].try_into().unwrap()
}

fn open<T: Config>(
    campaign: CampaignId,
    root: Hash,
    pages: u32,
    joins: Option<BatchId>,
) -> BatchId {
    let id = NextBatchId::<T>::get();
    let until = Pallet::<T>::clock() + T::MaxOpen::get();
    Pallet::<T>::do_open_batch(
        requester::<T>(),
        campaign,
        root,
        [1; 32],
        pages,
        until,
        joins,
    )
    .unwrap();
    id
}

/// A batch of many pages under the dearest terms.
fn batch<T: Config>() -> BatchId {
    prepare::<T>();
    let id = campaign::<T>(terms::<T>(BINARY, 32, 4, MAX_PANEL));
    open::<T>(id, [1; 32], 300, None)
}

/// As [`batch`], with two followers.
fn group<T: Config>() -> BatchId {
    let id = batch::<T>();
    let campaign = Batches::<T>::get(id).unwrap().campaign;
    for _ in 0..2 {
        open::<T>(campaign, [1; 32], 300, Some(id));
    }
    id
}

/// Enrols an account that has leased `leased` pages and committed the first `committed`.
fn enrol<T: Config>(id: BatchId, account: &T::AccountId, leased: u32, committed: u32) -> u32 {
    let mut batch = Batches::<T>::get(id).unwrap();
    let terms = Campaigns::<T>::get(batch.campaign).unwrap().terms;
    let index = batch.workers;
    batch.workers += 1;
    Batches::<T>::insert(id, batch);
    let staked = terms.page_stake() * Balance::from(leased);
    Pallet::<T>::hold(HoldReason::WorkerStake, account, staked).unwrap();
    WorkerOf::<T>::insert(id, account, index);
    Workers::<T>::insert(
        id,
        index,
        Worker {
            account: account.clone(),
            sponsored: false,
            requests: 1,
            waiting: 0,
            live: (leased - committed) as u8,
            leased,
            skipped: 0,
            committed,
            revealed: 0,
            blocked_until: 0,
            staked,
            sums: WorkerSums::default(),
            prior: Prior::default(),
            outcome: None,
        },
    );
    index
}

/// A page whose slots are what `slot` says.
fn fill<T: Config>(id: BatchId, page: PageIndex, slots: Vec<Slot>) {
    Windows::<T>::mutate(id, |window| {
        for open in window.pages.iter_mut().filter(|open| open.page == page) {
            open.used = slots.iter().filter(|slot| **slot != Slot::Free).count() as u8;
        }
    });
    Pages::<T>::insert(
        id,
        page,
        Page {
            slots: slots.try_into().unwrap(),
            closed: false,
            gold_opened: false,
        },
    );
}

fn state<T: Config>(id: BatchId, state: BatchState) {
    Batches::<T>::mutate(id, |batch| {
        let batch = batch.as_mut().unwrap();
        batch.state = state;
        batch.deadline = Pallet::<T>::clock() + 1_000;
        Pallet::<T>::requeue(id, batch);
    });
}

fn dice(what: impl Encode) -> u32 {
    let hash = sp_io::hashing::blake2_256(&what.encode());
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// Any answer of a type, as long as one can be.
fn answer(label: &LabelType, seed: u32) -> Answer {
    match label {
        LabelType::Classification { classes } => Answer::Code(dice(seed) % u32::from(*classes)),
        LabelType::Span { .. } => Answer::Spans(
            (0..16)
                .map(|i| Span {
                    label: (i / 4) as u8,
                    start: (i % 4) * 100 + (dice((seed, i)) % 50) as u16,
                    len: 1 + (dice((i, seed)) % 50) as u16,
                })
                .collect(),
        ),
        _ => Answer::Code(dice(seed)),
    }
}

fn sheet(label: &LabelType, tasks: u8, seed: u32) -> Sheet {
    let answers: Vec<_> = (0..u32::from(tasks))
        .map(|task| answer(label, seed * 1_000 + task))
        .collect();
    pack(label, &answers).unwrap().try_into().unwrap()
}

/// A batch in `Reveal` with a commit to this sheet on page 0.
fn committed<T: Config>(terms: CampaignTerms, sheet: &Sheet) -> (BatchId, T::AccountId) {
    prepare::<T>();
    let id = open::<T>(campaign::<T>(terms), [1; 32], 300, None);
    let who = funded::<T>("worker", 0);
    let index = enrol::<T>(id, &who, 1, 1);
    let worker: [u8; 32] = who.clone().into();
    let hash = answer_commitment(&Pallet::<T>::genesis(), id, 0, &worker, sheet, &SALT);
    let mut slots = vec![Slot::Free; usize::from(terms.panel_max)];
    slots[0] = Slot::Committed {
        worker: index,
        hash,
    };
    fill::<T>(id, 0, slots);
    Batches::<T>::mutate(id, |batch| batch.as_mut().unwrap().answered = 1);
    Windows::<T>::remove(id);
    state::<T>(id, BatchState::Reveal);
    (id, who)
}

/// As [`committed`], between a sheet of the same answers that is revealed and one that is not.
fn between<T: Config>(terms: CampaignTerms, sheet: &Sheet) -> (BatchId, T::AccountId) {
    let (id, who) = committed::<T>(terms, sheet);
    let others = [1, 2].map(|i| enrol::<T>(id, &funded::<T>("worker", i), 1, 1));
    Pages::<T>::mutate(id, 0, |page| {
        let slots = &mut page.as_mut().unwrap().slots;
        slots[1] = Slot::Revealed {
            worker: others[0],
            sheet: sheet.clone(),
        };
        slots[2] = Slot::Committed {
            worker: others[1],
            hash: [1; 32],
        };
    });
    (id, who)
}

/// Terms under which a sheet can be of any length from one byte on: as bytes of spans.
fn spans_of(bytes: u32) -> (LabelType, u8, Sheet) {
    // Eight tasks are eight counts, and each span is five bytes.
    let spans = (bytes.saturating_sub(8) / 5).min(128);
    let mut left = spans;
    let answers: Vec<_> = (0..8)
        .map(|_| {
            let here = left.min(16);
            left -= here;
            Answer::Spans(
                (0..here)
                    .map(|i| Span {
                        label: 0,
                        start: i as u16 * 3,
                        len: 2,
                    })
                    .collect(),
            )
        })
        .collect();
    let sheet = pack(&SPANS, &answers).unwrap().try_into().unwrap();
    (SPANS, 8, sheet)
}

/// A batch in `Score` whose first page has `panel` sheets and gold.
fn scored<T: Config>(label: LabelType, tasks: u8, gold: u8, panel: u32) -> BatchId {
    prepare::<T>();
    let terms = terms::<T>(label, tasks, gold, panel.max(3));
    let id = open::<T>(campaign::<T>(terms), [1; 32], 300, None);
    let mut slots: Vec<_> = (0..panel)
        .map(|i| {
            let who = funded::<T>("worker", i);
            Slot::Revealed {
                worker: enrol::<T>(id, &who, 1, 1),
                sheet: sheet(&label, tasks, i),
            }
        })
        .collect();
    slots.resize(usize::from(terms.panel_max), Slot::Free);
    fill::<T>(id, 0, slots);
    let items: Vec<_> = (0..gold)
        .map(|position| GoldItem {
            position,
            answer: pack_answer(&label, &answer(&label, 77 + u32::from(position)))
                .unwrap()
                .try_into()
                .unwrap(),
            void: false,
            contested: false,
        })
        .collect();
    GoldOf::<T>::insert(id, 0, GoldItems::try_from(items).unwrap());
    Windows::<T>::remove(id);
    state::<T>(id, BatchState::Score { page: 0 });
    Batches::<T>::mutate(id, |batch| {
        let batch = batch.as_mut().unwrap();
        batch.revealed_pages = 1;
        batch.gold_pages = 1;
    });
    id
}

/// As [`scored`], with its pages behind it.
fn ranked<T: Config>() -> BatchId {
    let id = scored::<T>(BINARY, 32, 16, MAX_PANEL);
    let mut batch = Batches::<T>::get(id).unwrap();
    let mut till = Till::<T>::new(None);
    batch.pages = 1;
    assert_eq!(Pallet::<T>::crank(id, &mut batch, &mut till), Cranked::More);
    assert_eq!(batch.state, BatchState::Rank { worker: 0 });
    Pallet::<T>::settle(id, &mut batch, till);
    batch.pages = 300;
    Batches::<T>::insert(id, batch);
    id
}

/// As [`ranked`], in `Pay`.
fn payable<T: Config>() -> BatchId {
    let id = ranked::<T>();
    let mut batch = Batches::<T>::get(id).unwrap();
    let mut till = Till::<T>::new(None);
    while matches!(batch.state, BatchState::Rank { .. }) {
        assert_eq!(Pallet::<T>::crank(id, &mut batch, &mut till), Cranked::More);
    }
    Pallet::<T>::settle(id, &mut batch, till);
    Batches::<T>::insert(id, batch);
    id
}

/// A batch that is paid.
fn paid<T: Config>() -> BatchId {
    let id = payable::<T>();
    let mut batch = Batches::<T>::get(id).unwrap();
    let mut till = Till::<T>::new(None);
    while batch.state != BatchState::Paid {
        assert_eq!(Pallet::<T>::crank(id, &mut batch, &mut till), Cranked::More);
    }
    Pallet::<T>::settle(id, &mut batch, till);
    Pallet::<T>::requeue(id, &mut batch);
    Batches::<T>::insert(id, batch);
    id
}

/// Does a unit of a batch, as `advance` does, without reading or writing the batch.
fn unit<T: Config>(id: BatchId, batch: &mut Batch<T::AccountId>, till: &mut Till<T>) -> Cranked {
    Pallet::<T>::crank(id, batch, till)
}

/// An account with a sponsored voucher of its campaign.
struct Sponsored<AccountId> {
    id: BatchId,
    worker: Key<AccountId>,
    voucher: SignedVoucher,
    signature: MultiSignature,
}

fn sponsored<T: Config>() -> Sponsored<T::AccountId> {
    prepare::<T>();
    let signer = Key::<T::AccountId>::new();
    let worker = Key::<T::AccountId>::new();
    let campaign = campaign::<T>(CampaignTerms {
        gate: Gate::Voucher,
        voucher_key: Some(signer.public.0),
        ..terms::<T>(BINARY, 32, 4, MAX_PANEL)
    });
    let id = open::<T>(campaign, [1; 32], 300, None);
    for _ in 0..2 {
        open::<T>(campaign, [1; 32], 300, Some(id));
    }
    let voucher = Voucher {
        pages: 10,
        sponsored: true,
        expires: u32::MAX,
    };
    let genesis = Pallet::<T>::genesis();
    let text = voucher_text(&genesis, campaign, &worker.public.0, &voucher);
    let signature = worker.sign(&request_text(&genesis, id, &worker.public.0, 0));
    Sponsored {
        id,
        worker,
        voucher: SignedVoucher {
            voucher,
            signature: signer.sign(&text),
        },
        signature,
    }
}

/// A batch with a lease of a key that can sign, on page 0 whose other slots are used up.
fn leased<T: Config>() -> (BatchId, Key<T::AccountId>) {
    let id = group::<T>();
    let worker = Key::<T::AccountId>::new();
    fund::<T>(&worker.account);
    let index = enrol::<T>(id, &worker.account, 1, 0);
    let until = Pallet::<T>::clock() + 1_000;
    let mut slots: Vec<_> = (0..MAX_PANEL - 1)
        .map(|i| Slot::Committed {
            worker: enrol::<T>(id, &funded::<T>("colleague", i), 1, 1),
            hash: [1; 32],
        })
        .collect();
    slots.push(Slot::Leased {
        worker: index,
        until,
    });
    fill::<T>(id, 0, slots);
    Batches::<T>::mutate(id, |batch| batch.as_mut().unwrap().answered = 1);
    (id, worker)
}

/// Fills a batch's window, all of it used by leases.
fn full_window<T: Config>(id: BatchId, pages: u32) {
    let who = funded::<T>("lessee", 0);
    let worker = enrol::<T>(id, &who, 0, 0);
    let mut slots = vec![Slot::Free; MAX_PANEL as usize];
    slots[0] = Slot::Leased {
        worker,
        until: u32::MAX,
    };
    let window: Vec<_> = (0..pages).map(|page| OpenPage { page, used: 1 }).collect();
    Windows::<T>::insert(
        id,
        Window {
            next: pages,
            pages: BoundedVec::truncate_from(window),
        },
    );
    for page in 0..pages {
        fill::<T>(id, page, slots.clone());
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn create_campaign() {
        prepare::<T>();
        let terms = terms::<T>(BINARY, 32, 4, MAX_PANEL);
        campaign::<T>(terms);
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), terms, gateway(1));
        assert!(Campaigns::<T>::contains_key(1));
    }

    #[benchmark]
    fn set_gateway() {
        prepare::<T>();
        let id = campaign::<T>(terms::<T>(BINARY, 32, 4, MAX_PANEL));
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id, gateway(2));
        assert_eq!(Campaigns::<T>::get(id).unwrap().gateway, gateway(2));
    }

    #[benchmark]
    fn open_batch() {
        let parent = batch::<T>();
        let campaign = Batches::<T>::get(parent).unwrap().campaign;
        let until = Pallet::<T>::clock() + T::MaxOpen::get();
        #[extrinsic_call]
        _(
            RawOrigin::Signed(requester::<T>()),
            campaign,
            [1; 32],
            [2; 32],
            MAX_PAGES,
            until,
            Some(parent),
        );
        assert!(Batches::<T>::contains_key(parent + 1));
    }

    #[benchmark]
    fn close_page() {
        let id = group::<T>();
        full_window::<T>(id, MAX_WINDOW);
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id, 7);
        assert!(Pages::<T>::get(id, 7).unwrap().closed);
    }

    #[benchmark]
    fn cancel(w: Linear<0, MAX_WINDOW>) {
        let id = group::<T>();
        full_window::<T>(id, w);
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id);
        assert_eq!(Batches::<T>::get(id).unwrap().closing, w);
    }

    #[benchmark]
    fn request_pages() {
        let id = group::<T>();
        let who = funded::<T>("worker", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), id, 4, None);
        assert!(WorkerOf::<T>::contains_key(id, &who));
    }

    #[benchmark]
    fn request_sponsored() {
        let case = sponsored::<T>();
        let who = case.worker.account.clone();
        #[extrinsic_call]
        _(
            RawOrigin::Authorized,
            case.id,
            who.clone(),
            case.voucher,
            Some(case.signature),
        );
        assert!(WorkerOf::<T>::contains_key(case.id, &who));
    }

    #[benchmark]
    fn authorize_request() {
        let case = sponsored::<T>();
        let call = Call::<T>::request_sponsored {
            batch: case.id,
            worker: case.worker.account,
            voucher: case.voucher,
            signature: Some(case.signature),
        };
        let valid;
        #[block]
        {
            valid = call.authorize(TransactionSource::External);
        }
        assert!(valid.unwrap().is_ok());
    }

    // A voucher's signature, and what is written about its use.
    #[benchmark]
    fn voucher() {
        let case = sponsored::<T>();
        let who = case.worker.account;
        let campaign = Batches::<T>::get(case.id).unwrap().campaign;
        let key = Campaigns::<T>::get(campaign)
            .unwrap()
            .terms
            .voucher_key
            .unwrap();
        let signed = case.voucher;
        let valid;
        #[block]
        {
            let used = VoucherUse::<T>::get(campaign, &who);
            let genesis = Pallet::<T>::genesis();
            let text = voucher_text(&genesis, campaign, &who.clone().into(), &signed.voucher);
            valid = signed.signature.verify(&text[..], &AccountId32::new(key));
            VoucherUse::<T>::insert(campaign, &who, used + 1);
        }
        assert!(valid);
    }

    #[benchmark]
    fn skip() {
        let (id, worker) = leased::<T>();
        let who = worker.account;
        #[extrinsic_call]
        _(RawOrigin::Authorized, id, 0, who.clone(), None);
        let index = WorkerOf::<T>::get(id, &who).unwrap();
        assert_eq!(Workers::<T>::get(id, index).unwrap().skipped, 1);
    }

    #[benchmark]
    fn authorize_skip() {
        let (id, worker) = leased::<T>();
        let text = skip_text(&Pallet::<T>::genesis(), id, 0, &worker.public.0);
        let call = Call::<T>::skip {
            batch: id,
            page: 0,
            signature: Some(worker.sign(&text)),
            worker: worker.account,
        };
        let valid;
        #[block]
        {
            valid = call.authorize(TransactionSource::External);
        }
        assert!(valid.unwrap().is_ok());
    }

    // The page's last commit; what that changes of the batch is `page_done`'s.
    #[benchmark]
    fn commit() {
        let (id, worker) = leased::<T>();
        // One more slot is free, so that the page goes on.
        Pages::<T>::mutate(id, 0, |page| {
            page.as_mut().unwrap().slots[0] = Slot::Free;
        });
        let who = worker.account;
        #[extrinsic_call]
        _(
            RawOrigin::Authorized,
            id,
            0,
            who.clone(),
            [7; 32],
            None,
            None,
        );
        let index = WorkerOf::<T>::get(id, &who).unwrap();
        assert_eq!(Workers::<T>::get(id, index).unwrap().committed, 1);
    }

    #[benchmark]
    fn authorize_commit() {
        let (id, worker) = leased::<T>();
        let sealed: Sealed = vec![3; athanor_primitives::labels::MAX_SEALED as usize]
            .try_into()
            .unwrap();
        let genesis = Pallet::<T>::genesis();
        let text = commit_text(&genesis, id, 0, &worker.public.0, &[7; 32], Some(&sealed));
        let call = Call::<T>::commit {
            batch: id,
            page: 0,
            hash: [7; 32],
            sealed: Some(sealed),
            signature: Some(worker.sign(&text)),
            worker: worker.account,
        };
        let valid;
        #[block]
        {
            valid = call.authorize(TransactionSource::External);
        }
        assert!(valid.unwrap().is_ok());
    }

    // The last page of the last batch of its group: the batch leaves its window and waits elsewhere.
    #[benchmark]
    fn page_done() {
        let id = group::<T>();
        full_window::<T>(id, MAX_WINDOW);
        let mut batch = Batches::<T>::get(id).unwrap();
        let campaign = Campaigns::<T>::get(batch.campaign).unwrap();
        batch.cancelled = true;
        for other in Pallet::<T>::group(id, &batch) {
            Batches::<T>::mutate(other, |other| other.as_mut().unwrap().cancelled = true);
        }
        #[block]
        {
            Pallet::<T>::leave_window(id, &batch, &campaign, 7);
            Pallet::<T>::requeue(id, &mut batch);
            Batches::<T>::insert(id, batch);
        }
        assert_eq!(Windows::<T>::get(id).pages.len() as u32, MAX_WINDOW - 1);
        assert!(Cranking::<T>::contains_key(id));
    }

    // A reveal between a page's first and its last; what those change of the batch is
    // `page_revealed`'s.
    #[benchmark]
    fn reveal(s: Linear<1, MAX_SHEET>) {
        let (label, tasks, sheet) = spans_of(s);
        let (id, who) = between::<T>(terms::<T>(label, tasks, 1, MAX_PANEL), &sheet);
        #[extrinsic_call]
        _(RawOrigin::Authorized, id, 0, who, sheet, SALT);
        assert_eq!(Pages::<T>::get(id, 0).unwrap().revealed(), 2);
    }

    // The last page of a batch: it waits elsewhere.
    #[benchmark]
    fn page_revealed() {
        let (id, _) = committed::<T>(terms::<T>(BINARY, 32, 4, 5), &sheet(&BINARY, 32, 1));
        let mut batch = Batches::<T>::get(id).unwrap();
        batch.complete = batch.answered;
        #[block]
        {
            Pallet::<T>::requeue(id, &mut batch);
            Batches::<T>::insert(id, batch);
        }
        assert!(Cranking::<T>::contains_key(id));
    }

    #[benchmark]
    fn authorize_reveal(s: Linear<1, MAX_SHEET>) {
        let (label, tasks, sheet) = spans_of(s);
        let (id, who) = committed::<T>(terms::<T>(label, tasks, 1, MAX_PANEL), &sheet);
        let call = Call::<T>::reveal {
            batch: id,
            page: 0,
            worker: who,
            sheet,
            salt: SALT,
        };
        let valid;
        #[block]
        {
            valid = call.authorize(TransactionSource::External);
        }
        assert!(valid.unwrap().is_ok());
    }

    // A sheet of 32 binary answers of a panel of five.
    #[benchmark(extra)]
    fn reveal_32_binary() {
        let sheet = sheet(&BINARY, 32, 1);
        let (id, who) = between::<T>(terms::<T>(BINARY, 32, 4, 5), &sheet);
        #[extrinsic_call]
        reveal(RawOrigin::Authorized, id, 0, who, sheet, SALT);
        assert_eq!(Pages::<T>::get(id, 0).unwrap().revealed(), 2);
    }

    #[benchmark]
    fn open_gold(n: Linear<1, MAX_OPENINGS>) {
        prepare::<T>();
        let terms = terms::<T>(SPANS, 8, 4, MAX_PANEL);
        let campaign = campaign::<T>(terms);
        let genesis = Pallet::<T>::genesis();
        let entries: Vec<_> = (0..4u8)
            .map(|at| {
                let answer = pack_answer(&SPANS, &answer(&SPANS, at.into())).unwrap();
                (at, GoldAnswer::try_from(answer).unwrap())
            })
            .collect();
        let entries = GoldEntries::try_from(entries).unwrap();
        let leaves: Vec<_> = (0..MAX_PAGES)
            .map(|page| PageLeaf {
                page,
                content_root: [3; 32],
                bytes: 100,
                // Only pages that are opened need the commitment.
                gold_commit: if page < n {
                    gold_commitment(&genesis, page, &entries, &SALT)
                } else {
                    [0; 32]
                },
            })
            .collect();
        let id = open::<T>(campaign, pages_root(&leaves), MAX_PAGES, None);
        let who = funded::<T>("worker", 0);
        let worker = enrol::<T>(id, &who, 1, 1);
        for page in 0..n {
            let slots = (0..MAX_PANEL)
                .map(|i| Slot::Revealed {
                    worker: worker + i,
                    sheet: sheet(&SPANS, 8, i),
                })
                .collect();
            fill::<T>(id, page, slots);
        }
        state::<T>(id, BatchState::Gold);
        Batches::<T>::mutate(id, |batch| batch.as_mut().unwrap().revealed_pages = n);
        let openings: Vec<_> = (0..n)
            .map(|page| GoldOpening {
                page,
                entries: entries.clone(),
                salt: SALT,
                content_root: [3; 32],
                bytes: 100,
                path: page_path(&leaves, page).unwrap().try_into().unwrap(),
            })
            .collect();
        #[extrinsic_call]
        _(
            RawOrigin::Signed(requester::<T>()),
            id,
            openings.try_into().unwrap(),
        );
        assert_eq!(Batches::<T>::get(id).unwrap().gold_pages, n);
    }

    #[benchmark]
    fn expire() {
        let (id, worker) = leased::<T>();
        Clock::<T>::mutate(|clock| *clock += 1_000);
        let anybody = funded::<T>("anybody", 0);
        let who = worker.account;
        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), id, 0, who.clone());
        let index = WorkerOf::<T>::get(id, &who).unwrap();
        assert_eq!(Workers::<T>::get(id, index).unwrap().live, 0);
    }

    #[benchmark]
    fn withdraw() {
        prepare::<T>();
        let who: T::AccountId = account("newcomer", 0, 0);
        let amount = T::Limits::get().least_page_pay;
        Pallet::<T>::hold(HoldReason::Credit, &Pallet::<T>::pot(), amount).unwrap();
        Credits::<T>::insert(&who, amount);
        let anybody = funded::<T>("anybody", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), who.clone());
        assert!(!Credits::<T>::contains_key(&who));
    }

    #[benchmark]
    fn create_domain() {
        prepare::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()));
        assert!(Domains::<T>::contains_key(0));
    }

    #[benchmark]
    fn admit() {
        prepare::<T>();
        let owner = requester::<T>();
        Pallet::<T>::do_create_domain(Some(owner.clone())).unwrap();
        let who: T::AccountId = account("admitted", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner), 0, who.clone(), true);
        assert!(Admitted::<T>::contains_key(0, &who));
    }

    #[benchmark]
    fn close_campaign() {
        prepare::<T>();
        let id = campaign::<T>(terms::<T>(BINARY, 32, 4, MAX_PANEL));
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id);
        assert!(Campaigns::<T>::get(id).unwrap().settled_at.is_some());
    }

    #[benchmark]
    fn prune_campaign(n: Linear<1, 256>) {
        prepare::<T>();
        let id = campaign::<T>(terms::<T>(BINARY, 32, 4, MAX_PANEL));
        Pallet::<T>::do_close_campaign(requester::<T>(), id).unwrap();
        Clock::<T>::mutate(|clock| *clock += T::ContributionsKept::get());
        let n = n.min(T::MaxAdvance::get());
        for i in 1..n {
            Contributions::<T>::insert(id, account::<T::AccountId>("worker", i, 0), 7);
        }
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id, n);
        assert!(!Campaigns::<T>::contains_key(id));
    }

    #[benchmark]
    fn begin_block() {
        let id = batch::<T>();
        let who = funded::<T>("worker", 0);
        Pallet::<T>::do_request(who, id, 4, None, false).unwrap();
        #[block]
        {
            Pallet::<T>::on_initialize(BlockNumberFor::<T>::from(10u32));
        }
        assert_eq!(Clock::<T>::get(), 101);
        assert_eq!(QueueEnds::<T>::get().len(), 1);
    }

    // A request for which there is no page any more.
    #[benchmark]
    fn draw_request() {
        let id = batch::<T>();
        let who = funded::<T>("worker", 0);
        Pallet::<T>::do_request(who, id, 4, None, false).unwrap();
        let request = Queue::<T>::get(0).unwrap();
        Batches::<T>::mutate(id, |batch| batch.as_mut().unwrap().cancelled = true);
        #[block]
        {
            Queue::<T>::remove(0);
            Pallet::<T>::serve(request, &[7; 32]);
        }
        assert_eq!(Workers::<T>::get(id, 0).unwrap().staked, 0);
    }

    // A request for one page, of which its own part is measured twice.
    #[benchmark]
    fn draw_page() {
        let id = batch::<T>();
        full_window::<T>(id, MAX_WINDOW);
        let who = funded::<T>("worker", 0);
        Pallet::<T>::do_request(who, id, 1, None, false).unwrap();
        let request = Queue::<T>::get(0).unwrap();
        let seen: Vec<_> = (0..MAX_WINDOW - 1).collect();
        Seen::<T>::insert(id, request.worker, SeenPages::truncate_from(seen));
        #[block]
        {
            Queue::<T>::remove(0);
            Pallet::<T>::serve(request, &[7; 32]);
        }
        assert_eq!(Workers::<T>::get(id, request.worker).unwrap().leased, 1);
    }

    #[benchmark]
    fn idle_base() {
        prepare::<T>();
        ExpiryCursor::<T>::put(u32::MAX);
        DeadlineCursor::<T>::put(u32::MAX);
        #[block]
        {
            Pallet::<T>::work_off(frame_support::weights::Weight::MAX);
        }
        assert_eq!(CrankedLast::<T>::get(), None);
    }

    #[benchmark]
    fn idle_bucket() {
        batch::<T>();
        let found;
        #[block]
        {
            found = Expiring::<T>::iter_key_prefix(7).take(64).count()
                + Cranking::<T>::iter_keys().take(1).count();
        }
        assert_eq!(found, 0);
    }

    #[benchmark]
    fn idle_deadline() {
        let id = group::<T>();
        let until = Batches::<T>::get(id).unwrap().until;
        Clock::<T>::put(until);
        #[block]
        {
            Deadlines::<T>::remove(until, id);
            Batches::<T>::mutate_exists(id, |batch| {
                if let Some(batch) = batch {
                    batch.place = None;
                    Pallet::<T>::requeue(id, batch);
                }
            });
        }
        assert!(Cranking::<T>::contains_key(id));
    }

    // With the last worker's pay and the end of the batch, which come once in a call at most.
    #[benchmark]
    fn advance() {
        let id = payable::<T>();
        let last = Batches::<T>::get(id).unwrap().workers - 1;
        {
            let mut batch = Batches::<T>::get(id).unwrap();
            let mut till = Till::<T>::new(None);
            while batch.state != (BatchState::Pay { worker: last }) {
                unit::<T>(id, &mut batch, &mut till);
            }
            Pallet::<T>::settle(id, &mut batch, till);
            Pallet::<T>::requeue(id, &mut batch);
            Batches::<T>::insert(id, batch);
        }
        let who = funded::<T>("anybody", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), id, 1);
        assert_eq!(Batches::<T>::get(id).unwrap().state, BatchState::Paid);
    }

    // A batch and two that follow it leave `Open` together.
    #[benchmark]
    fn transition() {
        let id = group::<T>();
        for batch in id..id + 3 {
            Batches::<T>::mutate(batch, |batch| batch.as_mut().unwrap().cancelled = true);
        }
        #[block]
        {
            Pallet::<T>::run(id, 1, None);
        }
        assert_eq!(Batches::<T>::get(id + 2).unwrap().state, BatchState::Reveal);
    }

    // The dearest page: nine sheets of 32 sets of 32 flags, sixteen of them gold.
    #[benchmark]
    fn score_page() {
        let id = scored::<T>(FLAGS, 32, 16, MAX_PANEL);
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.state, BatchState::Score { page: 1 });
    }

    // A page of five sheets of 32 binary answers with four gold ones.
    #[benchmark(extra)]
    fn score_page_of_five() {
        let id = scored::<T>(BINARY, 32, 4, 5);
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.state, BatchState::Score { page: 1 });
    }

    // By sheets and tasks: classes, whose agreement comes from counts.
    #[benchmark(extra)]
    fn score_classes(r: Linear<1, MAX_PANEL>, m: Linear<4, 32>) {
        let label = LabelType::Classification { classes: 16 };
        let id = scored::<T>(label, m as u8, m.div_ceil(8) as u8, r);
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.revealed_slots, r);
    }

    // By sheets and tasks: flags, each answer with each.
    #[benchmark(extra)]
    fn score_flags(r: Linear<1, MAX_PANEL>, m: Linear<4, 32>) {
        let id = scored::<T>(FLAGS, m as u8, m.div_ceil(8) as u8, r);
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.revealed_slots, r);
    }

    // By sheets and tasks: sixteen spans an answer, each answer with each.
    #[benchmark(extra)]
    fn score_spans(r: Linear<1, MAX_PANEL>, m: Linear<4, 8>) {
        let id = scored::<T>(SPANS, m as u8, 1, r);
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.revealed_slots, r);
    }

    #[benchmark]
    fn rank_worker() {
        let id = ranked::<T>();
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.state, BatchState::Rank { worker: 1 });
    }

    #[benchmark]
    fn pay_worker() {
        let id = payable::<T>();
        let mut batch = Batches::<T>::get(id).unwrap();
        let mut till = Till::<T>::new(None);
        #[block]
        {
            unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(batch.state, BatchState::Pay { worker: 1 });
    }

    #[benchmark]
    fn prune_unit() {
        let id = paid::<T>();
        let mut batch = Batches::<T>::get(id).unwrap();
        batch.state = BatchState::Pruning {
            next: batch.pages + batch.workers - 1,
        };
        let mut till = Till::<T>::new(None);
        let cranked;
        #[block]
        {
            cranked = unit::<T>(id, &mut batch, &mut till);
        }
        assert_eq!(cranked, Cranked::Gone);
        assert!(!Batches::<T>::contains_key(id));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::ext_with_keys(), crate::mock::Test);
}
