//! Where a buyer's files come from: his own stores, and the seller's.

use super::sample::drawn;
use crate::{
    chain::Chain,
    commands::Context,
    error::{Error, Result},
    market::{
        files::Folder,
        view::{self, Listing, Seller},
    },
    output::Output,
    scale,
};
use athanor_content_store::{
    fetch, fetch_outboard, fetch_sample, Client, ClientOptions, FetchOptions, Root, Sample,
};
use athanor_content_tree::{Groups, GROUP};
use athanor_market_client::{
    card::{self, MAX_CARD},
    licence::{self, MAX_LICENCE},
    open::Files,
};
use std::path::Path;

/// Stores in the order they are asked.
pub(super) struct Sources {
    clients: Vec<Client>,
}

impl Sources {
    /// The buyer's own stores, then the seller's, whose address is a stranger's word.
    pub(super) fn new(
        context: &Context,
        seller: Option<&Seller>,
        allow_private: bool,
    ) -> Result<Self> {
        let mut clients = context.download_clients()?;
        if let Some(endpoint) = seller.and_then(view::endpoint) {
            let options = ClientOptions::of_strangers(allow_private);
            match Client::with_options(&endpoint, None, options) {
                Ok(client) => clients.push(client),
                Err(error) => context.output.warn(format!(
                    "the seller's store is not asked: {error}; --allow-private asks it all the same"
                )),
            }
        }
        if clients.is_empty() {
            return Err(Error::Usage(
                "nobody serves this listing's files: give --store URL if you know who does".into(),
            ));
        }
        Ok(Self { clients })
    }

    fn failed(&self, output: &Output, error: &athanor_content_store::Error) {
        if self.clients.len() > 1 {
            output.note(format!("{error}"));
        }
    }

    fn nobody(what: &str, root: &Root, last: Option<athanor_content_store::Error>) -> Error {
        last.map_or_else(
            || Error::NotFound(format!("no store has {what} {}", scale::hex(root))),
            Error::Store,
        )
    }

    /// A small blob.
    async fn small(&self, root: &Root, limit: u64, output: &Output) -> Result<Vec<u8>> {
        let mut last = None;
        for client in &self.clients {
            match client.get(root, None, limit, |_, _| ()).await {
                Ok(bytes) => return Ok(bytes.to_vec()),
                Err(error) => {
                    self.failed(output, &error);
                    last = Some(error);
                }
            }
        }
        Err(Self::nobody("the blob", root, last))
    }

    /// A blob of known length into a file.
    pub(super) async fn blob(
        &self,
        root: &Root,
        len: u64,
        dest: &Path,
        output: &Output,
    ) -> Result<()> {
        let mut last = None;
        for client in &self.clients {
            let progress = output.transfer(client.base().to_owned(), len);
            let got = client
                .get_to_file(root, dest, len, |done, total| {
                    progress.transferred(done, total)
                })
                .await;
            drop(progress);
            match got {
                Ok(_) => return Ok(()),
                Err(error) => {
                    self.failed(output, &error);
                    last = Some(error);
                }
            }
        }
        Err(Self::nobody("the blob", root, last))
    }

    /// A listing's sample into a file; every group of it is checked.
    pub(super) async fn sample(&self, sample: &Sample, dest: &Path, output: &Output) -> Result<()> {
        let _progress = output.spinner("fetching the sample");
        Ok(fetch_sample(&self.clients, sample, dest).await?)
    }

    /// The outboard of a blob of known length into a file; every node of it is checked.
    pub(super) async fn outboard(
        &self,
        root: &Root,
        len: u64,
        dest: &Path,
        output: &Output,
    ) -> Result<()> {
        if is_one_group(len)? {
            return write(dest, &[]);
        }
        let _progress = output.spinner("fetching an outboard");
        Ok(fetch_outboard(&self.clients, root, len, dest).await?)
    }

