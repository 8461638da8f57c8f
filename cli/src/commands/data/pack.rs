//! `athanor data pack`: goods of files.

use crate::{
    amount::human_bytes,
    commands::{data::working, Context},
    error::{Error, Result},
    output, scale,
};
use athanor_market_client::{
    goods::{Goods, Packing},
    pack,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `data pack`.
#[derive(Args, Clone, Debug)]
pub struct Pack {
    /// Folder or file to sell
    #[arg(value_name = "PATH")]
    pub input: PathBuf,
    /// New folder for the goods [default: PATH.goods]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Sell the file as it is, without salts
    #[arg(long)]
    pub raw: bool,
    /// Don't ask
    #[arg(long, short)]
    pub yes: bool,
}

/// What `--raw` gives up.
const RAW: &str = "--raw publishes a tree of hashes of the file as it is: whoever guesses what \
                   16 KiB of it say can check the guess without buying. It is for what is no \
                   secret, like model weights.";

pub(super) async fn run(options: Pack, context: &Context) -> Result<()> {
    let out = match options.out {
        Some(out) => out,
        None => {
            let name = options.input.file_name().ok_or_else(|| {
                Error::Usage("this path has no name to derive one from: give --out FOLDER".into())
            })?;
            let mut name = name.to_os_string();
            name.push(".goods");
            options.input.with_file_name(name)
        }
    };
    let (input, dest) = (options.input.clone(), out.clone());
    let mut files = None;
    let goods = if options.raw {
        context.output.warn(RAW);
        if !options.yes {
            if !context.output.is_interactive() {
                return Err(Error::Usage(
                    "--raw without a terminal to ask on: give --yes".into(),
                ));
            }
            context.output.confirm("Pack it raw?")?;
        }
        let len = std::fs::metadata(&input).map_or(0, |file| file.len());
        working(context, "packing", len, move |progress| {
            pack::pack_raw(&input, &dest, progress)
        })
        .await?
    } else {
        let plan = working(context, "hashing", 0, move |progress| {
            pack::plan(&input, progress)
        })
        .await?;
        if plan.empty_folders() > 0 {
            context.output.warn(format!(
                "{} empty folders are left out: a container holds files",
                plan.empty_folders()
            ));
        }
        files = Some(plan.manifest().files.len());
        let len = plan.container_len()?;
        working(context, "packing", len, move |progress| {
            plan.pack(&dest, progress)
        })
        .await?
    };
    show(&goods, files, &out, context);
    Ok(())
}

fn show(goods: &Goods, files: Option<usize>, out: &std::path::Path, context: &Context) {
    let root = scale::hex(&goods.x_root);
    let folder = out.display().to_string();
    let packing = match goods.packing {
        Packing::Container => "container",
        Packing::Raw { .. } => "raw",
    };
    let value = json!({
        "x_root": root,
        "length": goods.length,
        "packing": packing,
        "files": files,
        "sha256": scale::hex(&goods.sha256),
        "folder": folder,
    });
    context.output.result(&value, || {
        let mut rows = vec![
            ("root", root.clone()),
            ("length", human_bytes(goods.length)),
            ("packing", packing.to_owned()),
        ];
        if let Some(files) = files {
            rows.push(("files", files.to_string()));
        }
        rows.push(("in", folder.clone()));
        format!(
            "{}\n\nThe file x stays with you; x.obao is published.",
            output::pairs(&rows)
        )
    });
}
