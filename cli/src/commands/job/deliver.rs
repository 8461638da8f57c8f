//! `athanor job deliver`: an output that nobody serves is demanded on the chain,
//! where whoever claims it has to show it or is struck.

use super::{claimed, find_pieces, job_view, PALLET};
use crate::{
    amount::Amount,
    chain::{Call, Chain, Included, State},
    clock::Clock,
    commands::{constant, field_u64, model_of, Context},
    error::{Error, Result},
    history, output, scale,
};
use athanor_content_tree::{verify, Chunks};
use athanor_primitives::{
    dispute::PIECE_CHUNKS,
    ticket::{bytes_from_hex, root_from_hex},
    Root,
};
use clap::Args;
use serde_json::{json, Value};
use std::{
    io::Write,
    ops::Range,
    path::{Path, PathBuf},
};
use subxt::{
    dynamic::Value as Dynamic,
    ext::scale_value::{Composite, ValueDef, Variant},
};

/// Pieces of one job that may be demanded.
const MAX_PIECES: usize = 64;

/// Demands in one transaction.
const AT_A_TIME: usize = 8;

/// Longest answer: a piece, and its path to the root.
const MAX_ANSWER: usize = 36_864;

/// Bytes of a piece.
const PIECE: u64 = PIECE_CHUNKS * 1_024;

/// Options of `job deliver`.
#[derive(Args, Debug)]
pub struct Deliver {
    /// Number of the job
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Where to write the output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Trace root of the claim, if there are several
    #[arg(long, value_name = "ROOT", value_parser = crate::blobs::parse_root)]
    pub trace: Option<Root>,
    /// Do not ask before money is held
    #[arg(long, short)]
    pub yes: bool,
    /// Show call, fee and what would be held; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// One output of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Place in the program's outputs.
    index: u8,
    /// Root of its bytes.
    root: Root,
    /// Its length.
    len: u64,
}

/// A piece of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    part: usize,
    number: u32,
    chunks: Range<u64>,
}

/// Every piece of every output, in order.
fn pieces(parts: &[Part]) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for (part, output) in parts.iter().enumerate() {
        let chunks = athanor_content_tree::chunk_count(output.len);
        let count = chunks.div_ceil(PIECE_CHUNKS);
        if pieces.len() as u64 + count > MAX_PIECES as u64 {
            return Err(Error::Refused(format!(
                "the output has more than the {MAX_PIECES} pieces of {PIECE} bytes that may be \
                 demanded of a job: it can only come from a store, or --from-provider"
            )));
        }
        pieces.extend((0..count).map(|number| Piece {
            part,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            chunks: number * PIECE_CHUNKS..chunks.min((number + 1) * PIECE_CHUNKS),
        }));
    }
    Ok(pieces)
}

/// Checks an answer against the output's root and gives the bytes of the piece.
fn open(answer: &[u8], part: &Part, piece: &Piece) -> Result<Vec<u8>> {
    let wrong = |error| Error::protocol("a delivered piece", format!("{error:?}"));
    let bytes = piece.chunks.start * 1_024..(piece.chunks.end * 1_024).min(part.len);
    let chunks = Chunks::from_ranges(part.len, [bytes]).map_err(wrong)?;
    let slice = verify(&part.root, part.len, &chunks, answer).map_err(wrong)?;
    let mut bytes = Vec::new();
    for (_, run) in slice.pieces() {
        bytes.extend_from_slice(run);
    }
    Ok(bytes)
}

/// What has become of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    /// Not asked for.
    Open,
    /// Asked for in a thread.
    Asked(u64),
    /// Here, checked.
    Here(Vec<u8>),
}

