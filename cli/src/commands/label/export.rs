//! `athanor label export`: labels as data sets.

use super::{
    ask::bad_file,
    create,
    folder::{Campaign, Folder, Round, Sheet},
    watch,
};
use crate::{
    commands::Context,
    error::{Error, Result},
    output,
};
use athanor_label_client::{
    account,
    export::{anthropic_hh, trl_preference, trl_stepwise, trl_unpaired, Exported, Labelled},
    schema::Schema,
    table::{self, Sheets},
};
use athanor_label_math::{consensus, unpack_answer, Answer, Consensus, Span};
use athanor_primitives::ticket::bytes_from_hex;
use clap::{Args, ValueEnum};
use serde_json::{json, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// Form of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// TRL preference: prompt, chosen, rejected
    TrlPreference,
    /// TRL unpaired preference: prompt, completion, label
    TrlUnpaired,
    /// TRL stepwise supervision: prompt, completions, labels
    TrlStepwise,
    /// Anthropic HH: chosen, rejected as whole conversations
    Hh,
    /// Raw table: task,worker,label,round,gold
    Table,
    /// Labels of tasks with their support
    Labels,
    /// Tasks whose label is unsure, for a further batch
    Unsure,
}

/// Options of `label export`.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Form of the data set
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Format,
    /// New file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only this batch, from 0 [default: all that are paid]
    #[arg(long, value_name = "N")]
    pub round: Option<u32>,
    /// Leave gold out of data sets for training
    #[arg(long)]
    pub no_gold: bool,
    /// Support below which a label is unsure, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 75)]
    pub sure: u8,
}

/// A task with everything known of its label.
struct Known {
    labelled: Option<Labelled>,
    task: athanor_label_client::page::Task,
    support: u32,
    tie: bool,
    thin: bool,
    gold: bool,
    answers: usize,
}

fn hex_bytes(text: &str, path: &std::path::Path) -> Result<Vec<u8>> {
    bytes_from_hex(text, 2_048).ok_or_else(|| Error::BadFile {
        path: path.into(),
        reason: "it holds malformed hex".into(),
    })
}

/// A label of the chain's view function.
fn label_of(value: &Value) -> Option<Consensus> {
    let label = match value.get("label")? {
        Value::Null => None,
        found => Some(answer_of(found)?),
    };
    let number = |key: &str| u32::try_from(value.get(key)?.as_u64()?).ok();
    let flag = |key: &str| value.get(key)?.as_bool();
    Some(Consensus {
        label,
        mean: number("mean"),
        support: number("support")?,
        tie: flag("tie")?,
        thin: flag("thin")?,
    })
}

fn answer_of(value: &Value) -> Option<Answer> {
    if let Some(code) = value.get("code") {
        return Some(Answer::Code(u32::try_from(code.as_u64()?).ok()?));
    }
    let spans = value.get("spans")?.as_array()?;
    let number = |span: &Value, key: &str| span.get(key)?.as_u64();
    let spans = spans.iter().map(|span| {
        Some(Span {
            label: u8::try_from(number(span, "label")?).ok()?,
            start: u16::try_from(number(span, "start")?).ok()?,
            len: u16::try_from(number(span, "len")?).ok()?,
        })
    });
    spans.collect::<Option<_>>().map(Answer::Spans)
}

/// The pages of a round with their sheets and gold.
fn sheets_of(
    folder: &Folder,
    round: &Round,
    campaign: &Campaign,
    sheets: &[Sheet],
) -> Result<Vec<Sheets>> {
    let path = folder.path();
    let label = campaign.schema.label_type();
    let mut of_page: BTreeMap<u32, Vec<(account::AccountId, Vec<u8>)>> = BTreeMap::new();
    for sheet in sheets {
        let worker = account::from_hex(&sheet.worker).map_err(|error| bad_file(path, &error))?;
        let bytes = hex_bytes(&sheet.sheet, path)?;
        of_page.entry(sheet.page).or_default().push((worker, bytes));
    }
    let mut pages = Vec::new();
    for gold in round.gold()? {
        let answers = gold
            .entries
            .iter()
            .map(|(at, packed)| {
                let answer = unpack_answer(&label, &hex_bytes(packed, path)?);
                let answer = answer.map_err(|error| Error::BadFile {
                    path: path.into(),
                    reason: format!("gold.json: {error}"),
                })?;
                Ok((*at, answer))
            })
            .collect::<Result<_>>()?;
        pages.push(Sheets {
            page: round.page(gold.page)?,
            round: round.number(),
            sheets: of_page.remove(&gold.page).unwrap_or_default(),
            gold: answers,
        });
    }
    Ok(pages)
}

/// Labels of a round's tasks: those the chain gave, or of equal weights where it was not
/// asked in time.
fn known_of(campaign: &Campaign, pages: &[Sheets], labels: &[Value]) -> Vec<Known> {
    let terms = &campaign.terms;
    let kept: BTreeMap<u64, &Value> = labels
        .iter()
        .filter_map(|line| Some((line.get("page")?.as_u64()?, line.get("labels")?)))
        .collect();
    let mut known = Vec::new();
    for page in pages {
        let kept = kept.get(&u64::from(page.page.page)).and_then(|labels| {
            let labels = labels.as_array()?.iter().map(label_of);
            labels.collect::<Option<Vec<_>>>()
        });
        let labels = kept.unwrap_or_else(|| {
            let sheets: Vec<&[u8]> = page.sheets.iter().map(|(_, s)| s.as_slice()).collect();
            let weights = vec![1 << 16; sheets.len()];
            consensus(
                &terms.label,
                terms.tasks,
                terms.panel_min,
                &sheets,
                &weights,
            )
            .unwrap_or_default()
        });
        for ((at, task), label) in (0u8..).zip(&page.page.tasks).zip(labels) {
            known.push(Known {
                labelled: label.label.clone().map(|label| Labelled {
                    task: task.clone(),
                    label,
                }),
                task: task.clone(),
                support: label.support,
                tie: label.tie,
                thin: label.thin,
                gold: page.gold.contains_key(&at),
                answers: page.sheets.len(),
            });
        }
    }
    known
}

