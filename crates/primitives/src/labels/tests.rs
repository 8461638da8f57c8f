use super::*;
use crate::ticket::to_hex;
use alloc::{string::String, vec};
use sp_crypto_hashing::blake2_256;

// Vectors made with Python's hashlib from the design's table, not with this code.
const GENESIS: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut i = 0;
    while i < 32 {
        bytes[i] = i as u8;
        i += 1;
    }
    bytes
};
const WORKER: [u8; 32] = [7; 32];
const SECRET: [u8; 32] = [9; 32];
const BATCH: BatchId = 0x01_0203_0405;
const PAGE: PageIndex = 0x0a0b;

fn hashed(bytes: &[u8]) -> String {
    to_hex(&blake2_256(bytes))
}

fn leaf(page: PageIndex) -> PageLeaf {
    PageLeaf {
        page,
        content_root: [page as u8; 32],
        bytes: 1_000 + page,
        gold_commit: [0x80 + page as u8; 32],
    }
}

#[test]
fn hashes_are_frozen() {
    let commit = answer_commitment(&GENESIS, BATCH, PAGE, &WORKER, &[1, 2, 3], &SECRET);
    assert_eq!(
        to_hex(&commit),
        "0x11c211bcf163016b5372f5758ac0cf12bae736fbcf7a9c26441955c566faf175"
    );
    assert_eq!(
        to_hex(&answer_salt(&SECRET, BATCH, PAGE)),
        "0x6336bf4aa60cfa58ad3cac7f8836818ecc95f2df950662e0328e088339726cf0"
    );
    assert_eq!(
        hashed(&sealed_info(&GENESIS, BATCH, PAGE, &WORKER)),
        "0xa3d08152821a1b167d3051fe6037b708ab665466fd8aa492311ea36d1c16fb4f"
    );
    assert_eq!(
        sealed_plaintext(&[1, 2], &SECRET),
        [&[1u8, 2][..], &SECRET].concat()
    );
    let entries = vec![(0u8, vec![1u8]), (5, vec![2, 3])];
    assert_eq!(
        to_hex(&gold_commitment(&GENESIS, PAGE, &entries, &SECRET)),
        "0x1b03fb7e040365e624fe2edc7d192f533ad42f7c1653f634594c7c2722bb427e"
    );
    assert_eq!(
        to_hex(&vote_commitment(&GENESIS, BATCH, 2, &WORKER, 1, &SECRET)),
        "0x093e5496e6f58166e277dbf803b4e118e5159106153631e7b54de47a1d0033c7"
    );
    let start = result_start(&GENESIS, BATCH);
    assert_eq!(
        to_hex(&start),
        "0x209038d0ec15feaf006e551a8a8d8987159febcf608fecd48f66c477dbe904dd"
    );
    let sheets = vec![(WORKER, vec![1u8, 2, 3])];
    let gold = vec![(4u8, vec![1u8], false)];
    assert_eq!(
        to_hex(&result_next(&start, PAGE, &sheets, &gold)),
        "0x6f4ebf241179736b051028ab4f47ffeaf7456081c35e459757ee93a51db48ca3"
    );
    assert_eq!(
        lease_draw(&SECRET, BATCH, &WORKER, 3),
        5_007_502_289_827_351_264
    );
}

#[test]
fn a_swap_is_a_bit_of_the_frozen_seed() {
    // 0x2e5c4b00…: 0x2e = 0b0010_1110.
    let swapped: alloc::vec::Vec<bool> = (0..8)
        .map(|task| is_swapped(BATCH, PAGE, &WORKER, task))
        .collect();
    assert_eq!(
        swapped,
        [false, true, true, true, false, true, false, false]
    );
    // Task 8 is the lowest bit of 0x5c, task 10 its third.
    assert!(!is_swapped(BATCH, PAGE, &WORKER, 8));
    assert!(is_swapped(BATCH, PAGE, &WORKER, 10));
}

#[test]
fn trees_are_frozen_and_paths_lead_to_their_root() {
    assert_eq!(
        hashed(&leaf(3).leaf()),
        "0x2fcbb9f16d6337d2bd7c9fccf23a1b73d3fe194b17feb5ed7278acdc3c0d419c"
    );
    let leaves: alloc::vec::Vec<PageLeaf> = (0..5).map(leaf).collect();
    assert_eq!(
        to_hex(&pages_root(&leaves)),
        "0x8ea34de29071b69a55214d50a85a8887dba07b60a4bf1846619f1d2e49d56037"
    );
    for pages in 1..=20u32 {
        let leaves: alloc::vec::Vec<PageLeaf> = (0..pages).map(leaf).collect();
        let root = pages_root(&leaves);
        for leaf in &leaves {
            let path = page_path(&leaves, leaf.page).unwrap();
            assert!(path.len() <= MAX_PATH as usize);
            assert!(leaf.is_in(&root, pages, &path));
            let other = PageLeaf {
                bytes: leaf.bytes + 1,
                ..*leaf
            };
            assert!(!other.is_in(&root, pages, &path));
        }
    }
    assert_eq!(page_path(&leaves, 5), None);
}

