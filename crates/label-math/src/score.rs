//! First step, page by page: agreement with colleagues and with gold.

use crate::int::{add, div, mul, sub, to_i64};
use crate::kernel::{Kernel, Sheet, ONE};
use crate::sheet::{check_shape, SheetError};
use crate::types::LabelType;
use crate::{Overflow, Q};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Most sheets of a page.
pub const MAX_PANEL: u8 = 9;

/// Why a page can't be scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// A sheet or a gold answer is not canonical.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// More than nine sheets.
    #[error("a page has at most 9 sheets")]
    Panel,
    /// One task, which leaves no other task to compare with.
    #[error("a page of one task can't be scored")]
    Tasks,
    /// Positions of gold are not ascending, or past the page's tasks.
    #[error("gold positions are strictly ascending and within the page")]
    Position,
    /// Weights that are not one positive number a sheet.
    #[error("a consensus needs one positive weight for each sheet")]
    Weights,
    /// A sum left its bounds.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// One opened gold answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gold<'a> {
    /// Task of the page.
    pub position: u8,
    /// The answer, packed alone.
    pub answer: &'a [u8],
    /// Voided by a jury: left out of everything.
    pub void: bool,
}

/// Sums over the pages of a batch.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct BatchSums {
    /// Σ over pairs of sheets of T − S, in units of κ.
    pub vs: i64,
    /// Σ over pairs of sheets of m(m − 1).
    pub vd: u64,
    /// Σ over gold answers and sheets of B − a, in units of κ.
    pub bs: i64,
    /// Σ over gold answers and sheets of (m − 1)·65,536.
    pub bd: u64,
    /// Gold answers opened and not voided.
    pub opened: u32,
    /// Those that four fifths of a panel of at least three contradict.
    pub contested: u32,
}

impl BatchSums {
    /// Adds the sums of a page.
    ///
    /// # Errors
    ///
    /// [`Overflow`]; the sums are then unchanged.
    pub fn add(&mut self, page: &Self) -> Result<(), Overflow> {
        *self = Self {
            vs: self.vs.checked_add(page.vs).ok_or(Overflow)?,
            vd: self.vd.checked_add(page.vd).ok_or(Overflow)?,
            bs: self.bs.checked_add(page.bs).ok_or(Overflow)?,
            bd: self.bd.checked_add(page.bd).ok_or(Overflow)?,
            opened: self.opened.checked_add(page.opened).ok_or(Overflow)?,
            contested: self.contested.checked_add(page.contested).ok_or(Overflow)?,
        };
        Ok(())
    }

    /// The batch's own agreement, after its last page.
    ///
    /// # Errors
    ///
    /// [`Overflow`] if the sums are none of a batch.
    pub fn agreement(&self) -> Result<Agreement, Overflow> {
        let above_chance = |sum: i64, divisor: i128| -> Result<i64, Overflow> {
            if divisor == 0 {
                return Ok(0);
            }
            let missing = div(mul(i128::from(sum), i128::from(Q))?, divisor)?;
            to_i64(sub(i128::from(Q), missing)?)
        };
        let v = above_chance(self.vs, mul(i128::from(self.vd), i128::from(ONE))?)?;
        let v_gold = above_chance(self.bs, i128::from(self.bd))?;
        let gold_on = self.opened > 0
            && u64::from(self.contested).saturating_mul(4) <= u64::from(self.opened)
            && v_gold >= Q >> 6;
        Ok(Agreement { v, v_gold, gold_on })
    }
}

/// What a batch's answers say about it as a whole.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Agreement {
    /// V, 1 − mean κ between answers to different tasks, in units of 2^-32; 0 without a pair.
    pub v: i64,
    /// V_g, the same between answers and gold; 0 without gold.
    pub v_gold: i64,
    /// Whether gold counts.
    pub gold_on: bool,
}

/// Sums over the pages of one worker.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct WorkerSums {
    /// Σ over pages with colleagues of m · agreement above chance, in units of 2^-32.
    pub num: i64,
    /// Answers on pages with colleagues.
    pub cnt: u32,
    /// Σ over gold of agreement above his own chance, in units of 2^-32.
    pub gnum: i64,
    /// g_i, gold answers opened on his pages.
    pub gold: u32,
    /// Those he got right.
    pub right: u32,
    /// n_i, answers revealed.
    pub answers: u32,
}

impl WorkerSums {
    /// Adds the sums of a page.
    ///
    /// # Errors
    ///
    /// [`Overflow`]; the sums are then unchanged.
    pub fn add(&mut self, page: &Self) -> Result<(), Overflow> {
        *self = Self {
            num: self.num.checked_add(page.num).ok_or(Overflow)?,
            cnt: self.cnt.checked_add(page.cnt).ok_or(Overflow)?,
            gnum: self.gnum.checked_add(page.gnum).ok_or(Overflow)?,
            gold: self.gold.checked_add(page.gold).ok_or(Overflow)?,
            right: self.right.checked_add(page.right).ok_or(Overflow)?,
            answers: self.answers.checked_add(page.answers).ok_or(Overflow)?,
        };
        Ok(())
    }

    /// Gold answers he got wrong.
    #[must_use]
    pub const fn wrong(&self) -> u32 {
        self.gold.saturating_sub(self.right)
    }
}

/// What one page adds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageScore {
    /// To its batch.
    pub batch: BatchSums,
    /// To the author of each sheet, in the order of the sheets.
    pub workers: Vec<WorkerSums>,
    /// Bit `t` is set if the gold answer at task `t` is contested.
    pub contested: u32,
}

