//! The raw table `task,worker,label,round,gold`: every answer that was revealed, once.

use crate::{
    account::{self, AccountId},
    error::{Error, Result},
    page::Page,
};
use athanor_label_math::{unpack, Answer};
use std::collections::{BTreeMap, BTreeSet};

/// The header of the table.
pub const HEADER: &str = "task,worker,label,round,gold";

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The task's id.
    pub task: String,
    /// Who answered.
    pub worker: AccountId,
    /// The answer, see [`crate::schema::Schema::answer_text`].
    pub label: String,
    /// Place of the batch in the campaign, from 0.
    pub round: u32,
    /// The gold answer, empty if the task is none.
    pub gold: String,
}

/// The sheets of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheets {
    /// The page.
    pub page: Page,
    /// Place of its batch in the campaign, from 0.
    pub round: u32,
    /// Revealed sheets in the order of their slots.
    pub sheets: Vec<(AccountId, Vec<u8>)>,
    /// Opened gold.
    pub gold: BTreeMap<u8, Answer>,
}

/// The answers of the pages in order. A worker's second answer to one task is left out.
///
/// # Errors
///
/// [`Error::Malformed`] for a sheet that is not of the page's type: it cannot have come
/// from the chain.
pub fn rows(pages: &[Sheets]) -> Result<Vec<Row>> {
    let mut seen: BTreeSet<(&str, AccountId)> = BTreeSet::new();
    let mut rows = Vec::new();
    for sheets in pages {
        let page = &sheets.page;
        let ty = page.schema.label_type();
        let tasks = u8::try_from(page.tasks.len()).unwrap_or(u8::MAX);
        for (worker, sheet) in &sheets.sheets {
            let answers =
                unpack(&ty, tasks, sheet).map_err(|error| Error::malformed("sheet", error))?;
            for ((at, task), answer) in (0..).zip(&page.tasks).zip(&answers) {
                if !seen.insert((&task.id, *worker)) {
                    continue;
                }
                let gold = sheets.gold.get(&at);
                rows.push(Row {
                    task: task.id.clone(),
                    worker: *worker,
                    label: page.schema.answer_text(answer),
                    round: sheets.round,
                    gold: gold.map_or_else(String::new, |gold| page.schema.answer_text(gold)),
                });
            }
        }
    }
    Ok(rows)
}

/// The table as CSV.
///
/// # Errors
///
/// [`Error::Malformed`] never in practice: the writer writes to memory.
pub fn to_csv(rows: &[Row]) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| Error::malformed("table", error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(HEADER.split(','))
        .map_err(|error| failed(&error))?;
    for row in rows {
        let worker = account::to_hex(&row.worker);
        let round = row.round.to_string();
        writer
            .write_record([&row.task, &worker, &row.label, &round, &row.gold])
            .map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{page::tests::page, schema::Schema};
    use athanor_label_math::pack;

    #[test]
    fn a_workers_first_answer_to_a_task_counts() {
        let schema = Schema::Preference;
        let ty = schema.label_type();
        let sheet = |codes: [u32; 8]| pack(&ty, &codes.map(Answer::Code)).unwrap();
        let mut second = page(&schema);
        second.tasks[0].id = "new, \"task\"".into();
        let pages = [
            Sheets {
                page: page(&schema),
                round: 0,
                sheets: vec![([1; 32], sheet([0; 8])), ([2; 32], sheet([1; 8]))],
                gold: BTreeMap::from([(2, Answer::Code(3))]),
            },
            Sheets {
                page: second,
                round: 1,
                sheets: vec![([1; 32], sheet([2; 8])), ([3; 32], sheet([3; 8]))],
                gold: BTreeMap::new(),
            },
        ];
        let rows = rows(&pages).unwrap();
        assert_eq!(rows.len(), 8 + 8 + 1 + 8);
        let of = |worker: u8, task: &str| {
            rows.iter()
                .find(|row| row.worker == [worker; 32] && row.task == task)
                .map(|row| (row.label.as_str(), row.round, row.gold.as_str()))
        };
        assert_eq!(of(1, "task-1"), Some(("A", 0, "")));
        assert_eq!(of(2, "task-2"), Some(("B", 0, "both_bad")));
        assert_eq!(of(1, "new, \"task\""), Some(("tie", 1, "")));
        assert_eq!(of(3, "task-7"), Some(("both_bad", 1, "")));

        let csv = to_csv(&rows).unwrap();
        assert!(csv.starts_with("task,worker,label,round,gold\n"));
        assert!(csv.contains("\"new, \"\"task\"\"\",0x0101"), "{csv}");
        assert_eq!(csv.lines().count(), 26);
    }

    #[test]
    fn a_sheet_of_another_type_is_refused() {
        let pages = [Sheets {
            page: page(&Schema::Preference),
            round: 0,
            sheets: vec![([1; 32], vec![1, 2, 3])],
            gold: BTreeMap::new(),
        }];
        assert!(matches!(rows(&pages), Err(Error::Malformed { .. })));
    }
}
