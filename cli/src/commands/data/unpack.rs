//! `athanor data unpack`: files of a container.

use crate::{
    amount::human_bytes,
    commands::{data::working, Context},
    error::Result,
    output,
};
use athanor_market_client::unpack;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `data unpack`.
#[derive(Args, Clone, Debug)]
pub struct Unpack {
    /// The container
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// New folder for its files
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

pub(super) async fn run(options: Unpack, context: &Context) -> Result<()> {
    let (file, dest) = (options.file.clone(), options.out.clone());
    let total = std::fs::metadata(&file).map_or(0, |file| file.len());
    let manifest = working(context, "unpacking", total, move |progress| {
        unpack::unpack(&file, &dest, progress)
    })
    .await?;
    let folder = options.out.display().to_string();
    let (files, bytes) = (manifest.files.len(), manifest.total());
    let value = json!({"files": files, "bytes": bytes, "folder": folder});
    context.output.result(&value, || {
        output::pairs(&[
            ("files", files.to_string()),
            ("bytes", human_bytes(bytes)),
            ("in", folder.clone()),
        ])
    });
    Ok(())
}
