//! `athanor data`: selling and buying data.

mod buy;
mod card;
mod claim;
mod date;
mod fetch;
mod list;
mod listings;
mod manage;
mod pack;
mod recover;
mod sample;
mod seal;
mod search;
mod seed;
mod seller;
mod serve;
mod shared;
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
    /// Eight blocks after a listing draw the groups, once. They are public then, in
    /// the store at samples/SEED: `athanor data list` puts them there. Without GOODS
    /// they are fetched, and checked.
    #[command(after_help = "\
Examples:
  athanor data sample reviews.goods --listing 7 --upload
  athanor data sample --listing 7 --out reviews.sample --extract rows.txt
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
    /// Register as a seller; lock and take back bond
    ///
    /// Each open order locks a tenth of its price of the bond until it ends. Who
    /// lets a key be late loses half of that, who sells a wrong one all of it.
    #[command(after_help = "\
Examples:
  athanor data seller register --endpoint https://data.example \\
    --agent //Bob//hot --suri //Bob
  athanor data seller bond '100 AUR' --suri //Bob
  athanor data seller show //Bob")]
    Seller(seller::Seller),
    /// List sealed goods for sale
    ///
    /// Uploads what buyers have to find, checks that they do, lists the goods and
    /// publishes the seal. Takes itself up again. All of a listing but price, pause,
    /// allow-list and seal is fixed for good.
    #[command(after_help = "\
Examples:
  athanor data list reviews.seal --price '5 AUR' --suri //Bob \\
    --store https://data.example --store-token-file token
  athanor data list reviews.seal --price '5 AUR' --share //Charlie=2500 \\
    --share listing:3=1000 --suri //Bob --store https://data.example
  athanor data list reviews2.seal --listing 7 --suri //Bob \\
    --store https://data.example")]
    List(Box<list::List>),
    /// Reveal keys to who has paid, in time
    ///
    /// Run it for as long as you sell. Reveals once a final block holds the order,
    /// never in the last blocks of its window, with a tip that rises as time runs
    /// out. All it needs is your seed and an agent's key that may do nothing else.
    #[command(after_help = "\
Examples:
  athanor data serve --seed seller.seed --suri //Bob
  athanor data serve --seller //Bob --seed seller.seed --key agent.key \\
    --metrics 127.0.0.1:9967 --poke")]
    Serve(Box<serve::Serve>),
    /// List what is for sale
    ///
    /// With each seller's record: what was settled, missed and proven bad, and how
    /// many listings were closed unsold.
    #[command(after_help = "\
Examples:
  athanor data listings
  athanor data listings --seller //Bob --all --output json")]
    Listings(listings::Listings),
    /// Show a listing, and what it would cost
    #[command(after_help = "\
Examples:
  athanor data show 7
  athanor data show 7 --buyer //Alice")]
    Show(listings::Show),
    /// Buy: fetch, check, pay, decrypt, check, or complain
    ///
    /// Pays only for a ciphertext that lies here and whose every group was checked.
    /// A group that decrypts wrongly is proven to the chain, and the money is back.
    /// Killed at any point, the same command goes on.
    #[command(after_help = "\
Examples:
  athanor data buy 7 --seed buyer.seed --suri //Alice
  athanor data buy 7 --seed buyer.seed --max-price '5 AUR' --yes --wait \\
    --folder reviews --suri //Alice
  athanor data buy 7 --seed buyer.seed --dry-run --suri //Alice")]
    Buy(Box<buy::Buy>),
    /// Complain of a purchase whose key or ciphertext is wrong
    ///
    /// `athanor data buy` does it by itself. Nothing is sent that the chain would
    /// refuse: a complaint publishes the order's key.
    #[command(after_help = "\
Examples:
  athanor data complain listing-7 --seed buyer.seed --suri //Alice")]
    Complain(buy::Complain),
    /// Show an order that has not ended
    #[command(after_help = "\
