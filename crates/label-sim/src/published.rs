//! The crowds of the specification's table "What the rule pays", with its figures.

use crate::report::Report;
use crate::scenario::{Kind, Pages, Scenario};
use crate::truth::Truth;
use athanor_label_math::LabelType;
use serde::{Deserialize, Serialize};

/// How far a figure may be from the published one.
pub const TOLERANCE: f64 = 0.05;

/// What is measured about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Mean share of the price.
    Share,
    /// Mean share after lost stakes.
    Net,
    /// Part that is paid nothing.
    Unpaid,
    /// Part that loses the stakes: the published figure is the most.
    StakeLost,
}

impl Measure {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Share => "paid",
            Self::Net => "net of stakes",
            Self::Unpaid => "unpaid",
            Self::StakeLost => "lost stake, at most",
        }
    }
}

/// One published figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Number of the group in the scenario.
    pub group: usize,
    /// What is measured.
    pub measure: Measure,
    /// The figure.
    pub published: f64,
}

impl Figure {
    /// The same figure of a report.
    #[must_use]
    pub fn of(&self, report: &Report) -> f64 {
        let Some(group) = report.groups.get(self.group) else {
            return f64::NAN;
        };
        match self.measure {
            Measure::Share => group.share,
            Measure::Net => group.net,
            Measure::Unpaid => group.unpaid,
            Measure::StakeLost => group.stake_lost,
        }
    }

    /// Whether a report's figure is the published one, give or take `tolerance`.
    #[must_use]
    pub fn holds(&self, report: &Report, tolerance: f64) -> bool {
        let found = self.of(report);
        match self.measure {
            Measure::StakeLost => found <= self.published + tolerance / 5.0,
            _ => (found - self.published).abs() <= tolerance,
        }
    }
}

/// A crowd of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Who works on what.
    pub scenario: Scenario,
    /// What the table says.
    pub figures: Vec<Figure>,
}

impl Row {
    fn new(name: impl Into<String>, scenario: Scenario) -> Self {
        Self {
            name: name.into(),
            scenario,
            figures: Vec::new(),
        }
    }

    fn says(mut self, group: usize, measure: Measure, published: f64) -> Self {
        self.figures.push(Figure {
            group,
            measure,
            published,
        });
        self
    }

    fn share(self, group: usize, published: f64) -> Self {
        self.says(group, Measure::Share, published)
    }
}

fn each(pages: u32) -> Scenario {
    Scenario {
        pages: Pages::Each(pages),
        ..Scenario::default()
    }
}

/// 20 honest, 2 constant, 2 random, 2 at half effort.
fn mixed(scenario: Scenario) -> Scenario {
    scenario
        .with(Kind::Honest, 20)
        .with(Kind::Constant, 2)
        .with(Kind::Random, 2)
        .with(Kind::HalfEffort, 2)
}

