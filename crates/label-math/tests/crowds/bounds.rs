//! The largest batches, and numbers no batch can have.

use crate::crowd::{any_type, config, Dice};
use athanor_label_math::{
    amount, pack, pack_answer, pay, rank, score_page, Agreement, Answer, BatchSums, Gold, Hist,
    LabelType, Overflow, Rank, Record, Reference, ScoreError, ScoreTerms, SheetError, TypeError,
    WorkerSums, MAX_PRICE, Q,
};
use codec::{Encode, MaxEncodedLen};
use proptest::prelude::*;

const PAGES: u32 = 4_096;

/// 4,096 pages of nine sheets whose answers are as far apart as they can be.
#[test]
fn the_largest_batch_stays_within_the_sums() {
    let types = [
        LabelType::Classification { classes: 2 },
        LabelType::Classification { classes: 16 },
        LabelType::Preference,
        LabelType::Rating { steps: 32 },
        LabelType::MultiLabel { flags: 32 },
        LabelType::Safety {
            weights: [16; 8],
            quorum: 1,
        },
        LabelType::Ranking { items: 8 },
        LabelType::Span { tokens: 65_535 },
    ];
    for ty in types {
        let m = ty.max_tasks();
        let mut dice = Dice(7);
        let truth: Vec<Answer> = (0..m).map(|_| dice.answer(&ty)).collect();
        let sheet = pack(&ty, &truth).unwrap();
        let opposite: Vec<Answer> = truth
            .iter()
            .cycle()
            .skip(1)
            .take(m.into())
            .cloned()
            .collect();
        let opposite = pack(&ty, &opposite).unwrap();
        let gold: Vec<Vec<u8>> = truth
            .iter()
            .map(|answer| pack_answer(&ty, answer).unwrap())
            .collect();
        let gold: Vec<Gold<'_>> = (0u8..)
            .zip(&gold)
            .take(usize::from(m) / 2)
            .map(|(position, answer)| Gold {
                position,
                answer,
                void: false,
            })
            .collect();
        for sheets in [vec![&sheet; 9], vec![&opposite; 9], {
            let mut both = vec![&sheet; 5];
            both.extend([&opposite; 4]);
            both
        }] {
            let page = score_page(&ty, m, &sheets, &gold).unwrap();
            let mut batch = BatchSums::default();
            let mut worker = WorkerSums::default();
            for _ in 0..PAGES {
                batch.add(&page.batch).unwrap();
                worker.add(&page.workers[0]).unwrap();
            }
            assert!(worker.num.unsigned_abs() < 1 << 50);
            assert!(i128::from(batch.vs).unsigned_abs() << 32 < 1 << 78);
            let agreement = batch.agreement().unwrap();
            let terms = ScoreTerms {
                gold_target_bp: 3_333,
                floor_bp: 2_500,
                ..ScoreTerms::default()
            };
            let mut hist = Hist::default();
            if let Some(place) = rank(&worker, &agreement, &terms).unwrap() {
                for _ in 0..9 {
                    hist.add(place).unwrap();
                }
            }
            let reference = hist.reference(&agreement, &terms).unwrap();
            let paid = pay(&worker, &batch, &agreement, &reference, &terms, MAX_PRICE).unwrap();
            let answers = u128::from(PAGES) * u128::from(m);
            assert!(paid.pay <= MAX_PRICE * answers);
            assert!(paid.score_bp >= -10_000 && paid.score_bp <= 12_500);
        }
    }
}

