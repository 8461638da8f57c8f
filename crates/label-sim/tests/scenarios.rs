//! Scenarios of every type, and what is refused.

use athanor_label_math::{Answer, LabelType, SheetError, TypeError};
use athanor_label_sim::{
    parse_group, parse_truth, parse_type, run, svg, Kind, Pages, ParseError, Report, Scenario,
    ScenarioError, Truth, TruthError,
};
use std::sync::atomic::{AtomicU32, Ordering};

const TYPES: [&str; 8] = [
    "classification:2",
    "classification:16",
    "preference",
    "rating:7",
    "multi-label:4",
    "safety:4,2,1",
    "ranking:5",
    "span:64",
];

fn small(label: LabelType) -> Scenario {
    Scenario {
        label,
        tasks: label.max_tasks(),
        pages: Pages::Each(4),
        batches: 6,
        ..Scenario::default()
    }
}

#[test]
fn honest_work_is_paid_and_lazy_work_is_not_in_every_type() {
    for name in TYPES {
        let label = parse_type(name).unwrap();
        let scenario = small(label)
            .with_accuracy(Kind::Honest, 16, 0.95)
            .with(Kind::Constant, 3)
            .with(Kind::Random, 3)
            .with(Kind::HalfEffort, 2)
            .with(Kind::Colluding, 2)
            .with(Kind::Opposite, 2)
            .with(Kind::Sybil, 2);
        let report = run(&scenario, &|| true).unwrap();
        let share = |kind| report.of(kind).unwrap().share;
        assert!(share(Kind::Honest) > 0.8, "{name}: {report:?}");
        assert!(share(Kind::Constant) < 0.05, "{name}: {report:?}");
        assert!(share(Kind::Random) < 0.15, "{name}: {report:?}");
        assert!(share(Kind::Opposite) < 0.05, "{name}: {report:?}");
        assert!(share(Kind::Sybil) > 0.5, "{name}: {report:?}");
        assert!(report.label_accuracy > 0.5, "{name}: {report:?}");
        let cost = 1.02 * 5.0 * f64::from(scenario.tasks) / f64::from(scenario.tasks - 4);
        assert!((report.cost_per_label - cost).abs() < 1e-9);
        assert!(report.cost_per_true_label >= report.cost_per_label);
        assert!(report.paid > 0.3 && report.paid < 1.0);
    }
}

#[test]
fn the_seed_alone_decides() {
    let scenario = small(LabelType::Preference)
        .with(Kind::Honest, 9)
        .with(Kind::Colluding, 3);
    let count = AtomicU32::new(0);
    let counted = || count.fetch_add(1, Ordering::Relaxed) < 100;
    let first = run(&scenario, &counted).unwrap();
    assert_eq!(count.into_inner(), 6);
    assert_eq!(first, run(&scenario, &|| true).unwrap());
    assert!(matches!(
        run(&scenario, &|| false),
        Err(ScenarioError::Stopped)
    ));
    let other = Scenario {
        seed: 2,
        ..scenario
    };
    assert_ne!(first, run(&other, &|| true).unwrap());
}

#[test]
fn truth_can_come_from_a_file() {
    let ty = LabelType::Ranking { items: 3 };
    let truth = parse_truth(&ty, "2,0,1\n\n 0, 1, 2 \n").unwrap();
    assert_eq!(
        truth,
        [Answer::ranking(&[2, 0, 1]), Answer::ranking(&[0, 1, 2])]
    );
    let scenario = Scenario {
        truth: Truth::Listed(truth),
        ..small(ty)
    }
    .with(Kind::Honest, 10);
    let report = run(&scenario, &|| true).unwrap();
    assert!(report.label_accuracy > 0.9);

    let flags = LabelType::MultiLabel { flags: 4 };
    assert_eq!(
        parse_truth(&flags, "0,3\n-\n").unwrap(),
        [Answer::Code(0b1001), Answer::Code(0)]
    );
    let class = LabelType::Classification { classes: 3 };
    assert!(matches!(parse_truth(&class, "\n"), Err(TruthError::Empty)));
    assert!(matches!(
        parse_truth(&class, "0\nyes\n"),
        Err(TruthError::Number { line: 2, .. })
    ));
    assert!(matches!(
        parse_truth(&class, "0\n1\n3\n"),
        Err(TruthError::Answer {
            line: 3,
            source: SheetError::Code
        })
    ));
    assert!(matches!(
        parse_truth(&ty, "0,1,1"),
        Err(TruthError::Answer {
            line: 1,
            source: SheetError::Permutation
        })
    ));
}

#[test]
fn what_can_not_be_played_is_named() {
    let good = || small(LabelType::Preference).with(Kind::Honest, 9);
    assert!(good().check().is_ok());
    let refused = |scenario: Scenario| run(&scenario, &|| true).unwrap_err();
    assert!(matches!(
        refused(small(LabelType::Preference)),
        ScenarioError::Workers(0)
    ));
    assert!(matches!(
        refused(Scenario { tasks: 3, ..good() }),
        ScenarioError::Type(TypeError::Tasks)
    ));
    assert!(matches!(
        refused(Scenario {
            label: LabelType::Text,
            ..good()
        }),
        ScenarioError::Type(TypeError::TextReserved)
    ));
    assert!(matches!(
        refused(small(LabelType::Preference).with(Kind::Honest, 4)),
        ScenarioError::Panel {
            panel: 5,
            workers: 4
        }
    ));
    assert!(matches!(
        refused(Scenario { gold: 17, ..good() }),
        ScenarioError::Gold
    ));
    assert!(matches!(
        refused(Scenario {
            pages: Pages::Total(4_097),
            ..good()
        }),
        ScenarioError::Pages(4_097)
    ));
    assert!(matches!(
        refused(Scenario {
            false_gold: 1.5,
            ..good()
        }),
        ScenarioError::Share(_)
    ));
    assert!(matches!(
        refused(Scenario {
            truth: Truth::Weighted(vec![1.0, 2.0]),
            ..good()
        }),
        ScenarioError::Weights
    ));
    assert!(matches!(refused(good().batches(0)), ScenarioError::Batches));
}

#[test]
fn types_and_groups_are_read_as_written() {
    for name in TYPES {
        assert!(parse_type(name).is_ok(), "{name}");
    }
    for name in [
        "",
        "binary",
        "rating",
        "rating:x",
        "preference:2",
        "span:70000",
    ] {
        assert_eq!(parse_type(name), Err(ParseError::Type(name.into())));
    }
    assert_eq!(
        parse_type("rating:40"),
        Err(ParseError::Bounds(TypeError::Steps))
    );
    assert_eq!(
        parse_type("safety:1,1,1,1,1,1,1,1,1"),
        Err(ParseError::Bounds(TypeError::Flags))
    );
    let group = parse_group("half-effort@0.7=3").unwrap();
    assert_eq!(
        (group.kind, group.workers, group.accuracy),
        (Kind::HalfEffort, 3, 0.7)
    );
    for text in ["honest", "honest=x", "honest@2=1", "bored=1", "honest@=1"] {
        assert_eq!(parse_group(text), Err(ParseError::Group(text.into())));
    }
}

#[test]
fn the_plot_is_a_picture_of_every_group() {
    let scenario = small(LabelType::Preference)
        .with(Kind::Honest, 9)
        .with(Kind::Random, 3);
    let report: Report = run(&scenario, &|| true).unwrap();
    let picture = svg(&report).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
    for part in ["honest 85 % (9)", "random 85 % (3)", "share of the price"] {
        assert!(picture.contains(part), "{part}");
    }
}
