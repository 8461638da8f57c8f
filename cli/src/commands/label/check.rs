//! `athanor label check`: what a file holds, before anything is bought.

use super::ask::{bad_file, Ask, Input};
use crate::{commands::Context, error::Result, output};
use athanor_label_client::plan::{self, Shape};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;

/// Options of `label check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The file.
    #[command(flatten)]
    pub input: Input,
    /// What is asked.
    #[command(flatten)]
    pub ask: Ask,
    /// Tasks a page, gold included [default: 32, 8 for spans]
    #[arg(long, value_name = "N")]
    pub page_tasks: Option<u8>,
    /// Gold a page [default: proposed]
    #[arg(long, value_name = "N")]
    pub page_gold: Option<u8>,
}

/// Tasks a page when nothing is said.
pub(super) fn page_tasks(given: Option<u8>, most: u8) -> u8 {
    given.unwrap_or(most)
}

pub(super) fn run(options: &Check, context: &Context) -> Result<()> {
    let schema = options.ask.schema()?;
    let found = options.input.read(&schema)?;
    let tasks = page_tasks(options.page_tasks, schema.label_type().max_tasks());
    let gold = options.page_gold.unwrap_or_else(|| {
        let shape = Shape {
            tasks,
            gold: tasks / 8,
        };
        let pages = plan::pages_for(super::create::asked(&found), shape);
        plan::propose_gold(tasks, u32::try_from(pages).unwrap_or(u32::MAX), 2.0)
    });
    let mut answers: BTreeMap<String, u64> = BTreeMap::new();
    for (_, answer) in &found.gold {
        *answers.entry(schema.answer_text(answer)).or_default() += 1;
    }
    let counts = (found.tasks.len(), found.gold.len());
    let ignored: Vec<String> = found.ignored.iter().cloned().collect();
    let shape = Shape { tasks, gold };
    let plan = plan::plan(&schema, found.tasks, found.gold, shape, &[0; 32])
        .map_err(|error| bad_file(&options.input.file, &error))?;
    let value = json!({
        "tasks": counts.0,
        "gold": counts.1,
        "gold_answers": answers,
        "ignored_fields": ignored,
        "pages": plan.pages.len(),
        "page_tasks": tasks,
        "page_gold": gold,
        "fillers": plan.pages.iter().map(|page| page.fillers.len()).sum::<usize>(),
        "spare_gold": plan.spare,
    });
    context.output.result(&value, || {
        format!(
            "{}\n\nThe file makes a batch. Price it with: athanor label quote",
            output::describe(&value)
        )
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::label::ask::{tests::ask, Kind},
        config::{Environment, Format, Global, Settings},
        output::Output,
    };

    fn context() -> Context {
        let settings = Settings::resolve(&Global::default(), &Environment::default()).unwrap();
        Context::new(settings, Output::new(Format::Json, true))
    }

    fn check(gold: &str) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tasks.csv");
        let mut text = String::from("prompt,a,b,gold\n");
        for number in 0..28 {
            text.push_str(&format!("question {number},x,y,\n"));
        }
        for (number, answer) in gold.chars().enumerate() {
            text.push_str(&format!("gold {number},x,y,{answer}\n"));
        }
        std::fs::write(&file, text).unwrap();
        let options = Check {
            input: Input {
                file,
                gold_column: "gold".into(),
                field: Vec::new(),
            },
            ask: ask(Kind::Preference, &[]),
            page_tasks: Some(8),
            page_gold: Some(2),
        };
        run(&options, &context())
    }

    #[test]
    fn a_good_file_is_described() {
        check("ABABABABAB").unwrap();
    }

    #[test]
    fn unbalanced_gold_is_refused_with_the_file_name() {
        let error = check("AAAAAAAAAB").unwrap_err().to_string();
        assert!(
            error.contains("tasks.csv: 9 of the 10 gold answers are 'A'"),
            "{error}"
        );
    }
}
