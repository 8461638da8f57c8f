//! `athanor data list`: from a sealed folder to a listing that can be bought.

use super::{
    fetch::is_one_group,
    listings::market_clock,
    sample::{drawn, make, upload},
    shared::{beneficiary_text, hex, parse_beneficiary},
};
use crate::{
    amount::{human_bytes, Amount},
    chain::{Call, Chain, State, Terms},
    commands::{field_u64, Context},
    error::{Error, Result},
    keys,
    market::{view, wire::ChainTerms, PALLET},
    output,
};
use athanor_content_store::{Client, Sample as Drawn};
use athanor_content_tree::{market::SAMPLE_BLOCKS, GROUP};
use athanor_market_client::{
    card::{self, MAX_CARD},
    journal::Journal,
    licence, sample,
    seal::{Sealed, CARD, LICENCE, X_OUTBOARD, Z, Z_OUTBOARD},
};
use athanor_primitives::market::{Beneficiary, ListingTerms, Share, UseFlags, LISTING_UNITS};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{path::PathBuf, time::Duration};
use subxt::utils::AccountId32;
use subxt_signer::sr25519::Keypair;

/// Name of the sample in a seal's folder.
const SAMPLE: &str = "sample";

/// Groups of a sample, where nothing else is said: they show 5 % junk with 95 %.
const SAMPLES: u32 = 59;

/// Bytes that a window's time is counted by.
const GIB: u64 = 1 << 30;

/// Blocks a transaction may be valid for.
const LIFE: u32 = 64;

/// Time between two looks at the chain.
const PAUSE: Duration = Duration::from_secs(2);

/// Options of `data list`.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// The folder `athanor data seal` made
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// The price, like '5 AUR'; '0 AUR' gives the goods away
    #[arg(long, value_name = "AMOUNT", required_unless_present = "listing")]
    pub price: Option<Amount>,
    /// Publish this seal for a listing of yours instead of listing anew
    #[arg(long, value_name = "ID", conflicts_with_all = ["price", "share"])]
    pub listing: Option<u64>,
    /// Sell to accounts you allowed only
    #[arg(long)]
    pub restricted: bool,
    /// Blocks you have to reveal a key [default: the chain's]
    #[arg(long, value_name = "BLOCKS")]
    pub reveal_window: Option<u32>,
    /// Blocks a buyer has to complain [default: the chain's]
    #[arg(long, value_name = "BLOCKS")]
    pub dispute_window: Option<u32>,
    /// Groups to show as a sample, at most a 20th [default: 59, or a 20th]
    #[arg(long, value_name = "N")]
    pub samples: Option<u32>,
    /// Do not wait until the chain has drawn the sample:
    /// `athanor data sample --upload` puts it where buyers look for it
    #[arg(long)]
    pub no_sample: bool,
    /// Who gets how many of 10000 units: ACCOUNT=N, listing:ID=N, campaign:ID=N;
    /// may be given several times, and what is left is yours
    #[arg(long, value_name = "WHO=UNITS", value_parser = parse_share)]
    pub share: Vec<(Beneficiary<AccountId32>, u32)>,
    /// Let others derive from it who give it at least so many units
    #[arg(long, value_name = "UNITS")]
    pub derive: Option<u32>,
    /// Your listing that this is a new version of
    #[arg(long, value_name = "ID")]
    pub supersedes: Option<u64>,
    /// Upload nothing: it is served already
    #[arg(long)]
    pub no_upload: bool,
    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
    /// Show call and fee; upload and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What was done, in the folder's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    /// The listing is about to be sent.
    Listing {
        /// Best block then.
        at: u32,
    },
    /// It has a number.
    Listed {
        /// It.
        listing: u64,
    },
}

fn parse_share(text: &str) -> std::result::Result<(Beneficiary<AccountId32>, u32), String> {
    let bad = || format!("'{text}' is no share: write ACCOUNT=UNITS, like '//Bob=2500'");
    let (who, units) = text.rsplit_once('=').ok_or_else(bad)?;
    let units: u32 = units.trim().parse().map_err(|_| bad())?;
    Ok((parse_beneficiary(who.trim())?, units))
}

