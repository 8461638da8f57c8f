//! From a page file to what one worker is shown, and back.

use super::task::{Body, Page, Task};
use athanor_label_client::{
    order::Shown,
    page::{self, Page as File},
    schema::Schema,
    text::{clean, one_line},
};
use athanor_label_math::Answer;

/// How a worker is shown a page.
#[derive(Clone, Debug)]
pub struct Presented {
    /// What is shown.
    pub page: Page,
    orders: Vec<Shown>,
}

impl Presented {
    /// A page as this worker is shown it. Every text is cleaned.
    pub fn new(file: &File, batch: u64, worker: &[u8; 32]) -> Self {
        let schema = &file.schema;
        let (tasks, orders) = file
            .tasks
            .iter()
            .zip(0u8..)
            .map(|(task, at)| {
                let order = Shown::of(schema, batch, file.page, worker, at);
                (shown(schema, order.task(task)), order)
            })
            .unzip();
        let first = match schema {
            Schema::Rating { first, .. } => *first,
            _ => 0,
        };
        Self {
            page: Page {
                batch,
                number: file.page,
                ty: schema.label_type(),
                first,
                tasks,
            },
            orders,
        }
    }

    /// Answers as they were shown, in the page file's order.
    pub fn canonical(&self, shown: &[Answer]) -> Vec<Answer> {
        self.orders
            .iter()
            .zip(shown)
            .map(|(order, answer)| order.canonical(answer))
            .collect()
    }
}

fn shown(schema: &Schema, task: page::Task) -> Task {
    let body = match (task.text, task.a, task.b, task.items, task.tokens) {
        (_, Some(a), Some(b), _, _) => Body::Pair(a, b),
        (_, _, _, Some(items), _) => Body::Items(items),
        (_, _, _, _, Some(tokens)) => {
            Body::Tokens(tokens.iter().map(|token| one_line(token)).collect())
        }
        (Some(text), ..) => Body::Text(text),
        _ => Body::Prompt,
    };
    let options = match (task.options, schema) {
        (Some(options), _) => options.iter().map(|option| one_line(option)).collect(),
        (None, Schema::Preference) => Vec::new(),
        (None, schema) => schema
            .names()
            .iter()
            .map(|name| one_line(&clean(name)))
            .collect(),
    };
    Task {
        prompt: task.prompt,
        body,
        options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str, a: &str, b: &str) -> page::Task {
        page::Task {
            id: id.into(),
            prompt: "Which\u{1b}[2J is \u{202e}better?".into(),
            a: Some(a.into()),
            b: Some(b.into()),
            ..page::Task::default()
        }
    }

    fn file(schema: Schema, tasks: Vec<page::Task>) -> File {
        File {
            batch_salt: [1; 32],
            page: 40,
            schema,
            tasks,
        }
    }

    #[test]
    fn prompts_cannot_command_the_terminal() {
        let tasks = vec![task("1", "\u{9b}31mred\u{7}", "b\u{0}lue")];
        let presented = Presented::new(&file(Schema::Preference, tasks), 12, &[7; 32]);
        let shown = &presented.page.tasks[0];
        assert_eq!(shown.prompt, "Which is better?");
        let Body::Pair(a, b) = &shown.body else {
            panic!("{shown:?}");
        };
        let mut pair = [a.as_str(), b.as_str()];
        pair.sort_unstable();
        assert_eq!(pair, ["blue", "red"]);
    }

    #[test]
    fn what_a_worker_picks_is_what_is_packed_whatever_the_order() {
        let tasks: Vec<_> = (0..32)
            .map(|n| task(&n.to_string(), "first", "second"))
            .collect();
        let presented = Presented::new(&file(Schema::Preference, tasks), 12, &[7; 32]);
        // He always picks the text that the file has as the first.
        let picked: Vec<Answer> = presented
            .page
            .tasks
            .iter()
            .map(|task| match &task.body {
                Body::Pair(a, _) => Answer::Code(u32::from(a != "first")),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(picked.contains(&Answer::Code(0)) && picked.contains(&Answer::Code(1)));
        assert_eq!(presented.canonical(&picked), vec![Answer::Code(0); 32]);
    }

    #[test]
    fn rankings_are_shuffled_and_mapped_back() {
        let tasks: Vec<_> = (0..8)
            .map(|n| page::Task {
                id: n.to_string(),
                prompt: "Order".into(),
                items: Some(["0", "1", "2", "3"].map(str::to_owned).to_vec()),
                ..page::Task::default()
            })
            .collect();
        let presented = Presented::new(&file(Schema::Ranking { items: 4 }, tasks), 12, &[7; 32]);
        // The place of item 0, then of item 1, …: item 0 is his best.
        let picked: Vec<Answer> = presented
            .page
            .tasks
            .iter()
            .map(|task| match &task.body {
                Body::Items(items) => {
                    let place = |item: usize| {
                        items
                            .iter()
                            .position(|shown| *shown == item.to_string())
                            .unwrap() as u8
                    };
                    Answer::ranking(&[place(0), place(1), place(2), place(3)])
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(picked
            .iter()
            .any(|answer| *answer != Answer::ranking(&[0, 1, 2, 3])));
        let straight = vec![Answer::ranking(&[0, 1, 2, 3]); 8];
        assert_eq!(presented.canonical(&picked), straight);
    }

    #[test]
    fn options_are_the_tasks_own_or_those_of_the_type() {
        let labels = vec!["yes".to_owned(), "no".to_owned()];
        let plain = page::Task {
            id: "1".into(),
            prompt: "?".into(),
            text: Some("text".into()),
            ..page::Task::default()
        };
        let own = page::Task {
            options: Some(vec!["ja\u{1b}[1m".into(), "nein\nnie".into()]),
            ..plain.clone()
        };
        let presented = Presented::new(
            &file(Schema::Classification { labels }, vec![plain, own]),
            12,
            &[7; 32],
        );
        assert_eq!(presented.page.tasks[0].options, ["yes", "no"]);
        assert_eq!(presented.page.tasks[1].options, ["ja", "nein nie"]);
    }
}
