//! A requester's pages and workers' answers, in a few lines, through the pallet's calls only.

use crate::{mock::*, *};
use athanor_label_math::{pack, Answer};
use athanor_primitives::labels::{
    answer_commitment, answer_salt, commit_text, gold_commitment, page_path, pages_root,
    request_text, skip_text, voucher_text, BatchId, BatchState, CampaignTerms, Gate, LabelType,
    PageLeaf, Ticks, Voucher,
};
use frame_support::assert_ok;
use sp_core::Pair;
use sp_runtime::{DispatchResult, MultiSignature};

/// Eight binary tasks a page, four of them gold, three slots, leases of 50 ticks.
pub(super) fn terms() -> CampaignTerms {
    CampaignTerms {
        panel_max: 3,
        lease: 50,
        ..CampaignTerms::standard(LabelType::Classification { classes: 2 }, 8, 4, AUR / 100)
    }
}

/// Terms behind vouchers of the account `sponsor`.
pub(super) fn gated() -> CampaignTerms {
    CampaignTerms {
        gate: Gate::Voucher,
        voucher_key: Some(poor("sponsor").into()),
        ..terms()
    }
}

pub(super) fn gold_entries(terms: &CampaignTerms) -> Vec<(u8, Vec<u8>)> {
    (0..terms.gold).map(|at| (at, vec![at % 2])).collect()
}

fn leaves(terms: &CampaignTerms, pages: u32) -> Vec<PageLeaf> {
    (0..pages)
        .map(|page| PageLeaf {
            page,
            content_root: [page as u8; 32],
            bytes: 1_000,
            gold_commit: gold_commitment(
                &LabelBounties::genesis(),
                page,
                &gold_entries(terms),
                &[7; 32],
            ),
        })
        .collect()
}

/// What opens a page's gold.
pub(super) fn opening(terms: &CampaignTerms, pages: u32, page: u32) -> GoldOpening {
    let entries: Vec<_> = gold_entries(terms)
        .into_iter()
        .map(|(at, answer)| (at, answer.try_into().unwrap()))
        .collect();
    GoldOpening {
        page,
        entries: entries.try_into().unwrap(),
        salt: [7; 32],
        content_root: [page as u8; 32],
        bytes: 1_000,
        path: page_path(&leaves(terms, pages), page)
            .unwrap()
            .try_into()
            .unwrap(),
    }
}

/// A campaign of the account `requester`.
pub(super) fn campaign(terms: CampaignTerms) -> u64 {
    let id = NextCampaignId::<Test>::get();
    assert_ok!(LabelBounties::create_campaign(
        signed(&account("requester")),
        terms,
        Default::default()
    ));
    id
}

pub(super) fn try_open(
    campaign: u64,
    pages: u32,
    until: Ticks,
    joins: Option<BatchId>,
) -> DispatchResult {
    let terms = Campaigns::<Test>::get(campaign).map_or(terms(), |campaign| campaign.terms);
    LabelBounties::open_batch(
        signed(&account("requester")),
        campaign,
        pages_root(&leaves(&terms, pages)),
        [5; 32],
        pages,
        until,
        joins,
    )
}

/// A batch of a new campaign.
pub(super) fn batch(terms: CampaignTerms, pages: u32) -> BatchId {
    open(campaign(terms), pages, until(&terms), None)
}

pub(super) fn open(campaign: u64, pages: u32, until: Ticks, joins: Option<BatchId>) -> BatchId {
    let id = NextBatchId::<Test>::get();
    assert_ok!(try_open(campaign, pages, until, joins));
    id
}

pub(super) fn get(id: BatchId) -> Batch<AccountId> {
    Batches::<Test>::get(id).unwrap()
}

pub(super) fn state(id: BatchId) -> BatchState {
    get(id).state
}

pub(super) fn try_worker(id: BatchId, name: &str) -> Option<Worker<AccountId>> {
    Workers::<Test>::get(id, WorkerOf::<Test>::get(id, poor(name))?)
}

pub(super) fn worker(id: BatchId, name: &str) -> Worker<AccountId> {
    try_worker(id, name).unwrap()
}

pub(super) fn request(id: BatchId, name: &str, pages: u32) -> DispatchResult {
    LabelBounties::request_pages(signed(&account(name)), id, pages, None)
}

/// Pages on which an account has a lease, live or run out, in order.
pub(super) fn leases(id: BatchId, name: &str) -> Vec<u32> {
    let Some(index) = WorkerOf::<Test>::get(id, poor(name)) else {
        return Vec::new();
    };
    let is_his = |slot: &Slot| matches!(slot, Slot::Leased { worker, .. } if *worker == index);
    let mut pages: Vec<_> = Pages::<Test>::iter_prefix(id)
        .filter(|(_, page)| page.slots.iter().any(is_his))
        .map(|(page, _)| page)
        .collect();
    pages.sort_unstable();
    pages
}

/// Requests pages and waits for the draw. Gives all leases.
pub(super) fn lease(id: BatchId, name: &str, pages: u32) -> Vec<u32> {
    assert_ok!(request(id, name, pages));
    run_blocks(2);
    leases(id, name)
}

pub(super) fn sheet(codes: [u32; 8]) -> Sheet {
    let answers: Vec<_> = codes.into_iter().map(Answer::Code).collect();
    pack(&LabelType::Classification { classes: 2 }, &answers)
        .unwrap()
        .try_into()
        .unwrap()
}

