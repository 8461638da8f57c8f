//! Exact bytes: everything in label bounties that is hashed or signed.
//!
//! Integers are little endian and of fixed width: campaign and batch eight bytes, page and counts
//! four. Tags are ASCII without terminator. `genesis` is the hash of the chain's first block.

use super::{BatchId, CampaignId, PageIndex, PageLeaf, Voucher};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use codec::Encode;
use sp_core::H256;
use sp_crypto_hashing::blake2_256;
use sp_runtime::traits::BlakeTwo256;

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    blake2_256(&parts.concat())
}

/// C, what a worker commits to:
/// `H("athanor/commit/v1" ‖ G ‖ batch ‖ page ‖ worker ‖ u32 length ‖ sheet ‖ salt)`.
#[must_use]
pub fn answer_commitment(
    genesis: &[u8; 32],
    batch: BatchId,
    page: PageIndex,
    worker: &[u8; 32],
    sheet: &[u8],
    salt: &[u8; 32],
) -> [u8; 32] {
    let length = u32::try_from(sheet.len()).unwrap_or(u32::MAX);
    hash(&[
        b"athanor/commit/v1",
        genesis,
        &batch.to_le_bytes(),
        &page.to_le_bytes(),
        worker,
        &length.to_le_bytes(),
        sheet,
        salt,
    ])
}

/// Salt of a commitment: `H("athanor/salt/v1" ‖ seed ‖ batch ‖ page)`.
#[must_use]
pub fn answer_salt(seed: &[u8; 32], batch: BatchId, page: PageIndex) -> [u8; 32] {
    hash(&[
        b"athanor/salt/v1",
        seed,
        &batch.to_le_bytes(),
        &page.to_le_bytes(),
    ])
}

/// HPKE info of a sealed opening: `"athanor/sealed/v1" ‖ G ‖ batch ‖ page ‖ worker`.
#[must_use]
pub fn sealed_info(
    genesis: &[u8; 32],
    batch: BatchId,
    page: PageIndex,
    worker: &[u8; 32],
) -> Vec<u8> {
    let parts: [&[u8]; 5] = [
        b"athanor/sealed/v1",
        genesis,
        &batch.to_le_bytes(),
        &page.to_le_bytes(),
        worker,
    ];
    parts.concat()
}

/// Plaintext of a sealed opening: `sheet ‖ salt`.
#[must_use]
pub fn sealed_plaintext(sheet: &[u8], salt: &[u8; 32]) -> Vec<u8> {
    [sheet, salt].concat()
}

/// Hash of a sealed opening in [`commit_text`]; 32 zero bytes if there is none.
#[must_use]
pub fn sealed_hash(sealed: Option<&[u8]>) -> [u8; 32] {
    sealed.map_or([0; 32], blake2_256)
}

impl PageLeaf {
    /// Leaf of the pages' tree:
    /// `"athanor/page/v1" ‖ page ‖ content_root ‖ u32 bytes ‖ gold_commit`.
    #[must_use]
    pub fn leaf(&self) -> Vec<u8> {
        let parts: [&[u8]; 5] = [
            b"athanor/page/v1",
            &self.page.to_le_bytes(),
            &self.content_root,
            &self.bytes.to_le_bytes(),
            &self.gold_commit,
        ];
        parts.concat()
    }

    /// Whether the leaf is in a tree of `pages` leaves with this root.
    #[must_use]
    pub fn is_in(&self, pages_root: &[u8; 32], pages: u32, path: &[[u8; 32]]) -> bool {
        let leaf = self.leaf();
        binary_merkle_tree::verify_proof::<BlakeTwo256, _, _>(
            &H256(*pages_root),
            path.iter().copied().map(H256),
            pages,
            self.page,
            &leaf,
        )
    }
}

/// Root of the pages' tree: `binary-merkle-tree` with BLAKE2b-256 over the leaves in order.
#[must_use]
pub fn pages_root(leaves: &[PageLeaf]) -> [u8; 32] {
    binary_merkle_tree::merkle_root::<BlakeTwo256, _>(leaves.iter().map(PageLeaf::leaf)).0
}

