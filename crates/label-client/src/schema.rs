//! What a campaign asks for and what its codes are called: the JSON side of
//! [`LabelType`], and answers as people and files write them.

use crate::error::{Error, Result};
use athanor_label_math::{pack_answer, Answer, LabelType, Span};
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};

/// Longest name of a label, in bytes.
pub const MAX_NAME: usize = 64;

/// What tables call the four preferences.
const PREFERENCES: [&str; 4] = ["A", "B", "tie", "both_bad"];

/// Type of a campaign's answers with the names of its codes, as page files carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schema {
    /// One of 2 to 16 classes. A task may have its own `options` in their place.
    Classification {
        /// Names of the classes, code 0 first.
        labels: Vec<String>,
    },
    /// A, B, a tie, or both bad.
    Preference,
    /// A step of a scale.
    Rating {
        /// Number of steps, 2 to 32.
        steps: u8,
        /// What the lowest step is called: answers are shown as code + first.
        #[serde(default = "one")]
        first: i32,
    },
    /// A set of 1 to 32 flags. A task may have its own `options` in their place.
    MultiLabel {
        /// Names of the flags, bit 0 first.
        labels: Vec<String>,
    },
    /// A severity from 0 to 3 for each of 1 to 8 flags.
    Safety {
        /// Names of the flags.
        labels: Vec<String>,
        /// Their weights, 1 to 16.
        weights: Vec<u8>,
        /// Answers of a panel that must set a flag.
        quorum: u8,
    },
    /// An order of 3 to 8 items, the best first.
    Ranking {
        /// Number of items.
        items: u8,
    },
    /// Labelled runs of tokens.
    Span {
        /// Names of the labels, code 0 first; at most 256.
        labels: Vec<String>,
        /// Most tokens of a task.
        tokens: u16,
    },
}

fn one() -> i32 {
    1
}

impl Schema {
    /// The type as the chain has it. Holds no promise on bounds: see [`check`](Self::check).
    pub fn label_type(&self) -> LabelType {
        let count = |names: &[String]| u8::try_from(names.len()).unwrap_or(u8::MAX);
        match self {
            Self::Classification { labels } => LabelType::Classification {
                classes: count(labels),
            },
            Self::Preference => LabelType::Preference,
            Self::Rating { steps, .. } => LabelType::Rating { steps: *steps },
            Self::MultiLabel { labels } => LabelType::MultiLabel {
                flags: count(labels),
            },
            Self::Safety {
                weights, quorum, ..
            } => {
                let mut all = [0; 8];
                for (to, from) in all.iter_mut().zip(weights) {
                    *to = *from;
                }
                LabelType::Safety {
                    weights: all,
                    quorum: *quorum,
                }
            }
            Self::Ranking { items } => LabelType::Ranking { items: *items },
            Self::Span { tokens, .. } => LabelType::Span { tokens: *tokens },
        }
    }

