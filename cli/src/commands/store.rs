//! `athanor store`: blobs in content stores.

use super::Context;
use crate::{
    amount::{human_bytes, Bytes},
    blobs,
    error::{Error, Result},
    output, scale,
};
use athanor_primitives::Root;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// Put blobs into content stores and get them back.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Upload a file and print its root
    ///
    /// Nothing is sent if the store has it already. Without --store only the
    /// root is computed.
    #[command(after_help = "\
Examples:
  athanor store put input.bin --store http://127.0.0.1:9955
  athanor store put input.bin")]
    Put(Put),
    /// Download a blob by its root
    ///
    /// The bytes are checked against the root. An interrupted download is
    /// continued by the same command.
    #[command(after_help = "\
Examples:
  athanor store get \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --out input.bin --store http://127.0.0.1:9955")]
    Get(Get),
    /// Ask whether a store has a blob
    ///
    /// Ends with exit code 1 if none of the stores has it.
    #[command(after_help = "\
Examples:
  athanor store has \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --store http://127.0.0.1:9955")]
    Has(Has),
}

/// Options of `store put`.
#[derive(Args, Debug)]
pub struct Put {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `store get`.
#[derive(Args, Debug)]
pub struct Get {
    /// Root of the blob
    #[arg(value_name = "ROOT", value_parser = blobs::parse_root)]
    pub root: Root,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Refuse blobs longer than this
    #[arg(long, value_name = "BYTES", default_value = "16GiB")]
    pub limit: Bytes,
}

/// Options of `store has`.
#[derive(Args, Debug)]
pub struct Has {
    /// Root of the blob
    #[arg(value_name = "ROOT", value_parser = blobs::parse_root)]
    pub root: Root,
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Put(options) => put(options, context).await,
        Command::Get(options) => get(options, context).await,
        Command::Has(options) => has(options, context).await,
    }
}

async fn put(options: Put, context: &Context) -> Result<()> {
    let client = context.upload_client()?;
    let blob = blobs::hash(&options.file, &context.output).await?;
    let uploaded = match &client {
        Some(client) => blobs::upload(client, &blob, &context.output).await?,
        None => {
            context
                .output
                .warn("no --store given: the root was computed, nothing was uploaded");
            false
        }
    };
    let root = scale::hex(&blob.root);
    let value = json!({"root": root, "bytes": blob.len, "uploaded": uploaded});
    context.output.result(&value, || {
        let state = match (&client, uploaded) {
            (None, _) => "nowhere yet".to_owned(),
            (Some(client), true) => format!("uploaded to {}", client.base()),
            (Some(client), false) => format!("already at {}", client.base()),
        };
        output::pairs(&[
            ("root", root.clone()),
            ("length", human_bytes(blob.len)),
            ("stored", state),
        ])
    });
    Ok(())
}

async fn get(options: Get, context: &Context) -> Result<()> {
    let clients = context.download_clients()?;
    let bytes = blobs::download(
        &clients,
        &options.root,
        &options.out,
        options.limit.0,
        &context.output,
    )
    .await?;
    let root = scale::hex(&options.root);
    let path = options.out.display().to_string();
    let value = json!({"root": root, "bytes": bytes, "path": path});
    context.output.result(&value, || {
        output::pairs(&[
            ("root", root.clone()),
            ("length", human_bytes(bytes)),
            ("in", path.clone()),
        ])
    });
    Ok(())
}

async fn has(options: Has, context: &Context) -> Result<()> {
    let clients = context.download_clients()?;
    if clients.is_empty() {
        return Err(Error::Usage("no store to ask: give --store URL".into()));
    }
    let root = scale::hex(&options.root);
    let mut rows = Vec::new();
    let mut found = None;
    let mut failed = None;
    for client in &clients {
        let answer = match client.head(&options.root).await {
            Ok(Some(bytes)) => {
                found = found.or(Some(bytes));
                human_bytes(bytes)
            }
            Ok(None) => "no".into(),
            Err(error) => {
                let text = error.to_string();
                failed = Some(error);
                text
            }
        };
        rows.push((client.base().to_owned(), answer));
    }
    if let (None, Some(error)) = (found, failed) {
        return Err(Error::Store(error));
    }
    let value = json!({"root": root, "has": found.is_some(), "bytes": found});
    context.output.result(&value, || output::pairs(&rows));
    match found {
        Some(_) => Ok(()),
        None => Err(Error::NotFound(format!("no store given has {root}"))),
    }
}