/// All shares, with what is left for the seller.
fn shares(
    given: &[(Beneficiary<AccountId32>, u32)],
    seller: AccountId32,
) -> Result<Vec<Share<AccountId32>>> {
    let mut shares: Vec<Share<AccountId32>> = Vec::new();
    for (to, units) in given {
        if *units == 0 {
            return Err(Error::Usage(format!(
                "{} gets no units: leave it out",
                beneficiary_text(to)
            )));
        }
        if shares.iter().any(|share| share.to == *to) {
            return Err(Error::Usage(format!(
                "{} is named twice",
                beneficiary_text(to)
            )));
        }
        shares.push(Share {
            to: to.clone(),
            units: *units,
        });
    }
    let sum: u64 = shares.iter().map(|share| u64::from(share.units)).sum();
    let rest = u64::from(LISTING_UNITS)
        .checked_sub(sum)
        .and_then(|rest| u32::try_from(rest).ok())
        .ok_or_else(|| {
            Error::Usage(format!(
                "the shares have {sum} units, there are {LISTING_UNITS}"
            ))
        })?;
    if rest > 0 {
        let own = Beneficiary::Account(seller);
        match shares.iter_mut().find(|share| share.to == own) {
            Some(share) => share.units = share.units.saturating_add(rest),
            None => shares.push(Share {
                to: own,
                units: rest,
            }),
        }
    }
    Ok(shares)
}

/// A dispute window that goes with the length of the goods.
fn dispute_window(base: u32, per_gib: u32, length: u64) -> u32 {
    let gib = u32::try_from(length.div_ceil(GIB)).unwrap_or(u32::MAX);
    base.saturating_add(per_gib.saturating_mul(gib))
}

struct Job<'a> {
    options: &'a List,
    context: &'a Context,
    chain: Chain,
    signer: Keypair,
    account: AccountId32,
    sealed: Sealed,
}

/// `data list`.
pub(super) async fn run(options: &List, context: &Context) -> Result<()> {
    let sealed = Sealed::read(&options.folder)?;
    let signer = context.signer()?;
    let account = keys::account(&signer);
    let chain = context.chain().await?;
    if sealed.genesis != chain.genesis().0 {
        return Err(Error::Refused(
            "this was sealed for another chain: seal it again".into(),
        ));
    }
    if sealed.seller != account.0 {
        return Err(Error::Refused(format!(
            "this was sealed by {}, and is worthless to anybody else: sign with that account",
            AccountId32(sealed.seller)
        )));
    }
    let job = Job {
        options,
        context,
        chain,
        signer,
        account,
        sealed,
    };
    let uses = job.papers()?;
    job.lengths()?;
    let state = job.chain.best().await?;
    if view::seller(&state, &account).await?.is_none() {
        return Err(Error::NotFound(format!(
            "{account} is no seller yet: `athanor data seller register` first"
        )));
    }
    match options.listing {
        Some(listing) => job.seal_only(&state, listing).await,
        None => job.list(&state, uses).await,
    }
}

