//! Every call in every state: what `docs/spec/compute-jobs.md` says in its table is
//! what happens, pair by pair.

use super::support::*;
use crate::{mock::*, *};
use athanor_content_tree::Subtree;
use athanor_primitives::{JobId, Value};
use frame_support::{
    dispatch::GetDispatchInfo,
    storage::{with_transaction, TransactionOutcome},
    traits::GetCallName,
};
use scale_info::{TypeDef, TypeInfo};
use sp_runtime::{traits::Dispatchable, DispatchError};
use std::collections::BTreeSet;

const SPEC: &str = include_str!("../../../../../docs/spec/compute-jobs.md");

/// States of a live job: each has a column, and one for when its deadline has passed.
const JOB_STATES: [&str; 6] = [
    "Open",
    "Assigned",
    "Running",
    "Sealed",
    "Revealing",
    "Claimed",
];

/// States of a thread, with the same two columns.
const THREAD_STATES: [&str; 3] = ["Announced", "Asked", "Answered"];

/// The table's columns that are no state of its own but a case of one.
const CASES: [&str; 5] = [
    "single, running",
    "auditing",
    "announced, young",
    "window over",
    "ended",
];

/// The table's cells by state and call.
fn table() -> (Vec<String>, Vec<(String, Vec<String>)>) {
    let lines = SPEC
        .lines()
        .skip_while(|line| !line.starts_with("| call \\ state"))
        .take_while(|line| line.starts_with('|'));
    let mut rows = lines.map(|line| {
        line.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect::<Vec<_>>()
    });
    let states = rows.next().expect("the spec has the table")[1..].to_vec();
    let calls = rows
        .skip(1)
        .map(|row| (row[0].clone(), row[1..].to_vec()))
        .collect();
    (states, calls)
}

/// An audited job whose auditor is drawn: the auditor's key.
fn auditing(work: &Work, lie: &Claimed) -> (JobId, Vec<AccountId>) {
    let policy = Policy::Optimistic {
        window: 100,
        audit: 64,
    };
    // A pot that can pay one.
    let pot = Balances::transfer_allow_death(signed(&bystander()), pot(), 50 * AUR);
    pot.unwrap();
    loop {
        let (id, keys) = create_and_draw(work.terms(policy));
        commit_to(id, &keys[0], lie);
        run_to(job(id).deadline + 1);
        if let Some(auditor) = job(id).auditor() {
            assert_eq!(status(id), JobStatus::Assigned);
            return (id, vec![auditor.worker.clone()]);
        }
        let trace = TraceReveal::Roots(lie.trace.clone().try_into().unwrap());
        ComputeJobs::reveal(signed(&keys[0]), id, SALT, trace, None).unwrap();
        finish(id);
    }
}

fn commit_to(id: JobId, key: &AccountId, lie: &Claimed) {
    let genesis = ComputeJobs::genesis();
    let hash = athanor_primitives::commitment(&genesis, id, key.as_ref(), &lie.root(), &SALT);
    ComputeJobs::commit(signed(key), id, hash).unwrap();
}

/// Brings a job, and perhaps thread 0 of it, into a state.
fn bring(state: &str, work: &Work, lie: &Claimed) -> (JobId, Vec<AccountId>) {
    if let Some(early) = state.strip_suffix(", late") {
        if JOB_STATES.contains(&early) {
            let (id, keys) = bring(early, work, lie);
            crawl_to(job(id).deadline);
            return (id, keys);
        }
    }
    providers(3, 10 * AUR);
    let terms = || JobTerms {
        keep_receipt: true,
        ..work.terms(TWO_OF_THREE)
    };
    let all = [lie, lie, lie];
    match state {
        "Open" => return (create(terms()), vec![worker(0)]),
        "Assigned" => return create_and_draw(terms()),
        "Running" => {
            let (id, keys) = create_and_draw(terms());
            keys.iter().for_each(|key| accept(id, key));
            return (id, keys);
        }
        "single, running" => {
            let (id, keys) = create_and_draw(work.terms(OPTIMISTIC));
            accept(id, &keys[0]);
            return (id, keys);
        }
        "auditing" => return auditing(work, lie),
        "Sealed" | "Revealing" => {
            let (id, keys) = create_and_draw(terms());
            keys.iter().for_each(|key| commit_to(id, key, lie));
            if state == "Revealing" {
                run_to(job(id).deadline + 1);
            }
            return (id, keys);
        }
        _ => (),
    }
    let (id, keys) = claim_all(terms(), &all);
    if state == "ended" {
        finish(id);
    }
    if ["Claimed", "ended"].contains(&state) {
        return (id, keys);
    }
    let window = job(id).deadline;
    if state == "window over" {
        crawl_to(window - 3);
    }
    let right = opening(lie, 1);
    if state == "announced, young" {
        announce(&bystander(), id, &right);
        return (id, keys);
    }
    announce_and_wait(&bystander(), id, &right);
    if state.starts_with("Asked") || state.starts_with("Answered") {
        demand(&bystander(), id, 0, first(right, Value::Node(1))).unwrap();
    }
    if state.starts_with("Answered") {
        answer(&keys[0], id, 0, true_answer(id, 0, &lie.nodes[1])).unwrap();
    }
    if state == "window over" {
        crawl_to(window);
    } else if state.ends_with(", late") {
        crawl_to(thread(id, 0).deadline);
    }
    (id, keys)
}

