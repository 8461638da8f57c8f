//! From tasks and gold to pages: which gold is used, where it stands, what fills the last
//! page.

use crate::{
    error::{Error, Result},
    index::MAX_PAGES,
    page::Task,
    schema::Schema,
};
use athanor_label_math::Answer;
use sp_crypto_hashing::blake2_256;
use std::collections::{BTreeMap, BTreeSet};

/// A page before it has a salt and a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its tasks, gold among them.
    pub tasks: Vec<Task>,
    /// Position and answer of the gold, ascending.
    pub gold: Vec<(u8, Answer)>,
    /// Positions of tasks that only fill the page up: spare gold, or tasks of other pages.
    pub fillers: Vec<u8>,
}

/// A batch before it has salts and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The pages.
    pub pages: Vec<Planned>,
    /// Gold that was given and not needed.
    pub spare: usize,
}

/// Shape of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tasks a page, gold included.
    pub tasks: u8,
    /// Gold a page.
    pub gold: u8,
}

/// Gold a page that is proposed: an eighth of the page, at least 4, and 8 where a worker is
/// expected to do fewer than two pages; at most half of the page, and enough for 8 in the
/// batch.
pub fn propose_gold(tasks: u8, pages: u32, pages_a_worker: f64) -> u8 {
    let wanted = if pages_a_worker < 2.0 { 8 } else { 4 };
    let in_batch = 8u32.div_ceil(pages.max(1)).min(32) as u8;
    wanted.max(tasks.div_ceil(8)).max(in_batch).min(tasks / 2)
}

/// Pages that so many tasks need.
pub fn pages_for(tasks: usize, shape: Shape) -> usize {
    let ordinary = usize::from(shape.tasks.saturating_sub(shape.gold)).max(1);
    tasks.div_ceil(ordinary)
}

