//! Tasks and gold from a JSONL or CSV file.
//!
//! | field | of | JSONL | CSV |
//! |---|---|---|---|
//! | `id` | all; `row-N` if missing | text or number | text |
//! | `prompt` | all | text | text |
//! | `text` | optional: classification, rating, flags, safety | text | text |
//! | `a`, `b` | preference | text | text |
//! | `options` | optional: classification, flags | array of texts | JSON array, or split at the separator |
//! | `items` | ranking | array of texts | the same |
//! | `tokens` | spans | array of texts, or a text split at spaces | the same, or split at spaces |
//! | `gold` | the answer, if it is known | see [`Schema::answer_from_json`] | see [`Schema::answer_from_text`] |
//!
//! Other fields are ignored and named. An empty `gold` is none.

use crate::{
    error::{Error, Result},
    page::Task,
    schema::{short, Schema},
};
use athanor_label_math::Answer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest file that is read, in bytes.
pub const MAX_FILE: usize = 256 << 20;

/// Most tasks of a file: a batch of full pages.
pub const MAX_TASKS: usize = 4_096 * 32;

/// Longest line or record, in bytes.
pub const MAX_RECORD: usize = 200 * 1024;

/// Most columns of a CSV file.
const MAX_COLUMNS: usize = 256;

/// Most ignored fields that are named.
const MAX_IGNORED: usize = 32;

/// Fields that a task is made of.
const FIELDS: [&str; 8] = [
    "id", "prompt", "text", "a", "b", "options", "items", "tokens",
];

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header, RFC 4180.
    Csv,
}

/// How a file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its form.
    pub format: Format,
    /// Field with the known answer.
    pub gold: String,
    /// What stands between the entries of a list in a CSV cell.
    pub separator: char,
    /// Names that the file uses for our fields: ours to theirs.
    pub rename: BTreeMap<String, String>,
}

impl Options {
    /// The defaults: gold in `gold`, lists split at `|`, no other names.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            gold: "gold".into(),
            separator: '|',
            rename: BTreeMap::new(),
        }
    }

    fn name<'a>(&'a self, ours: &'a str) -> &'a str {
        self.rename.get(ours).map_or(ours, String::as_str)
    }
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Tasks whose answer is not known.
    pub tasks: Vec<Task>,
    /// Tasks with their answer.
    pub gold: Vec<(Task, Answer)>,
    /// Names of fields that were ignored, sorted; at most 32.
    pub ignored: BTreeSet<String>,
}