/// Path of one leaf, bottom up; `None` if there is no such leaf.
#[must_use]
pub fn page_path(leaves: &[PageLeaf], page: PageIndex) -> Option<Vec<[u8; 32]>> {
    if usize::try_from(page).ok()? >= leaves.len() {
        return None;
    }
    let leaves: Vec<Vec<u8>> = leaves.iter().map(PageLeaf::leaf).collect();
    let proof = binary_merkle_tree::merkle_proof::<BlakeTwo256, _, _>(leaves, page).proof;
    Some(proof.into_iter().map(|hash| hash.0).collect())
}

/// What a requester commits to for a page's gold:
/// `H("athanor/gold/v1" ‖ G ‖ page ‖ SCALE(Vec<(u8 position, Vec<u8> answer)>) ‖ salt)`.
/// `entries` encodes like `Vec<(u8, Vec<u8>)>`.
#[must_use]
pub fn gold_commitment<E: Encode>(
    genesis: &[u8; 32],
    page: PageIndex,
    entries: &E,
    salt: &[u8; 32],
) -> [u8; 32] {
    hash(&[
        b"athanor/gold/v1",
        genesis,
        &page.to_le_bytes(),
        &entries.encode(),
        salt,
    ])
}

/// What a juror commits to: `H("athanor/vote/v1" ‖ G ‖ case ‖ round ‖ juror ‖ vote ‖ salt)`, case
/// eight bytes and round four.
#[must_use]
pub fn vote_commitment(
    genesis: &[u8; 32],
    case: u64,
    round: u32,
    juror: &[u8; 32],
    vote: u8,
    salt: &[u8; 32],
) -> [u8; 32] {
    hash(&[
        b"athanor/vote/v1",
        genesis,
        &case.to_le_bytes(),
        &round.to_le_bytes(),
        juror,
        &[vote],
        salt,
    ])
}

/// R_0 of a batch's result: `H("athanor/result/v1" ‖ G ‖ batch)`.
#[must_use]
pub fn result_start(genesis: &[u8; 32], batch: BatchId) -> [u8; 32] {
    hash(&[b"athanor/result/v1", genesis, &batch.to_le_bytes()])
}

/// R_{p+1} = `H(R_p ‖ SCALE(p, [(worker, sheet)] by slot, [(position, answer, void)]))`.
/// `sheets` encodes like `Vec<([u8; 32], Vec<u8>)>`, `gold` like `Vec<(u8, Vec<u8>, bool)>`.
#[must_use]
pub fn result_next<S: Encode, G: Encode>(
    before: &[u8; 32],
    page: PageIndex,
    sheets: &S,
    gold: &G,
) -> [u8; 32] {
    hash(&[before, &(page, sheets, gold).encode()])
}

/// `H("athanor/draw/v1" ‖ vrf ‖ batch ‖ worker ‖ i)`, of which the first eight bytes draw the
/// `i`th page of a request.
#[must_use]
pub fn lease_draw(vrf: &[u8; 32], batch: BatchId, worker: &[u8; 32], i: u32) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = hash(&[
        b"athanor/draw/v1",
        vrf,
        &batch.to_le_bytes(),
        worker,
        &i.to_le_bytes(),
    ]);
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Whether a client shows task `task` of a page with A and B swapped: bit `task` of
/// `H("athanor/ab/v1" ‖ batch ‖ page ‖ worker)`, least significant bit of the first byte first.
#[must_use]
pub fn is_swapped(batch: BatchId, page: PageIndex, worker: &[u8; 32], task: u8) -> bool {
    let bits = presentation_seed(batch, page, worker);
    let byte = bits
        .get(usize::from(task.wrapping_div(8)))
        .copied()
        .unwrap_or(0);
    (byte >> task.wrapping_rem(8)) & 1 == 1
}

