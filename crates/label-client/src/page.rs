//! Page files: `page-{p}.jsonl`, UTF-8, at most 256 KiB.
//!
//! Line 1 is `{"v":1,"batch_salt":…,"page":…,"type":…}`, then comes a line a task. What is
//! read here was written by strangers: everything is bounded, nothing panics, and texts stay
//! raw until [`crate::text::clean`] makes them fit to show.

use crate::{
    error::{Error, Result},
    schema::Schema,
};
use serde::{Deserialize, Serialize};

/// Longest page file, in bytes.
pub const MAX_PAGE: usize = 256 * 1024;

/// Longest id of a task, in bytes.
pub const MAX_ID: usize = 128;

/// Longest text of a task, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// Longest token, in bytes.
pub const MAX_TOKEN: usize = 256;

/// Most tasks of a page.
const MAX_TASKS: usize = athanor_label_math::MAX_TASKS as usize;

/// One question. Which fields it has follows from the page's type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The requester's name for it, unique in a campaign.
    pub id: String,
    /// The question, or the prompt whose answers are judged.
    pub prompt: String,
    /// The answer that is judged: classification, rating, flags, safety.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Classification: what the codes mean for this task. Multi-label: the parts that are
    /// flagged, such as the steps of a solution; at most one a flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// Preference: the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    /// Preference: the second answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<String>,
    /// Ranking: the items, number 0 first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<String>>,
    /// Spans: the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<String>>,
}

impl Task {
    /// Whether the task has the fields of its type, within their bounds.
    ///
    /// # Errors
    ///
    /// The field and what is wrong with it.
    pub fn check(&self, schema: &Schema) -> std::result::Result<(), String> {
        if self.id.is_empty() || self.id.len() > MAX_ID {
            return Err(format!("'id' must have 1 to {MAX_ID} bytes"));
        }
        if crate::text::one_line(&self.id) != self.id {
            return Err("'id' may hold no line end, control character or double space".into());
        }
        bounded("prompt", &self.prompt)?;
        let is_pair = matches!(schema, Schema::Preference);
        let is_ranking = matches!(schema, Schema::Ranking { .. });
        let is_span = matches!(schema, Schema::Span { .. });
        for (name, field, wanted) in [("a", &self.a, is_pair), ("b", &self.b, is_pair)] {
            match field {
                Some(text) if wanted => bounded(name, text)?,
                None if !wanted => {}
                Some(_) => return Err(format!("'{name}' belongs to preference tasks")),
                None => return Err(format!("'{name}' is missing")),
            }
        }
        if let Some(text) = &self.text {
            if is_pair || is_ranking || is_span {
                return Err("'text' does not belong to tasks of this type".into());
            }
            bounded("text", text)?;
        }
        match (&self.options, schema) {
            (None, _) => {}
            (Some(options), Schema::Classification { labels }) => {
                list("options", options, labels.len(), labels.len())?;
            }
            (Some(options), Schema::MultiLabel { labels }) => {
                list("options", options, 1, labels.len())?;
            }
            (Some(_), _) => return Err("'options' does not belong to tasks of this type".into()),
        }
        match (&self.items, schema) {
            (Some(items), Schema::Ranking { items: count }) => {
                list("items", items, usize::from(*count), usize::from(*count))?;
            }
            (None, Schema::Ranking { .. }) => return Err("'items' is missing".into()),
            (Some(_), _) => return Err("'items' belongs to ranking tasks".into()),
            (None, _) => {}
        }
        match (&self.tokens, schema) {
            (Some(tokens), Schema::Span { tokens: most, .. }) => {
                list("tokens", tokens, 1, usize::from(*most))?;
                if tokens.iter().any(|token| token.len() > MAX_TOKEN) {
                    return Err(format!("a token may have at most {MAX_TOKEN} bytes"));
                }
            }
            (None, Schema::Span { .. }) => return Err("'tokens' is missing".into()),
            (Some(_), _) => return Err("'tokens' belongs to span tasks".into()),
            (None, _) => {}
        }
        Ok(())
    }

    /// What the worker sees, without the id: two tasks with the same content are one
    /// question asked twice.
    pub fn content(&self) -> [u8; 32] {
        let bare = Self {
            id: String::new(),
            ..self.clone()
        };
        // A struct of strings always has a JSON form.
        let json = serde_json::to_vec(&bare).unwrap_or_default();
        sp_crypto_hashing::blake2_256(&json)
    }
}

