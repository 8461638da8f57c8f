//! `athanor model import`: quantised ONNX models as programs.

use super::super::{read_file, Context};
use crate::{
    amount::human_bytes,
    error::{Error, Result},
    output,
};
use athanor_onnx_import::{
    import, npz, type_name, Accuracy, Closeness, Imported, Options, Port, Report, Tensor,
    MAX_FILE_BYTES,
};
use clap::Args;
use serde_json::{json, Value};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Longest file of samples.
const MAX_SAMPLES_BYTES: u64 = 1 << 31;

/// Options of `model import`.
#[derive(Args, Debug)]
pub struct Import {
    /// Quantised ONNX model
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Samples (.npz): arrays [N, …] named as the model's inputs
    ///
    /// They show how accurate the program is. Arrays named as the model's outputs
    /// are compared with as well, like those of the model before quantisation.
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
    /// Samples (.npz) to measure ranges on [default: those of --samples]
    ///
    /// Tensors that the model leaves in floats between operators need a range.
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Folder for program.bin, weights/ and model.json
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Largest batch of a job
    #[arg(long, value_name = "N", default_value_t = 1_024)]
    pub max_batch: u32,
    /// Length of an axis that the model only names
    #[arg(long, value_name = "NAME=N", value_parser = dim)]
    pub dim: Vec<(String, usize)>,
    /// An input that holds this number everywhere
    #[arg(long, value_name = "INPUT=VALUE", value_parser = fill)]
    pub set: Vec<(String, f64)>,
    /// Samples to measure ranges on, at most
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub range_samples: usize,
    /// Samples to run the program on, at most
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub check_samples: usize,
    /// Keep the exact sums of products in nodes of their own
    ///
    /// The same results bit for bit, but a watcher that has the claimed tensors can
    /// check the sums without multiplying (keyed Freivalds). Takes four more bytes to
    /// write and hash for each element of a product, and the price may count them.
    #[arg(long)]
    pub raw_products: bool,
    /// Show what every node of the model became
    #[arg(long)]
    pub nodes: bool,
}

fn named<T: std::str::FromStr>(text: &str, what: &str) -> std::result::Result<(String, T), String> {
    text.split_once('=')
        .and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("'{text}' is no {what}"))
}

fn dim(text: &str) -> std::result::Result<(String, usize), String> {
    named(text, "axis and length, like sequence=64")
}

fn fill(text: &str) -> std::result::Result<(String, f64), String> {
    named(text, "input and number, like token_type_ids=0")
}

fn arrays(path: Option<&Path>) -> Result<BTreeMap<String, Tensor>> {
    let Some(path) = path else {
        return Ok(BTreeMap::new());
    };
    let bytes = read_file(path, MAX_SAMPLES_BYTES, "a file of samples")?;
    npz::read(&bytes).map_err(|error| Error::BadFile {
        path: path.into(),
        reason: error.to_string(),
    })
}

/// Imports a model into a folder. Needs no node.
pub fn run(options: Import, context: &Context) -> Result<()> {
    let progress = context.output.spinner("reading the model");
    let bytes = read_file(&options.model, MAX_FILE_BYTES, "an ONNX model")?;
    let progress = Arc::new(progress);
    let say = Arc::clone(&progress);
    let asked = Options {
        max_batch: options.max_batch,
        dims: options.dim.iter().cloned().collect::<HashMap<_, _>>(),
        fill: options.set.iter().cloned().collect(),
        samples: arrays(options.samples.as_deref())?,
        calibration: arrays(options.calibration.as_deref())?,
        range_samples: options.range_samples,
        check_samples: options.check_samples,
        raw_products: options.raw_products,
        progress: Some(Arc::new(move |what, done, of| {
            say.message(format!("{what} ({done} of {of})"));
        })),
        ..Options::default()
    };
    let imported = import(&bytes, &asked).map_err(|error| Error::BadFile {
        path: options.model.clone(),
        reason: error.to_string(),
    })?;
    let value = write(&options.out, &imported)?;
    drop(asked);
    drop(progress);
    context.output.result(&value, || {
        human(&imported.report, &options.out, options.nodes)
    });
    Ok(())
}

