//! `athanor data sample`: groups that the chain drew, opened for everybody.

use super::{fetch::Sources, working};
use crate::{
    amount::human_bytes,
    blobs,
    chain::Chain,
    commands::Context,
    error::{Error, Result},
    market::view::{self, Listing},
    output, scale,
};
use athanor_content_store::{Client, Sample as Drawn};
use athanor_content_tree::market::{sample_seed, SALT, SAMPLE_BLOCKS};
use athanor_market_client::{
    goods::{Goods, OUTBOARD, X},
    sample,
};
use athanor_primitives::Root;
use clap::Args;
use serde_json::json;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Options of `data sample`.
#[derive(Args, Clone, Debug)]
pub struct Sample {
    /// Folder of the goods, to write the sample of. Without it the sample is
    /// fetched from the seller and --store, as `athanor data buy` does
    #[arg(value_name = "GOODS", required_unless_present_any = ["check", "listing"])]
    pub goods: Option<PathBuf>,
    /// New file for the sample [default: sample beside the goods' folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Put it into the store given by --store, where buyers look for it
    #[arg(long, requires = "goods")]
    pub upload: bool,
    /// Fetch from private and local addresses too, if the seller names one
    #[arg(long, conflicts_with_all = ["goods", "check"])]
    pub allow_private: bool,
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
    /// Write what the groups hold to a new file
    #[arg(long, value_name = "FILE", conflicts_with = "goods")]
    pub extract: Option<PathBuf>,
    /// With --extract: the goods are raw, no container
    #[arg(long, requires = "extract")]
    pub raw: bool,
}

/// What a sample is of.
struct Of {
    sample: Drawn,
    indices: BTreeSet<u64>,
    listing: Option<Listing>,
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
        let digests = chain.pre_digests(number).await?;
        let found = digests
            .iter()
            .find_map(|(engine, digest)| pre_output(*engine, digest));
        *output = found
            .ok_or_else(|| Error::protocol("a block header", "it has no VRF output of BABE"))?;
    }
    Ok(outputs)
}

/// The sample of a listing, by the chain's randomness.
///
/// # Errors
///
/// [`Error::Refused`] until the blocks that draw it are final.
pub(super) async fn drawn(chain: &Chain, listing: &Listing) -> Result<Drawn> {
    let vrfs = pre_outputs(chain, listing.listed_at.into()).await?;
    Ok(Drawn {
        seed: sample_seed(&vrfs, &listing.x_root),
        root: listing.x_root,
        len: listing.length,
        groups: listing.samples,
    })
}

async fn of(options: &Sample, goods: Option<&Goods>, context: &Context) -> Result<Of> {
    let (sample, listing) = if let Some(id) = options.listing {
        let chain = context.chain().await?;
        let listing = view::known_listing(&chain.finalized().await?, id).await?;
        (drawn(&chain, &listing).await?, Some(listing))
    } else {
        let vrfs = options
            .vrf
            .iter()
            .map(|hex| super::seal::hash_of(hex, "a VRF output"));
        let vrfs: Vec<_> = vrfs.collect::<Result<_>>()?;
        let vrfs: [_; SAMPLE_BLOCKS] = vrfs.try_into().map_err(|vrfs: Vec<_>| {
            Error::Usage(format!(
                "a sample is drawn by 8 VRF outputs, not {}",
                vrfs.len()
            ))
        })?;
        let root = options.root.or(goods.map(|goods| goods.x_root));
        let length = options.length.or(goods.map(|goods| goods.length));
        let samples = options.samples;
        let (Some(root), Some(len), Some(groups)) = (root, length, samples) else {
            return Err(Error::Usage(
                "without a node this needs --samples, and to check --root and --length".into(),
            ));
        };
        let seed = sample_seed(&vrfs, &root);
        let sample = Drawn {
            seed,
            root,
            len,
            groups,
        };
        (sample, None)
    };
    if goods.is_some_and(|goods| (goods.x_root, goods.length) != (sample.root, sample.len)) {
        return Err(Error::Refused(
            "the goods are not those of the listing".into(),
        ));
    }
    let most = sample::most(sample.len)?;
    if goods.is_some() && sample.groups > most {
        context.output.warn(format!(
            "{} groups are promised, more than one of 20 ({most}): what is opened is given away",
            sample.groups
        ));
    }
    Ok(Of {
        indices: sample.indices()?,
        sample,
        listing,
    })
}