    /// Names of the codes, flags or span labels; of preferences too.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Preference => PREFERENCES.to_vec(),
            Self::Classification { labels }
            | Self::MultiLabel { labels }
            | Self::Safety { labels, .. }
            | Self::Span { labels, .. } => labels.iter().map(String::as_str).collect(),
            Self::Rating { .. } | Self::Ranking { .. } => Vec::new(),
        }
    }

    /// Whether the type's bounds hold and its names can be told apart.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with the bound or the name.
    pub fn check(&self) -> Result<()> {
        let bad = |reason: String| Err(Error::malformed("type", reason));
        if let Self::Safety {
            labels, weights, ..
        } = self
        {
            if labels.len() != weights.len() || labels.len() > 8 {
                return bad("safety has 1 to 8 flags with one weight each".into());
            }
        }
        if let Self::Span { labels, .. } = self {
            if labels.is_empty() || labels.len() > 256 {
                return bad("spans have 1 to 256 labels".into());
            }
        }
        self.label_type()
            .check()
            .map_err(|error| Error::malformed("type", error))?;
        let names = self.names();
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() || name.len() > MAX_NAME || name.trim() != *name {
                return bad(format!(
                    "label {at} must have 1 to {MAX_NAME} bytes and no space around it"
                ));
            }
            if crate::text::clean(name) != **name || name.contains(['|', ':', '>', '=', '\n']) {
                return bad(format!(
                    "label {at} holds a character that tables cannot carry: | : > = or a control"
                ));
            }
            if names.iter().take(at).any(|other| other == name) {
                return bad(format!("the label '{name}' occurs twice"));
            }
        }
        Ok(())
    }

    /// An answer as text, for tables: a class's name; `A`, `B`, `tie`, `both_bad`; a number;
    /// `flag|flag`; `flag=2|flag=1`; `2>0>1`; `label:start:length|…`. Empty for the empty set.
    pub fn answer_text(&self, answer: &Answer) -> String {
        let name = |names: &[String], code: usize| {
            names
                .get(code)
                .cloned()
                .unwrap_or_else(|| format!("#{code}"))
        };
        match (self, answer) {
            (Self::Classification { labels }, Answer::Code(code)) => name(labels, *code as usize),
            (Self::Preference, Answer::Code(code)) => PREFERENCES
                .get(*code as usize)
                .map_or_else(|| format!("#{code}"), |name| (*name).to_owned()),
            (Self::Rating { first, .. }, Answer::Code(code)) => {
                (i64::from(*code) + i64::from(*first)).to_string()
            }
            (Self::MultiLabel { labels }, Answer::Code(code)) => {
                let set = (0..labels.len().min(32)).filter(|bit| code >> bit & 1 == 1);
                set.map(|bit| name(labels, bit))
                    .collect::<Vec<_>>()
                    .join("|")
            }
            (Self::Safety { labels, .. }, Answer::Code(code)) => {
                let count = u8::try_from(labels.len()).unwrap_or(8);
                let severities = Answer::fields(*code, 2, count);
                let set = severities.iter().enumerate().filter(|(_, s)| **s > 0);
                set.map(|(flag, severity)| format!("{}={severity}", name(labels, flag)))
                    .collect::<Vec<_>>()
                    .join("|")
            }
            (Self::Ranking { items }, Answer::Code(code)) => Answer::fields(*code, 3, *items)
                .iter()
                .map(u8::to_string)
                .collect::<Vec<_>>()
                .join(">"),
            (Self::Span { labels, .. }, Answer::Spans(spans)) => spans
                .iter()
                .map(|span| {
                    let label = name(labels, usize::from(span.label));
                    format!("{label}:{}:{}", span.start, span.len)
                })
                .collect::<Vec<_>>()
                .join("|"),
            (_, Answer::Code(code)) => format!("#{code}"),
            (_, Answer::Spans(_)) => "#spans".into(),
        }
    }

    /// Reads an answer as text, in the form of [`answer_text`](Self::answer_text). A code's
    /// number is taken for its name, too.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without a line number.
    pub fn answer_from_text(&self, text: &str) -> std::result::Result<Answer, String> {
        let text = text.trim();
        let parts = || text.split('|').map(str::trim).filter(|p| !p.is_empty());
        let answer = match self {
            Self::Classification { .. } | Self::Preference => Answer::Code(self.code(text)?),
            Self::Rating { steps, first } => {
                let given: i64 = text
                    .parse()
                    .map_err(|_| format!("'{}' is no number", short(text)))?;
                let code = u32::try_from(given - i64::from(*first));
                let code = code.ok().filter(|code| *code < u32::from(*steps));
                Answer::Code(code.ok_or_else(|| {
                    let last = i64::from(*first) + i64::from(*steps) - 1;
                    format!("{given} is not on the scale from {first} to {last}")
                })?)
            }
            Self::MultiLabel { .. } => {
                let mut set = 0u32;
                for part in parts() {
                    set |= 1u32.checked_shl(self.code(part)?).unwrap_or(0);
                }
                Answer::Code(set)
            }
            Self::Safety { labels, .. } => {
                let mut severities = vec![0; labels.len().min(8)];
                for part in parts() {
                    let (flag, severity) = part
                        .split_once('=')
                        .ok_or_else(|| format!("'{}' is not of the form flag=2", short(part)))?;
                    let severity = severity.trim().parse().ok().filter(|s| *s <= 3u8);
                    let to = severities.get_mut(self.code(flag.trim())? as usize);
                    if let Some(to) = to {
                        *to = severity.ok_or("a severity is 0, 1, 2 or 3")?;
                    }
                }
                Answer::safety(&severities)
            }
            Self::Ranking { items } => {
                let order = text
                    .split(['>', ',', ' '])
                    .filter(|part| !part.is_empty())
                    .map(|part| part.parse::<u8>().map_err(|_| short(part)))
                    .collect::<std::result::Result<Vec<_>, _>>()
                    .map_err(|part| format!("'{part}' is no item's number"))?;
                if order.len() != usize::from(*items) || order.iter().any(|item| item >= items) {
                    return Err(format!(
                        "a ranking names items 0 to {} once each, best first, like 2>0>1",
                        items.saturating_sub(1)
                    ));
                }
                Answer::ranking(&order)
            }
            Self::Span { .. } => {
                let mut spans = Vec::new();
                for part in parts().take(17) {
                    let mut fields = part.splitn(3, ':').map(str::trim);
                    let (label, start, len) = (fields.next(), fields.next(), fields.next());
                    let number = |text: Option<&str>| {
                        text.and_then(|text| text.parse().ok())
                            .ok_or_else(|| format!("'{}' is not label:start:length", short(part)))
                    };
                    let label = self.code(label.unwrap_or_default())?;
                    spans.push(Span {
                        label: u8::try_from(label).map_err(|_| "a label is below 256")?,
                        start: number(start)?,
                        len: number(len)?,
                    });
                }
                spans.sort_unstable();
                Answer::Spans(spans)
            }
        };
        self.checked(answer)
    }

    /// Reads an answer of a JSON file: the text form, or a number, an array of names
    /// (flags), of item numbers (ranking) or of `{"label","start","len"}` (spans), or an
    /// object of severities (safety).
    ///
    /// # Errors
    ///
    /// What is wrong with it, without a line number.
    pub fn answer_from_json(&self, value: &Value) -> std::result::Result<Answer, String> {
        let answer = match (self, value) {
            (_, Value::String(text)) => return self.answer_from_text(text),
            (_, Value::Number(number)) => return self.answer_from_text(&number.to_string()),
            (Self::MultiLabel { .. }, Value::Array(items)) => {
                let mut set = 0u32;
                for item in items.iter().take(33) {
                    let name = item.as_str().ok_or("flags are given by name")?;
                    set |= 1u32.checked_shl(self.code(name)?).unwrap_or(0);
                }
                Answer::Code(set)
            }
            (Self::Safety { labels, .. }, Value::Object(flags)) => {
                let mut severities = vec![0; labels.len().min(8)];
                for (flag, severity) in flags {
                    let severity = severity.as_u64().filter(|severity| *severity <= 3);
                    if let Some(to) = severities.get_mut(self.code(flag)? as usize) {
                        *to = severity.ok_or("a severity is 0, 1, 2 or 3")? as u8;
                    }
                }
                Answer::safety(&severities)
            }
            (Self::Ranking { .. }, Value::Array(items)) => {
                let texts: Vec<String> = items.iter().take(9).map(Value::to_string).collect();
                return self.answer_from_text(&texts.join(">"));
            }
            (Self::Span { .. }, Value::Array(items)) => {
                let mut spans = Vec::new();
                for item in items.iter().take(17) {
                    let field = |name: &str| {
                        item.get(name)
                            .and_then(Value::as_u64)
                            .and_then(|number| u16::try_from(number).ok())
                            .ok_or_else(|| format!("a span needs a number '{name}' below 65536"))
                    };
                    let label = match item.get("label") {
                        Some(Value::String(name)) => self.code(name)?,
                        Some(Value::Number(code)) => self.code(&code.to_string())?,
                        _ => return Err("a span needs a 'label'".into()),
                    };
                    spans.push(Span {
                        label: u8::try_from(label).map_err(|_| "a label is below 256")?,
                        start: field("start")?,
                        len: field("len")?,
                    });
                }
                spans.sort_unstable();
                Answer::Spans(spans)
            }
            _ => return Err("this is no answer of this type".into()),
        };
        self.checked(answer)
    }

    /// An answer as JSON, in a form that [`answer_from_json`](Self::answer_from_json) reads.
    pub fn answer_json(&self, answer: &Answer) -> Value {
        match (self, answer) {
            (Self::Rating { first, .. }, Answer::Code(code)) => {
                json!(i64::from(*code) + i64::from(*first))
            }
            (Self::MultiLabel { labels }, Answer::Code(code)) => labels
                .iter()
                .enumerate()
                .take(32)
                .filter(|(bit, _)| code >> bit & 1 == 1)
                .map(|(_, name)| json!(name))
                .collect(),
            (Self::Safety { labels, .. }, Answer::Code(code)) => {
                let count = u8::try_from(labels.len()).unwrap_or(8);
                let severities = Answer::fields(*code, 2, count);
                let set = labels.iter().zip(severities).filter(|(_, s)| *s > 0);
                Value::Object(Map::from_iter(
                    set.map(|(name, severity)| (name.clone(), json!(severity))),
                ))
            }
            (Self::Ranking { items }, Answer::Code(code)) => {
                json!(Answer::fields(*code, 3, *items))
            }
            (Self::Span { labels, .. }, Answer::Spans(spans)) => spans
                .iter()
                .map(|span| {
                    let label = labels
                        .get(usize::from(span.label))
                        .map_or_else(|| json!(span.label), |name| json!(name));
                    json!({"label": label, "start": span.start, "len": span.len})
                })
                .collect(),
            _ => json!(self.answer_text(answer)),
        }
    }

    fn checked(&self, answer: Answer) -> std::result::Result<Answer, String> {
        pack_answer(&self.label_type(), &answer)
            .map(|_| answer)
            .map_err(|error| error.to_string())
    }

    fn code(&self, text: &str) -> std::result::Result<u32, String> {
        let names = self.names();
        let by_name = names.iter().position(|name| *name == text).or_else(|| {
            names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(text))
        });
        let by_number = || text.strip_prefix('#').unwrap_or(text).parse().ok();
        by_name
            .or_else(by_number)
            .filter(|code| *code < names.len())
            .map(|code| code as u32)
            .ok_or_else(|| {
                let mut known = names
                    .iter()
                    .take(16)
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", ");
                if names.len() > 16 {
                    known.push_str(", …");
                }
                format!("'{}' is none of the labels {known}", short(text))
            })
    }
}

