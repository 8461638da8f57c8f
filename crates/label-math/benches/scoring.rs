//! What one page costs to check, score and label: `cargo bench -p athanor-label-math`.
//!
//! Random sheets of 32 tasks (8 for spans) with 4 gold answers, on one thread. Medians of 201
//! calls after 20 that warm up, for panels of five and nine.

use athanor_label_math::{
    check_sheet, consensus, pack, pack_answer, score_page, Answer, Gold, LabelType, Span,
};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const RUNS: usize = 201;

fn timed<T>(mut work: impl FnMut() -> T) -> Duration {
    for _ in 0..20 {
        black_box(work());
    }
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            black_box(work());
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// A linear congruential generator is random enough for this.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(limit)) as u32
    }

    fn answer(&mut self, ty: &LabelType) -> Answer {
        match *ty {
            LabelType::Classification { classes } => Answer::Code(self.below(classes.into())),
            LabelType::Rating { steps } => Answer::Code(self.below(steps.into())),
            LabelType::Ranking { items } => {
                let mut order: Vec<u8> = (0..items).collect();
                for last in (1..order.len()).rev() {
                    order.swap(last, self.below(last as u32 + 1) as usize);
                }
                Answer::ranking(&order)
            }
            LabelType::Span { .. } => Answer::Spans(
                (0..16)
                    .map(|at| Span {
                        label: 0,
                        start: at * 20 + self.below(10) as u16,
                        len: 1 + self.below(10) as u16,
                    })
                    .collect(),
            ),
            _ => {
                let width = ty.width().expect("fixed width");
                Answer::Code(self.below(u32::MAX) & ((1u64 << width) - 1) as u32)
            }
        }
    }
}

fn main() {
    let types = [
        ("binary", LabelType::Classification { classes: 2 }),
        ("16 classes", LabelType::Classification { classes: 16 }),
        ("preference", LabelType::Preference),
        ("rating 1..32", LabelType::Rating { steps: 32 }),
        ("32 flags", LabelType::MultiLabel { flags: 32 }),
        (
            "8 safety flags",
            LabelType::Safety {
                weights: [3; 8],
                quorum: 2,
            },
        ),
        ("ranking of 8", LabelType::Ranking { items: 8 }),
        ("16 spans", LabelType::Span { tokens: 1_000 }),
    ];
    println!("type            panel  check a sheet   score a page   label a page   (µs)");
    for (name, ty) in types {
        for panel in [5usize, 9] {
            let tasks = ty.max_tasks();
            let mut dice = Dice(1);
            let sheets: Vec<Vec<u8>> = (0..panel)
                .map(|_| {
                    let answers: Vec<Answer> = (0..tasks).map(|_| dice.answer(&ty)).collect();
                    pack(&ty, &answers).expect("canonical")
                })
                .collect();
            let answers: Vec<Vec<u8>> = (0..4)
                .map(|_| pack_answer(&ty, &dice.answer(&ty)).expect("canonical"))
                .collect();
            let gold: Vec<Gold<'_>> = (0u8..)
                .zip(&answers)
                .map(|(position, answer)| Gold {
                    position,
                    answer,
                    void: false,
                })
                .collect();
            let weights: Vec<i32> = (1..=9).take(panel).collect();
            let check = timed(|| check_sheet(&ty, tasks, black_box(&sheets[0])));
            let score = timed(|| score_page(&ty, tasks, black_box(&sheets), &gold));
            let label = timed(|| consensus(&ty, tasks, 3, black_box(&sheets), &weights));
            let us = |time: Duration| time.as_nanos() as f64 / 1_000.0;
            println!(
                "{name:<14} {panel:>6} {:>14.2} {:>14.1} {:>14.1}",
                us(check),
                us(score),
                us(label)
            );
        }
    }
}
