//! `athanor label`: buying labels, and giving them.

mod ask;
mod check;
mod close;
mod contributor;
mod cost;
mod create;
mod earnings;
mod explain;
mod export;
mod folder;
mod list;
mod reveal;
mod seed;
mod serve;
mod simulate;
mod skip;
mod terms;
mod view;
mod voucher;
mod watch;
mod wire;
mod work;

pub(super) use create::{create_campaign, open_batch};

use super::Context;
use crate::error::Result;
use athanor_label_client::seed::Seed;
use clap::Subcommand;
use subxt_signer::{sr25519::Keypair, DeriveJunction};

/// The pallet.
const PALLET: &str = "LabelBounties";

/// Buy labels, and earn by giving them.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Check a file of tasks and gold, and plan its pages
    ///
    /// Needs neither node nor key. Says what a batch of the file would look
    /// like, or which line is wrong, or what is wrong with the gold.
    #[command(after_help = "\
Examples:
  athanor label check pairs.jsonl --type preference
  athanor label check reviews.csv --type classification \\
    --labels negative,positive --gold-column answer --page-tasks 16")]
    Check(Box<check::Check>),
    /// Show what a batch would hold, and what each way it can end costs
    ///
    /// Needs no key and changes nothing.
    #[command(after_help = "\
Examples:
  athanor label quote pairs.jsonl --type preference --pay '20 mAUR'
  athanor label quote reviews.csv --type rating --steps 7 --pay '20 mAUR' \\
    --panel 5 --open-for 48h")]
    Quote(Box<create::Offer>),
    /// Create a campaign and open its first batch
    ///
    /// Packs pages, stores them, creates the campaign and opens the batch,
    /// after you were shown every way it can end. Gold, salts and keys are kept
    /// in a new folder, without which gold can't be opened: keep it safe. After
    /// Ctrl-C `athanor label resume` goes on.
    #[command(after_help = "\
Examples:
  athanor label create pairs.jsonl --type preference --pay '20 mAUR' \\
    --store http://127.0.0.1:9955 --key ~/.config/athanor/key
  athanor label create reviews.csv --type classification \\
    --labels negative,positive --pay '20 mAUR' --gate voucher --panel 3 \\
    --folder reviews --suri //Alice --dry-run
  athanor label create notes.jsonl --type safety --labels hate=4,spam \\
    --pay '20 mAUR' --private --gateway https://labels.example --yes \\
    --store http://127.0.0.1:9955 --suri //Alice")]
    Create(Box<create::Create>),
    /// Open a further batch of a campaign
    ///
    /// With --joins it follows up the last batch, which is still open: no
    /// answer of either is public before both are closed.
    #[command(after_help = "\
Examples:
  athanor label batch pairs.jsonl.labels more.jsonl --suri //Alice \\
    --store http://127.0.0.1:9955
  athanor label batch pairs.jsonl.labels unsure.jsonl --joins --yes \\
    --store http://127.0.0.1:9955 --suri //Alice")]
    Batch(create::Next),
    /// Go on with a create or batch that was interrupted
    #[command(after_help = "\
Examples:
  athanor label resume pairs.jsonl.labels --suri //Alice \\
    --store http://127.0.0.1:9955")]
    Resume(create::Resume),
    /// Serve a batch until it is paid
    ///
    /// Opens what workers sealed to you, closes pages whose answers agree,
    /// reveals for workers who went away, opens gold in time, and pushes the
    /// chain if nobody does. Run it until it ends; it can be interrupted and
    /// taken up again. Gold that is not opened in time costs the bond.
    #[command(after_help = "\
Examples:
  athanor label watch pairs.jsonl.labels --suri //Alice
  athanor label watch pairs.jsonl.labels --agree 95 --grace 20 --suri //Alice")]
    Watch(watch::Watch),
    /// Hand out the keys of private pages
    ///
    /// Answers `POST /v1/key` of accounts that hold a live lease on the page.
    /// Listens on this machine only unless told otherwise; put a proxy with
    /// TLS before it, and its address into the campaign with --gateway.
    #[command(after_help = "\
Examples:
  athanor label serve notes.jsonl.labels
  athanor label serve notes.jsonl.labels --listen 0.0.0.0:9966")]
    Serve(serve::Serve),
    /// Open a batch's gold now
    ///
    /// `athanor label watch` does it by itself.
    #[command(after_help = "\
Examples:
  athanor label open-gold pairs.jsonl.labels --suri //Alice")]
    OpenGold(watch::OpenGold),
    /// Bring a closed batch to its end
    ///
    /// Reveals for absent workers, opens gold and pushes the chain until the
    /// batch is paid.
    #[command(after_help = "\
Examples:
  athanor label settle pairs.jsonl.labels --suri //Alice --timeout 600")]
    Settle(watch::Settle),
    /// Write labels as a data set
    #[command(after_help = "\
Examples:
  athanor label export pairs.jsonl.labels --format trl-preference \\
    --out preference.jsonl
  athanor label export pairs.jsonl.labels --format table --out table.csv
  athanor label export pairs.jsonl.labels --format unsure --out unsure.jsonl")]
    Export(export::Export),
    /// Sign vouchers for accounts, or check a file of them
    #[command(after_help = "\
Examples:
  athanor label voucher --campaign 0 --worker //Bob --pages 10 \\
    --sponsored --expires 100000 --out vouchers.jsonl --suri //Alice
  athanor label voucher --check vouchers.jsonl")]
    Voucher(voucher::Voucher),
    /// Take no more leases for pages of a batch
    ///
    /// A page can be closed while nobody has committed, or once the least
    /// panel has. Live leases may commit.
    #[command(after_help = "\