/// The answers that agree with the gold.
pub(super) fn good() -> Sheet {
    sheet([0, 1, 0, 1, 1, 0, 0, 1])
}

pub(super) fn salt(name: &str, id: BatchId, page: u32) -> [u8; 32] {
    answer_salt(&poor(name).into(), id, page)
}

pub(super) fn hash(id: BatchId, name: &str, page: u32, sheet: &Sheet) -> Hash {
    answer_commitment(
        &LabelBounties::genesis(),
        id,
        page,
        &poor(name).into(),
        sheet,
        &salt(name, id, page),
    )
}

/// Commits to [`good`] answers, signed by the worker.
pub(super) fn try_commit(id: BatchId, name: &str, page: u32) -> DispatchResult {
    let who = poor(name);
    let hash = hash(id, name, page, &good());
    LabelBounties::commit(signed(&who), id, page, who, hash, None, None)
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(super) fn commit(id: BatchId, name: &str, page: u32) {
    assert_ok!(try_commit(id, name, page));
}

/// Leases up to four pages and commits to them all.
pub(super) fn label(id: BatchId, name: &str, pages: u32) {
    for page in lease(id, name, pages) {
        commit(id, name, page);
    }
}

pub(super) fn try_skip(id: BatchId, name: &str, page: u32) -> DispatchResult {
    let who = poor(name);
    LabelBounties::skip(signed(&who), id, page, who, None)
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(super) fn try_expire(id: BatchId, name: &str, page: u32) -> DispatchResult {
    LabelBounties::expire(signed(&treasury()), id, page, poor(name))
        .map(|_| ())
        .map_err(|error| error.error)
}

/// Reveals [`good`] answers, by anybody.
pub(super) fn try_reveal(id: BatchId, name: &str, page: u32) -> DispatchResult {
    LabelBounties::reveal(
        signed(&treasury()),
        id,
        page,
        poor(name),
        good(),
        salt(name, id, page),
    )
    .map(|_| ())
    .map_err(|error| error.error)
}

pub(super) fn reveal(id: BatchId, name: &str, page: u32) {
    assert_ok!(try_reveal(id, name, page));
}

pub(super) fn try_close(id: BatchId, page: u32) -> DispatchResult {
    LabelBounties::close_page(signed(&account("requester")), id, page)
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(super) fn try_cancel(id: BatchId) -> DispatchResult {
    LabelBounties::cancel(signed(&account("requester")), id)
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(super) fn try_advance(id: BatchId, limit: u32) -> DispatchResult {
    LabelBounties::advance(signed(&treasury()), id, limit)
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(super) fn stake() -> Balance {
    terms().page_stake()
}

/// A voucher for an account, signed by `sponsor`.
pub(super) fn voucher(campaign: u64, name: &str, pages: u32, sponsored: bool) -> SignedVoucher {
    let voucher = Voucher {
        pages,
        sponsored,
        expires: 1_000_000,
    };
    signed_voucher("sponsor", campaign, name, voucher)
}

pub(super) fn signed_voucher(
    key: &str,
    campaign: u64,
    name: &str,
    voucher: Voucher,
) -> SignedVoucher {
    let text = voucher_text(
        &LabelBounties::genesis(),
        campaign,
        &poor(name).into(),
        &voucher,
    );
    SignedVoucher {
        voucher,
        signature: sign(key, &text),
    }
}

pub(super) fn sign(name: &str, text: &[u8]) -> MultiSignature {
    pair(name).sign(text).into()
}

/// `request_sponsored` as it enters the pool.
pub(super) fn request_call(id: BatchId, name: &str, voucher: SignedVoucher) -> RuntimeCall {
    let requests = try_worker(id, name).map_or(0, |worker| worker.requests);
    let text = request_text(&LabelBounties::genesis(), id, &poor(name).into(), requests);
    Call::request_sponsored {
        batch: id,
        worker: poor(name),
        voucher,
        signature: Some(sign(name, &text)),
    }
    .into()
}

pub(super) fn skip_call(id: BatchId, name: &str, page: u32) -> RuntimeCall {
    let text = skip_text(&LabelBounties::genesis(), id, page, &poor(name).into());
    Call::skip {
        batch: id,
        page,
        worker: poor(name),
        signature: Some(sign(name, &text)),
    }
    .into()
}

pub(super) fn commit_call(id: BatchId, name: &str, page: u32) -> RuntimeCall {
    let hash = hash(id, name, page, &good());
    let text = commit_text(
        &LabelBounties::genesis(),
        id,
        page,
        &poor(name).into(),
        &hash,
        None,
    );
    Call::commit {
        batch: id,
        page,
        worker: poor(name),
        hash,
        sealed: None,
        signature: Some(sign(name, &text)),
    }
    .into()
}

pub(super) fn reveal_call(id: BatchId, name: &str, page: u32) -> RuntimeCall {
    Call::reveal {
        batch: id,
        page,
        worker: poor(name),
        sheet: good(),
        salt: salt(name, id, page),
    }
    .into()
}

/// Runs a feeless call that the pool takes.
pub(super) fn send(call: RuntimeCall) {
    assert_ok!(authorise(&call));
    assert_ok!(dispatch_authorised(call));
}
