//! The worked example of the specification, to the last digit.

use athanor_label_math::{
    pack, pay, rank, score_page, Answer, BatchSums, Gold, Hist, LabelType, ScoreTerms, WorkerSums,
    Q,
};

const TYPE: LabelType = LabelType::Classification { classes: 2 };

fn sheet(answers: &str) -> Vec<u8> {
    let answers: Vec<Answer> = answers
        .bytes()
        .map(|b| Answer::Code(u32::from(b - b'0')))
        .collect();
    pack(&TYPE, &answers).unwrap()
}

#[test]
fn four_workers_one_page() {
    let sheets = ["01101001", "01101011", "01011001", "00000000"].map(sheet);
    let gold = [(0, 0u8), (1, 1), (3, 0), (4, 1)].map(|(position, code)| (position, [code]));
    let gold: Vec<Gold<'_>> = gold
        .iter()
        .map(|(position, answer)| Gold {
            position: *position,
            answer,
            void: false,
        })
        .collect();

    let page = score_page(&TYPE, 8, &sheets, &gold).unwrap();
    let nums: Vec<i64> = page.workers.iter().map(|w| w.num).collect();
    assert_eq!(
        nums,
        [1_227_133_513, 613_566_756, 613_566_756, 0].map(|value| 8 * value)
    );
    assert_eq!(page.contested, 0);

    let mut batch = BatchSums::default();
    batch.add(&page.batch).unwrap();
    let agreement = batch.agreement().unwrap();
    assert_eq!(agreement.v, 2_313_657_978);
    assert_eq!(agreement.v_gold, 2_339_223_260);
    assert!(agreement.gold_on);

    let terms = ScoreTerms::default();
    let mut hist = Hist::default();
    let ranks: Vec<_> = page
        .workers
        .iter()
        .map(|w: &WorkerSums| rank(w, &agreement, &terms).unwrap())
        .collect();
    assert_eq!(ranks[3], None);
    for place in ranks.into_iter().flatten() {
        hist.add(place).unwrap();
    }
    let reference = hist.reference(&agreement, &terms).unwrap();
    assert_eq!(reference.median, 614_465_536);
    assert_eq!(reference.reference, 614_465_536);
    assert!(reference.signal);

    let pays: Vec<_> = page
        .workers
        .iter()
        .map(|w| pay(w, &batch, &agreement, &reference, &terms, 1_000).unwrap())
        .collect();
    let tenthousandths = |value: i64| (i128::from(value) * 10_000 / i128::from(Q)) as i64;
    assert_eq!(
        pays.iter()
            .map(|p| tenthousandths(p.peers.unwrap()))
            .collect::<Vec<_>>(),
        [12_500, 9_985, 9_985, 0]
    );
    assert_eq!(
        pays.iter()
            .map(|p| tenthousandths(p.gold.unwrap()))
            .collect::<Vec<_>>(),
        [12_500, 12_500, 7_868, 0]
    );
    assert_eq!(
        pays.iter().map(|p| p.score_bp).collect::<Vec<_>>(),
        [12_500, 11_242, 8_926, 0]
    );
    assert_eq!(
        pays.iter().map(|p| p.share_bp).collect::<Vec<_>>(),
        [10_000, 10_000, 9_269, 0]
    );
    assert_eq!(
        pays.iter().map(|p| p.pay).collect::<Vec<_>>(),
        [8_000, 8_000, 7_415, 0]
    );
    assert_eq!(
        pays.iter().map(|p| p.junk).collect::<Vec<_>>(),
        [false, false, false, true]
    );
    assert_eq!(pays.iter().map(|p| p.pay).sum::<u128>(), 23_415);
}
