//! Writes one data set of every export into a folder, from labels made up here:
//! `cargo run --example label-exports FOLDER`. What `scripts/test-label-exports` loads.

use athanor_label_client::{
    export::{anthropic_hh, trl_preference, trl_stepwise, trl_unpaired, Exported, Labelled},
    page::{Page, Task},
    schema::Schema,
    table::{rows, to_csv, Sheets},
};
use athanor_label_math::{pack, Answer};
use std::{collections::BTreeMap, error::Error, fs, path::Path};

fn tasks(fill: impl Fn(usize, &mut Task)) -> Vec<Task> {
    let task = |number: usize| {
        let mut task = Task {
            id: format!("task-{number}"),
            prompt: format!("Question {number}: \"why\", or\nwhy not? — {number}é"),
            ..Task::default()
        };
        fill(number, &mut task);
        task
    };
    (0..12).map(task).collect()
}

fn labelled(tasks: Vec<Task>, codes: &[u32]) -> Vec<Labelled> {
    tasks
        .into_iter()
        .zip(codes.iter().cycle())
        .map(|(task, code)| Labelled {
            task,
            label: Answer::Code(*code),
        })
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("usage: label-exports FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let write = |name: &str, exported: Exported| fs::write(folder.join(name), exported.jsonl);

    let pair = Schema::Preference;
    let pairs = labelled(
        tasks(|number, task| {
            task.a = Some(format!("Because {number}."));
            task.b = Some("No reason.\n\nReally.".into());
        }),
        &[0, 1, 2, 3],
    );
    write("preference.jsonl", trl_preference(&pair, &pairs))?;
    write("unpaired-from-pairs.jsonl", trl_unpaired(&pair, &pairs))?;
    write("hh.jsonl", anthropic_hh(&pair, &pairs))?;

    let ranking = Schema::Ranking { items: 3 };
    let ranked: Vec<Labelled> = tasks(|number, task| {
        task.items = Some((0..3).map(|item| format!("{number}.{item}")).collect());
    })
    .into_iter()
    .map(|task| Labelled {
        task,
        label: Answer::ranking(&[2, 0, 1]),
    })
    .collect();
    write(
        "preference-from-ranking.jsonl",
        trl_preference(&ranking, &ranked),
    )?;

    let class = Schema::Classification {
        labels: vec!["bad".into(), "good".into()],
    };
    let judged = labelled(
        tasks(|number, task| task.text = Some(format!("An answer {number}"))),
        &[0, 1],
    );
    write("unpaired.jsonl", trl_unpaired(&class, &judged))?;

    let steps = Schema::MultiLabel {
        labels: vec!["1".into(), "2".into(), "3".into()],
    };
    let stepped = labelled(
        tasks(|number, task| {
            task.options = Some(
                (0..=number % 3)
                    .map(|step| format!("Step {step}"))
                    .collect(),
            );
        }),
        &[0b001, 0b011, 0b101],
    );
    write("stepwise.jsonl", trl_stepwise(&steps, &stepped))?;

    let page = Page {
        batch_salt: [1; 32],
        page: 0,
        schema: pair.clone(),
        tasks: pairs.iter().map(|item| item.task.clone()).collect(),
    };
    let sheet = |code: u32| pack(&pair.label_type(), &vec![Answer::Code(code); 12]);
    let sheets = Sheets {
        page,
        round: 0,
        sheets: vec![
            ([1; 32], sheet(0)?),
            ([2; 32], sheet(2)?),
            ([1; 32], sheet(1)?),
        ],
        gold: BTreeMap::from([(3, Answer::Code(1))]),
    };
    fs::write(folder.join("table.csv"), to_csv(&rows(&[sheets])?)?)?;
    Ok(())
}