/// `H("athanor/ab/v1" ‖ batch ‖ page ‖ worker)`: what a client orders answers by.
#[must_use]
pub fn presentation_seed(batch: BatchId, page: PageIndex, worker: &[u8; 32]) -> [u8; 32] {
    hash(&[
        b"athanor/ab/v1",
        &batch.to_le_bytes(),
        &page.to_le_bytes(),
        worker,
    ])
}

fn hex(bytes: &[u8; 32]) -> String {
    crate::ticket::to_hex(bytes)
}

/// `<Bytes>`, the lines joined by newlines, `</Bytes>`: what wallets sign when asked for raw bytes.
fn text(kind: &str, genesis: &[u8; 32], lines: &[(&str, String)]) -> Vec<u8> {
    let mut text = format!("<Bytes>athanor labels: {kind} v1\ngenesis {}", hex(genesis));
    for (name, value) in lines {
        text.push('\n');
        text.push_str(name);
        text.push(' ');
        text.push_str(value);
    }
    text.push_str("</Bytes>");
    text.into_bytes()
}

/// What a worker signs to commit: lines genesis, batch, page, worker, `answers` C, `sealed`
/// [`sealed_hash`].
#[must_use]
pub fn commit_text(
    genesis: &[u8; 32],
    batch: BatchId,
    page: PageIndex,
    worker: &[u8; 32],
    answers: &[u8; 32],
    sealed: Option<&[u8]>,
) -> Vec<u8> {
    text(
        "commit",
        genesis,
        &[
            ("batch", batch.to_string()),
            ("page", page.to_string()),
            ("worker", hex(worker)),
            ("answers", hex(answers)),
            ("sealed", hex(&sealed_hash(sealed))),
        ],
    )
}

/// What a worker signs to skip a page: lines genesis, batch, page, worker.
#[must_use]
pub fn skip_text(
    genesis: &[u8; 32],
    batch: BatchId,
    page: PageIndex,
    worker: &[u8; 32],
) -> Vec<u8> {
    text(
        "skip",
        genesis,
        &[
            ("batch", batch.to_string()),
            ("page", page.to_string()),
            ("worker", hex(worker)),
        ],
    )
}

/// What a sponsored worker signs to request a page: lines genesis, batch, worker, `lease`, the
/// number of this account's requests in the batch so far, so that none can be replayed.
#[must_use]
pub fn request_text(
    genesis: &[u8; 32],
    batch: BatchId,
    worker: &[u8; 32],
    requests: u32,
) -> Vec<u8> {
    text(
        "request",
        genesis,
        &[
            ("batch", batch.to_string()),
            ("worker", hex(worker)),
            ("lease", requests.to_string()),
        ],
    )
}

/// What a voucher key signs: lines genesis, campaign, worker, pages, sponsored, expires.
#[must_use]
pub fn voucher_text(
    genesis: &[u8; 32],
    campaign: CampaignId,
    worker: &[u8; 32],
    voucher: &Voucher,
) -> Vec<u8> {
    text(
        "voucher",
        genesis,
        &[
            ("campaign", campaign.to_string()),
            ("worker", hex(worker)),
            ("pages", voucher.pages.to_string()),
            ("sponsored", u8::from(voucher.sponsored).to_string()),
            ("expires", voucher.expires.to_string()),
        ],
    )
}

/// What a worker signs to be given the key of a private page: lines genesis, batch, page, worker,
/// `hpke` the X25519 key it is wrapped to.
#[must_use]
pub fn page_key_text(
    genesis: &[u8; 32],
    batch: BatchId,
    page: PageIndex,
    worker: &[u8; 32],
    hpke: &[u8; 32],
) -> Vec<u8> {
    text(
        "key",
        genesis,
        &[
            ("batch", batch.to_string()),
            ("page", page.to_string()),
            ("worker", hex(worker)),
            ("hpke", hex(hpke)),
        ],
    )
}