fn write(folder: &Path, imported: &Imported) -> Result<Value> {
    let put = |path: PathBuf, bytes: &[u8]| {
        std::fs::write(&path, bytes).map_err(|source| Error::File {
            action: "write",
            path,
            source,
        })
    };
    let weights = folder.join("weights");
    std::fs::create_dir_all(&weights).map_err(|source| Error::File {
        action: "make",
        path: weights.clone(),
        source,
    })?;
    put(folder.join("program.bin"), &imported.program.encoded())?;
    let mut files = Vec::new();
    for (index, bytes) in imported.weights.iter().enumerate() {
        put(weights.join(format!("{index}.bin")), bytes)?;
        files.push(json!({
            "file": format!("weights/{index}.bin"),
            "bytes": bytes.len(),
            "root": crate::scale::hex(&athanor_content_tree::root(bytes)),
        }));
    }
    let mut value = serde_json::to_value(&imported.report)
        .map_err(|error| Error::Refused(format!("the report cannot be written: {error}")))?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("weight_files".into(), json!(files));
    }
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    put(folder.join("model.json"), format!("{text}\n").as_bytes())?;
    Ok(value)
}

fn shape_text(port: &Port) -> String {
    let axes: Vec<String> = port.shape.iter().map(u32::to_string).collect();
    format!("{}[{}]", type_name(port.dtype), axes.join("×"))
}

fn ports(kind: &str, list: &[Port]) -> Vec<Vec<String>> {
    list.iter()
        .map(|port| {
            vec![
                format!("{kind} {}", port.name),
                shape_text(port),
                port.scale.map_or_else(|| "-".into(), |s| format!("{s:.6}")),
                port.zero_point.to_string(),
            ]
        })
        .collect()
}

fn closeness(name: &str, samples: usize, to: &str, c: &Closeness) -> Vec<String> {
    vec![
        name.into(),
        to.into(),
        samples.to_string(),
        format!("{:.5}", c.mean_cosine),
        format!("{:.3e}", c.max_difference),
        format!("{:.3} %", 100.0 * c.beyond_one_step),
        format!("{:.2} %", 100.0 * c.same_largest),
    ]
}

fn accuracy(list: &[Accuracy]) -> String {
    let rows = list.iter().flat_map(|accuracy| {
        let row = |to, c| closeness(&accuracy.output, accuracy.samples, to, c);
        let mut rows = vec![row("this model", &accuracy.to_model)];
        rows.extend(accuracy.to_reference.as_ref().map(|c| row("reference", c)));
        rows
    });
    output::table(
        &[
            "Output",
            "Against",
            "Samples",
            "Cosine",
            "Largest Δ",
            "> 1 step",
            "Same top",
        ],
        rows,
    )
}

fn human(report: &Report, folder: &Path, nodes: bool) -> String {
    let mut parts = vec![output::pairs(&[
        ("program", format!("0x{}", report.program_hash)),
        ("length", human_bytes(report.program_bytes as u64)),
        ("nodes", report.nodes.to_string()),
        (
            "weights",
            format!(
                "{} files, {}",
                report.weights,
                human_bytes(report.weight_bytes)
            ),
        ),
        ("multiply-accumulates", format!("{} a sample", report.macs)),
        (
            "quantisations",
            format!(
                "{} kept, {} dropped",
                report.quantise_kept,
                report.quantise_dropped.len()
            ),
        ),
        ("made 16 bits wide", report.invented.len().to_string()),
        ("written to", folder.display().to_string()),
    ])];
    let mut rows = ports("input", &report.inputs);
    rows.extend(ports("output", &report.outputs));
    parts.push(output::table(
        &["Value", "Type", "Scale", "Zero point"],
        rows,
    ));
    if !report.accuracy.is_empty() {
        parts.push(accuracy(&report.accuracy));
    }
    if nodes {
        let rows = report.mapped.iter().map(|mapped| {
            vec![
                mapped.node.clone(),
                mapped.op.clone(),
                mapped.became.join(", "),
            ]
        });
        parts.push(output::table(&["Model's node", "Operator", "Became"], rows));
        if !report.quantise_dropped.is_empty() {
            parts.push(format!(
                "dropped quantisations: {}",
                report.quantise_dropped.join(", ")
            ));
        }
    }
    parts.extend(
        report
            .remarks
            .iter()
            .map(|remark| format!("note: {remark}")),
    );
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_and_inputs_are_given_by_name() {
        assert_eq!(dim("sequence=64"), Ok(("sequence".into(), 64)));
        assert_eq!(fill("types=-1.5"), Ok(("types".into(), -1.5)));
        for text in ["sequence", "=3", "sequence=x", "sequence=-1"] {
            assert!(dim(text).unwrap_err().contains("sequence=64"), "{text}");
        }
    }
}