/// Scores one page from its revealed sheets.
///
/// A page without a sheet adds nothing. Work: Σκ over r(r − 1)/2 pairs of sheets, m² κ each at
/// most.
///
/// # Errors
///
/// [`ScoreError`] if a sheet or gold is malformed, or a bound is passed.
pub fn score_page<S: AsRef<[u8]>>(
    ty: &LabelType,
    tasks: u8,
    sheets: &[S],
    gold: &[Gold<'_>],
) -> Result<PageScore, ScoreError> {
    if sheets.len() > usize::from(MAX_PANEL) {
        return Err(ScoreError::Panel);
    }
    check_shape(ty, tasks)?;
    if tasks < 2 {
        return Err(ScoreError::Tasks);
    }
    let kernel = Kernel::new(ty);
    let sheets = sheets
        .iter()
        .map(|sheet| kernel.sheet(tasks, sheet.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut page = PageScore {
        workers: sheets
            .iter()
            .map(|_| WorkerSums {
                answers: u32::from(tasks),
                ..WorkerSums::default()
            })
            .collect(),
        ..PageScore::default()
    };
    score_pairs(&kernel, tasks, &sheets, &mut page)?;
    score_gold(&kernel, ty.mark(), tasks, &sheets, gold, &mut page)?;
    Ok(page)
}

fn score_pairs(
    kernel: &Kernel,
    tasks: u8,
    sheets: &[Sheet],
    page: &mut PageScore,
) -> Result<(), Overflow> {
    let m = i128::from(tasks);
    let pairs_of_tasks = mul(m, sub(m, 1)?)?;
    let mut beyond_chance: Vec<Vec<i128>> = sheets.iter().map(|_| Vec::new()).collect();
    let mut pages = BatchSums::default();
    for (i, first) in sheets.iter().enumerate() {
        for (j, second) in sheets.iter().enumerate().skip(i.saturating_add(1)) {
            let same = (0..usize::from(tasks)).try_fold(0i128, |sum, task| {
                add(
                    sum,
                    i128::from(kernel.at(first, task, second, task).ok_or(Overflow)?),
                )
            })?;
            let all = i128::from(kernel.cross(first, second));
            let n = sub(mul(m, same)?, all)?;
            for worker in [i, j] {
                beyond_chance.get_mut(worker).ok_or(Overflow)?.push(n);
            }
            pages.add(&BatchSums {
                vs: to_i64(sub(all, same)?)?,
                vd: u64::try_from(pairs_of_tasks).map_err(|_| Overflow)?,
                ..BatchSums::default()
            })?;
        }
    }
    page.batch.add(&pages)?;
    for (worker, mut values) in page.workers.iter_mut().zip(beyond_chance) {
        if values.len() >= 3 {
            values.sort_unstable();
            values.pop();
            values.remove(0);
        }
        if values.is_empty() {
            continue;
        }
        let kept = i128::try_from(values.len()).map_err(|_| Overflow)?;
        let sum = values.into_iter().try_fold(0, add)?;
        let mean = div(
            mul(sum, i128::from(Q))?,
            mul(mul(kept, pairs_of_tasks)?, i128::from(ONE))?,
        )?;
        worker.num = to_i64(mul(m, mean)?)?;
        worker.cnt = u32::from(tasks);
    }
    Ok(())
}

fn score_gold(
    kernel: &Kernel,
    mark: u32,
    tasks: u8,
    sheets: &[Sheet],
    gold: &[Gold<'_>],
    page: &mut PageScore,
) -> Result<(), ScoreError> {
    let m = i128::from(tasks);
    let unit = mul(sub(m, 1)?, i128::from(ONE))?;
    let mut next = 0u8;
    for item in gold {
        if item.position < next || item.position >= tasks {
            return Err(ScoreError::Position);
        }
        next = item.position.saturating_add(1);
        let truth = kernel.sheet(1, item.answer)?;
        if item.void || sheets.is_empty() {
            continue;
        }
        let mut wrong = 0usize;
        for (sheet, worker) in sheets.iter().zip(page.workers.iter_mut()) {
            let own = kernel
                .at(sheet, usize::from(item.position), &truth, 0)
                .ok_or(Overflow)?;
            let all = (0..usize::from(tasks)).try_fold(0i128, |sum, task| {
                add(
                    sum,
                    i128::from(kernel.at(sheet, task, &truth, 0).ok_or(Overflow)?),
                )
            })?;
            let above = sub(mul(m, i128::from(own))?, all)?;
            let right = own >= mark;
            worker.add(&WorkerSums {
                gnum: to_i64(div(mul(above, i128::from(Q))?, unit)?)?,
                gold: 1,
                right: u32::from(right),
                ..WorkerSums::default()
            })?;
            if !right {
                wrong = wrong.saturating_add(1);
            }
            page.batch.add(&BatchSums {
                bs: to_i64(sub(all, i128::from(own))?)?,
                bd: u64::try_from(unit).map_err(|_| Overflow)?,
                ..BatchSums::default()
            })?;
        }
        let contested =
            sheets.len() >= 3 && wrong.saturating_mul(5) >= sheets.len().saturating_mul(4);
        page.batch.add(&BatchSums {
            opened: 1,
            contested: u32::from(contested),
            ..BatchSums::default()
        })?;
        if contested {
            page.contested |= 1u32.checked_shl(u32::from(item.position)).unwrap_or(0);
        }
    }
    Ok(())
}