fn call(
    name: &str,
    id: JobId,
    keys: &[AccountId],
    work: &Work,
    lie: &Claimed,
) -> (AccountId, Call<Test>) {
    let right = opening(lie, 1);
    let proof = Box::new(work.proof(lie, 1, 9));
    let key = keys[0].clone();
    let (job, thread) = (id, 0);
    match name {
        "cancel" => (requester(), Call::cancel { job }),
        "accept" => (key, Call::accept { job }),
        "commit" => (
            key,
            Call::commit {
                job,
                commitment: [1; 32],
            },
        ),
        "reveal" => (
            key,
            Call::reveal {
                job,
                salt: SALT,
                trace: TraceReveal::Roots(lie.trace.clone().try_into().unwrap()),
                output: None,
            },
        ),
        "remove_receipt" => (requester(), Call::remove_receipt { job }),
        "poke" => (bystander(), Call::poke { job }),
        "announce" => (
            bystander(),
            Call::announce {
                job,
                announcement: [1; 32],
            },
        ),
        "deliver" => (
            requester(),
            Call::deliver {
                job,
                trace_root: lie.root(),
                output: 0,
                piece: 0,
            },
        ),
        "challenge, with opening" => (
            bystander(),
            Call::challenge {
                job,
                thread,
                opening: Some(right),
                proof,
            },
        ),
        "challenge, without" => (
            bystander(),
            Call::challenge {
                job,
                thread,
                opening: None,
                proof,
            },
        ),
        "demand, first" => (
            bystander(),
            Call::demand {
                job,
                thread,
                demand: first(right, Value::Node(1)),
            },
        ),
        "demand, next" => {
            let whole = Subtree::whole(lie.trace[1], work.len(1));
            let groups = whole.answer(&lie.nodes[1]).unwrap();
            let step = whole.step(&groups, 3).unwrap();
            let demand = Demand::Next {
                group: 3,
                value: step.value,
                siblings: step.siblings.try_into().unwrap(),
            };
            (
                bystander(),
                Call::demand {
                    job,
                    thread,
                    demand,
                },
            )
        }
        "answer" => {
            let whole = Subtree::whole(lie.trace[1], work.len(1));
            let bytes = whole.answer(&lie.nodes[1]).unwrap().try_into().unwrap();
            (key, Call::answer { job, thread, bytes })
        }
        "poke_thread" => (bystander(), Call::poke_thread { job, thread }),
        other => panic!("no such call: {other}"),
    }
}

fn outcome(who: &AccountId, call: Call<Test>) -> String {
    let call = RuntimeCall::from(call);
    let most = call.get_dispatch_info().call_weight;
    let mut result = None;
    let _ = with_transaction(|| {
        result = Some(call.dispatch(signed(who)));
        TransactionOutcome::Rollback(Ok::<(), DispatchError>(()))
    });
    match result.unwrap() {
        Ok(info) => {
            let used = info.actual_weight.unwrap_or(most);
            assert!(used.all_lte(most), "{used} used, {most} charged");
            "yes".into()
        }
        Err(error) => match error.error {
            DispatchError::Module(module) => module.message.unwrap().into(),
            other => format!("{other:?}"),
        },
    }
}

