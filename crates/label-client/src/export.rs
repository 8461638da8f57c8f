//! Labelled tasks as data sets for training, one JSON object a line.
//!
//! | format | from | fields |
//! |---|---|---|
//! | [`trl_preference`] | preference, ranking | `prompt`, `chosen`, `rejected` |
//! | [`trl_unpaired`] | preference, classification of two with `text` | `prompt`, `completion`, `label` |
//! | [`trl_stepwise`] | flags over `options` | `prompt`, `completions`, `labels` |
//! | [`anthropic_hh`] | preference, ranking | `chosen`, `rejected`, whole conversations |
//!
//! The first three are the forms of TRL's data sets with an explicit prompt; the last that
//! of Anthropic's HH-RLHF.

use crate::{page::Task, schema::Schema};
use athanor_label_math::Answer;
use serde_json::{json, Value};

/// A task with the label its panel gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The task.
    pub task: Task,
    /// The consensus.
    pub label: Answer,
}

/// A data set, and how many tasks have no place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// One JSON object a line.
    pub jsonl: String,
    /// Lines.
    pub rows: usize,
    /// Tasks without a row: ties and pairs of which both are bad, or tasks of another type.
    pub skipped: usize,
}

impl Exported {
    fn of(labelled: &[Labelled], rows: impl Fn(&Labelled) -> Vec<Value>) -> Self {
        let mut exported = Self::default();
        for item in labelled {
            let rows = rows(item);
            exported.skipped += usize::from(rows.is_empty());
            for row in rows {
                exported.rows += 1;
                exported.jsonl.push_str(&row.to_string());
                exported.jsonl.push('\n');
            }
        }
        exported
    }
}

/// The better and the worse text of each pair that a label decides.
fn pairs<'a>(schema: &Schema, item: &'a Labelled) -> Vec<(&'a str, &'a str)> {
    match (schema, &item.label) {
        (Schema::Preference, Answer::Code(code @ 0..=1)) => match (&item.task.a, &item.task.b) {
            (Some(a), Some(b)) if *code == 0 => vec![(a, b)],
            (Some(a), Some(b)) => vec![(b, a)],
            _ => Vec::new(),
        },
        (Schema::Ranking { items: count }, Answer::Code(code)) => {
            let order = Answer::fields(*code, 3, *count);
            let items = item.task.items.as_deref().unwrap_or_default();
            let texts: Vec<&str> = order
                .iter()
                .filter_map(|item| items.get(usize::from(*item)))
                .map(String::as_str)
                .collect();
            let mut pairs = Vec::new();
            let mut rest = texts.as_slice();
            while let Some((better, worse)) = rest.split_first() {
                pairs.extend(worse.iter().map(|worse| (*better, *worse)));
                rest = worse;
            }
            pairs
        }
        _ => Vec::new(),
    }
}

/// TRL's preference format with an explicit prompt. A ranking of k gives all its k(k−1)/2
/// pairs.
pub fn trl_preference(schema: &Schema, labelled: &[Labelled]) -> Exported {
    Exported::of(labelled, |item| {
        pairs(schema, item)
            .into_iter()
            .map(|(chosen, rejected)| {
                json!({"prompt": item.task.prompt, "chosen": chosen, "rejected": rejected})
            })
            .collect()
    })
}

/// TRL's unpaired preference format. The second of two classes is a good completion; a pair
/// gives a good and a bad one, two bad ones give two.
pub fn trl_unpaired(schema: &Schema, labelled: &[Labelled]) -> Exported {
    let row = |item: &Labelled, text: &str, label: bool| json!({"prompt": item.task.prompt, "completion": text, "label": label});
    Exported::of(labelled, |item| {
        let task = &item.task;
        match (schema, &item.label) {
            (Schema::Classification { labels }, Answer::Code(code)) if labels.len() == 2 => {
                let text = task.text.iter();
                text.map(|text| row(item, text, *code == 1)).collect()
            }
            (Schema::Preference, Answer::Code(3)) => {
                let both = task.a.iter().chain(&task.b);
                both.map(|text| row(item, text, false)).collect()
            }
            (Schema::Preference, _) => pairs(schema, item)
                .into_iter()
                .flat_map(|(good, bad)| [row(item, good, true), row(item, bad, false)])
                .collect(),
            _ => Vec::new(),
        }
    })
}

/// TRL's stepwise supervision format: the parts of a task, each flagged right or not.
pub fn trl_stepwise(schema: &Schema, labelled: &[Labelled]) -> Exported {
    Exported::of(labelled, |item| {
        match (schema, &item.task.options, &item.label) {
            (Schema::MultiLabel { .. }, Some(steps), Answer::Code(code)) => {
                let labels: Vec<bool> = (0..steps.len().min(32))
                    .map(|step| code >> step & 1 == 1)
                    .collect();
                vec![json!({"prompt": item.task.prompt, "completions": steps, "labels": labels})]
            }
            _ => Vec::new(),
        }
    })
}