/// Numbers that follow from a secret: the same plan after an interruption.
struct Random {
    seed: [u8; 32],
    count: u64,
}

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        let mut input = self.seed.to_vec();
        input.extend_from_slice(&self.count.to_le_bytes());
        self.count += 1;
        let hash = blake2_256(&input);
        let number = hash
            .iter()
            .take(8)
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        (number % bound.max(1) as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Groups of answers over which gold has to be balanced, and how many groups there are if
/// that is known beforehand.
fn group(schema: &Schema, answer: &Answer) -> (u64, Option<usize>) {
    match (schema, answer) {
        (Schema::Classification { labels }, Answer::Code(code)) => {
            (u64::from(*code), Some(labels.len()))
        }
        // Ties and 'both bad' are no answers a constant worker lives on.
        (Schema::Preference, Answer::Code(code)) => (u64::from(*code), Some(2)),
        (Schema::Rating { steps, .. }, Answer::Code(code)) => {
            (u64::from(code * 2 >= u32::from(*steps)), Some(2))
        }
        (_, answer) => {
            let bytes = codec::Encode::encode(answer);
            let hash = blake2_256(&bytes);
            let key = hash
                .iter()
                .take(8)
                .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
            (key, None)
        }
    }
}

/// Most gold answers of one group among `count`.
fn most_of_one(count: usize, groups: Option<usize>) -> usize {
    match groups {
        Some(groups) => count.div_ceil(groups) + count.div_ceil(4 * groups).max(1),
        None => count.div_ceil(2).max(1),
    }
}

/// Refuses gold that is asked twice, or also stands among the tasks.
///
/// # Errors
///
/// [`Error::Plan`] that names the tasks.
pub fn check_repeats(ordinary: &[Task], gold: &[(Task, Answer)]) -> Result<()> {
    let mut ids = BTreeSet::new();
    let gold_tasks = gold.iter().map(|(task, _)| task);
    for task in ordinary.iter().chain(gold_tasks.clone()) {
        if !ids.insert(task.id.as_str()) {
            return Err(Error::Plan(format!(
                "the id '{}' occurs twice: give every task its own",
                crate::schema::short(&task.id)
            )));
        }
    }
    let mut seen: BTreeMap<[u8; 32], &str> = BTreeMap::new();
    for task in gold_tasks {
        if let Some(other) = seen.insert(task.content(), &task.id) {
            return Err(Error::Plan(format!(
                "gold '{}' and '{other}' are the same question: gold that comes twice is \
                 recognised. Remove one of them",
                task.id
            )));
        }
    }
    for task in ordinary {
        if let Some(gold) = seen.get(&task.content()) {
            return Err(Error::Plan(format!(
                "task '{}' is the same question as gold '{gold}': remove one of them",
                task.id
            )));
        }
    }
    Ok(())
}

/// Picks `count` gold answers that are balanced over the labels, the pages alike.
fn choose(
    schema: &Schema,
    mut gold: Vec<(Task, Answer)>,
    count: usize,
    random: &mut Random,
) -> Result<(Vec<(Task, Answer)>, Vec<Task>)> {
    if gold.len() < count {
        return Err(Error::Plan(format!(
            "the batch needs {count} gold answers, {} are given: add {} more, or take larger \
             pages or less gold a page",
            gold.len(),
            count - gold.len()
        )));
    }
    random.shuffle(&mut gold);
    let mut groups: BTreeMap<u64, Vec<(Task, Answer)>> = BTreeMap::new();
    let mut known = None;
    for (task, answer) in gold {
        let (key, of) = group(schema, &answer);
        known = of;
        groups.entry(key).or_default().push((task, answer));
    }
    let mut picked = Vec::with_capacity(count);
    let mut taken: BTreeMap<u64, usize> = BTreeMap::new();
    while picked.len() < count {
        for (key, group) in &mut groups {
            if picked.len() == count {
                break;
            }
            if let Some(item) = group.pop() {
                *taken.entry(*key).or_default() += 1;
                picked.push(item);
            }
        }
    }
    let largest = taken.values().copied().max().unwrap_or(0);
    let most = most_of_one(count, known);
    if largest > most {
        let shown = taken
            .iter()
            .max_by_key(|(_, count)| **count)
            .and_then(|(key, _)| {
                let found = picked.iter().find(|(_, a)| group(schema, a).0 == *key)?;
                Some(schema.answer_text(&found.1))
            });
        return Err(Error::Plan(format!(
            "{largest} of the {count} gold answers are '{}' or alike, at most {most} may be: who \
             always answers that would pass. Add gold with other answers",
            shown.unwrap_or_default()
        )));
    }
    let spare = groups
        .into_values()
        .flatten()
        .map(|(task, _)| task)
        .collect();
    Ok((picked, spare))
}

/// Distributes tasks and gold over pages. `secret` decides order and positions; the same
/// input gives the same plan. Without tasks whose answer is not known, as much of the gold
/// as the pages need stays gold, and the rest is asked like any task.
///
/// # Errors
///
/// [`Error::Plan`] when there are no tasks, too many pages, too little gold, gold that is
/// repeated or unbalanced, or too few tasks to fill one page.
pub fn plan(
    schema: &Schema,
    mut ordinary: Vec<Task>,
    mut gold: Vec<(Task, Answer)>,
    shape: Shape,
    secret: &[u8; 32],
) -> Result<Plan> {
    schema
        .label_type()
        .check_tasks(shape.tasks)
        .map_err(|error| Error::Plan(error.to_string()))?;
    if shape.gold > shape.tasks / 2 {
        return Err(Error::Plan(format!(
            "a page of {} tasks holds at most {} gold answers",
            shape.tasks,
            shape.tasks / 2
        )));
    }
    if ordinary.is_empty() && gold.is_empty() {
        return Err(Error::Plan("the file holds no task".into()));
    }
    check_repeats(&ordinary, &gold)?;
    let mut seed = b"athanor/plan/v1".to_vec();
    seed.extend_from_slice(secret);
    let mut random = Random {
        seed: blake2_256(&seed),
        count: 0,
    };
    if ordinary.is_empty() {
        // Every answer is known: as many as the pages need are gold, the others are tasks.
        let pages = gold.len().div_ceil(shape.tasks.into());
        let count = pages * usize::from(shape.gold);
        (gold, ordinary) = choose(schema, gold, count, &mut random)?;
        if ordinary.is_empty() {
            return Err(Error::Plan("all tasks would be gold: add some more".into()));
        }
    }
    let pages = pages_for(ordinary.len(), shape);
    if pages > MAX_PAGES {
        return Err(Error::Plan(format!(
            "{} tasks need {pages} pages, a batch has at most {MAX_PAGES}: make two batches",
            ordinary.len()
        )));
    }
    let per_page = usize::from(shape.gold);
    let (picked, mut spare) = choose(schema, gold, pages * per_page, &mut random)?;
    random.shuffle(&mut ordinary);
    random.shuffle(&mut spare);

    let room = usize::from(shape.tasks) - per_page;
    let short = pages * room - ordinary.len();
    let last = ordinary.len() - (room - short);
    let mut fillers: Vec<Task> = Vec::with_capacity(short);
    while fillers.len() < short {
        if let Some(task) = spare.pop() {
            fillers.push(task);
            continue;
        }
        // Another label for a task of another page, each at most once.
        let left = short - fillers.len();
        if last < left {
            return Err(Error::Plan(format!(
                "{} more tasks or gold answers are needed to fill a page of {}: add them, or \
                 take smaller pages",
                left - last,
                shape.tasks
            )));
        }
        let mut others: Vec<usize> = (0..last).collect();
        random.shuffle(&mut others);
        let again = others.into_iter().take(left);
        fillers.extend(again.filter_map(|at| ordinary.get(at).cloned()));
    }
    let mut rows = ordinary.into_iter();
    let mut picked = picked.into_iter();
    let mut fillers = fillers.into_iter();
    let pages = (0..pages)
        .map(|_| {
            // 0 an ordinary task, 1 gold, 2 filler.
            let mut tasks: Vec<(Task, Option<Answer>, bool)> = rows
                .by_ref()
                .take(room)
                .map(|task| (task, None, false))
                .collect();
            while tasks.len() < room {
                match fillers.next() {
                    Some(task) => tasks.push((task, None, true)),
                    None => break,
                }
            }
            let gold = picked.by_ref().take(per_page);
            tasks.extend(gold.map(|(task, answer)| (task, Some(answer), false)));
            random.shuffle(&mut tasks);
            let mut page = Planned {
                tasks: Vec::with_capacity(tasks.len()),
                gold: Vec::new(),
                fillers: Vec::new(),
            };
            for (at, (task, answer, filler)) in (0u8..).zip(tasks) {
                page.tasks.push(task);
                page.gold.extend(answer.map(|answer| (at, answer)));
                if filler {
                    page.fillers.push(at);
                }
            }
            page
        })
        .collect();
    Ok(Plan {
        pages,
        spare: spare.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::tests::task;
    use proptest::prelude::*;

    fn gold(schema: &Schema, from: usize, answers: &[u32]) -> Vec<(Task, Answer)> {
        answers
            .iter()
            .enumerate()
            .map(|(at, code)| (task(schema, from + at), Answer::Code(*code)))
            .collect()
    }

    fn tasks(schema: &Schema, count: usize) -> Vec<Task> {
        (0..count).map(|number| task(schema, number)).collect()
    }

    const SHAPE: Shape = Shape { tasks: 8, gold: 2 };

    #[test]
    fn every_task_stands_once_and_every_page_has_its_gold() {
        let schema = Schema::Preference;
        let answers: Vec<u32> = (0..12).map(|at| at % 2).collect();
        let plan = plan(
            &schema,
            tasks(&schema, 30),
            gold(&schema, 1_000, &answers),
            SHAPE,
            &[1; 32],
        )
        .unwrap();
        assert_eq!(plan.pages.len(), 5);
        assert_eq!(plan.spare, 2);
        let mut ids = BTreeSet::new();
        for page in &plan.pages {
            assert_eq!((page.tasks.len(), page.gold.len()), (8, 2));
            assert!(page.fillers.is_empty());
            assert!(page.gold.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let (a, b) = (&page.gold[0].1, &page.gold[1].1);
            assert_ne!(a, b, "each page's gold is balanced");
            for task in &page.tasks {
                assert!(ids.insert(task.id.clone()), "{} twice", task.id);
            }
        }
        assert_eq!(ids.len(), 40);
    }

    #[test]
    fn the_last_page_is_filled_by_spare_gold_then_by_tasks_of_others() {
        let schema = Schema::Preference;
        let answers = [0, 1, 0, 1, 0];
        let plan = plan(
            &schema,
            tasks(&schema, 9),
            gold(&schema, 1_000, &answers),
            SHAPE,
            &[2; 32],
        )
        .unwrap();
        assert_eq!((plan.pages.len(), plan.spare), (2, 0));
        let last = &plan.pages[1];
        assert_eq!(
            (last.tasks.len(), last.gold.len(), last.fillers.len()),
            (8, 2, 3)
        );
        let fillers: Vec<&str> = last
            .fillers
            .iter()
            .map(|at| last.tasks[usize::from(*at)].id.as_str())
            .collect();
        let spare = fillers.iter().filter(|id| id.starts_with("task-100"));
        assert_eq!(spare.count(), 1);
        let unique: BTreeSet<&str> = last.tasks.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(unique.len(), 8, "no task twice in a page");
    }

    #[test]
    fn an_interrupted_plan_is_made_again_the_same() {
        let schema = Schema::Preference;
        let make = |secret: u8| {
            let gold = gold(&schema, 1_000, &[0, 1, 0, 1, 0, 1]);
            plan(&schema, tasks(&schema, 17), gold, SHAPE, &[secret; 32]).unwrap()
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    fn refused(ordinary: Vec<Task>, gold: Vec<(Task, Answer)>) -> String {
        plan(&Schema::Preference, ordinary, gold, SHAPE, &[1; 32])
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn repeated_gold_is_refused() {
        let schema = Schema::Preference;
        let mut twice = gold(&schema, 1_000, &[0, 1, 0, 1]);
        twice[2].0 = Task {
            id: "other".into(),
            ..twice[0].0.clone()
        };
        assert!(refused(tasks(&schema, 12), twice).contains("same question"));
        let mut among = tasks(&schema, 12);
        among[3] = Task {
            id: "x".into(),
            ..task(&schema, 1_001)
        };
        let error = refused(among, gold(&schema, 1_000, &[0, 1, 0, 1]));
        assert!(error.contains("same question as gold"), "{error}");
        let error = refused(tasks(&schema, 12), gold(&schema, 11, &[0, 1, 0, 1]));
        assert!(error.contains("occurs twice"), "{error}");
    }

    #[test]
    fn unbalanced_gold_is_refused() {
        let schema = Schema::Preference;
        let error = refused(tasks(&schema, 24), gold(&schema, 1_000, &[0; 8]));
        assert!(error.contains("8 of the 8 gold answers are 'A'"), "{error}");
        let mut mostly = gold(&schema, 1_000, &[0; 7]);
        mostly.extend(gold(&schema, 2_000, &[1]));
        assert!(refused(tasks(&schema, 24), mostly).contains("7 of the 8"));
        let mut enough = gold(&schema, 1_000, &[0; 40]);
        enough.extend(gold(&schema, 2_000, &[1; 4]));
        assert!(plan(&schema, tasks(&schema, 24), enough, SHAPE, &[1; 32]).is_ok());
    }

    #[test]
    fn one_answer_may_be_half_of_the_gold_of_types_without_classes() {
        let schema = Schema::MultiLabel {
            labels: vec!["a".into(), "b".into(), "c".into(), "d".into()],
        };
        let make = |answers: &[u32]| {
            let gold = gold(&schema, 1_000, answers);
            plan(&schema, tasks(&schema, 24), gold, SHAPE, &[1; 32])
        };
        assert!(make(&[1, 1, 1, 1, 2, 3, 4, 5]).is_ok());
        assert!(make(&[1, 1, 1, 1, 1, 3, 4, 5]).is_err());
    }

    #[test]
    fn too_little_of_anything_is_said_with_numbers() {
        let schema = Schema::Preference;
        let error = refused(tasks(&schema, 24), gold(&schema, 1_000, &[0, 1, 0]));
        assert!(
            error.contains("needs 8 gold answers, 3 are given"),
            "{error}"
        );
        let error = refused(tasks(&schema, 3), gold(&schema, 1_000, &[0, 1]));
        assert!(error.contains("3 more tasks"), "{error}");
        assert!(refused(Vec::new(), Vec::new()).contains("no task"));
        let error = refused(Vec::new(), gold(&schema, 1_000, &[0, 1]));
        assert!(error.contains("all tasks would be gold"), "{error}");
        let error = refused(tasks(&schema, 6 * MAX_PAGES + 1), Vec::new());
        assert!(error.contains("at most 4096"), "{error}");
    }

    #[test]
    fn where_every_answer_is_known_some_are_gold_and_the_rest_is_asked() {
        let schema = Schema::Preference;
        let answers: Vec<u32> = (0..48).map(|at| at % 2).collect();
        let made = plan(
            &schema,
            Vec::new(),
            gold(&schema, 0, &answers),
            SHAPE,
            &[3; 32],
        )
        .unwrap();
        assert_eq!((made.pages.len(), made.spare), (6, 0));
        let gold = made.pages.iter().map(|page| page.gold.len()).sum::<usize>();
        assert_eq!(gold, 12);
        assert!(made.pages.iter().all(|page| page.fillers.is_empty()));
        let odd = plan(
            &schema,
            Vec::new(),
            super::tests::gold(&schema, 0, &answers[..41]),
            SHAPE,
            &[3; 32],
        );
        assert_eq!(odd.unwrap().pages.len(), 5);
    }

    #[test]
    fn gold_a_page_is_proposed_within_the_bounds_of_the_chain() {
        assert_eq!(propose_gold(32, 100, 5.0), 4);
        assert_eq!(propose_gold(32, 100, 1.5), 8);
        assert_eq!(propose_gold(8, 1, 1.0), 4);
        assert_eq!(propose_gold(32, 1, 9.0), 8);
        assert_eq!(propose_gold(4, 100, 1.0), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pages_are_full_and_nothing_is_lost(count in 1usize..80, spare in 0usize..9, m in 4u8..=32, g in 0u8..=8, secret: u8) {
            let schema = Schema::Preference;
            let shape = Shape { tasks: m, gold: g.min(m / 2) };
            let wanted = pages_for(count, shape) * usize::from(shape.gold) + spare;
            let answers: Vec<u32> = (0..wanted as u32).map(|at| at % 2).collect();
            let made = plan(&schema, tasks(&schema, count), gold(&schema, 1_000, &answers), shape, &[secret; 32]);
            if let Ok(made) = made {
                let mut ordinary = 0;
                for page in &made.pages {
                    prop_assert_eq!(page.tasks.len(), usize::from(m));
                    prop_assert_eq!(page.gold.len(), usize::from(shape.gold));
                    ordinary += page.tasks.len() - page.gold.len() - page.fillers.len();
                }
                prop_assert_eq!(ordinary, count);
            } else {
                prop_assert!(count + spare < usize::from(m), "{made:?}");
            }
        }
    }
}
