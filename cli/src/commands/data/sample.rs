//! `athanor data sample`: groups that the chain drew, opened for everybody.

use super::{working, PALLET};
use crate::{
    amount::human_bytes,
    blobs,
    chain::Chain,
    commands::{field, field_u64, Context},
    error::{Error, Result},
    output, scale,
};
use athanor_content_tree::market::{GROUP_PAYLOAD, SALT, SAMPLE_BLOCKS};
use athanor_market_client::{
    goods::{Goods, OUTBOARD, X},
    sample,
};
use athanor_primitives::Root;
use clap::Args;
use serde_json::{json, Value};
use std::{collections::BTreeSet, io::Write, path::PathBuf};

/// Options of `data sample`.
#[derive(Args, Clone, Debug)]
pub struct Sample {
    /// Folder of the goods, to write the sample of
    #[arg(value_name = "GOODS", required_unless_present = "check")]
    pub goods: Option<PathBuf>,
    /// New file for the sample [default: sample beside the goods' folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Check this sample instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["goods", "out"])]
    pub check: Option<PathBuf>,
    /// The listing, whose blocks the node is asked for
    #[arg(long, value_name = "ID", required_unless_present = "vrf")]
    pub listing: Option<u64>,
    /// Without a node: the VRF pre-outputs of the 8 blocks after the listing
    #[arg(
        long,
        value_name = "HEX",
        value_delimiter = ',',
        conflicts_with = "listing"
    )]
    pub vrf: Vec<String>,
    /// Without a node: groups that the listing promises
    #[arg(long, value_name = "N", requires = "vrf", conflicts_with = "listing")]
    pub samples: Option<u32>,
    /// Without a node, to check: root of the goods
    #[arg(long, value_name = "ROOT", value_parser = blobs::parse_root, requires = "vrf")]
    pub root: Option<Root>,
    /// Without a node, to check: length of the goods
    #[arg(long, value_name = "BYTES", requires = "vrf")]
    pub length: Option<u64>,
    /// With --check: write what the groups hold to a new file
    #[arg(long, value_name = "FILE", requires = "check")]
    pub extract: Option<PathBuf>,
    /// With --extract: the goods are raw, no container
    #[arg(long, requires = "extract")]
    pub raw: bool,
}

/// What a sample is of.
struct Of {
    root: Root,
    length: u64,
    indices: BTreeSet<u64>,
}

/// The VRF pre-output in a block's BABE pre-digest: variant, u32 author, u64 slot, then 32 bytes.
/// Secondary slots of this chain have one too.
fn pre_output(engine: [u8; 4], digest: &[u8]) -> Option<[u8; 32]> {
    let has_vrf = matches!(digest.first(), Some(1 | 3));
    (engine == *b"BABE" && has_vrf)
        .then(|| digest.get(13..)?.first_chunk().copied())
        .flatten()
}

/// The randomness of the blocks listed_at + 1 to listed_at + 8, all of them final.
pub(crate) async fn pre_outputs(
    chain: &Chain,
    listed_at: u64,
) -> Result<[[u8; 32]; SAMPLE_BLOCKS]> {
    let last = listed_at.saturating_add(SAMPLE_BLOCKS as u64);
    let finalized = chain.finalized().await?.number();
    if finalized < last {
        return Err(Error::Refused(format!(
            "the sample is drawn by block {last}, and only {finalized} is final: wait and try again"
        )));
    }
    let mut outputs = [[0; 32]; SAMPLE_BLOCKS];
    for (number, output) in (listed_at + 1..).zip(&mut outputs) {
        let digests = chain.at(number).await?.pre_digests().await?;
        let found = digests
            .iter()
            .find_map(|(engine, digest)| pre_output(*engine, digest));
        *output = found
            .ok_or_else(|| Error::protocol("a block header", "it has no VRF output of BABE"))?;
    }
    Ok(outputs)
}

fn root_field(listing: &Value, key: &str) -> Result<Root> {
    let text = field(listing, key)?.as_str().unwrap_or_default();
    super::seal::hash_of(text, key)
}

