//! `athanor data card`: what a seller says of his goods.

use super::date;
use crate::{
    commands::{read_file, Context},
    error::{Error, Result},
    keys, output, scale,
};
use athanor_market_client::{
    card::{self, Description, MAX_CARD},
    goods::Goods,
    write_new,
};
use athanor_primitives::market::{Use, UseFlags};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

/// What a licence says of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allows {
    /// Allowed.
    Allowed,
    /// Not allowed.
    NotAllowed,
    /// As the licence says.
    Constrained,
}

impl From<Allows> for Use {
    fn from(allows: Allows) -> Self {
        match allows {
            Allows::Allowed => Self::Allowed,
            Allows::NotAllowed => Self::NotAllowed,
            Allows::Constrained => Self::Constrained,
        }
    }
}

/// What a licence says of four uses.
#[derive(Args, Clone, Copy, Debug)]
pub struct Uses {
    /// Text and data mining
    #[arg(long, value_enum, value_name = "USE", default_value = "constrained")]
    pub data_mining: Allows,
    /// Training of models that do not generate content
    #[arg(long, value_enum, value_name = "USE", default_value = "constrained")]
    pub ai_training: Allows,
    /// Training of models that generate content
    #[arg(long, value_enum, value_name = "USE", default_value = "constrained")]
    pub generative_training: Allows,
    /// As input to a model
    #[arg(long, value_enum, value_name = "USE", default_value = "constrained")]
    pub inference: Allows,
}

impl From<Uses> for UseFlags {
    fn from(uses: Uses) -> Self {
        Self {
            data_mining: uses.data_mining.into(),
            ai_training: uses.ai_training.into(),
            generative_training: uses.generative_training.into(),
            inference: uses.inference.into(),
        }
    }
}

/// Options of `data card`.
#[derive(Args, Clone, Debug)]
pub struct Card {
    /// Folder that `data pack` made
    #[arg(value_name = "GOODS")]
    pub goods: PathBuf,
    /// Check this card of the goods instead of making one
    #[arg(long, value_name = "CARD", conflicts_with_all = ["name", "description", "spdx", "out"])]
    pub check: Option<PathBuf>,
    /// One line
    #[arg(long, value_name = "TEXT", required_unless_present = "check")]
    pub name: Option<String>,
    /// Text file, as Markdown
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    pub description: Option<PathBuf>,
    /// Licence, like CC-BY-4.0 or LicenseRef-mine
    #[arg(long, value_name = "EXPRESSION", required_unless_present = "check")]
    pub spdx: Option<String>,
    /// New file [default: card.json beside the goods' folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a dataset card for Hugging Face too
    #[arg(long, value_name = "FILE")]
    pub hugging_face: Option<PathBuf>,
    /// Who sells it [default: the signing account]
    #[arg(long, value_name = "ACCOUNT")]
    pub seller: Option<String>,
    /// Words to be found by
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub keyword: Vec<String>,
    /// Languages of the contents, like en or de-AT
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub language: Vec<String>,
    /// Who made it
    #[arg(long, value_name = "NAME")]
    pub creator: Option<String>,
    /// How to cite it
    #[arg(long, value_name = "TEXT")]
    pub cite_as: Option<String>,
    /// Version of the data
    #[arg(long, value_name = "N.N.N", default_value = "1.0.0")]
    pub data_version: String,
    /// Day of publication [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub published: Option<String>,
    /// Label campaign over sampled rows, as an attestation
    #[arg(long, value_name = "ID")]
    pub campaign: Option<u64>,
    /// Uses.
    #[command(flatten)]
    pub uses: Uses,
}

/// Most bytes of a description.
const MAX_DESCRIPTION: u64 = 400_000;

pub(super) fn run(options: Card, context: &Context) -> Result<()> {
    let goods = Goods::read(&options.goods)?;
    let seller = match &options.seller {
        Some(text) => keys::parse_account(text)?,
        None => keys::account(&context.signer()?),
    };
    if let Some(path) = &options.check {
        let bytes = read_file(path, MAX_CARD, "a card")?;
        let card = card::read(&bytes)?;
        card.check(&seller.0, &goods.x_root, goods.length)?;
        if card.sha256 != goods.sha256 {
            return Err(Error::Refused(
                "the card's sha256 is not that of the goods".into(),
            ));
        }
        let root = scale::hex(&athanor_content_tree::root(&bytes));
        let value = json!({"card_root": root, "name": card.name, "spdx": card.spdx});
        context.output.result(&value, || {
            output::pairs(&[
                ("name", card.name.as_str()),
                ("licence", card.spdx.as_str()),
                ("root", root.as_str()),
                ("checked", "it is of these goods and this seller"),
            ])
        });
        return Ok(());
    }
    let path = options.description.clone().unwrap_or_default();
    let description = read_file(&path, MAX_DESCRIPTION, "a description")?;
    let description = String::from_utf8(description).map_err(|_| Error::BadFile {
        path,
        reason: "it is not UTF-8".into(),
    })?;
    let description = Description {
        name: options.name.unwrap_or_default(),
        description: description.replace("\r\n", "\n"),
        keywords: options.keyword,
        languages: options.language,
        creator: options.creator,
        version: options.data_version,
        published: options.published.unwrap_or_else(date::today),
        cite_as: options.cite_as,
        spdx: options.spdx.unwrap_or_default(),
        uses: options.uses.into(),
        campaign: options.campaign,
    };
    let out = options
        .out
        .unwrap_or_else(|| options.goods.with_file_name("card.json"));
    let bytes = card::make(&goods, &seller.0, &description)?;
    let other = match &options.hugging_face {
        Some(path) => Some((path, card::hugging_face(&goods, &seller.0, &description)?)),
        None => None,
    };
    write_new(&out, &bytes, false)?;
    if let Some((path, text)) = other {
        write_new(path, text.as_bytes(), false)?;
    }
    let root = scale::hex(&athanor_content_tree::root(&bytes));
    let file = out.display().to_string();
    let value = json!({"card_root": root, "bytes": bytes.len(), "file": file});
    context.output.result(&value, || {
        output::pairs(&[
            ("card", file.clone()),
            ("root", root.clone()),
            ("bytes", bytes.len().to_string()),
        ])
    });
    Ok(())
}
