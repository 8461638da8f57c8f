//! `athanor model`: model versions.

pub mod import;

use super::{constant, field, model_of, number, program_of, Context};
use crate::{
    amount::human_bytes,
    blobs::{self, FileBlob},
    chain::Call,
    error::{Error, Result},
    output, scale,
};
use athanor_primitives::Root;
use athanor_tensor_program::Validated;
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::path::PathBuf;

/// Longest licence text on the chain.
const MAX_LICENCE: usize = 64;

/// Register and inspect model versions.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Turn a quantised ONNX model into a program and its weights
    ///
    /// Takes what onnxruntime's static quantisation writes (QDQ or QLinear
    /// form), and says what every node became. Needs no node. Afterwards:
    /// `athanor program register`, `athanor model register`.
    #[command(after_help = "\
Examples:
  athanor model import cnn.onnx --out cnn --samples images.npz
  athanor model import minilm.onnx --out minilm --samples test.npz \\
    --calibration train.npz --dim sequence=64 --set token_type_ids=0
  athanor model import cnn.onnx --out cnn --nodes --output json")]
    Import(import::Import),
    /// Register a model version: a program with its weights
    ///
    /// Weights are given in the order of the program's constants. Files are
    /// hashed, checked against the lengths the program says, and uploaded to
    /// --store if there is one; roots stand for blobs that are stored already.
    #[command(after_help = "\
Examples:
  athanor model register --licence Apache-2.0 --suri //Alice \\
    --program \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --weights weights/0.bin weights/1.bin --store http://127.0.0.1:9955")]
    Register(Register),
    /// Show a model version
    #[command(after_help = "\
Examples:
  athanor model show 0")]
    Show(Show),
    /// Show what a run costs
    #[command(after_help = "\
Examples:
  athanor model cost 0 --batch 1797")]
    Cost(Cost),
    /// Close a model version of yours for new jobs
    ///
    /// There is no way back. Jobs that run go on.
    #[command(after_help = "\
Examples:
  athanor model retire 0 --suri //Alice")]
    Retire(Show),
    /// Remove a retired model version of yours and get its deposit back
    #[command(after_help = "\
Examples:
  athanor model remove 0 --suri //Alice")]
    Remove(Show),
}

/// Options of `model register`.
#[derive(Args, Debug)]
pub struct Register {
    /// Hash of the registered program
    #[arg(long, value_name = "HASH", value_parser = blobs::parse_root)]
    pub program: Root,
    /// Files with the weights, or 0x roots of stored ones, in order
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub weights: Vec<String>,
    /// Root of stored weights; counts after all --weights
    #[arg(long, value_name = "ROOT", value_parser = blobs::parse_root)]
    pub weights_root: Vec<Root>,
    /// Terms of use, like an SPDX expression
    #[arg(long, value_name = "TEXT")]
    pub licence: String,
    /// Root of a model card
    #[arg(long, value_name = "ROOT", value_parser = blobs::parse_root)]
    pub card_root: Option<Root>,
    /// Model version this one was made from
    #[arg(long, value_name = "ID")]
    pub parent: Option<u64>,
    /// Show call, fee and deposit; upload and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A model's number.
#[derive(Args, Debug)]
pub struct Show {
    /// Number of the model
    #[arg(value_name = "ID")]
    pub id: u64,
}

/// Options of `model cost`.
#[derive(Args, Debug)]
pub struct Cost {
    /// Number of the model
    #[arg(value_name = "ID")]
    pub id: u64,
    /// Samples
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: u32,
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Import(options) => import::run(options, context),
        Command::Register(options) => register(options, context).await,
        Command::Show(options) => show(options, context).await,
        Command::Cost(options) => cost(options, context).await,
        Command::Retire(options) => close(options.id, "retire", "retired", context).await,
        Command::Remove(options) => close(options.id, "remove_model", "removed", context).await,
    }
}

/// Weights as they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Weights {
    File(PathBuf),
    Root(Root),
}

fn weights(options: &Register) -> Vec<Weights> {
    let given =
        options.weights.iter().map(
            |text| match athanor_primitives::ticket::root_from_hex(text) {
                Some(root) => Weights::Root(root),
                None => Weights::File(text.into()),
            },
        );
    given
        .chain(options.weights_root.iter().copied().map(Weights::Root))
        .collect()
}

fn check_count(given: usize, program: &Validated) -> Result<()> {
    let wanted = program.root_constant_count();
    if given == wanted {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the program has {wanted} weight constants and {given} were given: one --weights for each"
    )))
}

fn check_length(blob: &FileBlob, index: usize, wanted: u64) -> Result<()> {
    if blob.len == wanted {
        return Ok(());
    }
    Err(Error::BadFile {
        path: blob.path.clone(),
        reason: format!(
            "weight constant {index} of the program has {wanted} bytes, this file has {}",
            blob.len
        ),
    })
}

fn check_licence(text: &str) -> Result<()> {
    let fine = !text.is_empty()
        && text.len() <= MAX_LICENCE
        && text.bytes().all(|c| (b' '..=b'~').contains(&c));
    if fine {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "a licence is 1 to {MAX_LICENCE} printable ASCII characters, like Apache-2.0"
    )))
}