impl Job<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.options.folder.join(name)
    }

    /// Checks card and licence against the record.
    fn papers(&self) -> Result<UseFlags> {
        let sealed = &self.sealed;
        let bytes = crate::commands::read_file(&self.path(CARD), MAX_CARD, "a card")?;
        let card = card::read(&bytes)?;
        card.check(&sealed.seller, &sealed.x_root, sealed.length)?;
        let other = |what: &str| {
            Error::Refused(format!(
                "{what} is not the one this was sealed with: seal it again"
            ))
        };
        if athanor_content_tree::root(&bytes) != sealed.card_root {
            return Err(other("the card"));
        }
        let (_, root) = licence::read(&self.path(LICENCE))?;
        if root != sealed.licence_root {
            return Err(other("the licence"));
        }
        Ok(card.uses)
    }

    /// Checks that the files are whole; what is in them was checked when they were sealed, and is
    /// checked again by whoever takes them in.
    fn lengths(&self) -> Result<()> {
        let groups = athanor_content_tree::Groups::new(self.sealed.length)
            .map_err(|error| Error::Refused(error.to_string()))?;
        for (name, length) in [
            (Z, self.sealed.length),
            (Z_OUTBOARD, groups.outboard_len()),
            (X_OUTBOARD, groups.outboard_len()),
        ] {
            let path = self.path(name);
            let found = std::fs::metadata(&path)
                .map_err(|source| Error::File {
                    action: "read",
                    path: path.clone(),
                    source,
                })?
                .len();
            if found != length {
                return Err(Error::BadFile {
                    path,
                    reason: format!("it should have {length} bytes, and has {found}"),
                });
            }
        }
        Ok(())
    }

    fn terms(&self, state: &State, uses: UseFlags) -> Result<ListingTerms<AccountId32>> {
        let options = self.options;
        let length = self.sealed.length;
        let price = options.price.unwrap_or_default();
        let most = sample::most(length)?;
        let samples = options.samples.unwrap_or_else(|| SAMPLES.min(most));
        if samples > most {
            return Err(Error::Usage(format!(
                "{samples} groups of sample are more than one in 20, which these goods of {} have: \
                 show at most {most}, for who sees them has them for nothing",
                length.div_ceil(GROUP as u64)
            )));
        }
        let per_gib = view::blocks(state, "DisputeWindowPerGib")?;
        let reveal_window = match options.reveal_window {
            Some(window) => within(state, window, "MinRevealWindow", "MaxRevealWindow", 0)?,
            None => view::blocks(state, "DefaultRevealWindow")?,
        };
        let more = dispute_window(0, per_gib, length);
        let dispute = match options.dispute_window {
            Some(window) => within(state, window, "MinDisputeWindow", "MaxDisputeWindow", more)?,
            None => view::blocks(state, "DefaultDisputeWindow")?
                .saturating_add(more)
                .min(view::blocks(state, "MaxDisputeWindow")?),
        };
        let shares = shares(&options.share, self.account)?
            .try_into()
            .map_err(|_| Error::Usage("at most 8 accounts and 4 pools share in it".into()))?;
        Ok(ListingTerms {
            x_root: self.sealed.x_root,
            length,
            card_root: self.sealed.card_root,
            licence_root: self.sealed.licence_root,
            uses,
            price: price.0,
            restricted: options.restricted,
            reveal_window,
            dispute_window: dispute,
            samples,
            shares,
            derive: options.derive,
            supersedes: options.supersedes,
        })
    }

    async fn list(&self, state: &State, uses: UseFlags) -> Result<()> {
        let terms = self.terms(state, uses)?;
        let fee = crate::commands::constant(state, PALLET, "ListingFee")?;
        if self.options.dry_run {
            let call = Call::new(PALLET, "list", (ChainTerms::from(&terms),));
            let amounts = [("listing_fee", fee), ("price", terms.price)];
            return self
                .context
                .show_dry_run(&self.chain, &self.signer, call, &amounts)
                .await;
        }
        let free = terms.price == 0;
        let clock = market_clock(state).await?;
        self.context.output.note(output::pairs(&[
            ("goods", hex(&terms.x_root)),
            ("length", human_bytes(terms.length)),
            ("price", Amount(terms.price).to_string()),
            ("listing fee", Amount(fee).to_string()),
            ("you reveal within", clock.span(terms.reveal_window.into())),
            (
                "buyers look within",
                clock.span(terms.dispute_window.into()),
            ),
            ("sample groups", terms.samples.to_string()),
        ]));
        if !self.options.yes {
            self.context.output.confirm(if free {
                "Give it away? Whoever has it keeps it"
            } else {
                "List it? All but price, pause, allow-list and seal is fixed for good"
            })?;
        }
        self.publish(free).await?;
        let (mut journal, entries) = Journal::open(&self.path("listing.jsonl"))?;
        let listing = match entries.last() {
            Some(Entry::Listed { listing }) => *listing,
            Some(Entry::Listing { at }) => match self.find(*at).await? {
                Some(listing) => listing,
                None => self.send_listing(&terms, &mut journal).await?,
            },
            None => self.send_listing(&terms, &mut journal).await?,
        };
        if !matches!(entries.last(), Some(Entry::Listed { .. })) {
            journal.append(&Entry::Listed { listing })?;
        }
        let mut value = json!({
            "listing": listing,
            "x_root": hex(&self.sealed.x_root),
            "price": terms.price.to_string(),
            "sealed": !free,
        });
        if !free {
            self.seal(listing, &mut value).await?;
            self.sample(listing, &mut value).await;
        }
        self.show(&value, listing);
        Ok(())
    }

    async fn seal_only(&self, state: &State, id: u64) -> Result<()> {
        let listing = view::known_listing(state, id).await?;
        if listing.seller != self.account || listing.x_root != self.sealed.x_root {
            return Err(Error::Refused(format!(
                "listing {id} is not of these goods, or not yours"
            )));
        }
        if self.options.dry_run {
            return self
                .context
                .show_dry_run(&self.chain, &self.signer, self.seal_call(id), &[])
                .await;
        }
        self.publish(false).await?;
        let mut value = json!({"listing": id, "x_root": hex(&self.sealed.x_root), "sealed": true});
        self.seal(id, &mut value).await?;
        self.sample(id, &mut value).await;
        self.show(&value, id);
        Ok(())
    }

    fn show(&self, value: &Value, listing: u64) {
        self.context.output.result(value, || {
            format!(
                "{}\n\nKeep `athanor data serve` running: who pays and gets no key in time has his \
                 money back,\nand a part of your bond. `athanor data show {listing}` shows the \
                 listing.",
                output::describe(value)
            )
        });
    }

    /// Uploads what is missing where buyers look for it, and checks that it is there.
    async fn publish(&self, free: bool) -> Result<()> {
        let state = self.chain.best().await?;
        let seller = view::seller(&state, &self.account).await?;
        let endpoint = seller
            .as_ref()
            .and_then(view::endpoint)
            .ok_or_else(|| Error::Refused("you registered no endpoint".into()))?;
        if !self.options.no_upload {
            let client = self.context.upload_client()?.ok_or_else(|| {
                Error::Usage(
                    "give the store that serves your endpoint with --store URL, or --no-upload if \
                     all is there"
                        .into(),
                )
            })?;
            self.upload(&client, free).await?;
        }
        let client = Client::new(&endpoint, None)?;
        let mut blobs = vec![
            ("the card", self.sealed.card_root, None),
            ("the licence", self.sealed.licence_root, None),
        ];
        blobs.push(if free {
            ("the goods", self.sealed.x_root, Some(self.sealed.length))
        } else {
            (
                "the ciphertext",
                self.sealed.z_root,
                Some(self.sealed.length),
            )
        });
        for (what, root, length) in blobs {
            let found = client.head(&root).await?;
            if found.is_none() || (length.is_some() && found != length) {
                return Err(Error::Refused(format!(
                    "{what} {} is not served at {endpoint}, where buyers look for it",
                    hex(&root)
                )));
            }
        }
        if !free && !is_one_group(self.sealed.length)? {
            for (what, root) in [
                ("the ciphertext", self.sealed.z_root),
                ("the goods", self.sealed.x_root),
            ] {
                if client.head_outboard(&root).await?.is_none() {
                    return Err(Error::Refused(format!(
                        "the outboard of {what} {} is not served at {endpoint}: nobody can check \
                         what he buys without it",
                        hex(&root)
                    )));
                }
            }
        }
        Ok(())
    }

    async fn upload(&self, client: &Client, free: bool) -> Result<()> {
        let output = &self.context.output;
        for (name, root) in [
            (CARD, self.sealed.card_root),
            (LICENCE, self.sealed.licence_root),
        ] {
            client
                .put(&root, self.path(name).as_path(), |_, _| ())
                .await?;
        }
        let (path, root) = if free {
            (self.sealed.x.clone(), self.sealed.x_root)
        } else {
            (self.path(Z), self.sealed.z_root)
        };
        let length = self.sealed.length;
        let one = is_one_group(length)?;
        let there = client.head(&root).await? == Some(length)
            && (one || client.head_outboard(&root).await?.is_some());
        if !there {
            let bar = output.transfer("uploading", length);
            let progress = |done, total| bar.transferred(done, total);
            // One group has no outboard, and any store takes it whole.
            if one {
                client.put(&root, path.as_path(), progress).await?;
            } else {
                client.put_in_parts(&root, path.as_path(), progress).await?;
            }
        }
        if !free && !one {
            let path = self.path(X_OUTBOARD);
            let progress = output.transfer("uploading the outboard", 0);
            client
                .put_outboard(
                    &self.sealed.x_root,
                    length,
                    path.as_path(),
                    |done, total| {
                        progress.transferred(done, total);
                    },
                )
                .await?;
        }
        Ok(())
    }

    /// The listing that an earlier run sent, once its transaction can no longer be included.
    async fn find(&self, at: u32) -> Result<Option<u64>> {
        let mut said = false;
        loop {
            let state = self.chain.best().await?;
            let found = view::all_listings(&state, |listing| {
                listing.seller == self.account
                    && listing.x_root == self.sealed.x_root
                    && listing.card_root == self.sealed.card_root
            })
            .await?;
            if let Some(listing) = found.last() {
                return Ok(Some(listing.id));
            }
            if state.number() >= u64::from(at).saturating_add(u64::from(LIFE) + 8) {
                return Ok(None);
            }
            if !said {
                said = true;
                self.context.output.note(
                    "an earlier run may have listed it: waiting until that is certain, some minutes",
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send_listing(
        &self,
        terms: &ListingTerms<AccountId32>,
        journal: &mut Journal<Entry>,
    ) -> Result<u64> {
        let at = self.chain.best().await?.number();
        journal.append(&Entry::Listing {
            at: u32::try_from(at).unwrap_or(u32::MAX),
        })?;
        let call = Call::new(PALLET, "list", (ChainTerms::from(terms),));
        let included = self
            .chain
            .submit_with(
                call,
                &self.signer,
                Terms::living(LIFE),
                self.context.settings.finalized,
                &self.context.output,
            )
            .await?;
        let listing = included.field(PALLET, "Listed", "listing")?;
        field_u64(&json!({ "listing": listing }), "listing")
    }

    fn seal_call(&self, listing: u64) -> Call<(u64, [u8; 16], [u8; 32], [u8; 32])> {
        Call::new(
            PALLET,
            "seal",
            (
                listing,
                self.sealed.nonce,
                self.sealed.z_root,
                self.sealed.h_k,
            ),
        )
    }

    async fn seal(&self, id: u64, value: &mut Value) -> Result<()> {
        let state = self.chain.best().await?;
        let listing = view::known_listing(&state, id).await?;
        let there = listing
            .seals
            .iter()
            .any(|seal| seal.seal_id == self.sealed.seal_id);
        if !there {
            let included = self
                .context
                .submit(&self.chain, &self.signer, self.seal_call(id))
                .await?;
            if let Some(fields) = value.as_object_mut() {
                fields.insert("block".into(), json!(included.block_hex()));
            }
        }
        if let Some(fields) = value.as_object_mut() {
            fields.insert("seal_id".into(), json!(hex(&self.sealed.seal_id)));
        }
        Ok(())
    }
}

impl Job<'_> {
    /// Shows the groups that the chain draws. The listing stands without: what goes wrong is said.
    async fn sample(&self, id: u64, value: &mut Value) {
        let shown = match self.show_sample(id).await {
            Ok(seed) => seed,
            Err(error) => {
                self.context.output.warn(format!(
                    "buyers will find no sample, which was promised: {error}. Once that is mended, \
                     `athanor data sample GOODS --listing {id} --upload` shows it"
                ));
                None
            }
        };
        if let Some(fields) = value.as_object_mut() {
            fields.insert("sample".into(), json!(shown.map(|seed| hex(&seed))));
        }
    }

    async fn show_sample(&self, id: u64) -> Result<Option<[u8; 32]>> {
        if self.options.no_sample {
            return Ok(None);
        }
        let state = self.chain.best().await?;
        let listing = view::known_listing(&state, id).await?;
        if listing.samples == 0 {
            return Ok(None);
        }
        let last = u64::from(listing.listed_at).saturating_add(SAMPLE_BLOCKS as u64);
        let mut said = false;
        while self.chain.finalized().await?.number() < last {
            if !said {
                said = true;
                self.context.output.note(format!(
                    "step: listed {id}, waiting until block {last} is final: it ends the draw of \
                     the sample"
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
        let sample = drawn(&self.chain, &listing).await?;
        let indices = sample.indices()?;
        let length = sample::file_len(sample.len, &indices)?;
        let seller = view::seller(&state, &self.account).await?;
        let endpoint = seller
            .as_ref()
            .and_then(view::endpoint)
            .ok_or_else(|| Error::Refused("you registered no endpoint".into()))?;
        let buyers = Client::new(&endpoint, None)?;
        if buyers.head_sample(&sample.seed).await? == Some(length) {
            return Ok(Some(sample.seed));
        }
        let file = self.path(SAMPLE);
        let Drawn { root, len, .. } = sample;
        let right = sample::verify_file(&file, &root, len, &indices, |_, _| Ok(()));
        if right.is_err() {
            // Of an earlier listing of the same folder, or nothing.
            if file.exists() {
                std::fs::remove_file(&file).map_err(|source| Error::File {
                    action: "remove",
                    path: file.clone(),
                    source,
                })?;
            }
            let from = (self.sealed.x.clone(), self.path(X_OUTBOARD));
            make(&sample, &indices, from, &file, self.context).await?;
        }
        if let (false, Some(client)) = (self.options.no_upload, self.context.upload_client()?) {
            upload(&client, &sample, &file, self.context).await?;
        }
        if buyers.head_sample(&sample.seed).await? != Some(length) {
            return Err(Error::Refused(format!(
                "samples/{} is not served at {endpoint}, where buyers look for it",
                hex(&sample.seed).trim_start_matches("0x")
            )));
        }
        Ok(Some(sample.seed))
    }
}

fn within(state: &State, window: u32, least: &str, most: &str, more: u32) -> Result<u32> {
    let least = view::blocks(state, least)?.saturating_add(more);
    let most = view::blocks(state, most)?;
    if (least..=most).contains(&window) {
        return Ok(window);
    }
    Err(Error::Usage(format!(
        "a window of {window} blocks is out of bounds: {least} to {most}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(byte: u8) -> AccountId32 {
        AccountId32([byte; 32])
    }

    #[test]
    fn what_is_not_shared_is_the_sellers() {
        let me = account(1);
        let all = shares(&[], me).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].units, 10_000);
        let bob = parse_share("//Bob=2500").unwrap();
        let parent = parse_share("listing:7=1000").unwrap();
        let some = shares(&[bob.clone(), parent.clone()], me).unwrap();
        assert_eq!(some.iter().map(|share| share.units).sum::<u32>(), 10_000);
        assert_eq!(some[2].to, Beneficiary::Account(me));
        assert_eq!(some[2].units, 6_500);
        let mine = (Beneficiary::Account(me), 1);
        let some = shares(&[mine], me).unwrap();
        assert_eq!((some.len(), some[0].units), (1, 10_000));
        assert_eq!(
            shares(&[(Beneficiary::Account(account(2)), 10_000)], me)
                .unwrap()
                .len(),
            1
        );
        assert!(shares(&[bob.clone(), bob.clone()], me).is_err());
        assert!(shares(&[(bob.0.clone(), 10_001)], me).is_err());
        assert!(shares(&[(bob.0, u32::MAX), parent], me).is_err());
        assert!(shares(&[(Beneficiary::Account(me), 0)], me).is_err());
        for text in ["//Bob", "//Bob=", "=5", "//Bob=-1", "listing:x=5"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn windows_grow_with_each_gib_begun() {
        assert_eq!(dispute_window(7_200, 20, 1), 7_220);
        assert_eq!(dispute_window(7_200, 20, GIB), 7_220);
        assert_eq!(dispute_window(7_200, 20, GIB + 1), 7_240);
        assert_eq!(dispute_window(7_200, 20, 1 << 40), 27_680);
    }
}
