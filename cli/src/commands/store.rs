//! `athanor store`: blobs in content stores.

mod serve;

use super::Context;
use crate::{
    amount::{human_bytes, Bytes},
    blobs,
    error::{Error, Result},
    output, scale,
};
use athanor_content_store::{Client, ClientOptions, FetchOptions};
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
    /// Download a large blob from several sources at a time
    ///
    /// Every 16 KiB are checked against the outboard before they are written, so
    /// nobody can waste more than a few MiB of yours. An interrupted download is
    /// continued by the same command. Sources are addresses of strangers: those
    /// of this machine and its networks are refused without --allow-private.
    #[command(
        override_usage = "athanor store fetch [OPTIONS] <ROOT> --length <BYTES> \\\n         --out <FILE> --source <URL>…",
        after_help = "\
Examples:
  athanor store fetch \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --length 1073741824 --out z --source https://a.example/data \\
    --source https://b.example"
    )]
    Fetch(Fetch),
    /// Give up a blob that was stored with your token
    ///
    /// The blob goes when nobody else has stored it too.
    #[command(after_help = "\
Examples:
  athanor store rm \\
0x1212121212121212121212121212121212121212121212121212121212121212 \\
    --store https://a.example --store-token-file token")]
    Rm(Has),
    /// Serve a content store
    ///
    /// Anybody reads. Writing takes a token: without --tokens nobody writes.
    /// https is the job of a proxy in front; give --forwarded then. See SIGNALS
    /// AND FILES below.
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<serve::Serve>),
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

/// Options of `store fetch`.
#[derive(Args, Debug)]
pub struct Fetch {
    /// Root of the blob
    #[arg(value_name = "ROOT", value_parser = blobs::parse_root)]
    pub root: Root,
    /// Its length: not a byte more is taken
    #[arg(long, value_name = "BYTES")]
    pub length: Bytes,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where to write its outboard [default: FILE.obao]
    #[arg(long, value_name = "FILE")]
    pub outboard: Option<PathBuf>,
    /// Store or static server; may be given several times
    #[arg(long, value_name = "URL", required = true)]
    pub source: Vec<String>,
    /// Requests at a time to each source
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub parallel: usize,
    /// Allow sources on this machine and its networks
    #[arg(long)]
    pub allow_private: bool,
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
        Command::Fetch(options) => fetch(options, context).await,
        Command::Rm(options) => give_up(options, context).await,
        Command::Serve(options) => serve::run(*options, context).await,
    }
}

async fn fetch(options: Fetch, context: &Context) -> Result<()> {
    let outboard = options.outboard.unwrap_or_else(|| {
        let mut name = options.out.clone().into_os_string();
        name.push(".obao");
        name.into()
    });
    let patience = ClientOptions::of_strangers(options.allow_private);
    let sources = options.source.iter();
    let sources = sources.map(|url| Client::with_options(url, None, patience));
    let sources = sources.collect::<std::result::Result<Vec<_>, _>>()?;
    let length = options.length.0;
    let name = options.out.display().to_string();
    let progress = context.output.transfer(name.clone(), length);
    let how = FetchOptions {
        parallel: options.parallel,
    };
    athanor_content_store::fetch(
        &sources,
        &options.root,
        length,
        &options.out,
        &outboard,
        how,
        |done, total| progress.transferred(done, total),
    )
    .await?;
    drop(progress);
    let (root, outboard) = (scale::hex(&options.root), outboard.display().to_string());
    let value = json!({"root": root, "bytes": length, "path": name, "outboard": outboard});
    context.output.result(&value, || {
        output::pairs(&[
            ("root", root.clone()),
            ("length", human_bytes(length)),
            ("in", name.clone()),
            ("outboard", outboard.clone()),
        ])
    });
    Ok(())
}

async fn give_up(options: Has, context: &Context) -> Result<()> {
    let client = context
        .upload_client()?
        .ok_or_else(|| Error::Usage("no store to ask: give --store URL".into()))?;
    let root = scale::hex(&options.root);
    if !client.give_up(&options.root).await? {
        return Err(Error::NotFound(format!(
            "your token holds no {root} at {}",
            client.base()
        )));
    }
    let value = json!({"root": root, "given_up": true});
    context.output.result(&value, || {
        output::pairs(&[
            ("root", root.clone()),
            ("given up at", client.base().to_owned()),
        ])
    });
    Ok(())
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