fn labels_jsonl(schema: &Schema, known: &[Known]) -> String {
    let mut out = String::new();
    for item in known {
        let label = item.labelled.as_ref();
        let line = json!({
            "id": item.task.id,
            "label": label.map(|labelled| schema.answer_json(&labelled.label)),
            "support": f64::from(item.support) / 65_536.0,
            "answers": item.answers,
            "tie": item.tie,
            "thin": item.thin,
            "gold": item.gold,
        });
        out.push_str(&format!("{line}\n"));
    }
    out
}

/// `label export`.
pub(super) async fn run(options: &Export, context: &Context) -> Result<()> {
    if let Some(out) = options.out.as_ref().filter(|out| out.exists()) {
        return Err(Error::Refused(format!(
            "{} is there already: take another --out",
            out.display()
        )));
    }
    let folder = Folder::open(&options.folder)?;
    let campaign = folder.campaign()?;
    let rounds: Vec<Round> = match options.round {
        Some(round) => vec![folder.chosen(Some(round))?],
        None => (0..folder.rounds()).map(|at| folder.round(at)).collect(),
    };
    let mut pages = Vec::new();
    let mut known = Vec::new();
    for round in rounds {
        if round.sheets()?.is_empty() {
            let unsure = options.format == Format::Unsure;
            if !unsure {
                keep(&folder, &round, context).await?;
            }
        }
        let mut sheets = round.sheets()?;
        if sheets.is_empty() && options.format == Format::Unsure {
            // Before anything is public the requester has what was sealed to him.
            sheets = round.openings()?;
        }
        let of_round = sheets_of(&folder, &round, &campaign, &sheets)?;
        known.extend(known_of(&campaign, &of_round, &round.consensus()?));
        pages.extend(of_round);
    }
    let schema = &campaign.schema;
    let mut rows = known.len();
    let mut skipped = 0;
    // A task that several batches asked is exported once, with its last label.
    let mut seen = BTreeSet::new();
    let training: Vec<Labelled> = known
        .iter()
        .rev()
        .filter(|item| !(options.no_gold && item.gold))
        .filter(|item| item.answers > 0 && seen.insert(item.task.id.clone()))
        .filter_map(|item| item.labelled.clone())
        .collect();
    let training: Vec<Labelled> = training.into_iter().rev().collect();
    let mut of = |exported: Exported| {
        rows = exported.rows;
        skipped = exported.skipped;
        exported.jsonl
    };
    let text = match options.format {
        Format::TrlPreference => of(trl_preference(schema, &training)),
        Format::TrlUnpaired => of(trl_unpaired(schema, &training)),
        Format::TrlStepwise => of(trl_stepwise(schema, &training)),
        Format::Hh => of(anthropic_hh(schema, &training)),
        Format::Labels => labels_jsonl(schema, &known),
        Format::Table => {
            let table = table::rows(&pages).map_err(|error| bad_file(folder.path(), &error))?;
            rows = table.len();
            table::to_csv(&table).map_err(|error| bad_file(folder.path(), &error))?
        }
        Format::Unsure => {
            let sure = u32::from(options.sure.min(100)) * 65_536 / 100;
            let unsure = known
                .iter()
                .filter(|item| !item.gold && item.answers > 0 && (item.tie || item.support < sure));
            let lines: Vec<String> = unsure
                .map(|item| serde_json::to_string(&item.task).unwrap_or_default())
                .collect();
            rows = lines.len();
            lines.iter().map(|line| format!("{line}\n")).collect()
        }
    };
    if rows == 0 && options.format != Format::Unsure {
        return Err(Error::Refused(
            "no task of this campaign fits this format: preference and hh need pairs or rankings, \
             unpaired two classes over 'text' or pairs, stepwise flags over 'options'"
                .into(),
        ));
    }
    let Some(out) = &options.out else {
        print!("{text}");
        return Ok(());
    };
    super::folder::write(out, text.as_bytes())?;
    let value = json!({
        "file": out.display().to_string(),
        "rows": rows,
        "skipped": skipped,
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// Fetches what was revealed, if that was not kept before.
async fn keep(folder: &Folder, round: &Round, context: &Context) -> Result<()> {
    let (_, _, chain) = create::opened(folder.path(), context).await?;
    watch::keep_sheets(&chain, round, &context.output).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_chain_are_read() {
        let value =
            json!({"label": {"code": 3}, "mean": 5, "support": 65_536, "tie": false, "thin": true});
        let label = label_of(&value).unwrap();
        assert_eq!(label.label, Some(Answer::Code(3)));
        assert!(label.thin && !label.tie);
        let spans = json!({"spans": [{"label": 1, "start": 2, "len": 3}]});
        let Some(Answer::Spans(spans)) = answer_of(&spans) else {
            panic!("spans");
        };
        assert_eq!((spans[0].label, spans[0].start, spans[0].len), (1, 2, 3));
        assert!(label_of(&json!({"label": {"code": -1}})).is_none());
    }
}