Examples:
  athanor label close pairs.jsonl.labels --page 3 --page 4 --suri //Alice
  athanor label close pairs.jsonl.labels --campaign --suri //Alice")]
    Close(close::Close),
    /// Take no more leases for any page of a batch
    ///
    /// Live leases may commit, and committed work is paid in full.
    #[command(after_help = "\
Examples:
  athanor label cancel pairs.jsonl.labels --suri //Alice")]
    Cancel(close::Cancel),
    /// List batches that take labels
    #[command(after_help = "\
Examples:
  athanor label list
  athanor label list --output json")]
    List(list::List),
    /// Label pages of a batch and be paid for them
    ///
    /// A full screen for the terminal: keys answer, and every key is written to
    /// the disk before the next one is read, so that the same command goes on
    /// after a crash. Pages are drawn by the chain. What you answer is
    /// committed first, and revealed by itself once the batch is closed, as
    /// long as this runs; `athanor label reveal` does it later. With a sponsored
    /// voucher the account needs no money at all.
    #[command(after_help = "\
Examples:
  athanor label work --batch 0 --key ~/.config/athanor/key \\
    --store http://127.0.0.1:9955
  athanor label work --batch 0 --voucher vouchers.jsonl --pages 1 \\
    --store http://127.0.0.1:9955 --suri //Bob
  athanor label work --batch 0 --answers answers.jsonl --stay \\
    --store http://127.0.0.1:9955 --suri //Bob")]
    Work(Box<work::Work>),
    /// Give pages back unanswered; it costs nothing
    #[command(after_help = "\
Examples:
  athanor label skip 0 --suri //Bob
  athanor label skip 0 12 --suri //Bob")]
    Skip(skip::Skip),
    /// Reveal what was committed, once its batch is closed
    ///
    /// What is not revealed in time costs the stake.
    #[command(after_help = "\
Examples:
  athanor label reveal --suri //Bob
  athanor label reveal --batch 0 --wait 600 --suri //Bob
  athanor label reveal --suri //Bob --wait")]
    Reveal(reveal::Reveal),
    /// Back up the seed of your salts, or take over another client's
    ///
    /// A commitment is opened with the answers and a salt. Salts follow from a
    /// seed, and that from the account's key, unless the seed of another client
    /// was restored here.
    #[command(after_help = "\
Examples:
  athanor label seed --backup bob.seed --passphrase-file pass --suri //Bob
  athanor label seed --restore bob.seed --passphrase-file pass --suri //Bob")]
    Seed(seed::SeedOptions),
    /// Show what an account has earned by labelling
    #[command(after_help = "\
Examples:
  athanor label earnings //Bob")]
    Earnings(earnings::Earnings),
    /// Show every number that leads to a pay
    #[command(after_help = "\
Examples:
  athanor label explain 0 //Bob
  athanor label explain 0 --suri //Bob --output json")]
    Explain(explain::Explain),
    /// Play crowds of workers under the pay rule
    ///
    /// Needs neither node nor key. Says what each kind of worker would be paid,
    /// how good the labels are and what they cost. With --published it plays
    /// the crowds of the specification beside its figures.
    #[command(after_help = "\
Examples:
  athanor label simulate --crowd honest@0.9=20,random=5 --pages-each 2
  athanor label simulate --type rating:5 --crowd honest=9,sybil=3 --panel 3 \\
    --batches 500 --plot pay.svg
  athanor label simulate --published --output json")]
    Simulate(Box<simulate::Simulate>),
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Check(options) => check::run(&options, context),
        Command::Quote(options) => create::quote(&options, context).await,
        Command::Create(options) => create::create(&options, context).await,
        Command::Batch(options) => create::next(&options, context).await,
        Command::Resume(options) => create::resume(&options, context).await,
        Command::Watch(options) => watch::watch(&options, context).await,
        Command::Serve(options) => serve::run(&options, context).await,
        Command::OpenGold(options) => watch::open_gold(&options, context).await,
        Command::Settle(options) => watch::settle(&options, context).await,
        Command::Export(options) => export::run(&options, context).await,
        Command::Voucher(options) => voucher::run(&options, context).await,
        Command::Close(options) => close::close(&options, context).await,
        Command::Simulate(options) => simulate::run(&options, context).await,
        Command::Cancel(options) => close::cancel(&options, context).await,
        Command::List(options) => list::run(options, context).await,
        Command::Work(options) => work::run(*options, context).await,
        Command::Skip(options) => skip::run(options, context).await,
        Command::Reveal(options) => reveal::run(options, context).await,
        Command::Seed(options) => seed::run(&options, context),
        Command::Earnings(options) => earnings::run(options, context).await,
        Command::Explain(options) => explain::run(options, context).await,
    }
}

/// The seed of an account's salts: the hash of the public key of its hard-derived child
/// `//athanor//labels`, which only the account's secret gives and which signs nothing.
pub fn derived_seed(account: &Keypair) -> Seed {
    let path = ["athanor", "labels"].map(DeriveJunction::hard);
    let mut bytes = b"athanor/seed/v1".to_vec();
    bytes.extend_from_slice(&account.derive(path).public_key().0);
    Seed::from_bytes(sp_crypto_hashing::blake2_256(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_follows_from_the_accounts_secret_alone() {
        let of = |suri: &str| derived_seed(&crate::keys::from_suri(suri).unwrap());
        assert_eq!(of("//Alice"), of("//Alice"));
        assert_ne!(of("//Alice"), of("//Bob"));
        assert_ne!(of("//Alice").salt(1, 2), of("//Alice").salt(1, 3));
    }
}