    /// The ciphertext with its outboard; every group is checked as it comes.
    pub(super) async fn content(
        &self,
        root: &Root,
        len: u64,
        files: Files<'_>,
        output: &Output,
    ) -> Result<()> {
        if is_one_group(len)? {
            write(files.z_outboard, &[])?;
            return self.blob(root, len, files.z, output).await;
        }
        let progress = output.transfer("fetching", len);
        fetch(
            &self.clients,
            root,
            len,
            files.z,
            files.z_outboard,
            FetchOptions::default(),
            |done, total| progress.transferred(done, total),
        )
        .await?;
        Ok(())
    }
}

/// Whether the content has no nodes above its groups, and so an empty outboard.
pub(super) fn is_one_group(len: u64) -> Result<bool> {
    let groups = Groups::new(len).map_err(|error| Error::Refused(error.to_string()))?;
    Ok(groups.count() == 1)
}

/// The listing's sample into the folder, group by group as the chain drew it. Says what there is, and
/// gives what is wrong with it.
pub(super) async fn look_at_sample(
    chain: &Chain,
    sources: &Sources,
    listing: &Listing,
    folder: &Folder,
    context: &Context,
) -> Option<String> {
    let output = &context.output;
    if listing.samples == 0 {
        output.note("this listing promises no sample: nothing of the goods can be seen before they are paid for");
        return None;
    }
    let got = async {
        let sample = drawn(chain, listing).await?;
        let groups = sample.indices()?.len();
        sources.sample(&sample, &folder.sample(), output).await?;
        Ok::<_, Error>(groups)
    };
    match got.await {
        Ok(groups) => {
            output.note(format!(
                "step: sampled {groups} of {} groups, as the chain drew them, in {}; `athanor data \
                 sample --listing {} --check {} --extract FILE` has what is in them",
                listing.length.div_ceil(GROUP as u64),
                folder.sample().display(),
                listing.id,
                folder.sample().display()
            ));
            None
        }
        Err(Error::Store(athanor_content_store::Error::BadContent(why))) => {
            Some(format!("the sample is not the one the chain drew ({why})"))
        }
        Err(Error::Store(athanor_content_store::Error::NotFound { .. })) => Some(format!(
            "the seller promised {} groups of sample, and no store has them",
            listing.samples
        )),
        Err(error) => Some(format!("the sample cannot be looked at ({error})")),
    }
}

/// Card and licence into the folder. What is missing or wrong is said, and asked about together with
/// what is known to be: it is the buyer who judges what he buys.
pub(super) async fn papers(
    sources: &Sources,
    listing: &Listing,
    folder: &Folder,
    context: &Context,
    yes: bool,
    known: Option<String>,
) -> Result<()> {
    let output = &context.output;
    let mut doubts = Vec::from_iter(known);
    match sources.small(&listing.card_root, MAX_CARD, output).await {
        Ok(bytes) => {
            let checked = card::read(&bytes).and_then(|card| {
                card.check(&listing.seller.0, &listing.x_root, listing.length)
                    .map(|()| card)
            });
            match checked {
                Ok(card) => output.note(format!("{} ({})", card.name, card.spdx)),
                // A card of other goods is no card of these: nothing is bought on its word.
                Err(error) => return Err(Error::Market(error)),
            }
            write(&folder.card(), &bytes)?;
        }
        Err(error) => doubts.push(format!("the card cannot be fetched ({error})")),
    }
    match sources
        .small(&listing.licence_root, MAX_LICENCE, output)
        .await
    {
        Ok(bytes) => match licence::check(&bytes) {
            Ok(_) => write(&folder.licence(), &bytes)?,
            Err(error) => doubts.push(format!("the licence is not text one can show ({error})")),
        },
        Err(error) => doubts.push(format!("the licence cannot be fetched ({error})")),
    }
    for doubt in &doubts {
        output.warn(doubt);
    }
    if !doubts.is_empty() && !yes {
        output.confirm("Go on without?")?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| Error::File {
        action: "write",
        path: path.into(),
        source,
    })
}
