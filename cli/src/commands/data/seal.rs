//! `athanor data seal`: the ciphertext of goods, and what is published with it.

use super::{genesis, seed_file, working, Role};
use crate::{
    amount::human_bytes,
    commands::Context,
    error::{Error, Result},
    keys, output, scale,
};
use athanor_content_tree::Groups;
use athanor_market_client::{
    goods::Goods,
    seal::{self, Request},
    seed,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `data seal`.
#[derive(Args, Clone, Debug)]
pub struct Seal {
    /// Folder that `data pack` made
    #[arg(value_name = "GOODS")]
    pub goods: PathBuf,
    /// New folder for what is published [default: GOODS with .seal]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Card, as `data card` makes it
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// Text of the licence
    #[arg(long, value_name = "FILE")]
    pub licence: PathBuf,
    /// Who sells it [default: the signing account]
    #[arg(long, value_name = "ACCOUNT")]
    pub seller: Option<String>,
    /// Genesis hash of the chain [default: ask the node]
    #[arg(long, value_name = "HASH")]
    pub genesis: Option<String>,
    /// The seller's seed [default: ~/.local/state/athanor/market/seller.seed]
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
}

pub(super) async fn run(options: Seal, context: &Context) -> Result<()> {
    let goods = Goods::read(&options.goods)?;
    let seller = match &options.seller {
        Some(text) => keys::parse_account(text)?,
        None => keys::account(&context.signer()?),
    };
    let genesis = genesis(options.genesis.as_deref(), context).await?;
    let path = seed_file(options.seed.as_deref(), Role::Seller, context)?;
    if !path.exists() {
        context.output.warn(format!(
            "a new seed is made in {}: without it no key can be revealed. `athanor data seed \
             --backup FILE` keeps a copy",
            path.display()
        ));
        super::folder_of(&path)?;
    }
    let out = options
        .out
        .unwrap_or_else(|| options.goods.with_extension("seal"));
    let request = Request {
        goods: options.goods,
        genesis,
        seller: seller.0,
        seed: seed::load_or_create(&path)?,
        nonce: None,
        card: options.card,
        licence: options.licence,
    };
    let dest = out.clone();
    let total = seal::work(goods.length);
    let sealed = working(context, "sealing and checking", total, move |progress| {
        seal::seal(&request, &dest, progress)
    })
    .await?;
    let count = Groups::new(sealed.length).map_err(athanor_market_client::Error::from)?;
    let folder = out.display().to_string();
    let value = json!({
        "seal_id": scale::hex(&sealed.seal_id),
        "z_root": scale::hex(&sealed.z_root),
        "h_k": scale::hex(&sealed.h_k),
        "nonce": scale::hex(&sealed.nonce),
        "x_root": scale::hex(&sealed.x_root),
        "length": sealed.length,
        "groups": count.count(),
        "card_root": scale::hex(&sealed.card_root),
        "licence_root": scale::hex(&sealed.licence_root),
        "seller": scale::hex(&sealed.seller),
        "genesis": scale::hex(&sealed.genesis),
        "folder": folder,
    });
    context.output.result(&value, || {
        output::pairs(&[
            ("seal", scale::hex(&sealed.seal_id)),
            ("ciphertext", scale::hex(&sealed.z_root)),
            ("goods", scale::hex(&sealed.x_root)),
            ("length", human_bytes(sealed.length)),
            ("checked", "read back, decrypted, every group right".into()),
            ("in", folder.clone()),
        ])
    });
    Ok(())
}

/// A hash of 32 bytes in hex.
pub(super) fn hash_of(text: &str, what: &str) -> Result<[u8; 32]> {
    athanor_primitives::ticket::root_from_hex(text)
        .ok_or_else(|| Error::Usage(format!("{what} is 0x and 64 hex digits, not '{text}'")))
}