#[test]
fn full_sums_refuse_more_and_keep_what_they_had() {
    let full = WorkerSums {
        answers: u32::MAX,
        ..WorkerSums::default()
    };
    let one = WorkerSums {
        num: 5,
        answers: 1,
        ..WorkerSums::default()
    };
    let mut worker = full;
    assert_eq!(worker.add(&one), Err(Overflow));
    assert_eq!(worker, full);

    for (full, one) in [
        (
            BatchSums {
                vs: i64::MAX,
                ..BatchSums::default()
            },
            BatchSums {
                vs: 1,
                ..BatchSums::default()
            },
        ),
        (
            BatchSums {
                vs: i64::MIN,
                ..BatchSums::default()
            },
            BatchSums {
                vs: -1,
                ..BatchSums::default()
            },
        ),
        (
            BatchSums {
                vd: u64::MAX,
                ..BatchSums::default()
            },
            BatchSums {
                vd: 1,
                ..BatchSums::default()
            },
        ),
        (
            BatchSums {
                bs: i64::MAX,
                ..BatchSums::default()
            },
            BatchSums {
                bs: 1,
                ..BatchSums::default()
            },
        ),
        (
            BatchSums {
                bd: u64::MAX,
                ..BatchSums::default()
            },
            BatchSums {
                bd: 1,
                ..BatchSums::default()
            },
        ),
        (
            BatchSums {
                opened: u32::MAX,
                ..BatchSums::default()
            },
            BatchSums {
                opened: 1,
                ..BatchSums::default()
            },
        ),
        (
            BatchSums {
                contested: u32::MAX,
                ..BatchSums::default()
            },
            BatchSums {
                contested: 1,
                ..BatchSums::default()
            },
        ),
    ] {
        let mut batch = full;
        assert_eq!(batch.add(&one), Err(Overflow));
        assert_eq!(batch, full);
    }

    let mut hist = Hist::default();
    let most = Rank {
        bucket: 1_023,
        answers: u32::MAX,
    };
    hist.add(most).unwrap();
    let before = hist.clone();
    assert_eq!(hist.add(most), Err(Overflow));
    assert_eq!(
        hist.add(Rank {
            bucket: 1_024,
            answers: 1
        }),
        Err(Overflow)
    );
    assert_eq!(hist, before);
}

#[test]
fn a_price_above_the_bound_is_refused() {
    assert_eq!(amount(MAX_PRICE + 1, 1, 1), Err(Overflow));
    assert_eq!(
        amount(MAX_PRICE, u32::MAX, 10_000),
        Ok(MAX_PRICE * u128::from(u32::MAX))
    );
    assert_eq!(amount(1_000, 8, 9_269), Ok(7_415));
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn no_sums_panic(
        (num, cnt, gnum, gold, right, answers) in any::<(i64, u32, i64, u32, u32, u32)>(),
        (vs, vd, bs, bd, opened, contested) in any::<(i64, u64, i64, u64, u32, u32)>(),
        (v, v_gold, gold_on, median, reference, signal) in any::<(i64, i64, bool, i64, i64, bool)>(),
        (phi_bp, s0_bp, s1_bp, floor_bp, gold_target_bp) in any::<(u16, u16, u16, u16, u16)>(),
        price in any::<u128>(),
    ) {
        let worker = WorkerSums { num, cnt, gnum, gold, right, answers };
        let batch = BatchSums { vs, vd, bs, bd, opened, contested };
        let given = Agreement { v, v_gold, gold_on };
        let terms = ScoreTerms { phi_bp, s0_bp, s1_bp, floor_bp, gold_target_bp };
        for agreement in [Ok(given), batch.agreement()].into_iter().flatten() {
            let mut hist = Hist::default();
            if let Ok(Some(place)) = rank(&worker, &agreement, &terms) {
                hist.add(place).unwrap();
            }
            let given = Reference { median, reference, signal };
            for reference in [Ok(given), hist.reference(&agreement, &terms)].into_iter().flatten() {
                if let Ok(paid) = pay(&worker, &batch, &agreement, &reference, &terms, price) {
                    if terms.check().is_ok() {
                        prop_assert!(paid.pay <= price * u128::from(answers));
                    }
                }
            }
        }
    }

    #[test]
    fn no_bytes_panic(ty in any_type(), tasks in any::<u8>(), sheets in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..140), 0..11), position in any::<u8>()) {
        let answer = sheets.first().cloned().unwrap_or_default();
        let gold = [Gold { position, answer: &answer, void: false }];
        let _ = score_page(&ty, tasks, &sheets, &gold);
    }

    #[test]
    fn the_bound_of_a_record_is_below_its_mean(right in 0u32..100_000, wrong in 0u32..100_000) {
        let record = Record { right, wrong };
        let mean = f64::from(right + 1) / f64::from(right + wrong + 2);
        let root = (mean * (1.0 - mean) / f64::from(right + wrong + 2)).sqrt();
        let expected = (mean - root) * 65_536.0;
        prop_assert!((f64::from(record.bound()) - expected).abs() <= 3.0);
        prop_assert!(record.with(1, 0).bound() >= record.bound());
    }
}