/// Reads a file.
///
/// # Errors
///
/// [`Error::TooLarge`]; [`Error::Line`] with the first wrong line.
pub fn read(bytes: &[u8], schema: &Schema, options: &Options) -> Result<Imported> {
    schema.check()?;
    if bytes.len() > MAX_FILE {
        return Err(too_large(MAX_FILE, bytes.len(), "bytes"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = Reader {
        schema,
        options,
        found: Imported::default(),
        ids: HashMap::new(),
    };
    match options.format {
        Format::Jsonl => reader.jsonl(bytes)?,
        Format::Csv => reader.csv(bytes)?,
    }
    Ok(reader.found)
}

fn too_large(most: usize, found: usize, unit: &'static str) -> Error {
    Error::TooLarge {
        what: "a file of tasks",
        most: most as u64,
        found: found as u64,
        unit,
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    options: &'a Options,
    found: Imported,
    ids: HashMap<String, usize>,
}

type Reason<T> = std::result::Result<T, String>;

impl Reader<'_> {
    fn jsonl(&mut self, bytes: &[u8]) -> Result<()> {
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let at = |reason: String| Error::Line { line, reason };
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if text.len() > MAX_RECORD {
                return Err(at(format!("a line has at most {MAX_RECORD} bytes")));
            }
            let value: Value = match serde_json::from_slice(text) {
                Ok(value) => value,
                Err(error) if error.is_data() || error.is_syntax() || error.is_eof() => {
                    let text = format!("no JSON at column {}: {error}", error.column());
                    return Err(at(text));
                }
                Err(error) => return Err(at(error.to_string())),
            };
            let Value::Object(mut object) = value else {
                return Err(at("a line is one JSON object".into()));
            };
            let gold = object.remove(&self.options.gold);
            let mut task = Task::default();
            for field in FIELDS {
                if let Some(value) = object.remove(self.options.name(field)) {
                    set_json(&mut task, field, value).map_err(at)?;
                }
            }
            for name in object.keys() {
                self.ignore(name);
            }
            let gold = match gold {
                None | Some(Value::Null) => None,
                Some(Value::String(text)) if text.trim().is_empty() => None,
                Some(value) => Some(
                    self.schema
                        .answer_from_json(&value)
                        .map_err(|reason| at(format!("'{}': {reason}", self.options.gold)))?,
                ),
            };
            self.add(line, task, gold)?;
        }
        Ok(())
    }

    fn csv(&mut self, bytes: &[u8]) -> Result<()> {
        let failed = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line) as usize;
            Error::Line {
                line,
                reason: match error.kind() {
                    csv::ErrorKind::Utf8 { .. } => "this is no UTF-8 text".into(),
                    csv::ErrorKind::UnequalLengths {
                        expected_len, len, ..
                    } => format!("it has {len} columns, the header has {expected_len}"),
                    _ => error.to_string(),
                },
            }
        };
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
        let header = reader.headers().map_err(failed)?.clone();
        if header.len() > MAX_COLUMNS {
            return Err(Error::Line {
                line: 1,
                reason: format!("a file has at most {MAX_COLUMNS} columns"),
            });
        }
        enum Column {
            Field(&'static str),
            Gold,
            Ignored,
        }
        let mut columns = Vec::new();
        let mut seen = BTreeSet::new();
        for name in header.iter().map(str::trim) {
            if !seen.insert(name) {
                return Err(Error::Line {
                    line: 1,
                    reason: format!("the column '{}' occurs twice", short(name)),
                });
            }
            let field = FIELDS.into_iter().find(|f| self.options.name(f) == name);
            columns.push(match field {
                Some(field) => Column::Field(field),
                None if name == self.options.gold => Column::Gold,
                None => {
                    self.ignore(name);
                    Column::Ignored
                }
            });
        }
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let line = record.position().map_or(1, csv::Position::line) as usize;
            let at = |reason: String| Error::Line { line, reason };
            if record.as_slice().len() > MAX_RECORD {
                return Err(at(format!("a record has at most {MAX_RECORD} bytes")));
            }
            let mut task = Task::default();
            let mut gold = None;
            for (cell, column) in record.iter().zip(&columns) {
                match column {
                    Column::Field(field) if !cell.is_empty() => {
                        set_cell(&mut task, field, cell, self.options.separator).map_err(at)?;
                    }
                    Column::Gold if !cell.trim().is_empty() => {
                        gold =
                            Some(answer_in_cell(self.schema, cell).map_err(|reason| {
                                at(format!("'{}': {reason}", self.options.gold))
                            })?);
                    }
                    _ => {}
                }
            }
            self.add(line, task, gold)?;
        }
        Ok(())
    }

    fn ignore(&mut self, name: &str) {
        if self.found.ignored.len() < MAX_IGNORED {
            self.found.ignored.insert(short(name));
        }
    }

    fn add(&mut self, line: usize, mut task: Task, gold: Option<Answer>) -> Result<()> {
        let at = |reason: String| Error::Line { line, reason };
        let count = self.found.tasks.len() + self.found.gold.len();
        if count == MAX_TASKS {
            return Err(too_large(MAX_TASKS, MAX_TASKS + 1, "tasks"));
        }
        if task.id.is_empty() {
            task.id = format!("row-{}", count + 1);
        }
        task.check(self.schema).map_err(at)?;
        if let Some(other) = self.ids.insert(task.id.clone(), line) {
            return Err(at(format!(
                "the id '{}' occurs in line {other} already",
                short(&task.id)
            )));
        }
        match gold {
            Some(answer) => self.found.gold.push((task, answer)),
            None => self.found.tasks.push(task),
        }
        Ok(())
    }
}

fn answer_in_cell(schema: &Schema, cell: &str) -> Reason<Answer> {
    let cell = cell.trim();
    if cell.starts_with(['[', '{']) {
        if let Ok(value) = serde_json::from_str(cell) {
            return schema.answer_from_json(&value);
        }
    }
    schema.answer_from_text(cell)
}

