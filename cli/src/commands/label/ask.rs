//! What is asked, and the file it is asked about: options that several commands share.

use crate::error::{Error, Result};
use athanor_label_client::{
    import::{self, Format, Imported},
    schema::Schema,
};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Types of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// One of some classes
    Classification,
    /// Which of two answers is better: A, B, a tie, both bad
    Preference,
    /// A step of a scale
    Rating,
    /// Any of some flags
    MultiLabel,
    /// A severity from 0 to 3 for each of some flags
    Safety,
    /// An order of some items
    Ranking,
    /// Labelled runs of tokens
    Span,
}

/// What a task asks for.
#[derive(Args, Clone, Debug)]
pub struct Ask {
    /// What a task asks for
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub kind: Kind,
    /// Names of classes, flags or span labels; safety: name=weight
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// Rating: steps of the scale
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub steps: u8,
    /// Rating: what the lowest step is called
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub first: i32,
    /// Ranking: items of a task
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub items: u8,
    /// Span: most tokens of a task
    #[arg(long, value_name = "N", default_value_t = 512)]
    pub tokens: u16,
    /// Safety: answers of a panel that must set a flag
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub quorum: u8,
}

impl Ask {
    /// The type with its names.
    pub fn schema(&self) -> Result<Schema> {
        let labels = || {
            let labels = self.labels.iter().map(|name| name.trim().to_owned());
            labels.collect::<Vec<_>>()
        };
        let wants_names = matches!(
            self.kind,
            Kind::Classification | Kind::MultiLabel | Kind::Safety | Kind::Span
        );
        if wants_names == self.labels.is_empty() {
            return Err(Error::Usage(if wants_names {
                "this type needs names: --labels first,second,…".into()
            } else {
                "--labels does not go with this type".into()
            }));
        }
        let schema = match self.kind {
            Kind::Classification => Schema::Classification { labels: labels() },
            Kind::Preference => Schema::Preference,
            Kind::Rating => Schema::Rating {
                steps: self.steps,
                first: self.first,
            },
            Kind::MultiLabel => Schema::MultiLabel { labels: labels() },
            Kind::Safety => {
                let mut names = Vec::new();
                let mut weights = Vec::new();
                for label in labels() {
                    let (name, weight) = label.split_once('=').unwrap_or((&label, "1"));
                    let weight = weight.trim().parse().map_err(|_| {
                        Error::Usage(format!("'{label}' is not of the form name=weight"))
                    })?;
                    names.push(name.trim().to_owned());
                    weights.push(weight);
                }
                Schema::Safety {
                    labels: names,
                    weights,
                    quorum: self.quorum,
                }
            }
            Kind::Ranking => Schema::Ranking { items: self.items },
            Kind::Span => Schema::Span {
                labels: labels(),
                tokens: self.tokens,
            },
        };
        schema
            .check()
            .map_err(|error| Error::Usage(error.to_string()))?;
        Ok(schema)
    }
}

/// The file with tasks and gold.
#[derive(Args, Clone, Debug)]
pub struct Input {
    /// Tasks and gold: one JSON object a line, or CSV by the name's end
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Field with known answers; if all have one, some are asked
    #[arg(long, value_name = "NAME", default_value = "gold")]
    pub gold_column: String,
    /// Name that the file uses for one of our fields, like a=chosen
    #[arg(long, value_name = "OURS=THEIRS", value_delimiter = ',')]
    pub field: Vec<String>,
}

impl Input {
    /// Reads the file.
    pub fn read(&self, schema: &Schema) -> Result<Imported> {
        let is_csv = self
            .file
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("csv"));
        let format = if is_csv { Format::Csv } else { Format::Jsonl };
        let mut options = import::Options::new(format);
        options.gold.clone_from(&self.gold_column);
        for pair in &self.field {
            let (ours, theirs) = pair.split_once('=').ok_or_else(|| {
                Error::Usage(format!("'{pair}' is not of the form --field a=chosen"))
            })?;
            options.rename.insert(ours.into(), theirs.into());
        }
        let bytes =
            crate::commands::read_file(&self.file, import::MAX_FILE as u64, "a file of tasks")?;
        import::read(&bytes, schema, &options).map_err(|error| bad_file(&self.file, &error))
    }
}

/// An error of the off-chain library about a file.
pub(super) fn bad_file(path: &Path, error: &athanor_label_client::Error) -> Error {
    Error::BadFile {
        path: path.into(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::commands::label) fn ask(kind: Kind, labels: &[&str]) -> Ask {
        Ask {
            kind,
            labels: labels.iter().map(|name| (*name).to_owned()).collect(),
            steps: 5,
            first: 1,
            items: 3,
            tokens: 512,
            quorum: 2,
        }
    }

    #[test]
    fn every_type_follows_from_its_options() {
        let schema = ask(Kind::Classification, &["no", " yes"]).schema().unwrap();
        assert_eq!(schema.names(), ["no", "yes"]);
        let schema = ask(Kind::Safety, &["hate=4", "spam"]).schema().unwrap();
        let Schema::Safety {
            weights, quorum, ..
        } = schema
        else {
            panic!("safety");
        };
        assert_eq!((weights, quorum), (vec![4, 1], 2));
        for kind in [Kind::Preference, Kind::Rating, Kind::Ranking] {
            ask(kind, &[]).schema().unwrap();
        }
        for kind in [Kind::MultiLabel, Kind::Span] {
            ask(kind, &["x"]).schema().unwrap();
        }
    }

    #[test]
    fn names_are_demanded_where_they_belong() {
        for (kind, labels) in [
            (Kind::Classification, &[][..]),
            (Kind::Span, &[]),
            (Kind::Preference, &["a"]),
            (Kind::Classification, &["only"]),
            (Kind::Safety, &["hate=x"]),
        ] {
            let error = ask(kind, labels).schema().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        }
    }

    #[test]
    fn a_wrong_line_is_named_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tasks.CSV");
        std::fs::write(&file, "prompt,chosen,rejected,gold\np,1,2,A\np,,2,\n").unwrap();
        let input = |field: &[&str]| Input {
            file: file.clone(),
            gold_column: "gold".into(),
            field: field.iter().map(|pair| (*pair).to_owned()).collect(),
        };
        let pair = Schema::Preference;
        let error = input(&["a=chosen", "b=rejected"]).read(&pair).unwrap_err();
        assert!(
            error.to_string().ends_with("line 3: 'a' is missing"),
            "{error}"
        );
        assert_eq!(input(&["a"]).read(&pair).unwrap_err().exit_code(), 2);
    }
}