#[test]
fn malformed_pages_are_named() {
    let ty = LabelType::Classification { classes: 2 };
    let sheet: &[u8] = &[0b0110];
    let gold = |position, answer| Gold {
        position,
        answer,
        void: false,
    };
    assert_eq!(
        score_page(&ty, 4, &[sheet; 10], &[]),
        Err(ScoreError::Panel)
    );
    assert_eq!(
        score_page(&ty, 1, &[&[0u8][..]], &[]),
        Err(ScoreError::Tasks)
    );
    let none: [&[u8]; 0] = [];
    assert_eq!(
        score_page(&ty, 33, &none, &[]),
        Err(ScoreError::Sheet(SheetError::Tasks))
    );
    assert_eq!(
        score_page(&LabelType::Text, 4, &none, &[]),
        Err(ScoreError::Sheet(SheetError::Type(TypeError::TextReserved)))
    );
    assert_eq!(
        score_page(&ty, 4, &[&[0b1_0110u8][..]], &[]),
        Err(ScoreError::Sheet(SheetError::Padding))
    );
    assert_eq!(
        score_page(&ty, 4, &[sheet], &[gold(4, &[0])]),
        Err(ScoreError::Position)
    );
    assert_eq!(
        score_page(&ty, 4, &[sheet], &[gold(1, &[0]), gold(1, &[0])]),
        Err(ScoreError::Position)
    );
    assert_eq!(
        score_page(&ty, 4, &[sheet], &[gold(2, &[0]), gold(1, &[0])]),
        Err(ScoreError::Position)
    );
    assert_eq!(
        score_page(&ty, 4, &[sheet], &[gold(1, &[2])]),
        Err(ScoreError::Sheet(SheetError::Padding))
    );
}

#[test]
fn records_are_halved_and_a_short_one_is_no_good_one() {
    let record = Record { right: 9, wrong: 3 };
    assert_eq!(record.halved(1), Record { right: 4, wrong: 1 });
    assert_eq!(record.halved(4), Record::default());
    assert_eq!(record.halved(u32::MAX), Record::default());
    assert!(Record::default().bound() < 65_536 / 5);
    let lucky = Record { right: 3, wrong: 0 };
    assert!(lucky.bound() < 65_536 * 7 / 10);
    let good = Record {
        right: 36,
        wrong: 4,
    };
    assert!(good.bound() >= 65_536 * 7 / 10);
    let full = Record {
        right: u32::MAX,
        wrong: u32::MAX,
    };
    assert_eq!(full.with(1, 1), full);
    assert!(full.bound() <= 1 << 15);
}

#[test]
fn what_the_chain_stores_has_its_size() {
    assert_eq!(WorkerSums::max_encoded_len(), 32);
    assert_eq!(BatchSums::max_encoded_len(), 40);
    assert_eq!(Agreement::max_encoded_len(), 17);
    assert_eq!(Reference::max_encoded_len(), 17);
    assert_eq!(ScoreTerms::max_encoded_len(), 10);
    assert_eq!(LabelType::max_encoded_len(), 10);
    assert_eq!(Hist::max_encoded_len(), 4_096);
    assert_eq!(Hist::default().encoded_size(), 4_096);
    assert_eq!(Q, 1 << 32);
}
