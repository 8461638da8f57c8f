//! `athanor program`: tensor programs.

use super::{constant, program_of, read_file, Context};
use crate::{
    amount::human_bytes,
    blobs,
    chain::{Call, State},
    error::{Error, Result},
    output, scale,
};
use athanor_tensor_program::{Constant, DType, TensorType, Validated, MAX_PROGRAM_BYTES};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::path::{Path, PathBuf};

/// Register and inspect tensor programs.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Register a program under its hash
    ///
    /// The program is validated here first. Registering one that is there
    /// already costs nothing and is no error.
    #[command(after_help = "\
Examples:
  athanor program register program.bin --suri //Alice
  athanor program register program.bin --suri //Alice --dry-run")]
    Register(Register),
    /// Show a registered program
    #[command(after_help = "\
Examples:
  athanor program show \\
0x1212121212121212121212121212121212121212121212121212121212121212")]
    Show(Show),
    /// Show nodes, shapes and cost of a program in a file
    ///
    /// Needs no node.
    #[command(after_help = "\
Examples:
  athanor program inspect program.bin
  athanor program inspect program.bin --batch 1797")]
    Inspect(Inspect),
    /// Remove an unused program of yours and get its deposit back
    #[command(after_help = "\
Examples:
  athanor program remove \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --suri //Alice")]
    Remove(Remove),
}

/// Options of `program register`.
#[derive(Args, Debug)]
pub struct Register {
    /// File with the program's canonical encoding
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show call, fee and deposit; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `program show`.
#[derive(Args, Debug)]
pub struct Show {
    /// Hash of the program
    #[arg(value_name = "HASH", value_parser = blobs::parse_root)]
    pub hash: [u8; 32],
}

/// Options of `program inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// File with the program
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Samples to compute cost and lengths for
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: u32,
}

/// Options of `program remove`.
#[derive(Args, Debug)]
pub struct Remove {
    /// Hash of the program
    #[arg(value_name = "HASH", value_parser = blobs::parse_root)]
    pub hash: [u8; 32],
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Register(options) => register(options, context).await,
        Command::Show(options) => show(options, context).await,
        Command::Inspect(options) => inspect(options, context),
        Command::Remove(options) => remove(options, context).await,
    }
}

/// Reads and validates a program in a file.
pub fn load(path: &Path) -> Result<(Vec<u8>, Validated)> {
    let bytes = read_file(path, MAX_PROGRAM_BYTES as u64, "a program")?;
    let program = athanor_tensor_program::load(&bytes).map_err(|error| Error::BadFile {
        path: path.into(),
        reason: format!("this is no valid program: {error}"),
    })?;
    Ok((bytes, program))
}

fn deposit(state: &State, bytes: usize) -> Result<u128> {
    let base = constant(state, "Programs", "DepositBase")?;
    let per_byte = constant(state, "Programs", "DepositPerByte")?;
    Ok(base
        .saturating_mul(2)
        .saturating_add(per_byte.saturating_mul(bytes as u128)))
}

async fn register(options: Register, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let (bytes, program) = load(&options.file)?;
    let hash = program.program().hash();
    let shown = scale::hex(&hash);
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let known = state
        .storage("Programs", "Programs", (hash,))
        .await?
        .is_some();
    let deposit = deposit(&state, bytes.len())?;
    let call = Call::new("Programs", "register_program", (bytes,));
    if options.dry_run && !known {
        return context
            .show_dry_run(&chain, &signer, call, &[("deposit", deposit)])
            .await;
    }
    let block = if known {
        scale::hex(state.hash().as_ref())
    } else {
        context.submit(&chain, &signer, call).await?.block_hex()
    };
    let value = json!({"program_hash": shown, "already_registered": known, "block": block});
    context.output.result(&value, || {
        let state = if known {
            "it was registered already"
        } else {
            "registered"
        };
        output::pairs(&[
            ("program", shown.as_str()),
            ("state", state),
            ("block", block.as_str()),
        ])
    });
    Ok(())
}