/// All rows, in the table's order.
#[must_use]
pub fn rows(batches: u32, seed: u64) -> Vec<Row> {
    use Measure::{Net, StakeLost, Unpaid};
    let mut rows = vec![
        Row::new("20 honest of 26, 12 pages each", mixed(each(12)))
            .share(0, 0.98)
            .says(0, Unpaid, 0.0)
            .share(1, 0.0)
            .share(2, 0.0)
            .says(2, Net, -0.22)
            .share(3, 0.44),
        Row::new("20 honest of 26, 4 pages each", mixed(each(4)))
            .share(0, 0.95)
            .says(0, Unpaid, 0.0)
            .share(1, 0.0)
            .share(2, 0.01)
            .says(2, Net, -0.16)
            .share(3, 0.39),
        Row::new("20 honest of 26, 1 page each", mixed(each(1)))
            .share(0, 0.84)
            .says(0, Unpaid, 0.09)
            .share(1, 0.0)
            .share(2, 0.10)
            .says(2, Net, -0.05)
            .share(3, 0.39),
        Row::new(
            "20 honest of 26, 1 page each, 8 gold",
            mixed(Scenario { gold: 8, ..each(1) }),
        )
        .share(0, 0.89)
        .says(0, Unpaid, 0.03),
        Row::new(
            "40 % constant and random, 4 pages each",
            each(4)
                .with(Kind::Honest, 15)
                .with(Kind::Constant, 5)
                .with(Kind::Random, 5),
        )
        .share(0, 0.94)
        .share(1, 0.0)
        .share(2, 0.02),
    ];
    for (percent, honest, theirs, net) in [
        (20, 0.95, 0.04, -0.09),
        (40, 0.91, 0.20, 0.11),
        (60, 0.69, 0.38, 0.38),
    ] {
        let colluding = 25 * percent / 100;
        rows.push(
            Row::new(
                format!("{percent} % share a random answer key, 4 pages each"),
                each(4)
                    .with(Kind::Honest, 25 - colluding)
                    .with(Kind::Colluding, colluding),
            )
            .share(0, honest)
            .share(1, theirs)
            .says(1, Net, net),
        );
    }
    rows.push(
        Row::new(
            "40 % share a random answer key, 12 pages each",
            each(12).with(Kind::Honest, 15).with(Kind::Colluding, 10),
        )
        .says(1, Net, -0.08),
    );
    for (panel, shares) in [(5, [0.88, 0.76, 0.78, 0.97]), (3, [0.84, 0.72, 0.60, 0.87])] {
        for (percent, share) in [10, 20, 30, 50].into_iter().zip(shares) {
            rows.push(
                Row::new(
                    format!("{percent} % of the gold false, 4 pages each, panels of {panel}"),
                    Scenario {
                        panel,
                        false_gold: f64::from(percent) / 100.0,
                        ..each(4)
                    }
                    .with(Kind::Honest, 25),
                )
                .share(0, share)
                .says(0, StakeLost, 0.02),
            );
        }
    }
    rows.push(
        Row::new(
            "20 % answer the opposite, 4 pages each",
            each(4).with(Kind::Honest, 20).with(Kind::Opposite, 5),
        )
        .share(0, 0.89)
        .share(1, 0.0),
    );
    let mut skills = Row::new("mixed skill, 4 pages each", each(4));
    for (group, (accuracy, workers, share)) in [
        (0.90, 7, 0.99),
        (0.80, 6, 0.89),
        (0.75, 6, 0.76),
        (0.65, 6, 0.38),
    ]
    .into_iter()
    .enumerate()
    {
        skills.scenario = skills
            .scenario
            .with_accuracy(Kind::Honest, workers, accuracy);
        skills = skills.share(group, share);
    }
    rows.push(skills);
    rows.push(
        Row::new(
            "labels 90:10, 4 pages each",
            mixed(Scenario {
                truth: Truth::Weighted(vec![9.0, 1.0]),
                balanced_gold: true,
                ..each(4)
            }),
        )
        .share(0, 0.95)
        .share(1, 0.0)
        .share(2, 0.04),
    );
    rows.push(
        Row::new(
            "four classes, 4 pages each",
            mixed(Scenario {
                label: LabelType::Classification { classes: 4 },
                ..each(4)
            }),
        )
        .share(0, 0.99)
        .share(1, 0.0)
        .share(2, 0.0),
    );
    for (name, label) in [
        ("ratings of 5 steps", LabelType::Rating { steps: 5 }),
        ("6 flags", LabelType::MultiLabel { flags: 6 }),
        ("preferences with ties", LabelType::Preference),
        ("rankings of 5", LabelType::Ranking { items: 5 }),
    ] {
        // The table has .96 to 1.0 for the honest and at most .04 for the random.
        rows.push(
            Row::new(
                format!("{name}, 4 pages each"),
                mixed(Scenario { label, ..each(4) }),
            )
            .share(0, 0.98)
            .share(1, 0.0)
            .share(2, 0.02),
        );
    }
    let page_of_three = || Scenario {
        pages: Pages::Total(1),
        panel: 3,
        gold: 8,
        ..Scenario::default()
    };
    rows.push(
        Row::new(
            "one page, panel of 3, 8 gold",
            page_of_three().with(Kind::Honest, 3),
        )
        .share(0, 0.92),
    );
    rows.push(
        Row::new(
            "one page, panel of 3, 8 gold, two share a key",
            page_of_three()
                .with(Kind::Honest, 1)
                .with(Kind::Colluding, 2),
        )
        .share(0, 0.80)
        .share(1, 0.20),
    );
    rows.push(
        Row::new(
            "everybody at half effort, 4 pages each",
            each(4).with(Kind::HalfEffort, 25),
        )
        .share(0, 0.50),
    );
    for row in &mut rows {
        row.scenario.batches = batches;
        row.scenario.seed = seed;
    }
    rows
}