async fn of(options: &Sample, goods: Option<&Goods>, context: &Context) -> Result<Of> {
    let (vrfs, root, length, promised) = if let Some(id) = options.listing {
        let chain = context.chain().await?;
        let listing = chain
            .finalized()
            .await?
            .view(PALLET, "listing", (id,))
            .await?;
        if listing.is_null() {
            return Err(Error::NotFound(format!("there is no listing {id}")));
        }
        let vrfs = pre_outputs(&chain, field_u64(&listing, "listed_at")?).await?;
        let promised = u32::try_from(field_u64(&listing, "samples")?).unwrap_or(u32::MAX);
        let root = root_field(&listing, "x_root")?;
        (vrfs, root, field_u64(&listing, "length")?, promised)
    } else {
        let vrfs = options
            .vrf
            .iter()
            .map(|hex| super::seal::hash_of(hex, "a VRF output"));
        let vrfs: Vec<_> = vrfs.collect::<Result<_>>()?;
        let vrfs = vrfs.try_into().map_err(|vrfs: Vec<_>| {
            Error::Usage(format!(
                "a sample is drawn by 8 VRF outputs, not {}",
                vrfs.len()
            ))
        })?;
        let root = options.root.or(goods.map(|goods| goods.x_root));
        let length = options.length.or(goods.map(|goods| goods.length));
        let samples = options.samples;
        let (Some(root), Some(length), Some(samples)) = (root, length, samples) else {
            return Err(Error::Usage(
                "without a node this needs --samples, and to check --root and --length".into(),
            ));
        };
        (vrfs, root, length, samples)
    };
    if goods.is_some_and(|goods| (goods.x_root, goods.length) != (root, length)) {
        return Err(Error::Refused(
            "the goods are not those of the listing".into(),
        ));
    }
    let most = sample::most(length)?;
    if goods.is_some() && promised > most {
        context.output.warn(format!(
            "{promised} groups are promised, more than one of 20 ({most}): what is opened is given \
             away"
        ));
    }
    Ok(Of {
        indices: sample::indices(&vrfs, &root, length, promised)?,
        root,
        length,
    })
}

pub(super) async fn run(options: Sample, context: &Context) -> Result<()> {
    let goods = options.goods.as_deref().map(Goods::read).transpose()?;
    let of = of(&options, goods.as_ref(), context).await?;
    let bytes = sample::file_len(of.length, &of.indices)?;
    let indices: Vec<u64> = of.indices.iter().copied().collect();
    let file = match (&options.check, &options.goods) {
        (Some(path), _) => {
            check(path.clone(), of, &options, context).await?;
            path.clone()
        }
        (None, goods) => {
            let goods = goods.clone().unwrap_or_default();
            let out = options.out.clone();
            let out = out.unwrap_or_else(|| goods.with_file_name("sample"));
            let dest = out.clone();
            working(context, "writing the sample", bytes, move |progress| {
                let (x, outboard) = (goods.join(X), goods.join(OUTBOARD));
                let Of {
                    root,
                    length,
                    indices,
                } = of;
                sample::write(&x, &outboard, &root, length, &indices, &dest, progress)
            })
            .await?;
            out
        }
    };
    let root = scale::hex(&blobs::hash(&file, &context.output).await?.root);
    let file = file.display().to_string();
    let checked = options.check.is_some();
    let value = json!({
        "file": file, "groups": indices, "bytes": bytes, "root": root, "checked": checked,
    });
    context.output.result(&value, || {
        let mut rows = vec![
            ("sample", file.clone()),
            ("groups", indices.len().to_string()),
            ("bytes", human_bytes(bytes)),
            ("root", root.clone()),
        ];
        if checked {
            rows.push(("checked", "the groups drawn, each with its path".into()));
        }
        output::pairs(&rows)
    });
    Ok(())
}

async fn check(path: PathBuf, of: Of, options: &Sample, context: &Context) -> Result<()> {
    let skip = if options.raw { 0 } else { SALT };
    let extract = options.extract.clone();
    working(context, "checking the sample", 0, move |_| {
        // A sample of the largest goods fits no memory, so without --extract nothing is kept.
        let mut kept = Vec::new();
        let wanted = extract.is_some();
        sample::verify_file(&path, &of.root, of.length, &of.indices, |_, bytes| {
            if wanted && kept.len() < 4_096 * GROUP_PAYLOAD {
                // Writing to memory does not fail.
                let _ = kept.write_all(bytes.get(skip..).unwrap_or_default());
            }
            Ok(())
        })?;
        match extract {
            Some(dest) => athanor_market_client::write_new(&dest, &kept, false),
            None => Ok(()),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pre_output_stands_after_author_and_slot() {
        let mut digest = vec![1];
        digest.extend([9; 12]);
        digest.extend([7; 32]);
        digest.extend([8; 64]);
        assert_eq!(pre_output(*b"BABE", &digest), Some([7; 32]));
        digest[0] = 3;
        assert_eq!(pre_output(*b"BABE", &digest), Some([7; 32]));
        assert_eq!(pre_output(*b"BABE", &digest[..44]), None);
        assert_eq!(pre_output(*b"aura", &digest), None);
        digest[0] = 2;
        assert_eq!(pre_output(*b"BABE", &digest), None);
        assert_eq!(pre_output(*b"BABE", &[]), None);
    }
}