#[test]
fn a_leaf_outside_the_tree_is_in_none() {
    let leaves: alloc::vec::Vec<PageLeaf> = (0..4).map(leaf).collect();
    let root = pages_root(&leaves);
    let path = page_path(&leaves, 3).unwrap();
    assert!(leaf(3).is_in(&root, 4, &path));
    assert!(!leaf(3).is_in(&root, 3, &path));
    assert!(!leaf(4).is_in(&root, 4, &path));
    assert!(!leaf(3).is_in(&root, 4, &path[..1]));
    assert!(!leaf(2).is_in(&root, 4, &path));
}

#[test]
fn signed_texts_are_frozen() {
    let commit = answer_commitment(&GENESIS, BATCH, PAGE, &WORKER, &[1, 2, 3], &SECRET);
    let text = |sealed| commit_text(&GENESIS, BATCH, PAGE, &WORKER, &commit, sealed);
    assert_eq!(
        hashed(&text(Some(b"sealed"))),
        "0x9af156fe8c677c860c39c080a6fa6884fa309106c5a317c9be4d1448e7471d65"
    );
    assert_eq!(
        hashed(&text(None)),
        "0x4dace9ed45ed069c832457add22f07bba919db70832a2cfbc05e25d1ce2ca7a2"
    );
    assert_eq!(
        hashed(&skip_text(&GENESIS, BATCH, PAGE, &WORKER)),
        "0x13cf5a25e2a018fcf22e5a9b4332c07fee367b282b8392b94aa47ca127dfe1e1"
    );
    assert_eq!(
        hashed(&request_text(&GENESIS, BATCH, &WORKER, 3)),
        "0xce5b08cb16abbdaa787fb031ed58803d36d49cce404e8b3aaafe0ebfc67ecd8d"
    );
    let voucher = Voucher {
        pages: 12,
        sponsored: true,
        expires: 99,
    };
    assert_eq!(
        hashed(&voucher_text(&GENESIS, 8, &WORKER, &voucher)),
        "0xb2d26f79d1868b8802401cd03ae6f06fa896cefbd1df95ad7e661e497638fed0"
    );
    assert_eq!(
        hashed(&page_key_text(&GENESIS, BATCH, PAGE, &WORKER, &SECRET)),
        "0xb6d113e2e3f6d079243c033d18351e60de07d51ffa05d30c4da2834f1b585a13"
    );
}

