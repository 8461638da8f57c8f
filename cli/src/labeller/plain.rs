//! Labelling without a screen: answers from a table, or line by line.

use super::{
    from_file::Presented,
    task::{Body, Task},
};
use crate::error::{Error, Result};
use athanor_label_client::{page::Page, schema::Schema};
use athanor_label_math::Answer;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
};

/// Longest line that is read, in bytes.
const MAX_LINE: usize = 65_536;

/// Answers by the id of their task: a JSON object `{"id", "answer"}` a line, in the page
/// file's own order of A and B and of items.
///
/// # Errors
///
/// Which line is wrong, and how.
pub fn table(bytes: &[u8]) -> std::result::Result<BTreeMap<String, Value>, String> {
    let mut answers = BTreeMap::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if line.len() > MAX_LINE {
            return Err(format!("line {number} is longer than {MAX_LINE} bytes"));
        }
        let mut object: serde_json::Map<String, Value> =
            serde_json::from_slice(line).map_err(|error| format!("line {number}: {error}"))?;
        let (id, answer) = match (object.remove("id"), object.remove("answer")) {
            (Some(Value::String(id)), Some(answer)) => (id, answer),
            _ => return Err(format!("line {number} has no \"id\" and \"answer\"")),
        };
        if answers.insert(id.clone(), answer).is_some() {
            return Err(format!("line {number}: task '{id}' is answered twice"));
        }
    }
    Ok(answers)
}

/// The answers to a page from a table.
///
/// # Errors
///
/// Which task has none, or a wrong one.
pub fn answers(
    page: &Page,
    table: &BTreeMap<String, Value>,
) -> std::result::Result<Vec<Answer>, String> {
    page.tasks
        .iter()
        .map(|task| {
            let answer = table
                .get(&task.id)
                .ok_or_else(|| format!("there is no answer to task '{}'", task.id))?;
            page.schema
                .answer_from_json(answer)
                .map_err(|reason| format!("the answer to task '{}': {reason}", task.id))
        })
        .collect()
}

/// How an answer is typed.
fn hint(schema: &Schema) -> &'static str {
    match schema {
        Schema::Classification { .. } => "name or number from 0 of a class",
        Schema::Preference => "A, B, tie or both_bad",
        Schema::Rating { .. } => "a number of the scale",
        Schema::MultiLabel { .. } => "names of flags joined by |, or an empty line for none",
        Schema::Safety { .. } => "flag=1|flag=3, or an empty line for none",
        Schema::Ranking { .. } => "items, the best first, such as 2>0>1",
        Schema::Span { .. } => "label:first:count|…, tokens from 0, or an empty line for none",
    }
}

fn print(out: &mut impl Write, number: usize, of: usize, task: &Task) -> io::Result<()> {
    writeln!(out, "\nTask {number} of {of}\n{}", task.prompt)?;
    match &task.body {
        Body::Prompt => {}
        Body::Text(text) => writeln!(out, "\n{text}")?,
        Body::Pair(a, b) => writeln!(out, "\nA: {a}\n\nB: {b}")?,
        Body::Items(items) => {
            for (at, item) in items.iter().enumerate() {
                writeln!(out, "{at}: {item}")?;
            }
        }
        Body::Tokens(tokens) => {
            for (at, token) in tokens.iter().enumerate() {
                write!(out, "{at}:{token} ")?;
            }
            writeln!(out)?;
        }
    }
    for (at, option) in task.options.iter().enumerate() {
        writeln!(out, "  {at}: {option}")?;
    }
    Ok(())
}

/// Asks for the answers line by line, in the order shown. `None` at the end of the input.
///
/// # Errors
///
/// If standard input or error is broken.
pub fn ask(schema: &Schema, presented: &Presented) -> Result<Option<Vec<Answer>>> {
    ask_from(
        schema,
        presented,
        &mut io::stdin().lock(),
        &mut io::stderr().lock(),
    )
    .map_err(|source| Error::File {
        action: "read",
        path: "standard input".into(),
        source,
    })
}

fn ask_from(
    schema: &Schema,
    presented: &Presented,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> io::Result<Option<Vec<Answer>>> {
    let tasks = &presented.page.tasks;
    let mut answers = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        print(out, at + 1, tasks.len(), task)?;
        loop {
            write!(out, "{}> ", hint(schema))?;
            out.flush()?;
            let mut line = Vec::new();
            let mut bounded = io::Read::take(&mut *input, MAX_LINE as u64);
            if bounded.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            match schema.answer_from_text(&String::from_utf8_lossy(&line)) {
                Ok(answer) => {
                    answers.push(answer);
                    break;
                }
                Err(reason) => writeln!(out, "{reason}")?,
            }
        }
    }
    Ok(Some(answers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_label_client::page;

    fn file() -> Page {
        let task = |id: &str| page::Task {
            id: id.into(),
            prompt: format!("Question {id}?"),
            a: Some("first".into()),
            b: Some("second".into()),
            ..page::Task::default()
        };
        Page {
            batch_salt: [1; 32],
            page: 3,
            schema: Schema::Preference,
            tasks: ["w", "x", "y", "z"].map(task).to_vec(),
        }
    }

    #[test]
    fn answers_are_found_by_the_id_of_their_task() {
        let lines = "{\"id\":\"x\",\"answer\":\"B\"}\n\n{\"id\":\"w\",\"answer\":\"A\"}\n\
                     {\"id\":\"z\",\"answer\":\"both_bad\"}\n{\"id\":\"y\",\"answer\":2}\n";
        let table = table(lines.as_bytes()).unwrap();
        let codes = [0, 1, 2, 3].map(Answer::Code);
        assert_eq!(answers(&file(), &table).unwrap(), codes);
    }

    #[test]
    fn a_table_that_lacks_an_answer_or_has_a_wrong_one_says_which() {
        for (lines, word) in [
            ("{", "line 1"),
            ("\n{\"id\":\"x\"}", "line 2 has no"),
            (
                "{\"id\":\"x\",\"answer\":1}\n{\"id\":\"x\",\"answer\":1}",
                "answered twice",
            ),
        ] {
            let error = table(lines.as_bytes()).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        let some = table(b"{\"id\":\"w\",\"answer\":\"A\"}").unwrap();
        assert!(answers(&file(), &some).unwrap_err().contains("task 'x'"));
        let wrong = table(b"{\"id\":\"w\",\"answer\":\"C\"}").unwrap();
        assert!(answers(&file(), &wrong).unwrap_err().contains("task 'w'"));
    }

    #[test]
    fn lines_are_asked_for_until_they_are_answers() {
        let presented = Presented::new(&file(), 12, &[7; 32]);
        let mut out = Vec::new();
        let typed = b"A\nwhat\nB\ntie\nboth_bad\n";
        let given = ask_from(&Schema::Preference, &presented, &mut &typed[..], &mut out);
        let codes = [0, 1, 2, 3].map(Answer::Code);
        assert_eq!(given.unwrap().unwrap(), codes);
        let shown = String::from_utf8(out).unwrap();
        assert_eq!(shown.matches("Task ").count(), 4);
        assert_eq!(shown.matches("> ").count(), 5);
        let cut = ask_from(
            &Schema::Preference,
            &presented,
            &mut &b"A\n"[..],
            &mut Vec::new(),
        );
        assert_eq!(cut.unwrap(), None);
    }
}
