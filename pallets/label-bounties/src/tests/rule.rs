//! Score, Rank and Pay once more, from the text of the design alone: on unpacked answers,
//! with every sum written out. Nothing of it is shared with `athanor-label-math`.

/// What the rule must know of a campaign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// How near two answers are, 0..=65536.
    pub(crate) kappa: fn(u32, u32) -> i128,
    /// The least κ to a gold answer that counts as right.
    pub(crate) mark: i128,
    pub(crate) tasks: usize,
    pub(crate) price: u128,
    pub(crate) phi: i128,
    pub(crate) s0: i128,
    pub(crate) s1: i128,
    pub(crate) floor: i128,
    pub(crate) gold_target: i128,
}

/// One page: revealed answers by worker, and opened gold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) sheets: Vec<(usize, Vec<u32>)>,
    pub(crate) gold: Vec<(usize, u32)>,
}

/// What a worker gets for a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) score_bp: i128,
    pub(crate) share_bp: u128,
    pub(crate) pay: u128,
    pub(crate) junk: bool,
    pub(crate) answers: u128,
    pub(crate) right: u32,
    pub(crate) wrong: u32,
}

/// The whole batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    pub(crate) workers: Vec<Verdict>,
    pub(crate) opened: u32,
    pub(crate) contested: u32,
    pub(crate) gold_on: bool,
}

const Q: i128 = 1 << 32;
const ONE: i128 = 65_536;

fn div(a: i128, b: i128) -> i128 {
    assert!(b > 0);
    a.div_euclid(b)
}

fn root(n: u128) -> i128 {
    let mut low = 0u128;
    let mut high = 1u128 << 64;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if middle * middle <= n {
            low = middle;
        } else {
            high = middle;
        }
    }
    low as i128
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    num: i128,
    cnt: i128,
    gnum: i128,
    gold: i128,
    right: i128,
    answers: i128,
}