fn bounded(name: &str, text: &str) -> std::result::Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("'{name}' is empty"));
    }
    if text.len() > MAX_TEXT {
        return Err(format!(
            "'{name}' may have at most {MAX_TEXT} bytes, this has {}",
            text.len()
        ));
    }
    Ok(())
}

fn list(
    name: &str,
    items: &[String],
    least: usize,
    most: usize,
) -> std::result::Result<(), String> {
    if !(least..=most).contains(&items.len()) {
        let wanted = if least == most {
            most.to_string()
        } else {
            format!("{least} to {most}")
        };
        return Err(format!(
            "'{name}' must have {wanted} entries, this has {}",
            items.len()
        ));
    }
    items.iter().try_for_each(|item| bounded(name, item))
}

/// A page as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Random bytes that keep the root of a deleted page unguessable.
    pub batch_salt: [u8; 32],
    /// Number of the page in its batch.
    pub page: u32,
    /// What is asked.
    pub schema: Schema,
    /// The questions.
    pub tasks: Vec<Task>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    v: u32,
    batch_salt: String,
    page: u32,
    #[serde(rename = "type")]
    schema: Schema,
}

impl Page {
    /// The file's bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] above [`MAX_PAGE`]; [`Error::Malformed`] for a task that is not
    /// of the page's type, or an id that occurs twice.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let malformed = |error| Error::malformed("page", error);
        let header = Header {
            v: 1,
            batch_salt: hex::encode(self.batch_salt),
            page: self.page,
            schema: self.schema.clone(),
        };
        let mut out = serde_json::to_vec(&header).map_err(malformed)?;
        for task in &self.tasks {
            out.push(b'\n');
            serde_json::to_writer(&mut out, task).map_err(malformed)?;
        }
        out.push(b'\n');
        check_length(out.len())?;
        Ok(out)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`]; [`Error::Line`] with what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        check_length(bytes.len())?;
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Error::Line {
                line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
                reason: "this is no UTF-8 text".into(),
            }
        })?;
        let at = |line: usize| move |reason: String| Error::Line { line, reason };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut lines = text.split('\n');
        let header: Header = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|error| at(1)(error.to_string()))?;
        if header.v != 1 {
            return Err(at(1)(format!(
                "the page is of version {}, this client knows 1",
                header.v
            )));
        }
        let mut batch_salt = [0; 32];
        hex::decode_to_slice(&header.batch_salt, &mut batch_salt)
            .map_err(|_| at(1)("'batch_salt' is not 64 hex digits".into()))?;
        let mut tasks = Vec::new();
        for (line, text) in (2..).zip(lines) {
            if tasks.len() == MAX_TASKS {
                return Err(at(line)(format!("a page has at most {MAX_TASKS} tasks")));
            }
            let task: Task =
                serde_json::from_str(text).map_err(|error| at(line)(error.to_string()))?;
            tasks.push(task);
        }
        let page = Self {
            batch_salt,
            page: header.page,
            schema: header.schema,
            tasks,
        };
        page.check()?;
        Ok(page)
    }

    /// Reads a file that should be a certain page of a certain batch.
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes); [`Error::WrongRoot`] when the bytes have another
    /// root; [`Error::Malformed`] when number, type or tasks are others than the chain says.
    pub fn verified(
        bytes: &[u8],
        root: &[u8; 32],
        page: u32,
        ty: &athanor_label_math::LabelType,
        tasks: u8,
    ) -> Result<Self> {
        check_length(bytes.len())?;
        if content_root(bytes) != *root {
            return Err(Error::WrongRoot { what: "the page" });
        }
        Self::expected(bytes, page, ty, tasks)
    }

    /// As [`verified`](Self::verified), for bytes whose root was checked before they were
    /// decrypted.
    ///
    /// # Errors
    ///
    /// As [`verified`](Self::verified), without the root.
    pub fn expected(
        bytes: &[u8],
        page: u32,
        ty: &athanor_label_math::LabelType,
        tasks: u8,
    ) -> Result<Self> {
        let found = Self::from_bytes(bytes)?;
        if found.page != page {
            return Err(Error::malformed(
                "page",
                format!("it says it is page {}, not {page}", found.page),
            ));
        }
        if found.schema.label_type() != *ty {
            return Err(Error::malformed(
                "page",
                "its type is not that of the campaign",
            ));
        }
        if found.tasks.len() != usize::from(tasks) {
            return Err(Error::malformed(
                "page",
                format!("it has {} tasks, not {tasks}", found.tasks.len()),
            ));
        }
        Ok(found)
    }

    fn check(&self) -> Result<()> {
        self.schema.check()?;
        let mut ids = std::collections::BTreeSet::new();
        for (line, task) in (2..).zip(&self.tasks) {
            let at = |reason| Error::Line { line, reason };
            task.check(&self.schema).map_err(at)?;
            if !ids.insert(task.id.as_str()) {
                return Err(at("its id occurs twice in the page".into()));
            }
        }
        Ok(())
    }
}

fn check_length(len: usize) -> Result<()> {
    if len > MAX_PAGE {
        return Err(Error::TooLarge {
            what: "a page file",
            most: MAX_PAGE as u64,
            found: len as u64,
            unit: "bytes",
        });
    }
    Ok(())
}

/// BLAKE3 root of a blob.
pub fn content_root(bytes: &[u8]) -> [u8; 32] {
    athanor_content_tree::root(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strings(count: usize) -> Option<Vec<String>> {
        Some((0..count).map(|n| format!("part {n}")).collect())
    }

    /// A task of a schema.
    pub(crate) fn task(schema: &Schema, number: usize) -> Task {
        let mut task = Task {
            id: format!("task-{number}"),
            prompt: format!("What about {number}?"),
            ..Task::default()
        };
        match schema {
            Schema::Preference => {
                task.a = Some(format!("first {number}"));
                task.b = Some("second".into());
            }
            Schema::Ranking { items } => task.items = strings(usize::from(*items)),
            Schema::Span { .. } => task.tokens = strings(50),
            Schema::MultiLabel { .. } => task.options = strings(2),
            Schema::Classification { .. } | Schema::Rating { .. } | Schema::Safety { .. } => {
                task.text = Some(format!("an answer {number}"));
            }
        }
        task
    }

    pub(crate) fn page(schema: &Schema) -> Page {
        Page {
            batch_salt: [7; 32],
            page: 3,
            schema: schema.clone(),
            tasks: (0..8).map(|number| task(schema, number)).collect(),
        }
    }

    #[test]
    fn every_type_of_page_survives_its_file() {
        for schema in crate::schema::tests::all() {
            let page = page(&schema);
            let bytes = page.to_bytes().unwrap();
            assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 9);
            assert_eq!(Page::from_bytes(&bytes).unwrap(), page);
            let root = content_root(&bytes);
            let ty = schema.label_type();
            assert_eq!(Page::verified(&bytes, &root, 3, &ty, 8).unwrap(), page);
        }
    }

    #[test]
    fn a_page_that_is_not_the_one_is_refused() {
        let schema = Schema::Preference;
        let bytes = page(&schema).to_bytes().unwrap();
        let root = content_root(&bytes);
        let ty = schema.label_type();
        let wrong = Page::verified(&bytes, &[0; 32], 3, &ty, 8).unwrap_err();
        assert_eq!(wrong, Error::WrongRoot { what: "the page" });
        let rating = athanor_label_math::LabelType::Rating { steps: 5 };
        for (number, ty, tasks, word) in [
            (4, &ty, 8, "not 4"),
            (3, &rating, 8, "type"),
            (3, &ty, 9, "8 tasks"),
        ] {
            let error = Page::verified(&bytes, &root, number, ty, tasks).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn malformed_pages_are_refused_with_their_line() {
        let schema = Schema::Preference;
        let good = String::from_utf8(page(&schema).to_bytes().unwrap()).unwrap();
        let header = good.lines().next().unwrap();
        for (text, wanted) in [
            (String::new(), "line 1"),
            ("{}".into(), "line 1: missing field"),
            (
                good.replacen("\"v\":1", "\"v\":2", 1),
                "line 1: the page is of version 2",
            ),
            (good.replacen("0707", "07", 1), "line 1: 'batch_salt'"),
            (
                good.replacen("task-1", "task-0", 1),
                "line 3: its id occurs twice",
            ),
            (
                good.replacen("\"a\":", "\"c\":", 1),
                "line 2: 'a' is missing",
            ),
            (
                good.replacen("\"b\":\"second\"", "\"b\":\" \"", 1),
                "line 2: 'b' is empty",
            ),
            (format!("{header}\n\n"), "line 2"),
            (format!("{header}\n{}", "[".repeat(10_000)), "line 2"),
            (format!("{good}{{}}"), "line 10"),
        ] {
            let error = Page::from_bytes(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(wanted), "{wanted}: {error}");
        }
        let many = format!("{good}{}", "x\n".repeat(25));
        assert!(Page::from_bytes(many.as_bytes()).is_err());
    }

    /// `Page::verified` of bytes whose root is the right one, so that nothing but them is wrong.
    fn attacked(bytes: &[u8]) -> Result<Page> {
        let ty = Schema::Preference.label_type();
        Page::verified(bytes, &content_root(bytes), 3, &ty, 8)
    }

    #[test]
    fn huge_page() {
        let good = page(&Schema::Preference).to_bytes().unwrap();
        assert!(attacked(&good).is_ok());
        let mut padded = good.clone();
        padded.resize(MAX_PAGE + 1, b'\n');
        for huge in [padded, vec![b' '; MAX_PAGE + 1], vec![b'{'; 4 * MAX_PAGE]] {
            let error = attacked(&huge).unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        }
        // Small, and deep or wide inside.
        let header = good.split(|byte| *byte == b'\n').next().unwrap();
        for line in ["[".repeat(100_000), "{\"a\":".repeat(20_000)] {
            let deep = [header, b"\n", line.as_bytes()].concat();
            let error = attacked(&deep).unwrap_err().to_string();
            assert!(error.starts_with("line 2"), "{error}");
        }
    }

    #[test]
    fn unreadable_page() {
        let good = page(&Schema::Preference).to_bytes().unwrap();
        let text = String::from_utf8(good.clone()).unwrap();
        let mut bytes = good.clone();
        bytes[text.find("task-4").unwrap()] = 0xff;
        let error = attacked(&bytes).unwrap_err().to_string();
        assert_eq!(error, "line 6: this is no UTF-8 text");
        // Still encrypted, cut off, of another file, of nothing.
        let noise: Vec<u8> = good
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ (at as u8).wrapping_mul(91) ^ 0x80)
            .collect();
        for bytes in [
            &noise[..],
            &good[..good.len() / 2],
            b"<html>404</html>",
            b"",
        ] {
            let error = attacked(bytes).unwrap_err().to_string();
            assert!(error.starts_with("line "), "{error}");
        }
    }

    #[test]
    fn escape_laden_page() {
        let attack = "\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}5m\u{202e}";
        let mut page = page(&Schema::Preference);
        for task in &mut page.tasks {
            task.prompt = format!("{attack}{}{attack}", task.prompt);
        }
        let bytes = page.to_bytes().unwrap();
        let read = attacked(&bytes).unwrap();
        for (task, clear) in read
            .tasks
            .iter()
            .zip(&self::page(&Schema::Preference).tasks)
        {
            assert!(task.prompt.contains('\u{1b}'));
            assert_eq!(crate::text::clean(&task.prompt), clear.prompt);
        }
    }

    #[test]
    fn a_page_that_would_be_too_large_is_not_written() {
        let schema = Schema::Preference;
        let mut page = page(&schema);
        for task in &mut page.tasks {
            task.prompt = "x".repeat(MAX_TEXT);
        }
        assert!(matches!(page.to_bytes(), Err(Error::TooLarge { .. })));
        page.tasks[0].prompt.push('x');
        assert!(page
            .to_bytes()
            .unwrap_err()
            .to_string()
            .starts_with("line 2"));
    }

    proptest! {
        #[test]
        fn cut_and_altered_pages_never_panic(cut in 0usize..900, at in 0usize..900, byte: u8) {
            for schema in crate::schema::tests::all() {
                let mut bytes = page(&schema).to_bytes().unwrap();
                if let Some(to) = bytes.get_mut(at) {
                    *to = byte;
                }
                let _ = Page::from_bytes(&bytes);
                bytes.truncate(cut);
                let _ = Page::from_bytes(&bytes);
            }
        }
    }
}