#[test]
fn a_text_reads_as_the_design_says() {
    let text = request_text(&[0xab; 32], 5, &[1; 32], 0);
    let expected = alloc::format!(
        "<Bytes>athanor labels: request v1\ngenesis 0x{}\nbatch 5\nworker 0x{}\nlease 0</Bytes>",
        "ab".repeat(32),
        "01".repeat(32)
    );
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

const ED: u128 = 1_000_000_000;

fn terms() -> CampaignTerms {
    CampaignTerms::standard(LabelType::Preference, 32, 4, ED)
}

fn checked(change: impl FnOnce(&mut CampaignTerms)) -> Result<(), TermsError> {
    let mut terms = terms();
    change(&mut terms);
    terms.check(&TermsLimits::standard(ED))
}

#[test]
fn standard_terms_are_good() {
    assert_eq!(checked(|_| ()), Ok(()));
    assert_eq!(terms().page_pay(), 32 * ED);
    assert_eq!(terms().page_stake(), 8 * ED);
}

#[test]
fn every_bound_has_its_error() {
    use TermsError::*;
    type Change = fn(&mut CampaignTerms);
    let cases: &[(TermsError, Change)] = &[
        (TextReserved, |t| t.label = LabelType::Text),
        (Type, |t| {
            t.label = LabelType::Classification { classes: 17 }
        }),
        (Tasks, |t| t.tasks = 3),
        (Tasks, |t| t.tasks = 33),
        (Tasks, |t| {
            t.label = LabelType::Span { tokens: 9 };
            t.tasks = 9;
        }),
        (Panel, |t| t.panel_min = 2),
        (Panel, |t| t.panel_max = 2),
        (Panel, |t| t.panel_max = 10),
        (Gold, |t| t.gold = 3),
        (Gold, |t| t.gold = 17),
        (Gold, |t| t.gold = 0),
        (Pay, |t| t.pay = 0),
        (Pay, |t| t.pay = ED / 4),
        (Pay, |t| t.pay = 1 << 64),
        (Base, |t| t.score.phi_bp = 10_001),
        (Scores, |t| t.score.s0_bp = 0),
        (Scores, |t| t.score.s1_bp = 4_000),
        (Scores, |t| t.score.s1_bp = 12_501),
        (Floor, |t| t.score.floor_bp = 624),
        (Floor, |t| t.score.floor_bp = 2_501),
        (GoldTarget, |t| t.score.gold_target_bp = 3_332),
        (GoldTarget, |t| t.score.gold_target_bp = 8_001),
        (Stake, |t| t.stake = 999),
        (Stake, |t| t.stake = 10_001),
        (Lease, |t| t.lease = 199),
        (Lease, |t| t.lease = 28_801),
        (JoinDelay, |t| t.join_delay = 86_401),
        (VoucherKey, |t| t.gate = super::Gate::Voucher),
        (Gate, |t| {
            t.gate = super::Gate::Domain {
                id: 0,
                bound: 65_537,
            }
        }),
        (DisputeReserved, |t| t.dispute_for = 1),
        (JudgingReserved, |t| {
            t.judging = Some(JudgingTerms {
                pay: 1,
                panel: 3,
                gate: super::Gate::Open,
            })
        }),
    ];
    for (error, change) in cases {
        assert_eq!(checked(change), Err(*error));
    }
}

#[test]
fn a_gate_widens_what_is_allowed() {
    let voucher = |t: &mut CampaignTerms| {
        t.gate = Gate::Voucher;
        t.voucher_key = Some([1; 32]);
    };
    assert_eq!(
        checked(|t| {
            voucher(t);
            t.panel_min = 1;
            t.panel_max = 1;
            t.gold = 0;
        }),
        Ok(())
    );
    assert_eq!(
        checked(|t| {
            t.gate = Gate::Domain {
                id: 1,
                bound: 65_536,
            };
            t.gold = 0;
        }),
        Ok(())
    );
}

#[test]
fn a_quota_is_a_quarter_of_the_slots_and_at_most_all_pages() {
    let quota = |pages, panel_max| {
        CampaignTerms {
            panel_max,
            ..terms()
        }
        .quota(pages)
    };
    assert_eq!(quota(1, 3), 1);
    assert_eq!(quota(4, 5), 4);
    assert_eq!(quota(10, 3), 8);
    assert_eq!(quota(4_096, 9), 4_096);
    assert_eq!(quota(5, 1), 2);
}

#[test]
fn terms_stay_small_and_cross_json() {
    assert!(CampaignTerms::max_encoded_len() <= 300);
    let terms = CampaignTerms {
        label: LabelType::Safety {
            weights: [1, 2, 3, 0, 0, 0, 0, 0],
            quorum: 2,
        },
        pay: u128::from(u64::MAX),
        seal_key: Some([3; 32]),
        ..terms()
    };
    let json = serde_json::to_string(&terms).unwrap();
    assert!(json.contains("\"18446744073709551615\""));
    assert_eq!(serde_json::from_str::<CampaignTerms>(&json).unwrap(), terms);
    for amount in ["\"-1\"", "\"\"", "\"1e3\"", "-1", "\"0x1\""] {
        let broken = json.replace("\"18446744073709551615\"", amount);
        assert!(serde_json::from_str::<CampaignTerms>(&broken).is_err());
    }
}

#[test]
fn refusals_have_codes_of_their_own() {
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        assert!(!refusal.explanation().is_empty());
    }
    assert_eq!(Refusal::from_code(0), None);
    assert_eq!(Refusal::from_code(31), None);
}

#[test]
fn draws_are_uniform() {
    // Chi-square with 9 degrees of freedom: 27.88 is exceeded once in a thousand.
    let mut hits = [0u32; 10];
    for worker in 0..2_000u32 {
        let account = blake2_256(&worker.to_le_bytes());
        for i in 0..4 {
            hits[(lease_draw(&SECRET, BATCH, &account, i) % 10) as usize] += 1;
        }
    }
    let chi: f64 = hits
        .iter()
        .map(|hit| (f64::from(*hit) - 800.0).powi(2) / 800.0)
        .sum();
    assert!(chi < 27.88, "chi-square {chi}, {hits:?}");
}