pub(super) async fn run(options: Sample, context: &Context) -> Result<()> {
    let goods = options.goods.as_deref().map(Goods::read).transpose()?;
    let of = of(&options, goods.as_ref(), context).await?;
    let bytes = sample::file_len(of.sample.len, &of.indices)?;
    let indices: Vec<u64> = of.indices.iter().copied().collect();
    let seed = scale::hex(&of.sample.seed);
    let mut uploaded = false;
    let file = match (&options.check, &options.goods) {
        (Some(path), _) => {
            check(path.clone(), &of, &options, context).await?;
            path.clone()
        }
        (None, None) => {
            let file = options.out.clone().unwrap_or_else(|| "sample".into());
            get(&of, &file, &options, context).await?;
            check(file.clone(), &of, &options, context).await?;
            file
        }
        (None, Some(goods)) => {
            let out = options.out.clone();
            let out = out.unwrap_or_else(|| goods.with_file_name("sample"));
            let (x, outboard) = (goods.join(X), goods.join(OUTBOARD));
            // One that was to be uploaded may lie there since an earlier run.
            if options.upload && out.exists() {
                check(out.clone(), &of, &options, context).await?;
            } else {
                make(&of.sample, &of.indices, (x, outboard), &out, context).await?;
            }
            if options.upload {
                let client = context.upload_client()?.ok_or_else(|| {
                    Error::Usage(
                        "--upload needs the store that serves your endpoint: --store".into(),
                    )
                })?;
                upload(&client, &of.sample, &out, context).await?;
                uploaded = true;
            }
            out
        }
    };
    let root = scale::hex(&blobs::hash(&file, &context.output).await?.root);
    let file = file.display().to_string();
    let checked = options.goods.is_none();
    let value = json!({
        "file": file, "groups": indices, "bytes": bytes, "root": root, "seed": seed,
        "checked": checked, "uploaded": uploaded,
    });
    context.output.result(&value, || {
        let mut rows = vec![
            ("sample", file.clone()),
            ("groups", indices.len().to_string()),
            ("bytes", human_bytes(bytes)),
            ("root", root.clone()),
            ("seed", seed.clone()),
        ];
        if uploaded {
            rows.push(("uploaded", "where buyers look for it".into()));
        }
        if checked {
            rows.push(("checked", "the groups drawn, each with its path".into()));
        }
        output::pairs(&rows)
    });
    Ok(())
}

/// Writes a sample out of the goods and their outboard.
pub(super) async fn make(
    sample: &Drawn,
    indices: &BTreeSet<u64>,
    (x, outboard): (PathBuf, PathBuf),
    dest: &Path,
    context: &Context,
) -> Result<()> {
    let bytes = sample::file_len(sample.len, indices)?;
    let (sample, indices, dest) = (*sample, indices.clone(), dest.to_owned());
    working(context, "writing the sample", bytes, move |progress| {
        let Drawn { root, len, .. } = sample;
        sample::write(&x, &outboard, &root, len, &indices, &dest, progress)
    })
    .await
}

/// Puts a sample where buyers look for it.
pub(super) async fn upload(
    client: &Client,
    sample: &Drawn,
    file: &Path,
    context: &Context,
) -> Result<()> {
    let bar = context.output.transfer("uploading the sample", 0);
    let progress = |done, total| bar.transferred(done, total);
    Ok(client.put_sample(sample, file, progress).await?)
}

async fn get(of: &Of, dest: &Path, options: &Sample, context: &Context) -> Result<()> {
    if dest.exists() {
        return Err(Error::Refused(format!(
            "{} is there already: --check looks at it, --out names another",
            dest.display()
        )));
    }
    if of.sample.groups == 0 {
        return Err(Error::NotFound("this listing promises no sample".into()));
    }
    let chain = context.chain().await?;
    let seller = match &of.listing {
        Some(listing) => view::seller(&chain.best().await?, &listing.seller).await?,
        None => None,
    };
    let sources = Sources::new(context, seller.as_ref(), options.allow_private)?;
    sources.sample(&of.sample, dest, &context.output).await
}

async fn check(path: PathBuf, of: &Of, options: &Sample, context: &Context) -> Result<()> {
    let skip = if options.raw { 0 } else { SALT };
    let (extract, sample, indices) = (options.extract.clone(), of.sample, of.indices.clone());
    working(context, "checking the sample", 0, move |_| {
        let Drawn { root, len, .. } = sample;
        match extract {
            Some(dest) => sample::extract(&path, &root, len, &indices, skip, &dest),
            None => sample::verify_file(&path, &root, len, &indices, |_, _| Ok(())),
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