/// What earlier attempts of the requester have asked for and got, by the job's open
/// threads.
fn so_far(
    threads: &Value,
    requester: &str,
    trace_root: &Root,
    parts: &[Part],
    pieces: &[Piece],
) -> Vec<Progress> {
    let mut progress = vec![Progress::Open; pieces.len()];
    for view in threads.as_array().into_iter().flatten() {
        let number = |path: &str| view.pointer(path).and_then(Value::as_u64);
        let text = |path: &str| view.pointer(path).and_then(Value::as_str);
        let ours = text("/thread/challenger") == Some(requester)
            && text("/thread/line/trace_root").and_then(root_from_hex) == Some(*trace_root);
        let asked = number("/thread/kind/delivery/output")
            .zip(number("/thread/kind/delivery/piece"))
            .zip(number("/id"));
        let (true, Some(((output, piece), id))) = (ours, asked) else {
            continue;
        };
        let wanted = pieces.iter().position(|wanted| {
            let part = parts.get(wanted.part).map(|part| u64::from(part.index));
            part == Some(output) && u64::from(wanted.number) == piece
        });
        let Some(place) = wanted else { continue };
        let answer = text("/answers/0").and_then(|hex| bytes_from_hex(hex, MAX_ANSWER));
        let opened = answer
            .zip(pieces.get(place))
            .and_then(|(answer, piece)| open(&answer, parts.get(piece.part)?, piece).ok());
        if let Some(slot) = progress.get_mut(place) {
            *slot = opened.map_or(Progress::Asked(id), Progress::Here);
        }
    }
    progress
}

/// A `deliver` inside `Utility.batch_all`.
fn nested(id: u64, trace_root: &Root, output: u8, piece: u32) -> Dynamic {
    let call = Dynamic::without_context(ValueDef::Variant(Variant {
        name: "deliver".into(),
        values: Composite::Unnamed(vec![
            Dynamic::u128(id.into()),
            Dynamic::from_bytes(trace_root),
            Dynamic::u128(output.into()),
            Dynamic::u128(piece.into()),
        ]),
    }));
    Dynamic::unnamed_variant(PALLET, [call])
}

/// Numbers of the threads that a transaction opened, in order.
fn opened(included: &Included) -> Vec<u64> {
    included
        .events
        .iter()
        .filter(|event| event.is(PALLET, "ThreadOpened"))
        .filter_map(|event| event.fields.get("thread")?.as_u64())
        .collect()
}

/// The claim to ask, and what it says the outputs are.
async fn wanted(state: &State, view: &Value, options: &Deliver) -> Result<(Root, Vec<Part>)> {
    let id = options.id;
    if history::view_state(view) != Some("claimed") {
        return Err(Error::Refused(format!(
            "job {id} is {}: an output can be demanded while its window is open, that is in state \
             claimed",
            history::view_state(view).unwrap_or("unknown")
        )));
    }
    let trace_root = match options.trace {
        Some(root) => root,
        None => claimed(view, id).map(|(_, trace_root)| trace_root)?,
    };
    let roots = find_pieces(state, view, id, &trace_root).await?;
    let model = view
        .pointer("/job/terms/model")
        .and_then(Value::as_u64)
        .ok_or_else(|| Error::protocol("job", "it has no model"))?;
    let batch = view
        .pointer("/job/terms/batch")
        .and_then(Value::as_u64)
        .and_then(|batch| u32::try_from(batch).ok())
        .unwrap_or_default();
    let program = model_of(state, model).await?.program;
    let mut parts = Vec::new();
    for (index, (node, root)) in program.outputs().iter().zip(roots).enumerate() {
        let len = program
            .node_len((*node).into(), batch)
            .ok_or_else(|| Error::protocol("program", "an output has no length"))?;
        parts.push(Part {
            index: u8::try_from(index).unwrap_or(u8::MAX),
            root,
            len,
        });
    }
    Ok((trace_root, parts))
}