async fn show(options: Show, context: &Context) -> Result<()> {
    let state = context.chain().await?.best().await?;
    let (view, program) = program_of(&state, options.hash).await?;
    context.output.result(&view, || {
        let field = |key: &str| output::scalar(key, view.get(key).unwrap_or(&Value::Null));
        let rows = [
            ("program", scale::hex(&options.hash)),
            ("owner", field("owner")),
            ("deposit", field("deposit")),
            ("models", field("models")),
        ];
        format!("{}\n\n{}", output::pairs(&rows), table(&program, 1))
    });
    Ok(())
}

fn inspect(options: Inspect, context: &Context) -> Result<()> {
    let (bytes, program) = load(&options.file)?;
    if program.cost(options.batch).is_none() {
        return Err(Error::Usage(format!(
            "this program takes 1 to {} samples, not {}",
            program.max_batch(),
            options.batch
        )));
    }
    let value = describe(&program, bytes.len(), options.batch);
    context.output.result(&value, || {
        let rows = [
            ("program", scale::hex(&program.program().hash())),
            ("length", human_bytes(bytes.len() as u64)),
        ];
        format!(
            "{}\n\n{}",
            output::pairs(&rows),
            table(&program, options.batch)
        )
    });
    Ok(())
}

async fn remove(options: Remove, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let call = Call::new("Programs", "remove_program", (options.hash,));
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({
        "program_hash": scale::hex(&options.hash),
        "removed": true,
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

fn type_text(ty: &TensorType) -> String {
    let name = match ty.dtype {
        DType::I8 => "i8",
        DType::I16 => "i16",
        DType::I32 => "i32",
    };
    let axes: Vec<String> = ty.shape.0.iter().map(u32::to_string).collect();
    format!("{name}[{}]", axes.join("×"))
}

/// The operator's name: the variant, without its attributes.
fn op_name(op: &impl std::fmt::Debug) -> String {
    let text = format!("{op:?}");
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    text[..end].to_owned()
}

/// One row of the table of nodes.
struct Row {
    node: usize,
    op: String,
    operands: Vec<String>,
    ty: String,
    bytes: u64,
    output: bool,
}

fn rows(program: &Validated, batch: u32) -> Vec<Row> {
    program
        .program()
        .nodes
        .iter()
        .enumerate()
        .map(|(node, description)| Row {
            node,
            op: op_name(&description.op),
            operands: description
                .operands
                .iter()
                .map(ToString::to_string)
                .collect(),
            ty: program.node_type(node).map(type_text).unwrap_or_default(),
            bytes: program.node_len(node, batch).unwrap_or_default(),
            output: program
                .outputs()
                .iter()
                .any(|output| usize::from(*output) == node),
        })
        .collect()
}

fn table(program: &Validated, batch: u32) -> String {
    let inputs = program
        .program()
        .inputs
        .iter()
        .enumerate()
        .map(|(index, ty)| {
            vec![
                format!("input {index}"),
                String::new(),
                String::new(),
                type_text(ty),
            ]
        });
    let constants = program
        .program()
        .constants
        .iter()
        .enumerate()
        .map(|(index, constant)| {
            let kind = match constant {
                Constant::Root { .. } => "weights",
                Constant::Inline { .. } => "inline",
            };
            vec![
                format!("constant {index}"),
                kind.into(),
                String::new(),
                type_text(constant.ty()),
            ]
        });
    let nodes = rows(program, batch).into_iter().map(|row| {
        let mark = if row.output { " (output)" } else { "" };
        vec![
            format!("node {}{mark}", row.node),
            row.op,
            row.operands.join(", "),
            row.ty,
        ]
    });
    let cost = program.cost(batch).unwrap_or_default();
    let length = |bytes: Option<u64>| bytes.map_or_else(|| "-".into(), human_bytes);
    let summary = output::pairs(&[
        (
            "samples",
            format!("{batch} of at most {}", program.max_batch()),
        ),
        ("input", length(program.input_len(batch))),
        ("output", length(program.output_len(batch))),
        ("memory", length(program.memory(batch))),
        ("multiply-accumulates", cost.macs.to_string()),
        ("element operations", cost.ops.to_string()),
        ("bytes between nodes", cost.bytes.to_string()),
        ("bytes to load", cost.load.to_string()),
        ("units", cost.units().to_string()),
    ]);
    format!(
        "{}\n\n{summary}",
        output::table(
            &["Value", "Kind", "From", "Type"],
            inputs.chain(constants).chain(nodes)
        )
    )
}

fn describe(program: &Validated, bytes: usize, batch: u32) -> Value {
    let nodes: Vec<Value> = rows(program, batch)
        .into_iter()
        .map(|row| {
            json!({
                "node": row.node, "op": row.op, "operands": row.operands, "type": row.ty,
                "bytes": row.bytes, "output": row.output,
            })
        })
        .collect();
    let inputs: Vec<String> = program.program().inputs.iter().map(type_text).collect();
    let constants: Vec<Value> = program
        .program()
        .constants
        .iter()
        .map(|constant| {
            json!({
                "type": type_text(constant.ty()),
                "inline": matches!(constant, Constant::Inline { .. }),
                "bytes": constant.ty().bytes(),
            })
        })
        .collect();
    let cost = program.cost(batch).unwrap_or_default();
    json!({
        "program_hash": scale::hex(&program.program().hash()),
        "bytes": bytes,
        "max_batch": program.max_batch(),
        "batch": batch,
        "inputs": inputs,
        "constants": constants,
        "nodes": nodes,
        "outputs": program.outputs(),
        "input_len": program.input_len(batch),
        "output_len": program.output_len(batch),
        "memory": program.memory(batch),
        "cost": {
            "macs": cost.macs, "ops": cost.ops, "bytes": cost.bytes, "nodes": cost.nodes,
            "load": cost.load, "units": cost.units(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_tensor_program::{ops::Clamp, Node, Op, Operand, Program, Shape};

    fn program() -> Program {
        Program {
            version: 1,
            max_batch: 4,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([3]),
            }],
            constants: vec![],
            nodes: vec![Node {
                op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
                operands: vec![Operand::Input(0)],
            }],
            outputs: vec![0],
        }
    }

    #[test]
    fn a_program_is_described_with_shapes_lengths_and_cost() {
        let bytes = program().encoded();
        let program = athanor_tensor_program::load(&bytes).unwrap();
        let value = describe(&program, bytes.len(), 2);
        assert_eq!(value["nodes"][0]["op"], "Clamp");
        assert_eq!(value["nodes"][0]["operands"], json!(["input 0"]));
        assert_eq!(value["nodes"][0]["type"], "i8[3]");
        assert_eq!(value["nodes"][0]["bytes"], 6);
        assert_eq!(value["input_len"], 6);
        assert_eq!(value["output_len"], 6);
        assert_eq!(value["max_batch"], 4);
        let text = table(&program, 2);
        assert!(
            text.contains("node 0 (output)") && text.contains("2 of at most 4"),
            "{text}"
        );
    }

    #[test]
    fn files_that_are_no_programs_are_refused_with_the_validators_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.bin");
        std::fs::write(&path, program().encoded()).unwrap();
        assert!(load(&path).is_ok());
        std::fs::write(&path, [0xff; 40]).unwrap();
        let error = load(&path).err().unwrap().to_string();
        assert!(error.contains("no valid program"), "{error}");
        std::fs::write(&path, vec![0; MAX_PROGRAM_BYTES + 1]).unwrap();
        assert!(matches!(load(&path), Err(Error::BadFile { .. })));
    }
}
