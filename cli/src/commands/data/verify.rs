//! `athanor data verify`: whether files are what they should be.

use super::working;
use crate::{
    amount::human_bytes,
    blobs,
    commands::Context,
    error::{Error, Result},
    output, scale,
};
use athanor_market_client::{goods, open, seal, seed};
use athanor_primitives::Root;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `data verify`.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// Folder of `data pack` or `data seal`, or a file
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Of a file: its root
    #[arg(long, value_name = "ROOT", value_parser = blobs::parse_root, requires = "outboard")]
    pub root: Option<Root>,
    /// Of a file: its outboard
    #[arg(long, value_name = "FILE", requires = "root")]
    pub outboard: Option<PathBuf>,
    /// Of a seal: the seller's seed, to decrypt it with
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
}

pub(super) async fn run(options: Verify, context: &Context) -> Result<()> {
    let (what, root, len) = if let (Some(root), Some(outboard)) = (options.root, options.outboard) {
        let path = options.path.clone();
        let len = std::fs::metadata(&path).map_or(0, |file| file.len());
        working(context, "checking", len, move |progress| {
            open::verify_file(&root, &path, &outboard, progress)
        })
        .await?;
        ("file", root, len)
    } else if options.path.join(seal::RECORD).is_file() {
        let seed = options.seed.as_deref().map(seed::load).transpose()?;
        let folder = options.path.clone();
        let len = seal::Sealed::read(&folder)?.length;
        let total = if seed.is_some() { len * 2 } else { len };
        let sealed = working(context, "checking the seal", total, move |progress| {
            seal::verify(&folder, seed.as_ref(), progress)
        })
        .await?;
        ("seal", sealed.z_root, sealed.length)
    } else if options.path.join(goods::RECORD).is_file() {
        let folder = options.path.clone();
        let len = goods::Goods::read(&folder)?.length;
        let goods = working(context, "checking the goods", len, move |progress| {
            seal::verify_goods(&folder, progress)
        })
        .await?;
        ("goods", goods.x_root, goods.length)
    } else {
        return Err(Error::Usage(
            "this is no folder of `data pack` or `data seal`; a file is checked with --root and \
             --outboard"
                .into(),
        ));
    };
    let root = scale::hex(&root);
    let value = json!({"what": what, "root": root, "length": len, "right": true});
    context.output.result(&value, || {
        output::pairs(&[
            ("what", what.to_owned()),
            ("root", root.clone()),
            ("length", human_bytes(len)),
            ("checked", "every group is right".into()),
        ])
    });
    Ok(())
}