async fn register(options: Register, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    check_licence(&options.licence)?;
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let (_, program) = program_of(&state, options.program).await?;
    let weights = weights(&options);
    check_count(weights.len(), &program)?;

    let mut roots = Vec::new();
    let mut files = Vec::new();
    for (index, (item, wanted)) in weights
        .into_iter()
        .zip(program.root_constants())
        .enumerate()
    {
        match item {
            Weights::Root(root) => roots.push(root),
            Weights::File(path) => {
                let blob = blobs::hash(&path, &context.output).await?;
                check_length(&blob, index, wanted)?;
                roots.push(blob.root);
                files.push(blob);
            }
        }
    }

    let bytes = 32 * roots.len() + options.licence.len();
    let deposit = constant(&state, "Programs", "DepositBase")?
        .saturating_mul(2)
        .saturating_add(
            constant(&state, "Programs", "DepositPerByte")?.saturating_mul(bytes as u128),
        );
    let call = Call::new(
        "Programs",
        "register_model",
        (
            options.program,
            roots.clone(),
            options.licence.clone().into_bytes(),
            options.card_root,
            options.parent,
        ),
    );
    if options.dry_run {
        return context
            .show_dry_run(&chain, &signer, call, &[("deposit", deposit)])
            .await;
    }
    match context.upload_client()? {
        Some(client) => {
            for blob in &files {
                blobs::upload(&client, blob, &context.output).await?;
            }
        }
        None if !files.is_empty() => context
            .output
            .warn("no --store given: the weights were not uploaded, and providers need them"),
        None => {}
    }
    let included = context.submit(&chain, &signer, call).await?;
    let model = included.field("Programs", "ModelRegistered", "model")?;
    let shown: Vec<String> = roots.iter().map(|root| scale::hex(root)).collect();
    let value = json!({"model": model, "weights": shown, "block": included.block_hex()});
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn show(options: Show, context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    let model = model_of(&state, options.id).await?;
    let mut value = model.view;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("id".into(), json!(options.id));
    }
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn cost(options: Cost, context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    let cost = state
        .view("Programs", "cost", (options.id, options.batch))
        .await?;
    if cost.is_null() {
        let model = model_of(&state, options.id).await?;
        return Err(Error::Usage(format!(
            "model {} takes 1 to {} samples, not {}",
            options.id,
            model.program.max_batch(),
            options.batch
        )));
    }
    let memory = state
        .view("Programs", "memory", (options.id, options.batch))
        .await?;
    let part = |key: &str| -> Result<u64> {
        let value = field(&cost, key)?;
        number(value)
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| Error::protocol("cost", format!("'{key}' is no number")))
    };
    let exact = athanor_primitives::Cost {
        macs: part("macs")?,
        ops: part("ops")?,
        bytes: part("bytes")?,
        nodes: part("nodes")?,
        load: part("load")?,
    };
    let value = json!({
        "model": options.id,
        "batch": options.batch,
        "cost": cost,
        "units": exact.units(),
        "memory": memory,
    });
    context.output.result(&value, || {
        output::pairs(&[
            ("multiply-accumulates", exact.macs.to_string()),
            ("element operations", exact.ops.to_string()),
            ("bytes between nodes", exact.bytes.to_string()),
            ("nodes", exact.nodes.to_string()),
            ("bytes to load", exact.load.to_string()),
            ("units", exact.units().to_string()),
            (
                "memory",
                memory.as_u64().map_or_else(|| "-".into(), human_bytes),
            ),
        ])
    });
    Ok(())
}

async fn close(id: u64, call: &'static str, done: &str, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let included = context
        .submit(&chain, &signer, Call::new("Programs", call, (id,)))
        .await?;
    let value: Value = json!({"model": id, "state": done, "block": included.block_hex()});
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(weights: &[&str], roots: &[Root]) -> Register {
        Register {
            program: [0; 32],
            weights: weights.iter().map(|text| (*text).to_owned()).collect(),
            weights_root: roots.to_vec(),
            licence: "MIT".into(),
            card_root: None,
            parent: None,
            dry_run: false,
        }
    }

    #[test]
    fn weights_are_files_or_roots_in_the_order_given() {
        let root = [7; 32];
        let text = scale::hex(&root);
        assert_eq!(
            weights(&options(&["a.bin", &text, "b.bin"], &[[8; 32]])),
            [
                Weights::File("a.bin".into()),
                Weights::Root(root),
                Weights::File("b.bin".into()),
                Weights::Root([8; 32]),
            ]
        );
    }

    #[test]
    fn a_file_of_another_length_is_refused_by_name() {
        let blob = FileBlob {
            path: "w.bin".into(),
            root: [0; 32],
            len: 10,
        };
        assert!(check_length(&blob, 0, 10).is_ok());
        let error = check_length(&blob, 3, 12).unwrap_err().to_string();
        assert!(
            error.contains("w.bin") && error.contains("constant 3"),
            "{error}"
        );
    }

    #[test]
    fn a_licence_is_short_and_printable() {
        assert!(check_licence("Apache-2.0 OR MIT").is_ok());
        for text in ["", "a\nb", "Lizenz für alle", &"x".repeat(65)] {
            assert!(
                matches!(check_licence(text), Err(Error::Usage(_))),
                "{text}"
            );
        }
    }
}