fn set_json(task: &mut Task, field: &'static str, value: Value) -> Reason<()> {
    let wrong = |wanted: &str| format!("'{field}' must be {wanted}");
    match (field, value) {
        (_, Value::Null) => Ok(()),
        ("id", Value::Number(number)) => {
            task.id = number.to_string();
            Ok(())
        }
        ("tokens", Value::String(text)) => {
            task.tokens = Some(text.split_whitespace().map(str::to_owned).collect());
            Ok(())
        }
        ("options" | "items" | "tokens", Value::Array(items)) => {
            let texts = items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(wrong("an array of texts")),
                })
                .collect::<Reason<Vec<_>>>()?;
            set_list(task, field, texts);
            Ok(())
        }
        ("options" | "items" | "tokens", _) => Err(wrong("an array of texts")),
        (_, Value::String(text)) => {
            set_text(task, field, text);
            Ok(())
        }
        _ => Err(wrong("a text")),
    }
}

fn set_cell(task: &mut Task, field: &'static str, cell: &str, separator: char) -> Reason<()> {
    if !matches!(field, "options" | "items" | "tokens") {
        set_text(task, field, cell.to_owned());
        return Ok(());
    }
    let texts = if cell.trim_start().starts_with('[') {
        serde_json::from_str(cell)
            .map_err(|_| format!("'{field}' begins like a JSON array of texts and is none"))?
    } else if field == "tokens" {
        cell.split_whitespace().map(str::to_owned).collect()
    } else {
        cell.split(separator)
            .map(|part| part.trim().to_owned())
            .collect()
    };
    set_list(task, field, texts);
    Ok(())
}

fn set_text(task: &mut Task, field: &str, text: String) {
    match field {
        "id" => task.id = text.trim().to_owned(),
        "prompt" => task.prompt = text,
        "text" => task.text = Some(text),
        "a" => task.a = Some(text),
        "b" => task.b = Some(text),
        _ => {}
    }
}