pub(super) async fn run(options: Deliver, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let id = options.id;
    super::check_exists(&state, id).await?;
    let view = job_view(&state, id).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "job {id} has ended; an output can be demanded only while its window is open"
        ))
    })?;
    let (trace_root, parts) = wanted(&state, &view, &options).await?;
    let pieces = pieces(&parts)?;
    let account = crate::keys::account(&signer).to_string();
    let threads = state.view(PALLET, "threads", (id,)).await?;
    let mut progress = so_far(&threads, &account, &trace_root, &parts, &pieces);
    let missing: Vec<usize> = (0..pieces.len())
        .filter(|place| progress.get(*place) == Some(&Progress::Open))
        .collect();
    let price = constant(&state, PALLET, "AnswerPrice")?;
    let cost = price.saturating_mul(missing.len() as u128);
    context.set_next(format!(
        "what was asked for stays asked for: `athanor job deliver {id} --out {}`",
        options.out.display()
    ));
    if !missing.is_empty() {
        let question = format!(
            "Demand {} pieces of the output for {}?",
            missing.len(),
            Amount(cost)
        );
        context.output.note(output::wrap(&format!(
            "Each piece of {PIECE} bytes costs {} and goes to who claims the output, for showing \
             it on the chain. A claimant that does not is struck: the price comes back, and the \
             budget too if nobody else has a result.",
            Amount(price)
        )));
        if !options.yes && !options.dry_run {
            context.output.confirm(&question)?;
        }
    }
    for places in missing.chunks(AT_A_TIME) {
        let calls = places.iter().filter_map(|place| {
            let piece = pieces.get(*place)?;
            let part = parts.get(piece.part)?;
            Some(nested(id, &trace_root, part.index, piece.number))
        });
        let calls = Dynamic::unnamed_composite(calls.collect::<Vec<_>>());
        let call = Call::new("Utility", "batch_all", (calls,));
        if options.dry_run {
            return context
                .show_dry_run(&chain, &signer, call, &[("for answers", cost)])
                .await;
        }
        let included = context.submit(&chain, &signer, call).await?;
        for (place, thread) in places.iter().zip(opened(&included)) {
            if let Some(slot) = progress.get_mut(*place) {
                *slot = Progress::Asked(thread);
            }
        }
    }
    wait(&chain, id, &parts, &pieces, &mut progress, context).await?;
    let bytes = write(&options.out, &progress)?;
    let value = json!({
        "job": id,
        "trace_root": scale::hex(&trace_root),
        "pieces": pieces.len(),
        "paid": cost.to_string(),
        "bytes": bytes,
        "path": options.out.display().to_string(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// Waits until every piece is here.
async fn wait(
    chain: &Chain,
    id: u64,
    parts: &[Part],
    pieces: &[Piece],
    progress: &mut [Progress],
    context: &Context,
) -> Result<()> {
    let mut stream = chain.blocks(false).await?;
    let bar = context.output.spinner("waiting for the pieces");
    loop {
        let state = chain.best().await?;
        let clock = Clock::of(&state)?;
        let mut open_threads = 0usize;
        let mut last = None;
        for (piece, slot) in pieces.iter().zip(progress.iter_mut()) {
            let Progress::Asked(thread) = *slot else {
                continue;
            };
            let thread_id = u32::try_from(thread).unwrap_or(u32::MAX);
            let answer = state
                .storage(PALLET, "Answers", (id, thread_id, 0u8))
                .await?;
            let answer = answer
                .as_ref()
                .and_then(Value::as_str)
                .and_then(|hex| bytes_from_hex(hex, MAX_ANSWER));
            if let (Some(answer), Some(part)) = (answer, parts.get(piece.part)) {
                *slot = Progress::Here(open(&answer, part, piece)?);
                continue;
            }
            let asked = state.storage(PALLET, "Threads", (id, thread_id)).await?;
            let Some(asked) = asked else {
                return Err(Error::Refused(format!(
                    "a piece was not shown in time, and its claimant was struck: `athanor job \
                     watch {id}` says how the job ends"
                )));
            };
            last = last.max(field_u64(&asked, "deadline").ok());
            open_threads += 1;
        }
        if open_threads == 0 {
            return Ok(());
        }
        bar.message(format!(
            "{open_threads} of {} pieces to come, each until {} at the latest",
            pieces.len(),
            clock.until(last.unwrap_or_default())
        ));
        if stream.next().await.is_none() {
            return Err(Error::NodeUnreachable {
                url: chain.url().to_owned(),
                reason: "the stream of blocks ended".into(),
            });
        }
    }
}

/// Writes the pieces, in their order, beside the file and renames that.
fn write(out: &Path, progress: &[Progress]) -> Result<u64> {
    let failed = |source| Error::File {
        action: "write",
        path: out.into(),
        source,
    };
    let mut name = out.as_os_str().to_owned();
    name.push(".part");
    let draft = PathBuf::from(name);
    let mut file = std::fs::File::create(&draft).map_err(failed)?;
    let mut total = 0u64;
    for piece in progress {
        if let Progress::Here(bytes) = piece {
            file.write_all(bytes).map_err(failed)?;
            total = total.saturating_add(bytes.len() as u64);
        }
    }
    file.sync_all().map_err(failed)?;
    std::fs::rename(&draft, out).map_err(failed)?;
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(len: usize) -> Vec<u8> {
        (0..len).map(|byte| (byte % 251) as u8).collect()
    }

    fn parts(contents: &[&[u8]]) -> Vec<Part> {
        let mut parts = Vec::new();
        for (index, bytes) in contents.iter().enumerate() {
            parts.push(Part {
                index: index as u8,
                root: athanor_content_tree::root(bytes),
                len: bytes.len() as u64,
            });
        }
        parts
    }

    fn answer(bytes: &[u8], piece: &Piece) -> Vec<u8> {
        let chunks = Chunks::from_indices(bytes.len() as u64, piece.chunks.clone()).unwrap();
        athanor_content_tree::prove(bytes, &chunks).unwrap()
    }

    #[test]
    fn outputs_are_cut_into_pieces_that_join_to_them() {
        let (long, short) = (content(70_000), content(10));
        let parts = parts(&[&long, &short]);
        let cut = pieces(&parts).unwrap();
        assert_eq!(cut.len(), 4);
        let mut joined = Vec::new();
        for piece in &cut {
            let bytes = [&long, &short][piece.part];
            let part = &parts[piece.part];
            joined.extend(open(&answer(bytes, piece), part, piece).unwrap());
        }
        assert!(joined == [long, short].concat());
    }

    #[test]
    fn too_long_an_output_is_not_demanded() {
        let part = |len| Part {
            index: 0,
            root: [0; 32],
            len,
        };
        assert_eq!(pieces(&[part(2 << 20)]).unwrap().len(), 64);
        for parts in [
            vec![part((2 << 20) + 1)],
            vec![part(2 << 20), part(1)],
            vec![part(u64::MAX)],
        ] {
            assert!(matches!(pieces(&parts), Err(Error::Refused(_))));
        }
    }

    #[test]
    fn wrong_answers_are_not_taken() {
        let bytes = content(70_000);
        let parts = parts(&[&bytes]);
        let piece = &pieces(&parts).unwrap()[1];
        let good = answer(&bytes, piece);
        assert!(good.len() <= MAX_ANSWER);
        let mut flipped = good.clone();
        flipped[100] ^= 1;
        for wrong in [&flipped[..], &good[1..], &[]] {
            assert!(open(wrong, &parts[0], piece).is_err());
        }
    }

    #[test]
    fn what_was_asked_for_before_is_not_asked_for_again() {
        let bytes = content(70_000);
        let parts = parts(&[&bytes]);
        let cut = pieces(&parts).unwrap();
        let thread = |id: u64, who: &str, piece: u32, root: u8, answers: Vec<String>| {
            json!({"id": id, "answers": answers, "thread": {
                "challenger": who, "kind": {"delivery": {"output": 0, "piece": piece}},
                "line": {"trace_root": scale::hex(&[root; 32])}}})
        };
        let shown = scale::hex(&answer(&bytes, &cut[1]));
        let threads = json!([
            thread(3, "me", 0, 7, vec![]),
            thread(4, "me", 1, 7, vec![shown]),
            thread(5, "you", 2, 7, vec![]),
            thread(6, "me", 2, 8, vec![]),
            {"id": 7, "answers": [], "thread": {"challenger": "me", "line": null,
                "kind": {"dispute": {"announcement": "0x", "since": 1}}}},
        ]);
        let found = so_far(&threads, "me", &[7; 32], &parts, &cut);
        assert_eq!(found[0], Progress::Asked(3));
        assert!(found[1] == Progress::Here(bytes[32_768..65_536].to_vec()));
        assert_eq!(found[2], Progress::Open);
    }

    #[test]
    fn the_file_appears_whole() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("output.bin");
        let progress = [Progress::Here(vec![1, 2]), Progress::Here(vec![3])];
        assert_eq!(write(&out, &progress).unwrap(), 3);
        assert_eq!(std::fs::read(&out).unwrap(), [1, 2, 3]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