/// Names and fields of an enum's variants.
fn variants<T: TypeInfo>() -> Vec<(&'static str, Vec<&'static str>)> {
    let TypeDef::Variant(kinds) = T::type_info().type_def else {
        panic!("no enum");
    };
    kinds
        .variants
        .into_iter()
        .map(|kind| {
            let fields = kind.fields.into_iter().filter_map(|field| field.name);
            (kind.name, fields.collect())
        })
        .collect()
}

/// That job and thread are where the column says.
fn assert_brought(state: &str, id: JobId) {
    let early = state.strip_suffix(", late").unwrap_or(state);
    let late = early != state;
    let now = System::block_number();
    if state == "ended" {
        assert!(!Jobs::<Test>::contains_key(id), "{state}");
        return;
    }
    let job = job(id);
    let over = now >= job.deadline;
    let expected = match early {
        "single, running" => "Running",
        "auditing" => "Assigned",
        _ if JOB_STATES.contains(&early) => early,
        _ => "Claimed",
    };
    assert_eq!(format!("{:?}", job.status), expected, "{state}");
    assert_eq!(job.auditor().is_some(), state == "auditing", "{state}");
    let expected = match early {
        "announced, young" | "window over" => "Announced",
        _ if THREAD_STATES.contains(&early) => early,
        _ => {
            assert_eq!((job.threads, over), (0, late), "{state}");
            return;
        }
    };
    let thread = thread(id, 0);
    assert_eq!(format!("{:?}", thread.status), expected, "{state}");
    assert_eq!(now >= thread.deadline, late, "{state}");
    if !late {
        assert_eq!(over, state == "window over", "{state}");
    }
}

#[test]
fn every_state_has_its_columns_and_every_call_on_a_job_its_row() {
    let (columns, rows) = table();
    let of_jobs: Vec<_> = variants::<JobStatus>()
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    let finals = ["Settled", "Failed", "Expired", "Cancelled"];
    assert_eq!(of_jobs, [JOB_STATES.as_slice(), &finals].concat());
    let of_threads: Vec<_> = variants::<ThreadStatus>()
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    assert_eq!(of_threads, THREAD_STATES);
    let mut wanted: BTreeSet<String> = CASES.iter().map(|case| case.to_string()).collect();
    for state in JOB_STATES.iter().chain(&THREAD_STATES) {
        wanted.extend([state.to_string(), format!("{state}, late")]);
    }
    assert_eq!(columns.len(), wanted.len(), "a column twice");
    assert_eq!(columns.into_iter().collect::<BTreeSet<_>>(), wanted);

    let calls = variants::<Call<Test>>();
    let names: Vec<_> = calls.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, Call::<Test>::get_call_names());
    let on_jobs: BTreeSet<_> = calls
        .iter()
        .filter(|(_, fields)| fields.contains(&"job"))
        .map(|(name, _)| *name)
        .collect();
    assert!(on_jobs.contains("poke_thread"), "{on_jobs:?}");
    let in_rows: BTreeSet<_> = rows
        .iter()
        .map(|(row, _)| row.split(", ").next().unwrap())
        .collect();
    assert_eq!(in_rows, on_jobs);
    assert!(rows.iter().all(|(_, cells)| cells.len() == wanted.len()));
}

#[test]
fn every_call_in_every_state_does_what_the_spec_says() {
    let (states, calls) = table();
    let names: Vec<_> = calls.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "cancel",
            "accept",
            "commit",
            "reveal",
            "poke",
            "announce",
            "deliver",
            "challenge, with opening",
            "challenge, without",
            "demand, first",
            "demand, next",
            "answer",
            "poke_thread",
            "remove_receipt",
        ]
    );
    let mut wrong = Vec::new();
    for (column, state) in states.iter().enumerate() {
        build_and_execute(|| {
            let work = two_clamps(40 * 1_024);
            let lie = work.lie(1, 9);
            let (id, keys) = bring(state, &work, &lie);
            assert_brought(state, id);
            for (name, row) in &calls {
                let (who, call) = call(name, id, &keys, &work, &lie);
                let got = outcome(&who, call);
                if got != row[column] {
                    wrong.push(format!("{name} in {state}: {got}, not {}", row[column]));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