pub(crate) fn judge(rule: &Rule, pages: &[Answered], workers: usize) -> Judged {
    let m = rule.tasks as i128;
    let kappa = rule.kappa;
    let mut all = vec![Sums::default(); workers];
    let (mut vs, mut vd, mut bs, mut bd) = (0i128, 0i128, 0i128, 0i128);
    let (mut opened, mut contested) = (0u32, 0u32);
    for page in pages.iter().filter(|page| !page.sheets.is_empty()) {
        let sheets = &page.sheets;
        let r = sheets.len();
        let mut near = vec![Vec::new(); r];
        for i in 0..r {
            for j in 0..i {
                let (mut same, mut every) = (0, 0);
                for (q, a) in sheets[i].1.iter().enumerate() {
                    for (p, b) in sheets[j].1.iter().enumerate() {
                        let k = kappa(*a, *b);
                        every += k;
                        same += if p == q { k } else { 0 };
                    }
                }
                vs += every - same;
                vd += m * (m - 1);
                near[i].push(m * same - every);
                near[j].push(m * same - every);
            }
        }
        for (i, mut numbers) in near.into_iter().enumerate() {
            let sums = &mut all[sheets[i].0];
            sums.answers += m;
            numbers.sort_unstable();
            if numbers.len() >= 3 {
                numbers.pop();
                numbers.remove(0);
            }
            let c = numbers.len() as i128;
            if c >= 1 {
                let sum: i128 = numbers.iter().sum();
                sums.num += m * div(sum * Q, c * m * (m - 1) * ONE);
                sums.cnt += m;
            }
        }
        for (task, answer) in &page.gold {
            opened += 1;
            let mut wrong = 0;
            for (who, answers) in sheets {
                let a = kappa(answers[*task], *answer);
                let b: i128 = answers.iter().map(|given| kappa(*given, *answer)).sum();
                let sums = &mut all[*who];
                sums.gnum += div((m * a - b) * Q, (m - 1) * ONE);
                sums.gold += 1;
                if a >= rule.mark {
                    sums.right += 1;
                } else {
                    wrong += 1;
                }
                bs += b - a;
                bd += (m - 1) * ONE;
            }
            contested += u32::from(r >= 3 && 5 * wrong >= 4 * r);
        }
    }
    let v = if vd > 0 { Q - div(vs * Q, vd * ONE) } else { 0 };
    let v_gold = if bd > 0 { Q - div(bs * Q, bd) } else { 0 };
    let gold_on = opened > 0 && contested * 4 <= opened && v_gold >= Q / 64;

    let at_gold = |sums: &Sums| {
        let mean = div(sums.gnum, sums.gold);
        div(mean * Q * 10_000, v_gold * rule.gold_target).clamp(-Q, 5 * Q / 4)
    };
    let has_gold = |sums: &Sums| gold_on && sums.gold > 0;

    let mut buckets = vec![0i128; 1_024];
    for sums in &all {
        if sums.cnt > 0 && (!has_gold(sums) || at_gold(sums) >= Q / 2) {
            let bucket = (div(sums.num, sums.cnt) >> 22).clamp(0, 1_023);
            buckets[bucket as usize] += sums.cnt;
        }
    }
    let total: i128 = buckets.iter().sum();
    let mut so_far = 0;
    let lowest = buckets.iter().position(|count| {
        so_far += count;
        2 * so_far >= total
    });
    let median = if total > 0 {
        (2 * lowest.expect("a bucket") as i128 + 1) << 21
    } else {
        0
    };
    let least = div(v * rule.floor, 10_000);
    let reference = median.min(3 * v / 4).max(least).max(1);
    let signal = total > 0 && v >= Q / 64 && 2 * median >= least;

    let pays = all.iter().map(|sums| {
        let answers = sums.answers as u128;
        let with_peers = sums.cnt > 0;
        let d = if with_peers {
            div(div(sums.num, sums.cnt) * Q, reference).clamp(-Q, 5 * Q / 4)
        } else {
            0
        };
        let s = match (has_gold(sums), with_peers) {
            (true, true) if signal => {
                let off = (Q / 3).min(root((1u128 << 64) / sums.gold as u128));
                div(d + at_gold(sums), 2).min(at_gold(sums) + off)
            }
            (true, _) => at_gold(sums),
            (false, true) => d,
            (false, false) => rule.s0 * Q / 10_000,
        };
        let bp = if !has_gold(sums) && !with_peers {
            rule.s0
        } else {
            div(s * 10_000, Q)
        };
        let share = if bp < rule.s0 {
            0
        } else {
            let above = (bp - rule.s0).min(rule.s1 - rule.s0);
            rule.phi + (10_000 - rule.phi) * above / (rule.s1 - rule.s0)
        };
        let in_bp = |number: i128| div(number * 10_000, Q);
        let junk = has_gold(sums)
            && with_peers
            && signal
            && sums.gold >= 4
            && in_bp(at_gold(sums)) < 1_500
            && bp < 1_500
            && (in_bp(d) < 1_500 || contested * 8 <= opened);
        Verdict {
            score_bp: bp,
            share_bp: share as u128,
            pay: rule.price * answers * share as u128 / 10_000,
            junk,
            answers,
            right: sums.right as u32,
            wrong: (sums.gold - sums.right) as u32,
        }
    });
    Judged {
        workers: pays.collect(),
        opened,
        contested,
        gold_on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(a: u32, b: u32) -> i128 {
        if a == b {
            ONE
        } else {
            0
        }
    }

    #[test]
    fn the_designs_worked_example() {
        let rule = Rule {
            kappa: equal,
            mark: ONE,
            tasks: 8,
            price: 1_000,
            phi: 3_000,
            s0: 4_000,
            s1: 9_500,
            floor: 1_875,
            gold_target: 6_667,
        };
        let bits = |text: &str| text.bytes().map(|bit| u32::from(bit - b'0')).collect();
        let page = Answered {
            sheets: ["01101001", "01101011", "01011001", "00000000"]
                .into_iter()
                .map(bits)
                .enumerate()
                .collect(),
            gold: vec![(0, 0), (1, 1), (3, 0), (4, 1)],
        };
        let judged = judge(&rule, &[page], 4);
        assert!(judged.gold_on);
        assert_eq!((judged.opened, judged.contested), (4, 0));
        let of = |f: fn(&Verdict) -> i128| judged.workers.iter().map(f).collect::<Vec<_>>();
        assert_eq!(of(|v| v.score_bp), [12_500, 11_242, 8_926, 0]);
        assert_eq!(of(|v| v.share_bp as i128), [10_000, 10_000, 9_269, 0]);
        assert_eq!(of(|v| v.pay as i128), [8_000, 8_000, 7_415, 0]);
        assert_eq!(of(|v| v.junk.into()), [0, 0, 0, 1]);
    }
}