Examples:
  athanor data order 12")]
    Order(listings::Order),
    /// End an order whose window is over, or whose seal was proven bad
    ///
    /// Anybody may. It settles or refunds, as the order stands.
    #[command(after_help = "\
Examples:
  athanor data poke 12 --suri //Alice")]
    Poke(manage::Poke),
    /// Rate what you bought, 1 to 5 stars, once
    #[command(after_help = "\
Examples:
  athanor data rate 7 4 --suri //Alice")]
    Rate(manage::Rate),
    /// Give up the record of a purchase and get its deposit back
    ///
    /// Without the record a lost disk cannot be restored from the ciphertext.
    #[command(after_help = "\
Examples:
  athanor data forget 7 --suri //Alice")]
    Forget(manage::OfListing),
    /// Claim what sales have brought an account or a pool
    #[command(after_help = "\
Examples:
  athanor data claim listing:7 --suri //Charlie
  athanor data claim listing:7 --to listing:3 --suri //Charlie")]
    Claim(claim::Claim),
    /// Show a pool and its holders
    #[command(after_help = "\
Examples:
  athanor data pool listing:7
  athanor data pool campaign:2")]
    Pool(claim::Pool),
    /// Join the pool of a campaign you labelled for
    #[command(after_help = "\
Examples:
  athanor data enrol 2 --suri //Charlie")]
    Enrol(manage::Enrol),
    /// Change a listing's price
    #[command(after_help = "\
Examples:
  athanor data price 7 '4 AUR' --suri //Bob")]
    Price(manage::Price),
    /// Take no orders for a while
    #[command(after_help = "\
Examples:
  athanor data pause 7 --suri //Bob")]
    Pause(manage::OfListing),
    /// Take orders again
    #[command(after_help = "\
Examples:
  athanor data resume 7 --suri //Bob")]
    Resume(manage::OfListing),
    /// Take no orders ever again
    #[command(after_help = "\
Examples:
  athanor data close 7 --suri //Bob")]
    Close(manage::OfListing),
    /// Remove a closed listing and get its deposit back
    #[command(after_help = "\
Examples:
  athanor data remove 7 --suri //Bob")]
    Remove(manage::OfListing),
    /// Let an account buy a restricted listing, or no more
    #[command(after_help = "\
Examples:
  athanor data allow 7 //Alice --suri //Bob
  athanor data allow 7 //Alice --undo --suri //Bob")]
    Allow(manage::OfAccount),
    /// Let a seller name a listing's pool as a parent
    #[command(after_help = "\
Examples:
  athanor data invite 7 //Dave --suri //Bob")]
    Invite(manage::OfAccount),
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
        Command::Seller(options) => seller::run(&options, context).await,
        Command::List(options) => list::run(&options, context).await,
        Command::Serve(options) => serve::run(&options, context).await,
        Command::Listings(options) => listings::listings(&options, context).await,
        Command::Show(options) => listings::show(&options, context).await,
        Command::Buy(options) => buy::run(&options, context).await,
        Command::Complain(options) => buy::complain(&options, context).await,
        Command::Order(options) => listings::order(&options, context).await,
        Command::Poke(options) => manage::poke(&options, context).await,
        Command::Rate(options) => manage::rate(&options, context).await,
        Command::Forget(options) => manage::forget(&options, context).await,
        Command::Claim(options) => claim::claim(&options, context).await,
        Command::Pool(options) => claim::pool(&options, context).await,
        Command::Enrol(options) => manage::enrol(&options, context).await,
        Command::Price(options) => manage::price(&options, context).await,
        Command::Pause(options) => manage::pause(&options, context).await,
        Command::Resume(options) => manage::resume(&options, context).await,
        Command::Close(options) => manage::close(&options, context).await,
        Command::Remove(options) => manage::remove(&options, context).await,
        Command::Allow(options) => manage::allow(&options, context).await,
        Command::Invite(options) => manage::invite(&options, context).await,
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
