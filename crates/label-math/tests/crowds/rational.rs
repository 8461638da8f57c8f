//! The rule once more, from the specification, slowly: sets of tokens and pairs, every κ computed
//! anew, sums as rational numbers without bounds. Rounds where the rule rounds and nowhere else.

use crate::crowd::Crowd;
use athanor_label_math::{LabelType, ScoreTerms};
use num_bigint::BigInt;
use num_rational::BigRational;
use std::collections::BTreeSet;

type R = BigRational;

fn int(value: impl Into<BigInt>) -> R {
    R::from_integer(value.into())
}

fn q() -> R {
    int(1u64 << 32)
}

fn floor(value: R) -> R {
    value.floor()
}

fn bit(bytes: &[u8], at: usize) -> u32 {
    u32::from(bytes[at / 8] >> (at % 8) & 1)
}

fn bits(bytes: &[u8], task: usize, width: usize) -> u32 {
    (0..width).map(|i| bit(bytes, task * width + i) << i).sum()
}

fn width(values: u32) -> usize {
    (1..).find(|w| 1u32 << w >= values).unwrap()
}

/// One answer, as sets and lists.
#[derive(Clone, Debug, PartialEq)]
enum Slow {
    Value(u32),
    Severities(Vec<u32>),
    /// Flags; pairs in order; labelled tokens.
    Set(BTreeSet<(u32, u32)>),
}

fn read(ty: &LabelType, tasks: usize, sheet: &[u8]) -> Vec<Slow> {
    let mut cursor = 0;
    (0..tasks)
        .map(|task| match *ty {
            LabelType::Classification { classes } => {
                Slow::Value(bits(sheet, task, width(classes.into())))
            }
            LabelType::Preference => Slow::Value(bits(sheet, task, 2)),
            LabelType::Rating { steps } => Slow::Value(bits(sheet, task, width(steps.into()))),
            LabelType::MultiLabel { flags } => {
                let flags = usize::from(flags);
                Slow::Set(
                    (0..flags)
                        .filter(|flag| bit(sheet, task * flags + flag) == 1)
                        .map(|flag| (flag as u32, 0))
                        .collect(),
                )
            }
            LabelType::Safety { weights, .. } => {
                let flags = weights.iter().filter(|w| **w > 0).count();
                Slow::Severities(
                    (0..flags)
                        .map(|flag| bits(sheet, task * flags + flag, 2))
                        .collect(),
                )
            }
            LabelType::Ranking { items } => {
                let items = usize::from(items);
                let order: Vec<u32> = (0..items)
                    .map(|place| bits(sheet, task * items + place, 3))
                    .collect();
                let mut pairs = BTreeSet::new();
                for (place, first) in order.iter().enumerate() {
                    for second in &order[place + 1..] {
                        if first < second {
                            pairs.insert((*first, *second));
                        }
                    }
                }
                Slow::Set(pairs)
            }
            LabelType::Span { .. } => {
                let mut tokens = BTreeSet::new();
                let count = sheet[cursor];
                cursor += 1;
                for _ in 0..count {
                    let span = &sheet[cursor..cursor + 5];
                    cursor += 5;
                    let start = u32::from(span[1]) + 256 * u32::from(span[2]);
                    let len = u32::from(span[3]) + 256 * u32::from(span[4]);
                    for token in start..start + len {
                        tokens.insert((u32::from(span[0]), token));
                    }
                }
                Slow::Set(tokens)
            }
            LabelType::Text => unreachable!("no sheet"),
        })
        .collect()
}

/// All quotients here are of small natural numbers.
fn kappa(ty: &LabelType, a: &Slow, b: &Slow) -> i64 {
    let one = 65_536;
    match (ty, a, b) {
        (LabelType::Classification { .. }, a, b) => {
            if a == b {
                one
            } else {
                0
            }
        }
        (LabelType::Preference, Slow::Value(a), Slow::Value(b)) => {
            let one_is_a_tie_the_other_a_or_b =
                (*a == 2 && [0, 1].contains(b)) || (*b == 2 && [0, 1].contains(a));
            match (a == b, one_is_a_tie_the_other_a_or_b) {
                (true, _) => one,
                (_, true) => 32_768,
                _ => 0,
            }
        }
        (LabelType::Rating { steps }, Slow::Value(a), Slow::Value(b)) => {
            let apart = (i64::from(*a) - i64::from(*b)).abs();
            one - one * apart / i64::from(steps - 1)
        }
        (LabelType::MultiLabel { .. }, Slow::Set(a), Slow::Set(b)) => {
            if a.is_empty() && b.is_empty() {
                return one;
            }
            let both = a.intersection(b).count() as i64;
            one * both / a.union(b).count() as i64
        }
        (LabelType::Safety { weights, .. }, Slow::Severities(a), Slow::Severities(b)) => {
            let sum = |pick: fn(u32, u32) -> u32| -> i64 {
                (0..a.len())
                    .map(|i| i64::from(weights[i]) * i64::from(pick(a[i], b[i])))
                    .sum()
            };
            match sum(u32::max) {
                0 => one,
                most => one * sum(u32::min) / most,
            }
        }
        (LabelType::Ranking { items }, Slow::Set(a), Slow::Set(b)) => {
            let apart = a.symmetric_difference(b).count() as i64;
            let pairs = i64::from(*items) * i64::from(items - 1) / 2;
            one - one * apart / pairs
        }
        (LabelType::Span { .. }, Slow::Set(a), Slow::Set(b)) => {
            if a.is_empty() && b.is_empty() {
                return one;
            }
            let shared = a.intersection(b).count() as i64;
            131_072 * shared / (a.len() + b.len()) as i64
        }
        _ => unreachable!("answers of another type"),
    }
}

