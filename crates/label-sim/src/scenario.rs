//! Who works, on what, under which terms.

use crate::truth::Truth;
use athanor_label_math::{LabelType, Overflow, ScoreError, ScoreTerms, TermsError, TypeError};
use serde::{Deserialize, Serialize};

/// Ways to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// As well as he can.
    Honest,
    /// The same answer to every task.
    Constant,
    /// Any answer to every task.
    Random,
    /// As well as he can on half of a page's tasks, the same answer to the others.
    HalfEffort,
    /// From an answer key that all of this kind share and that knows nothing of the truth.
    Colluding,
    /// The opposite of what he sees.
    Opposite,
    /// From the answers of one person who works as well as he can, once, for all his accounts.
    Sybil,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Honest,
        Self::Constant,
        Self::Random,
        Self::HalfEffort,
        Self::Colluding,
        Self::Opposite,
        Self::Sybil,
    ];

    /// Its name in commands and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Constant => "constant",
            Self::Random => "random",
            Self::HalfEffort => "half-effort",
            Self::Colluding => "colluding",
            Self::Opposite => "opposite",
            Self::Sybil => "sybil",
        }
    }
}

/// Workers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// How they answer.
    pub kind: Kind,
    /// How many they are.
    pub workers: u32,
    /// How often they are right about what they look at, 0 to 1.
    pub accuracy: f64,
}

/// Pages of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pages {
    /// So many that a worker gets this number of them.
    Each(u32),
    /// This number.
    Total(u32),
}

/// A crowd and its work.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What is asked.
    pub label: LabelType,
    /// m, tasks a page.
    pub tasks: u8,
    /// g, gold a page.
    pub gold: u8,
    /// n, workers a page.
    pub panel: u8,
    /// P, pages a batch.
    pub pages: Pages,
    /// Who works.
    pub groups: Vec<Group>,
    /// What is true.
    pub truth: Truth,
    /// Gold of a classification has every class equally often, whatever the truth has.
    pub balanced_gold: bool,
    /// Share of the gold whose answer is false, 0 to 1.
    pub false_gold: f64,
    /// Numbers of the pay rule.
    pub terms: ScoreTerms,
    /// Stake of a page over its price, in basis points.
    pub stake_bp: u16,
    /// Fee of an answer over its price, in basis points.
    pub fee_bp: u16,
    /// b, price of an answer.
    pub price: u64,
    /// Batches to play.
    pub batches: u32,
    /// The same seed gives the same report.
    pub seed: u64,
}

impl Default for Scenario {
    /// Binary tasks as in the specification's table, without a crowd.
    fn default() -> Self {
        Self {
            label: LabelType::Classification { classes: 2 },
            tasks: 32,
            gold: 4,
            panel: 5,
            pages: Pages::Each(4),
            groups: Vec::new(),
            truth: Truth::Uniform,
            balanced_gold: false,
            false_gold: 0.0,
            terms: ScoreTerms::default(),
            stake_bp: 2_500,
            fee_bp: 200,
            price: 1_000_000,
            batches: 200,
            seed: 1,
        }
    }
}

/// Why a scenario can't be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// The type of answers.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// The pay rule.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// Not 1..=9 workers a page, or more than there are.
    #[error("a page has 1 to 9 workers, and no more than the crowd: {panel} of {workers}")]
    Panel {
        /// Workers a page.
        panel: u8,
        /// Workers.
        workers: u32,
    },
    /// More than half of a page.
    #[error("at most half of a page's tasks are gold")]
    Gold,
    /// Not 1..=4,096.
    #[error("a batch has 1 to 4,096 pages, not {0}")]
    Pages(u64),
    /// Not 1..=16,384.
    #[error("a batch has 1 to 16,384 workers, not {0}")]
    Workers(u64),
    /// A share that is not between 0 and 1.
    #[error("{0} is a share from 0 to 1")]
    Share(&'static str),
    /// Weights of classes of another type, or not one positive weight a class.
    #[error("weights of classes need a classification, with one weight above 0 for each class")]
    Weights,
    /// None.
    #[error("there are no batches to play")]
    Batches,
    /// The caller ended the run.
    #[error("the simulation was stopped")]
    Stopped,
    /// The arithmetic refused a batch.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The arithmetic refused a sum.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Scenario {
    /// Adds workers who are right 85 % of the time about what they look at.
    #[must_use]
    pub fn with(self, kind: Kind, workers: u32) -> Self {
        self.with_accuracy(kind, workers, 0.85)
    }

    /// Adds workers.
    #[must_use]
    pub fn with_accuracy(mut self, kind: Kind, workers: u32, accuracy: f64) -> Self {
        self.groups.push(Group {
            kind,
            workers,
            accuracy,
        });
        self
    }

    /// With another number of batches.
    #[must_use]
    pub fn batches(mut self, batches: u32) -> Self {
        self.batches = batches;
        self
    }

    /// Workers of all kinds.
    #[must_use]
    pub fn workers(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| u64::from(group.workers))
            .sum()
    }

    /// Pages of a batch.
    #[must_use]
    pub fn page_count(&self) -> u64 {
        match self.pages {
            Pages::Total(pages) => pages.into(),
            Pages::Each(pages) => {
                let slots = self.workers() * u64::from(pages);
                let panel = u64::from(self.panel.max(1));
                ((slots + panel / 2) / panel).max(1)
            }
        }
    }

    /// Whether it can be played.
    ///
    /// # Errors
    ///
    /// The [`ScenarioError`] that names what can't.
    pub fn check(&self) -> Result<(), ScenarioError> {
        self.label.check_tasks(self.tasks)?;
        self.terms.check()?;
        let workers = self.workers();
        if !(1..=16_384).contains(&workers) {
            return Err(ScenarioError::Workers(workers));
        }
        if !(1..=9).contains(&self.panel) || u64::from(self.panel) > workers {
            return Err(ScenarioError::Panel {
                panel: self.panel,
                workers: workers as u32,
            });
        }
        if self.gold > self.tasks / 2 {
            return Err(ScenarioError::Gold);
        }
        let pages = self.page_count();
        if !(1..=4_096).contains(&pages) {
            return Err(ScenarioError::Pages(pages));
        }
        if !(0.0..=1.0).contains(&self.false_gold) {
            return Err(ScenarioError::Share("the part of false gold"));
        }
        if self
            .groups
            .iter()
            .any(|g| !(0.0..=1.0).contains(&g.accuracy))
        {
            return Err(ScenarioError::Share("an accuracy"));
        }
        if let Truth::Weighted(weights) = &self.truth {
            let fits = matches!(self.label, LabelType::Classification { classes }
                if usize::from(classes) == weights.len());
            let positive = |weight: &f64| weight.is_finite() && *weight > 0.0;
            if !fits || !weights.iter().all(positive) {
                return Err(ScenarioError::Weights);
            }
        }
        if self.batches == 0 {
            return Err(ScenarioError::Batches);
        }
        Ok(())
    }
}
