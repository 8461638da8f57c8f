//! `athanor data`: selling and buying data.

mod card;
mod date;
mod pack;
mod sample;
mod seal;
mod search;
mod seed;
mod unpack;
mod verify;

use super::Context;
use crate::error::{Error, Result};
use athanor_market_client::Progress;
use clap::{Subcommand, ValueEnum};
use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc,
    },
};

/// The pallet.
const PALLET: &str = "DataMarket";

/// Sell data, and buy it.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make goods of a folder or file
    ///
    /// Needs neither node nor key. Writes a container, its outboard and a record
    /// into a new folder. Each 16 KiB of a container begin with a random salt, so
    /// that what is published of it confirms no guess. With --raw the goods are
    /// the file itself, whose root is the same everywhere.
    #[command(after_help = "\
Examples:
  athanor data pack reviews --out reviews.goods
  athanor data pack weights.safetensors --raw --yes --out weights.goods")]
    Pack(pack::Pack),
    /// Get the files out of a container
    ///
    /// Writes into a new folder, and nowhere else. A container that breaks a rule
    /// of its format leaves nothing behind.
    #[command(after_help = "\
Examples:
  athanor data unpack reviews.goods/x --out reviews")]
    Unpack(unpack::Unpack),
    /// Describe goods: a Croissant card, and one for Hugging Face
    ///
    /// Needs no node. The card holds root, length and licence of the goods, and
    /// of inner files only their kinds. Its root goes into the listing, so make it
    /// before `data seal`.
    #[command(after_help = "\
Examples:
  athanor data card reviews.goods --name 'Product reviews' \\
    --description README.md --spdx CC-BY-4.0 --language en,de \\
    --generative-training not-allowed --suri //Alice
  athanor data card reviews.goods --check card.json --suri //Alice")]
    Card(Box<card::Card>),
    /// Encrypt goods, once for all buyers
    ///
    /// Writes ciphertext, both outboards, card and licence into a new folder, and
    /// then reads all of it back, decrypts it and checks every group: one wrong
    /// group would cost the bond and publish the key. The key follows from the
    /// seller's seed: keep a backup of that.
    #[command(after_help = "\
Examples:
  athanor data seal reviews.goods --out reviews.seal --card card.json \\
    --licence LICENSE --suri //Alice")]
    Seal(Box<seal::Seal>),
    /// Open the groups that the chain drew from a listing, or check them
    ///
    /// Eight blocks after a listing draw the groups, once. They are public then.
    #[command(after_help = "\
Examples:
  athanor data sample reviews.goods --listing 7 --out reviews.sample
  athanor data sample --check reviews.sample --listing 7 --extract rows.txt")]
    Sample(Box<sample::Sample>),
    /// Check goods, a seal or a file group by group
    #[command(after_help = "\
Examples:
  athanor data verify reviews.goods
  athanor data verify reviews.seal --seed seller.seed
  athanor data verify z --outboard z.obao --root \\
0x1212121212121212121212121212121212121212121212121212121212121212")]
    Verify(verify::Verify),
    /// Make, back up or restore the seed of a seller's or buyer's keys
    ///
    /// Without a seller's seed no key can be revealed, and every order is missed.
    /// Without a buyer's, what was bought cannot be opened again.
    #[command(after_help = "\
Examples:
  athanor data seed
  athanor data seed --backup seed.backup --passphrase-file passphrase
  athanor data seed --role buyer --restore seed.backup \\
    --passphrase-file passphrase")]
    Seed(seed::Seed),
    /// Find listings by what their cards say
    ///
    /// Cards come from the stores given, and one that does not fit its listing
    /// counts as none.
    #[command(after_help = "\
Examples:
  athanor data search
  athanor data search reviews --spdx CC-BY-4.0 --max-price '5 AUR' \\
    --store http://127.0.0.1:9955")]
    Search(search::Search),
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Pack(options) => pack::run(options, context).await,
        Command::Unpack(options) => unpack::run(options, context).await,
        Command::Card(options) => card::run(*options, context),
        Command::Seal(options) => seal::run(*options, context).await,
        Command::Sample(options) => sample::run(*options, context).await,
        Command::Verify(options) => verify::run(options, context).await,
        Command::Seed(options) => seed::run(options, context),
        Command::Search(options) => search::run(options, context).await,
    }
}

/// Whose seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// A seller's
    Seller,
    /// A buyer's
    Buyer,
}

/// Where a seed lies: the file given, or the one in the state folder.
pub(crate) fn seed_file(given: Option<&Path>, role: Role, context: &Context) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.into());
    }
    let state = context.settings.state.as_ref().ok_or_else(|| {
        Error::Usage("there is no home folder to keep a seed in: give --seed FILE".into())
    })?;
    let name = match role {
        Role::Seller => "seller.seed",
        Role::Buyer => "buyer.seed",
    };
    Ok(state.join("market").join(name))
}

/// Makes the folder of a new file.
pub(crate) fn folder_of(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|source| Error::File {
        action: "create the folder",
        path: folder.into(),
        source,
    })
}

/// The chain's genesis hash: as given, or as the node says.
pub(crate) async fn genesis(given: Option<&str>, context: &Context) -> Result<[u8; 32]> {
    match given {
        Some(text) => seal::hash_of(text, "a genesis hash"),
        None => Ok(context.chain().await?.genesis().0),
    }
}

/// Says to a thread that nobody waits for it any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does long work beside the event loop under a bar of `total` bytes. Ctrl-C stops it, and it
/// leaves nothing half done under a final name.
pub(crate) async fn working<T: Send + 'static>(
    context: &Context,
    message: impl Into<String>,
    total: u64,
    work: impl FnOnce(Progress<'_>) -> athanor_market_client::Result<T> + Send + 'static,
) -> Result<T> {
    let bar = context.output.transfer(message, total);
    let stopped = Arc::new(AtomicBool::new(false));
    let _stop = Stop(Arc::clone(&stopped));
    let task = tokio::task::spawn_blocking(move || {
        let done = AtomicU64::new(0);
        work(&|bytes| {
            let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
            bar.transferred(done, total.max(done));
            !stopped.load(Ordering::Relaxed)
        })
    });
    match task.await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Refused("the work ended unexpectedly".into())),
    }
}