fn is_right(ty: &LabelType, kappa: i64) -> bool {
    let mark = match ty {
        LabelType::Classification { .. } | LabelType::Preference => 65_536,
        _ => 49_152,
    };
    kappa >= mark
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Worker {
    pub(crate) num: R,
    pub(crate) cnt: R,
    pub(crate) gnum: R,
    pub(crate) gold: R,
    pub(crate) right: R,
    pub(crate) answers: R,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paid {
    pub(crate) d: Option<R>,
    pub(crate) g: Option<R>,
    pub(crate) score_bp: R,
    pub(crate) share_bp: R,
    pub(crate) pay: R,
    pub(crate) junk: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) workers: Vec<Worker>,
    pub(crate) v: R,
    pub(crate) v_gold: R,
    pub(crate) gold_on: bool,
    pub(crate) opened: u32,
    pub(crate) contested: u32,
    pub(crate) median: R,
    pub(crate) reference: R,
    pub(crate) signal: bool,
    pub(crate) paid: Vec<Paid>,
}

fn clamp(value: R, low: R, high: R) -> R {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

fn least(a: R, b: R) -> R {
    if a < b {
        a
    } else {
        b
    }
}

/// The largest whole number whose square is at most the value, by halving.
fn whole_root(value: R) -> R {
    let (mut low, mut high) = (int(0), int(1u64 << 40));
    while &high - &low > int(1) {
        let middle = floor((&low + &high) / int(2));
        if &middle * &middle <= value {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

fn to_gold(w: &Worker, v_gold: &R, gold_on: bool, terms: &ScoreTerms) -> Option<R> {
    if !gold_on || w.gold == int(0) {
        return None;
    }
    let mean = floor(&w.gnum / &w.gold);
    let ratio = floor(mean * q() * int(10_000) / (v_gold * int(terms.gold_target_bp)));
    Some(clamp(ratio, -q(), q() * int(5) / int(4)))
}

pub(crate) fn batch(crowd: &Crowd) -> Batch {
    let ty = &crowd.ty;
    let m = usize::from(crowd.tasks);
    let zero = || Worker {
        num: int(0),
        cnt: int(0),
        gnum: int(0),
        gold: int(0),
        right: int(0),
        answers: int(0),
    };
    let mut workers: Vec<Worker> = (0..crowd.workers).map(|_| zero()).collect();
    let (mut vs, mut vd, mut bs, mut bd) = (int(0), int(0), int(0), int(0));
    let (mut opened, mut contested) = (0, 0);
    for page in &crowd.pages {
        let answers: Vec<Vec<Slow>> = page
            .sheets
            .iter()
            .map(|(_, sheet)| read(ty, m, sheet))
            .collect();
        for (i, (author, _)) in page.sheets.iter().enumerate() {
            let mut found = Vec::new();
            for j in 0..page.sheets.len() {
                if i == j {
                    continue;
                }
                let mut on_the_same = 0;
                let mut on_all = 0;
                for s in 0..m {
                    for t in 0..m {
                        let kappa = kappa(ty, &answers[i][s], &answers[j][t]);
                        if s == t {
                            on_the_same += kappa;
                        }
                        on_all += kappa;
                    }
                }
                let (on_the_same, on_all) = (int(on_the_same), int(on_all));
                if i < j {
                    vs += &on_all - &on_the_same;
                    vd += int(m as u64 * (m as u64 - 1));
                }
                found.push(int(m as u64) * on_the_same - on_all);
            }
            if found.len() >= 3 {
                let largest = (0..found.len())
                    .max_by_key(|at| found[*at].clone())
                    .unwrap();
                found.remove(largest);
                let smallest = (0..found.len())
                    .min_by_key(|at| found[*at].clone())
                    .unwrap();
                found.remove(smallest);
            }
            let worker = &mut workers[*author];
            worker.answers += int(m as u64);
            if !found.is_empty() {
                let c = int(found.len() as u64);
                let sum = found.into_iter().fold(int(0), |sum, n| sum + n);
                let m = int(m as u64);
                worker.num += &m * floor(sum * q() / (c * &m * (&m - int(1)) * int(65_536)));
                worker.cnt += m;
            }
        }
        for (position, bytes, void) in &page.gold {
            if *void || page.sheets.is_empty() {
                continue;
            }
            opened += 1;
            let truth = read(ty, 1, bytes).remove(0);
            let mut wrong = 0;
            for (i, (author, _)) in page.sheets.iter().enumerate() {
                let own = kappa(ty, &answers[i][usize::from(*position)], &truth);
                let all = answers[i]
                    .iter()
                    .map(|answer| kappa(ty, answer, &truth))
                    .sum::<i64>();
                let right = is_right(ty, own);
                let (own, all) = (int(own), int(all));
                let unit = int(m as u64 - 1) * int(65_536);
                let worker = &mut workers[*author];
                worker.gnum += floor((int(m as u64) * &own - &all) * q() / &unit);
                worker.gold += int(1);
                if right {
                    worker.right += int(1);
                } else {
                    wrong += 1;
                }
                bs += all - own;
                bd += unit;
            }
            if page.sheets.len() >= 3
                && int(wrong) / int(page.sheets.len() as u64) >= int(4) / int(5)
            {
                contested += 1;
            }
        }
    }
    let v = if vd == int(0) {
        int(0)
    } else {
        q() - floor(vs * q() / (vd * int(65_536)))
    };
    let v_gold = if bd == int(0) {
        int(0)
    } else {
        q() - floor(bs * q() / bd)
    };
    let gold_on = opened > 0 && contested * 4 <= opened && v_gold >= q() / int(64);

    let mut ranked: Vec<(R, R)> = Vec::new();
    for worker in &workers {
        let gold = to_gold(worker, &v_gold, gold_on, &crowd.terms);
        if worker.cnt > int(0) && gold.is_none_or(|g| g >= q() / int(2)) {
            let dg = floor(&worker.num / &worker.cnt);
            let bucket = clamp(floor(dg / int(1u64 << 22)), int(0), int(1_023));
            ranked.push((bucket, worker.cnt.clone()));
        }
    }
    ranked.sort();
    let total = ranked.iter().fold(int(0), |sum, (_, cnt)| sum + cnt);
    let mut cumulative = int(0);
    let mut median = int(0);
    for (bucket, cnt) in &ranked {
        cumulative += cnt;
        if &cumulative * int(2) >= total {
            median = (bucket * int(2) + int(1)) * int(1u64 << 21);
            break;
        }
    }
    let lowest = floor(&v * int(crowd.terms.floor_bp) / int(10_000));
    let highest = floor(&v * int(3) / int(4));
    let reference = clamp(
        median.clone(),
        lowest.clone(),
        highest.clone().max(lowest.clone()),
    );
    let reference = if v < int(0) {
        int(1)
    } else {
        reference.max(int(1))
    };
    let signal = total > int(0) && v >= q() / int(64) && int(2) * &median >= lowest;

    let paid = workers
        .iter()
        .map(|worker| {
            let terms = &crowd.terms;
            let d = (worker.cnt > int(0)).then(|| {
                let dg = floor(&worker.num / &worker.cnt);
                clamp(floor(dg * q() / &reference), -q(), q() * int(5) / int(4))
            });
            let g = to_gold(worker, &v_gold, gold_on, terms);
            let bp = |s: &R| floor(s * int(10_000) / q());
            let score_bp = match (&g, &d) {
                (Some(g), Some(d)) if signal => {
                    let off = least(floor(q() / int(3)), whole_root(q() * q() / &worker.gold));
                    bp(&least(floor((d + g) / int(2)), g + off))
                }
                (Some(g), _) => bp(g),
                (None, Some(d)) => bp(d),
                (None, None) => int(terms.s0_bp),
            };
            let (s0, s1, phi) = (int(terms.s0_bp), int(terms.s1_bp), int(terms.phi_bp));
            let share_bp = if score_bp < s0 {
                int(0)
            } else {
                let over = least(&s1 - &s0, &score_bp - &s0);
                &phi + floor((int(10_000) - &phi) * over / (s1 - s0))
            };
            let junk = match (&g, &d) {
                (Some(g), Some(d)) => {
                    signal
                        && worker.gold >= int(4)
                        && bp(g) < int(1_500)
                        && score_bp < int(1_500)
                        && (bp(d) < int(1_500) || contested * 8 <= opened)
                }
                _ => false,
            };
            let pay = floor(int(crowd.price) * &worker.answers * &share_bp / int(10_000));
            Paid {
                d,
                g,
                score_bp,
                share_bp,
                pay,
                junk,
            }
        })
        .collect();
    Batch {
        workers,
        v,
        v_gold,
        gold_on,
        opened,
        contested,
        median,
        reference,
        signal,
        paid,
    }
}