/// A text from a file as an error message shows it.
pub(crate) fn short(text: &str) -> String {
    let line = crate::text::one_line(text.get(..256).unwrap_or(text));
    if line.chars().count() > 40 {
        line.chars().take(39).chain(['…']).collect()
    } else {
        line
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// One schema of each type.
    pub(crate) fn all() -> Vec<Schema> {
        vec![
            Schema::Classification {
                labels: names(&["negative", "positive", "neutral"]),
            },
            Schema::Preference,
            Schema::Rating { steps: 5, first: 1 },
            Schema::MultiLabel {
                labels: names(&["step 1", "step 2", "step 3", "step 4"]),
            },
            Schema::Safety {
                labels: names(&["violence", "hate", "self-harm"]),
                weights: vec![4, 2, 16],
                quorum: 2,
            },
            Schema::Ranking { items: 4 },
            Schema::Span {
                labels: names(&["person", "place"]),
                tokens: 50,
            },
        ]
    }

    #[test]
    fn every_type_has_valid_bounds_and_a_json_form() {
        for schema in all() {
            schema.check().unwrap();
            let json = serde_json::to_string(&schema).unwrap();
            assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
        }
    }

    #[test]
    fn bounds_and_ambiguous_names_are_refused() {
        let class = |labels: &[&str]| Schema::Classification {
            labels: names(labels),
        };
        for (schema, word) in [
            (class(&["one"]), "2 to 16"),
            (class(&["a", "a"]), "twice"),
            (class(&["a", ""]), "label 1"),
            (class(&["a", " b"]), "label 1"),
            (class(&["a|b", "c"]), "label 0"),
            (class(&["a", "\u{1b}[1m"]), "label 1"),
            (class(&["x"; 17]), "2 to 16"),
            (Schema::Rating { steps: 1, first: 0 }, "2 to 32"),
            (Schema::Ranking { items: 9 }, "3 to 8"),
            (
                Schema::Span {
                    labels: vec![],
                    tokens: 5,
                },
                "1 to 256",
            ),
            (
                Schema::Safety {
                    labels: names(&["a"]),
                    weights: vec![1, 2],
                    quorum: 1,
                },
                "one weight each",
            ),
        ] {
            let error = schema.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn answers_are_read_as_people_write_them() {
        let schemas = all();
        for (schema, text, shown) in [
            (0, "Positive", "positive"),
            (0, "2", "neutral"),
            (1, "a", "A"),
            (1, "Both_bad", "both_bad"),
            (2, " 5 ", "5"),
            (3, "step 3 | step 1", "step 1|step 3"),
            (3, "", ""),
            (4, "hate=2|violence=0", "hate=2"),
            (5, "3>1, 0 2", "3>1>0>2"),
            (6, "place:4:1 | person:0:2", "person:0:2|place:4:1"),
        ] {
            let schema = &schemas[schema];
            let answer = schema.answer_from_text(text).unwrap();
            assert_eq!(schema.answer_text(&answer), shown);
        }
        let severities = schemas[4]
            .answer_from_json(&json!({"self-harm": 3}))
            .unwrap();
        assert_eq!(schemas[4].answer_text(&severities), "self-harm=3");
        let spans = json!([{"label": "place", "start": 1, "len": 2}]);
        let spans = schemas[6].answer_from_json(&spans).unwrap();
        assert_eq!(schemas[6].answer_text(&spans), "place:1:2");
    }

    #[test]
    fn wrong_answers_are_refused_with_the_reason() {
        let schemas = all();
        for (schema, text, word) in [
            (0, "maybe", "none of the labels negative, positive"),
            (0, "3", "none of the labels"),
            (1, "C", "none of the labels A"),
            (2, "6", "from 1 to 5"),
            (2, "0", "from 1 to 5"),
            (2, "1.5", "no number"),
            (3, "step 9", "none of the labels"),
            (4, "hate", "flag=2"),
            (4, "hate=4", "severity"),
            (5, "0>1>2", "once each"),
            (5, "0>1>2>2", "permutation"),
            (6, "person:0", "label:start:length"),
            (6, "person:0:0", "empty"),
            (6, "person:48:5", "token limit"),
            (6, "person:0:3|person:2:3", "overlap"),
        ] {
            let error = schemas[schema].answer_from_text(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        let many = vec!["person:1:1"; 30].join("|");
        assert!(schemas[6].answer_from_text(&many).is_err());
    }

    /// A valid answer of a schema from random bits.
    pub(crate) fn answer(schema: &Schema, bits: u64) -> Answer {
        match schema {
            Schema::Classification { labels } => Answer::Code((bits % labels.len() as u64) as u32),
            Schema::Preference => Answer::Code((bits % 4) as u32),
            Schema::Rating { steps, .. } => Answer::Code((bits % u64::from(*steps)) as u32),
            Schema::MultiLabel { labels } => {
                Answer::Code((bits & ((1u64 << labels.len()) - 1)) as u32)
            }
            Schema::Safety { labels, .. } => {
                Answer::Code((bits & ((1u64 << (2 * labels.len())) - 1)) as u32)
            }
            Schema::Ranking { items } => {
                let mut order: Vec<u8> = (0..*items).collect();
                let mut left = bits;
                for at in (1..order.len()).rev() {
                    order.swap(at, (left % (at as u64 + 1)) as usize);
                    left /= at as u64 + 1;
                }
                Answer::ranking(&order)
            }
            Schema::Span { labels, tokens } => {
                let mut spans = Vec::new();
                for label in 0..labels.len() as u8 {
                    let part = (bits >> (16 * label)) as u16;
                    if part & 3 > 0 {
                        let start = part % (tokens - 1);
                        spans.push(Span {
                            label,
                            start,
                            len: 1 + (part >> 8) % (tokens - start).min(7),
                        });
                    }
                }
                Answer::Spans(spans)
            }
        }
    }

    proptest! {
        #[test]
        fn text_and_json_forms_lose_nothing(bits: u64) {
            for schema in all() {
                let answer = answer(&schema, bits);
                let text = schema.answer_text(&answer);
                prop_assert_eq!(schema.answer_from_text(&text).unwrap(), answer.clone());
                let json = schema.answer_json(&answer);
                prop_assert_eq!(schema.answer_from_json(&json).unwrap(), answer);
            }
        }

        #[test]
        fn any_text_gives_an_answer_or_an_error(text in "\\PC{0,40}") {
            for schema in all() {
                if let Ok(answer) = schema.answer_from_text(&text) {
                    prop_assert!(pack_answer(&schema.label_type(), &answer).is_ok());
                }
            }
        }
    }
}
