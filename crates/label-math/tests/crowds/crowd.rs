//! Crowds from a seed: some know the truth, some guess, some copy, some sleep.

use athanor_label_math::{pack, pack_answer, Answer, LabelType, ScoreTerms, Span};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

/// Seeds of failures are kept beside the sources.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    pub(crate) fn answer(&mut self, ty: &LabelType) -> Answer {
        match *ty {
            LabelType::Classification { classes } => {
                Answer::Code(self.below(classes.into()) as u32)
            }
            LabelType::Preference => Answer::Code(self.below(4) as u32),
            LabelType::Rating { steps } => Answer::Code(self.below(steps.into()) as u32),
            LabelType::MultiLabel { flags } => {
                let mask = (1u64 << flags) - 1;
                Answer::Code((self.next() & self.next() & mask) as u32)
            }
            LabelType::Safety { .. } => {
                let mask = (1u64 << (2 * ty.flags())) - 1;
                Answer::Code((self.next() & self.next() & mask) as u32)
            }
            LabelType::Ranking { items } => {
                let mut order: Vec<u8> = (0..items).collect();
                self.shuffle(&mut order);
                Answer::ranking(&order)
            }
            LabelType::Span { tokens } => {
                let mut spans = Vec::new();
                for label in [0u8, 3, 255] {
                    let mut at = 0u64;
                    while self.chance(60) && spans.len() < 16 {
                        let start = at + self.below(8);
                        let len = 1 + self.below(9);
                        if start + len > u64::from(tokens) {
                            break;
                        }
                        spans.push(Span {
                            label,
                            start: start as u16,
                            len: len as u16,
                        });
                        at = start + len;
                    }
                }
                Answer::Spans(spans)
            }
            LabelType::Text => unreachable!("no sheet"),
        }
    }
}

pub(crate) fn any_type() -> impl Strategy<Value = LabelType> {
    prop_oneof![
        (2u8..=16).prop_map(|classes| LabelType::Classification { classes }),
        Just(LabelType::Preference),
        (2u8..=32).prop_map(|steps| LabelType::Rating { steps }),
        (1u8..=32).prop_map(|flags| LabelType::MultiLabel { flags }),
        (prop::collection::vec(1u8..=16, 1..=8), 1u8..=9).prop_map(|(given, quorum)| {
            let mut weights = [0; 8];
            weights[..given.len()].copy_from_slice(&given);
            LabelType::Safety { weights, quorum }
        }),
        (3u8..=8).prop_map(|items| LabelType::Ranking { items }),
        prop_oneof![Just(65_535u16), 1u16..=80].prop_map(|tokens| LabelType::Span { tokens }),
    ]
}

#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Worker and sheet.
    pub(crate) sheets: Vec<(usize, Vec<u8>)>,
    /// Position, answer, void.
    pub(crate) gold: Vec<(u8, Vec<u8>, bool)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    pub(crate) ty: LabelType,
    pub(crate) tasks: u8,
    pub(crate) workers: usize,
    pub(crate) pages: Vec<Page>,
    pub(crate) terms: ScoreTerms,
    pub(crate) price: u128,
}

pub(crate) fn any_crowd() -> impl Strategy<Value = Crowd> {
    (
        any_type(),
        4u8..=32,
        1usize..=6,
        1usize..=12,
        0u8..=100,
        any::<u64>(),
    )
        .prop_map(|(ty, tasks, pages, workers, honesty, seed)| {
            crowd(ty, tasks.min(ty.max_tasks()), pages, workers, honesty, seed)
        })
}

fn crowd(ty: LabelType, tasks: u8, pages: usize, workers: usize, honesty: u8, seed: u64) -> Crowd {
    let mut dice = Dice(seed);
    let skills: Vec<u64> = (0..workers)
        .map(|_| {
            if dice.chance(honesty.into()) {
                90
            } else {
                dice.below(4) * 25
            }
        })
        .collect();
    let habits: Vec<Answer> = (0..workers).map(|_| dice.answer(&ty)).collect();
    let constant: Vec<bool> = (0..workers).map(|_| dice.chance(15)).collect();
    let false_gold = [0, 0, 20, 60][dice.below(4) as usize];
    let gold_a_page = if dice.chance(15) {
        0
    } else {
        1 + dice.below(u64::from(tasks) / 2)
    };
    let pages = (0..pages)
        .map(|_| {
            let truth: Vec<Answer> = (0..tasks).map(|_| dice.answer(&ty)).collect();
            let mut authors: Vec<usize> = (0..workers).collect();
            dice.shuffle(&mut authors);
            authors.truncate(dice.below(10) as usize);
            let sheets = authors
                .into_iter()
                .map(|worker| {
                    let answers: Vec<Answer> = truth
                        .iter()
                        .map(|right| {
                            if constant[worker] {
                                habits[worker].clone()
                            } else if dice.chance(skills[worker]) {
                                right.clone()
                            } else {
                                dice.answer(&ty)
                            }
                        })
                        .collect();
                    (worker, pack(&ty, &answers).unwrap())
                })
                .collect();
            let mut positions: Vec<u8> = (0..tasks).collect();
            dice.shuffle(&mut positions);
            positions.truncate(gold_a_page as usize);
            positions.sort_unstable();
            let gold = positions
                .into_iter()
                .map(|position| {
                    let answer = if dice.chance(false_gold) {
                        dice.answer(&ty)
                    } else {
                        truth[usize::from(position)].clone()
                    };
                    let void = dice.chance(5);
                    (position, pack_answer(&ty, &answer).unwrap(), void)
                })
                .collect();
            Page { sheets, gold }
        })
        .collect();
    let mut terms = ScoreTerms::default();
    if dice.chance(50) {
        terms.phi_bp = dice.below(10_001) as u16;
        terms.s0_bp = 1 + dice.below(6_000) as u16;
        terms.s1_bp = terms.s0_bp + 1 + dice.below(6_000) as u16;
        terms.floor_bp = 625 + dice.below(1_876) as u16;
        terms.gold_target_bp = 3_333 + dice.below(4_668) as u16;
    }
    terms.check().unwrap();
    Crowd {
        ty,
        tasks,
        workers,
        pages,
        terms,
        price: 1 + u128::from(dice.next()),
    }
}