fn set_list(task: &mut Task, field: &str, texts: Vec<String>) {
    match field {
        "options" => task.options = Some(texts),
        "items" => task.items = Some(texts),
        "tokens" => task.tokens = Some(texts),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jsonl(text: &str, schema: &Schema) -> Result<Imported> {
        read(text.as_bytes(), schema, &Options::new(Format::Jsonl))
    }

    fn csv(text: &str, schema: &Schema) -> Result<Imported> {
        read(text.as_bytes(), schema, &Options::new(Format::Csv))
    }

    #[test]
    fn both_forms_of_a_file_give_the_same_tasks() {
        let schema = Schema::Preference;
        let lines = "\u{feff}{\"id\":7,\"prompt\":\"Q, \\\"x\\\"\",\"a\":\"one\\ntwo\",\"b\":\"B\",\"lang\":\"en\"}\n\
                     \n{\"prompt\":\"R\",\"a\":\"x\",\"b\":\"y\",\"gold\":\"B\"}\n";
        let table =
            "id,prompt,a,b,gold,lang\r\n7,\"Q, \"\"x\"\"\",\"one\ntwo\",B,,en\r\n,R,x,y,B,\r\n";
        let (first, second) = (jsonl(lines, &schema).unwrap(), csv(table, &schema).unwrap());
        assert_eq!(first, second);
        assert_eq!(first.tasks[0].id, "7");
        assert_eq!(first.tasks[0].a.as_deref(), Some("one\ntwo"));
        assert_eq!(first.gold[0].0.id, "row-2");
        assert_eq!(first.gold[0].1, Answer::Code(1));
        assert!(first.ignored.contains("lang"));
    }

    #[test]
    fn every_type_is_imported_from_both_forms() {
        let cases = [
            (
                r#"{"prompt":"p","text":"t","gold":"positive"}"#,
                "prompt,text,gold\np,t,positive",
            ),
            (
                r#"{"prompt":"p","a":"1","b":"2","gold":"tie"}"#,
                "prompt,a,b,gold\np,1,2,tie",
            ),
            (
                r#"{"prompt":"p","text":"t","gold":4}"#,
                "prompt,text,gold\np,t,4",
            ),
            (
                r#"{"prompt":"p","options":["x","y"],"gold":["step 1","step 2"]}"#,
                "prompt,options,gold\np,x|y,step 1|step 2",
            ),
            (
                r#"{"prompt":"p","text":"t","gold":{"hate":2}}"#,
                "prompt,text,gold\np,t,hate=2",
            ),
            (
                r#"{"prompt":"p","items":["w","x","y","z"],"gold":[3,0,1,2]}"#,
                "prompt,items,gold\np,\"[\"\"w\"\",\"\"x\"\",\"\"y\"\",\"\"z\"\"]\",3>0>1>2",
            ),
            (
                r#"{"prompt":"p","tokens":"a b c","gold":[{"label":"place","start":1,"len":2}]}"#,
                "prompt,tokens,gold\np,a b c,place:1:2",
            ),
        ];
        for (schema, (line, table)) in crate::schema::tests::all().iter().zip(cases) {
            let (first, second) = (jsonl(line, schema).unwrap(), csv(table, schema).unwrap());
            assert_eq!(first, second);
            assert_eq!((first.gold.len(), first.tasks.len()), (1, 0));
        }
    }

    #[test]
    fn columns_may_have_other_names() {
        let mut options = Options::new(Format::Csv);
        options.gold = "label".into();
        options.rename.insert("a".into(), "chosen".into());
        options.rename.insert("b".into(), "rejected".into());
        let text = b"prompt,chosen,rejected,label,gold\np,x,y,A,ignored\n";
        let found = read(text, &Schema::Preference, &options).unwrap();
        assert_eq!(found.gold[0].0.b.as_deref(), Some("y"));
        assert!(found.ignored.contains("gold"));
    }

    #[test]
    fn the_first_wrong_line_is_named() {
        let pair = Schema::Preference;
        let good = r#"{"prompt":"p","a":"1","b":"2"}"#;
        for (bad, wanted) in [
            ("{", "line 2: no JSON at column"),
            ("[1]", "line 2: a line is one JSON object"),
            (r#"{"prompt":"p","a":"1"}"#, "line 2: 'b' is missing"),
            (
                r#"{"prompt":"p","a":"1","b":3}"#,
                "line 2: 'b' must be a text",
            ),
            (r#"{"prompt":"p","a":"1","b":" "}"#, "line 2: 'b' is empty"),
            (r#"{"a":"1","b":"2"}"#, "line 2: 'prompt' is empty"),
            (
                r#"{"prompt":"p","a":"1","b":"2","gold":"C"}"#,
                "line 2: 'gold': 'C' is none",
            ),
            (
                r#"{"prompt":"p","a":"1","b":"2","items":["x"]}"#,
                "line 2: 'items' belongs",
            ),
            (
                r#"{"id":"row-1","prompt":"p","a":"1","b":"2"}"#,
                "line 2: the id 'row-1' occurs in line 1",
            ),
        ] {
            let error = jsonl(&format!("{good}\n{bad}\n{good}"), &pair).unwrap_err();
            assert!(error.to_string().starts_with(wanted), "{wanted}: {error}");
        }
        for (table, wanted) in [
            (
                "prompt,a,b\np,1\n",
                "line 2: it has 2 columns, the header has 3",
            ),
            ("prompt,a,b\n\"x\ny\",1,2\np,1,\n", "line 4: 'b' is missing"),
            ("prompt,a,a\n", "line 1: the column 'a' occurs twice"),
        ] {
            let error = csv(table, &pair).unwrap_err();
            assert!(error.to_string().starts_with(wanted), "{wanted}: {error}");
        }
        let bytes = b"prompt,a,b\np,1,2\np,\xff,2\n";
        let error = read(bytes, &pair, &Options::new(Format::Csv)).unwrap_err();
        assert_eq!(error.to_string(), "line 3: this is no UTF-8 text");
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let pair = Schema::Preference;
        let long = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(MAX_RECORD));
        assert!(jsonl(&long, &pair)
            .unwrap_err()
            .to_string()
            .contains("at most"));
        let long = format!("prompt,a,b\n{},1,2", "x".repeat(MAX_RECORD));
        assert!(csv(&long, &pair)
            .unwrap_err()
            .to_string()
            .contains("at most"));
        let wide = vec!["c"; MAX_COLUMNS + 1].join(",");
        assert!(csv(&wide, &pair)
            .unwrap_err()
            .to_string()
            .contains("256 columns"));
        let many = "{\"prompt\":\"p\",\"a\":\"1\",\"b\":\"2\"}\n".repeat(MAX_TASKS + 1);
        assert!(matches!(
            jsonl(&many, &pair),
            Err(Error::TooLarge { unit: "tasks", .. })
        ));
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "([{}\\[\\],:\"|\n\r]|prompt|gold|a|b|id|p|\\PC){0,200}") {
            for schema in crate::schema::tests::all() {
                let _ = jsonl(&text, &schema);
                let _ = csv(&text, &schema);
            }
        }
    }
}