/// The form of Anthropic's HH-RLHF: two conversations that differ in the last answer. A
/// prompt that is no such conversation yet becomes the human's only turn.
pub fn anthropic_hh(schema: &Schema, labelled: &[Labelled]) -> Exported {
    let conversation = |prompt: &str, answer: &str| {
        let start = if prompt.starts_with("\n\nHuman:") {
            prompt.trim_end().to_owned()
        } else {
            format!("\n\nHuman: {prompt}")
        };
        match start.strip_suffix("\n\nAssistant:") {
            Some(start) => format!("{start}\n\nAssistant: {answer}"),
            None => format!("{start}\n\nAssistant: {answer}"),
        }
    };
    Exported::of(labelled, |item| {
        pairs(schema, item)
            .into_iter()
            .map(|(chosen, rejected)| {
                let prompt = &item.task.prompt;
                json!({
                    "chosen": conversation(prompt, chosen),
                    "rejected": conversation(prompt, rejected),
                })
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{page::tests::task, schema::tests::all};

    fn labelled(schema: &Schema, codes: &[u32]) -> Vec<Labelled> {
        codes
            .iter()
            .enumerate()
            .map(|(number, code)| Labelled {
                task: task(schema, number),
                label: Answer::Code(*code),
            })
            .collect()
    }

    fn rows(exported: &Exported) -> Vec<Value> {
        let lines = exported.jsonl.lines();
        let rows: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(rows.len(), exported.rows);
        rows
    }

    #[test]
    fn a_pair_has_a_chosen_and_a_rejected_answer() {
        let schema = Schema::Preference;
        let exported = trl_preference(&schema, &labelled(&schema, &[0, 1, 2, 3]));
        assert_eq!((exported.rows, exported.skipped), (2, 2));
        assert_eq!(
            rows(&exported)[1],
            json!({"prompt": "What about 1?", "chosen": "second", "rejected": "first 1"})
        );
    }

    #[test]
    fn a_ranking_gives_all_its_pairs() {
        let schema = Schema::Ranking { items: 4 };
        let item = Labelled {
            task: task(&schema, 0),
            label: Answer::ranking(&[2, 0, 3, 1]),
        };
        let rows = rows(&trl_preference(&schema, &[item]));
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[0]["chosen"], "part 2");
        assert_eq!(rows[5]["chosen"], "part 3");
        assert_eq!(rows[5]["rejected"], "part 1");
    }

    #[test]
    fn completions_are_good_or_bad() {
        let schema = Schema::Preference;
        let exported = trl_unpaired(&schema, &labelled(&schema, &[0, 2, 3]));
        assert_eq!((exported.rows, exported.skipped), (4, 1));
        let labels: Vec<bool> = rows(&exported)
            .iter()
            .map(|row| row["label"] == true)
            .collect();
        assert_eq!(labels, [true, false, false, false]);
        let schema = Schema::Classification {
            labels: vec!["wrong".into(), "right".into()],
        };
        let good = rows(&trl_unpaired(&schema, &labelled(&schema, &[1, 0])));
        assert_eq!(
            good[0],
            json!({"prompt": "What about 0?", "completion": "an answer 0", "label": true})
        );
        assert_eq!(good[1]["label"], false);
    }

    #[test]
    fn steps_are_flagged_one_by_one() {
        let schema = all()[3].clone();
        let row = &rows(&trl_stepwise(&schema, &labelled(&schema, &[0b10])))[0];
        assert_eq!(row["completions"], json!(["part 0", "part 1"]));
        assert_eq!(row["labels"], json!([false, true]));
    }

    #[test]
    fn conversations_differ_in_the_last_answer() {
        let schema = Schema::Preference;
        let mut items = labelled(&schema, &[0, 1]);
        items[1].task.prompt = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Go\n\nAssistant:".into();
        let rows = rows(&anthropic_hh(&schema, &items));
        assert_eq!(
            rows[0]["chosen"],
            "\n\nHuman: What about 0?\n\nAssistant: first 0"
        );
        let rejected = rows[1]["rejected"].as_str().unwrap();
        assert!(
            rejected.ends_with("Human: Go\n\nAssistant: first 1"),
            "{rejected}"
        );
    }

    #[test]
    fn other_types_are_skipped_and_counted() {
        for schema in all() {
            let items = [Labelled {
                task: task(&schema, 0),
                label: crate::schema::tests::answer(&schema, 0),
            }];
            for export in [trl_preference, trl_unpaired, trl_stepwise, anthropic_hh] {
                let exported = export(&schema, &items);
                assert_eq!(exported.rows == 0, exported.skipped == 1);
            }
        }
    }
}
