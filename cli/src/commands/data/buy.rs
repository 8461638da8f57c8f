//! `athanor data buy`, `complain`: from a listing to goods that were checked, or the money back.
//!
//! What comes next is [`Buyer`]'s to say; this fetches, asks the chain and sends.

use super::{
    fetch::{self, Sources},
    listings::{market_clock, record, status, uses, why_not},
    recover::{order_nonce, recover},
    seed_file,
    shared::{bytes, hex},
    working, Role,
};
use crate::{
    amount::{human_bytes, Amount},
    chain::{Call, Chain, Included, State, Terms},
    commands::{field_u64, Context},
    error::{Error, Result},
    keys,
    market::{
        buyer::{
            order_key, Began, Buyer, Entry, Held, Look, Noted, Order, Outcome, Sent, Stage, Step,
            Wait,
        },
        files::Folder,
        view::{self, Listing},
        wire::ChainEvidence,
        PALLET,
    },
    output,
};
use athanor_content_tree::{
    market::{Context as SealContext, Evidence, Fault, Sale, Secret, Wrapped},
    stream::StreamError,
    GroupProof, GROUP, MAX_PATH,
};
use athanor_market_client::{
    journal::Journal,
    open::{check_before_order, find_fault, open_to_file},
    seed,
};
use athanor_primitives::market::{OrderState, Quote, Right};
use clap::Args;
use serde_json::{json, Value};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use subxt::{ext::scale_encode::EncodeAsFields, utils::AccountId32};
use subxt_signer::sr25519::Keypair;

/// Time between two looks at the chain.
const PAUSE: Duration = Duration::from_millis(1_500);

/// Longest pause before a lost node is tried again.
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// Options of `data buy`.
#[derive(Args, Clone, Debug)]
pub struct Buy {
    /// The listing
    #[arg(value_name = "LISTING")]
    pub listing: u64,
    /// Your seed, without which nothing can be decrypted
    /// [default: ~/.local/state/athanor/market/buyer.seed]
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Where everything goes; the same folder takes it up again
    /// [default: listing-<LISTING>]
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Most that is paid [default: the price as it is now]
    #[arg(long, value_name = "AMOUNT")]
    pub max_price: Option<Amount>,
    /// Account that may complain for you, and is rewarded for it
    #[arg(long, value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub watch: Option<AccountId32>,
    /// Wait until the sale is settled, not only until the goods are here
    #[arg(long)]
    pub wait: bool,
    /// Remove ciphertext and outboards once the sale is settled
    #[arg(long)]
    pub discard: bool,
    /// Ask nothing: buy, and complain if there is reason to
    #[arg(long, short)]
    pub yes: bool,
    /// Fetch from private and local addresses too, if the seller names one
    #[arg(long)]
    pub allow_private: bool,
    /// Show what it would cost; fetch and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data complain`.
#[derive(Args, Clone, Debug)]
pub struct Complain {
    /// The purchase's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Your seed [default: ~/.local/state/athanor/market/buyer.seed]
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
    /// Check and judge, show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

struct Purchase<'a> {
    context: &'a Context,
    chain: Chain,
    signer: Keypair,
    account: AccountId32,
    folder: Folder,
    journal: Journal<Entry>,
    machine: Buyer,
    began: Began,
    seed: Secret,
    secret: Secret,
    buyer_key: [u8; 32],
    yes: bool,
    /// The last thing said to be waited for.
    waiting: Option<Wait>,
}

/// The seal of a purchase, out of its first note.
struct Sealed {
    context: SealContext,
    x_root: [u8; 32],
    z_root: [u8; 32],
    commitment: [u8; 32],
    seal_id: [u8; 32],
    length: u64,
}

impl Sealed {
    fn of(began: &Began) -> Result<Self> {
        let seller = keys::parse_account(&began.seller)?;
        let x_root = bytes(&began.x_root, "x_root")?;
        let nonce = bytes(&began.seal_nonce, "seal_nonce")?;
        let genesis = bytes(&began.genesis, "genesis")?;
        Ok(Self {
            context: SealContext::new(&genesis, &seller.0, &x_root, began.length, &nonce),
            x_root,
            z_root: bytes(&began.z_root, "z_root")?,
            commitment: bytes(&began.h_k, "h_k")?,
            seal_id: bytes(&began.seal_id, "seal_id")?,
            length: began.length,
        })
    }
}

fn folder_of(options: &Buy) -> Folder {
    Folder::new(
        options
            .folder
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("listing-{}", options.listing))),
    )
}

/// `data buy`.
pub(super) async fn run(options: &Buy, context: &Context) -> Result<()> {
    let folder = folder_of(options);
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let known = view::listing(&state, options.listing).await?;
    if known.as_ref().is_some_and(|listing| listing.price == 0) && !folder.journal().exists() {
        let listing = view::known_listing(&state, options.listing).await?;
        return free(options, context, &state, &listing, &folder).await;
    }
    let signer = context.signer()?;
    let account = keys::account(&signer);
    if options.dry_run {
        return dry_run(options, context, &chain, &signer).await;
    }
    let seed = seed::load(&seed_file(options.seed.as_deref(), Role::Buyer, context)?)?;
    folder.create()?;
    let (mut journal, entries) = Journal::open(&folder.journal())?;
    let mut machine = Buyer::resumed(&entries);
    if machine.began().is_none() {
        let mut found = recover(options.listing, context, &chain, &account, &seed).await?;
        if found.is_empty() {
            let began = begin(options, context, &chain, &account, &seed).await?;
            found.push(Entry::Began(Box::new(began)));
        }
        for entry in found {
            journal.append(&entry)?;
            machine.note(&entry);
        }
    }
    let purchase = resume(
        context,
        chain,
        signer,
        folder,
        journal,
        machine,
        &seed,
        options.yes,
    )?;
    if purchase.began.listing != options.listing {
        return Err(Error::Refused(format!(
            "{} holds a purchase of listing {}: give another --folder",
            purchase.folder.path().display(),
            purchase.began.listing
        )));
    }
    context.set_next(format!(
        "the same command goes on: athanor data buy {} --folder {} …",
        options.listing,
        purchase.folder.path().display()
    ));
    drive(purchase, options).await
}

fn resume<'a>(
    context: &'a Context,
    chain: Chain,
    signer: Keypair,
    folder: Folder,
    journal: Journal<Entry>,
    machine: Buyer,
    seed: &Secret,
    yes: bool,
) -> Result<Purchase<'a>> {
    let account = keys::account(&signer);
    let began = machine
        .began()
        .cloned()
        .ok_or_else(|| Error::Refused("the journal holds no purchase".into()))?;
    if began.genesis != hex(chain.genesis().as_ref()) {
        return Err(Error::Refused(
            "this purchase was begun on another chain".into(),
        ));
    }
    if began.buyer != account.to_string() {
        return Err(Error::Refused(format!(
            "this purchase is {}'s: sign with that account",
            began.buyer
        )));
    }
    let nonce = bytes(&began.nonce, "nonce")?;
    let (secret, buyer_key) = order_key(seed, &chain.genesis().0, began.listing, &nonce);
    if hex(&buyer_key) != began.buyer_key {
        return Err(Error::Refused(
            "this purchase was begun with another seed: only that one decrypts it".into(),
        ));
    }
    Ok(Purchase {
        context,
        chain,
        signer,
        account,
        folder,
        journal,
        machine,
        began,
        seed: seed.clone(),
        secret,
        buyer_key,
        yes,
        waiting: None,
    })
}

/// Goods that cost nothing: no order, no seal.
async fn free(
    options: &Buy,
    context: &Context,
    state: &State,
    listing: &Listing,
    folder: &Folder,
) -> Result<()> {
    if options.dry_run {
        let value = json!({"listing": listing.id, "price": "0", "bytes": listing.length});
        context.output.result(&value, || {
            format!(
                "Listing {} is free: {} would be fetched, nothing sent.",
                listing.id,
                human_bytes(listing.length)
            )
        });
        return Ok(());
    }
    folder.create()?;
    let seller = view::seller(state, &listing.seller).await?;
    let sources = Sources::new(context, seller.as_ref(), options.allow_private)?;
    fetch::papers(&sources, listing, folder, context, options.yes, None).await?;
    sources
        .blob(
            &listing.x_root,
            listing.length,
            &folder.x(),
            &context.output,
        )
        .await?;
    let value = json!({
        "listing": listing.id,
        "goods": folder.x().display().to_string(),
        "state": "free",
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// Shows what is for sale, asks, and draws what makes the order's key fresh.
async fn begin(
    options: &Buy,
    context: &Context,
    chain: &Chain,
    account: &AccountId32,
    seed: &Secret,
) -> Result<Began> {
    let state = offered(options.listing, context, chain).await?;
    let listing = view::known_listing(&state, options.listing).await?;
    let quote = quoted(&chain.best().await?, options.listing, account).await?;
    let max_price = options.max_price.unwrap_or(Amount(quote.price));
    check_quote(&quote, max_price)?;
    let seal = listing
        .seals
        .iter()
        .find(|seal| Some(seal.seal_id) == quote.seal_id)
        .ok_or_else(|| Error::protocol("a listing", "its newest seal is missing"))?;
    let ctx = SealContext::new(
        &chain.genesis().0,
        &listing.seller.0,
        &listing.x_root,
        listing.length,
        &seal.nonce,
    );
    if ctx.seal_id(&seal.z_root, &seal.h_k) != seal.seal_id {
        return Err(Error::protocol("a listing", "its seal is not of its goods"));
    }
    let seller = view::seller(&state, &listing.seller).await?;
    let clock = market_clock(&state).await?;
    context.output.note(output::pairs(&[
        ("listing", format!("{} ({})", listing.id, status(&listing))),
        ("length", human_bytes(listing.length)),
        ("price", Amount(quote.price).to_string()),
        (
            "deposit",
            format!(
                "{}, held until you forget the purchase",
                Amount(quote.right_deposit)
            ),
        ),
        ("key within", clock.span(quote.reveal_window.into())),
        (
            "look at it within",
            format!(
                "{} of the key: a fault found later is yours",
                clock.span(quote.dispute_window.into())
            ),
        ),
        ("uses", uses(&listing.uses)),
        ("seller", listing.seller.to_string()),
        (
            "his record",
            format!(
                "{} (sales / keys missed / proven bad, closed unsold)",
                record(seller.as_ref())
            ),
        ),
    ]));
    if !options.yes {
        context
            .output
            .confirm(&format!("Buy it for at most {max_price}?"))?;
    }
    // An account's transactions are counted, so no two orders have one key, and after a lost disk
    // it is found again by trying them all.
    let nonce = order_nonce(chain.best().await?.nonce(account).await?);
    let (_, buyer_key) = order_key(seed, &chain.genesis().0, listing.id, &nonce);
    Ok(Began {
        genesis: hex(&chain.genesis().0),
        listing: listing.id,
        buyer: account.to_string(),
        nonce: hex(&nonce),
        buyer_key: hex(&buyer_key),
        max_price: max_price.planck(),
        watch: options.watch.map(|watch| watch.to_string()),
        seller: listing.seller.to_string(),
        x_root: hex(&listing.x_root),
        length: listing.length,
        seal_nonce: hex(&seal.nonce),
        z_root: hex(&seal.z_root),
        h_k: hex(&seal.h_k),
        seal_id: hex(&seal.seal_id),
    })
}

/// The state after a final block that holds the listing with the seal it has now.
async fn offered(id: u64, context: &Context, chain: &Chain) -> Result<State> {
    let mut said = false;
    loop {
        let best = view::known_listing(&chain.best().await?, id).await?;
        let last = chain.finalized().await?;
        let known = view::listing(&last, id).await?;
        let newest = |listing: &Listing| listing.seals.last().map(|seal| seal.seal_id);
        if known.is_some_and(|known| newest(&known) == newest(&best)) {
            return Ok(last);
        }
        if !said {
            said = true;
            context.output.note(format!(
                "step: waiting until a final block holds listing {id}"
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn quoted(state: &State, listing: u64, account: &AccountId32) -> Result<Quote> {
    view::quote(state, listing, Some(account))
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no listing {listing}")))
}

fn check_quote(quote: &Quote, max_price: Amount) -> Result<()> {
    if let Some(problem) = quote.problem {
        return Err(Error::Refused(format!(
            "an order would be refused now: {}",
            why_not(problem)
        )));
    }
    if quote.price > max_price.0 {
        return Err(Error::Refused(format!(
            "it costs {} now, more than {max_price}",
            Amount(quote.price)
        )));
    }
    Ok(())
}

fn order_call(
    began: &Began,
    seal_id: [u8; 32],
    buyer_key: [u8; 32],
) -> Result<Call<impl EncodeAsFields>> {
    let max_price: u128 = began
        .max_price
        .parse()
        .map_err(|_| Error::Refused("max_price is no amount".into()))?;
    let watch = began
        .watch
        .as_deref()
        .map(keys::parse_account)
        .transpose()?;
    Ok(Call::new(
        PALLET,
        "order",
        (began.listing, seal_id, max_price, buyer_key, watch),
    ))
}

async fn dry_run(options: &Buy, context: &Context, chain: &Chain, signer: &Keypair) -> Result<()> {
    let account = keys::account(signer);
    let state = chain.best().await?;
    let quote = quoted(&state, options.listing, &account).await?;
    let max_price = options.max_price.unwrap_or(Amount(quote.price));
    check_quote(&quote, max_price)?;
    let seal_id = quote
        .seal_id
        .ok_or_else(|| Error::protocol("a quote", "it names no seal"))?;
    // The key is one for show: a real one is drawn when it is bought.
    let call = Call::new(
        PALLET,
        "order",
        (
            options.listing,
            seal_id,
            max_price.0,
            [0u8; 32],
            options.watch,
        ),
    );
    let amounts = [
        ("price", quote.price),
        ("right_deposit", quote.right_deposit),
        (
            "kept for a complaint's fee, about",
            complaint_fee(chain, signer).await?,
        ),
    ];
    context.show_dry_run(chain, signer, call, &amounts).await
}

/// What a complaint would cost: its fee comes back if it is proven.
async fn complaint_fee(chain: &Chain, signer: &Keypair) -> Result<u128> {
    let proof = GroupProof {
        index: 0,
        value: [0; 32],
        path: vec![[0; 32]; MAX_PATH],
    };
    let evidence = Evidence::of_group(&Secret::new([0; 32]), vec![0; GROUP], &proof, &proof)
        .map_err(|error| Error::Refused(error.to_string()))?;
    let call = Call::new(PALLET, "complain", (0u64, ChainEvidence::from(&evidence)));
    Ok(chain.dry_run(call, signer).await?.fee)
}

/// Does one step after another until there is nothing left to do or to wait for.
async fn drive(mut purchase: Purchase<'_>, options: &Buy) -> Result<()> {
    let mut pause = PAUSE;
    loop {
        match purchase.turn(options).await {
            Ok(Some(value)) => {
                purchase
                    .context
                    .output
                    .result(&value, || output::describe(&value));
                return Ok(());
            }
            Ok(None) => pause = PAUSE,
            Err(error) if error.may_come_true() => {
                purchase
                    .context
                    .output
                    .warn(format!("{error}; trying again"));
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(MOST_PAUSE);
                if let Ok(chain) = Chain::connect(&purchase.context.settings.node).await {
                    purchase.chain = chain;
                }
            }
            Err(error) => return Err(error),
        }
    }
}

impl Purchase<'_> {
    fn note(&mut self, entry: Entry) -> Result<()> {
        self.journal.append(&entry)?;
        self.machine.note(&entry);
        Ok(())
    }

    fn say(&self, step: &str) {
        self.context.output.note(format!("step: {step}"));
    }

    /// One step. Gives what is to be shown once there is no more to do.
    async fn turn(&mut self, options: &Buy) -> Result<Option<Value>> {
        let state = self.chain.best().await?;
        let look = self.look(&state).await?;
        let step = self.machine.step(&look);
        if !matches!(step, Step::Wait(_) | Step::Note(_)) {
            self.waiting = None;
        }
        match step {
            Step::Fetch => self.fetch(&state, options).await?,
            Step::Order { life } => self.order(&state, &look, life).await?,
            Step::Note(noted) => self.noted(noted)?,
            Step::Open { order } => self.open(&state, order).await?,
            Step::Complain { order, life, .. } => {
                self.complain(&state, &look, order, life).await?;
            }
            Step::Poke { order, life } => self.poke(&look, order, life).await?,
            Step::NotMine { order } => {
                return Err(Error::Refused(format!(
                    "{} has order {order} of this listing already, which was not made here: \
                     `athanor data order {order}` shows it",
                    self.account
                )));
            }
            Step::Wait(wait) => {
                if let (Wait::Settling { until }, false) = (wait, options.wait) {
                    return Ok(Some(self.here(until, &look)));
                }
                self.wait(wait, &state).await?;
            }
            Step::Done(outcome) => return self.done(outcome, options).map(Some),
        }
        Ok(None)
    }

    async fn held(&self, state: &State) -> Result<Held> {
        let right = view::right(state, self.began.listing, &self.account).await?;
        Ok(match right {
            None => Held::Nothing,
            Some(Right::Granted(granted)) => Held::Right(granted.order),
            Some(Right::Pending(id)) => {
                let order = view::order(state, id)
                    .await?
                    .ok_or_else(|| Error::protocol("a right", "its order is missing"))?;
                if order.buyer_key == self.buyer_key {
                    Held::Order(Order {
                        id,
                        stage: match order.state {
                            OrderState::Locked { until } => Stage::Locked { until },
                            OrderState::Revealed { until, .. } => Stage::Revealed { until },
                        },
                        seal_is_bad: order.seal_is_bad,
                    })
                } else {
                    Held::Another(id)
                }
            }
        })
    }

    async fn look(&self, state: &State) -> Result<Look> {
        let (now, best) = view::clock(state).await?;
        let last = self.chain.finalized().await?;
        let listing = view::listing(&last, self.began.listing).await?;
        let offer_is_final = listing.as_ref().is_some_and(|listing| {
            listing
                .seals
                .iter()
                .any(|seal| hex(&seal.seal_id) == self.began.seal_id)
        });
        Ok(Look {
            best,
            now,
            held: self.held(state).await?,
            final_held: self.held(&last).await?,
            offer_is_final,
            dispute_window: listing.map_or(0, |listing| listing.dispute_window),
        })
    }

    async fn fetch(&mut self, state: &State, options: &Buy) -> Result<()> {
        let listing = view::known_listing(state, self.began.listing).await?;
        let seller = view::seller(state, &listing.seller).await?;
        let sources = Sources::new(self.context, seller.as_ref(), options.allow_private)?;
        let sealed = Sealed::of(&self.began)?;
        let (folder, context) = (&self.folder, self.context);
        let doubt = fetch::look_at_sample(&self.chain, &sources, &listing, folder, context).await;
        fetch::papers(&sources, &listing, folder, context, self.yes, doubt).await?;
        let output = &self.context.output;
        sources
            .outboard(
                &sealed.x_root,
                sealed.length,
                self.folder.files().x_outboard,
                output,
            )
            .await?;
        sources
            .content(&sealed.z_root, sealed.length, self.folder.files(), output)
            .await?;
        self.say("fetched");
        self.check().await?;
        self.note(Entry::Checked)?;
        self.say("checked");
        Ok(())
    }

    /// Every node of both outboards and every group of the ciphertext.
    async fn check(&self) -> Result<()> {
        let sealed = Sealed::of(&self.began)?;
        let folder = self.folder.clone();
        working(self.context, "checking", sealed.length, move |progress| {
            check_before_order(
                &sealed.x_root,
                &sealed.z_root,
                sealed.length,
                folder.files(),
                progress,
            )
        })
        .await
    }

    async fn order(&mut self, state: &State, look: &Look, life: u32) -> Result<()> {
        let sealed = Sealed::of(&self.began)?;
        let listing = view::known_listing(state, self.began.listing).await?;
        if !listing
            .seals
            .iter()
            .any(|seal| seal.seal_id == sealed.seal_id)
        {
            return Err(Error::Refused(
                "the seller replaced the ciphertext that was fetched: buy into a new folder".into(),
            ));
        }
        let quote = quoted(state, self.began.listing, &self.account).await?;
        let max_price = Amount(self.began.max_price.parse().unwrap_or_default());
        check_quote(&quote, max_price)?;
        self.freshen(state).await?;
        let call = || order_call(&self.began, sealed.seal_id, self.buyer_key);
        let fee = self.chain.dry_run(call()?, &self.signer).await?.fee;
        let reserve = complaint_fee(&self.chain, &self.signer).await?;
        let existential = crate::commands::constant(state, "Balances", "ExistentialDeposit")?;
        let needed = [quote.right_deposit, fee, reserve, existential]
            .iter()
            .fold(quote.price, |sum, part| sum.saturating_add(*part));
        let free = state.balance(&self.account).await?.free;
        if free < needed {
            return Err(Error::Refused(format!(
                "this takes {}: the price, a deposit of {}, and {} for the fees of the order and of \
                 a complaint, should there be reason for one; {} has {}",
                Amount(needed),
                Amount(quote.right_deposit),
                Amount(fee.saturating_add(reserve)),
                self.account,
                Amount(free)
            )));
        }
        let call = call()?;
        self.note(Entry::Ordering(Sent {
            at: look.best,
            life,
        }))?;
        let included = self.submit(call, life).await?;
        let id = field_u64(
            &json!({"order": included.field(PALLET, "Ordered", "order")?}),
            "order",
        )?;
        self.noted(Noted::Ordered(id))
    }

    /// Takes a new key for the order if the account has sent anything since this one was made: it
    /// may have been used, and published by a complaint, in another folder.
    async fn freshen(&mut self, state: &State) -> Result<()> {
        let nonce = order_nonce(state.nonce(&self.account).await?);
        if hex(&nonce) == self.began.nonce {
            return Ok(());
        }
        let genesis = self.chain.genesis().0;
        (self.secret, self.buyer_key) = order_key(&self.seed, &genesis, self.began.listing, &nonce);
        self.began.nonce = hex(&nonce);
        self.began.buyer_key = hex(&self.buyer_key);
        self.note(Entry::Began(Box::new(self.began.clone())))
    }

    async fn submit<Args: EncodeAsFields>(&self, call: Call<Args>, life: u32) -> Result<Included> {
        self.chain
            .submit_with(
                call,
                &self.signer,
                Terms::living(life),
                self.context.settings.finalized,
                &self.context.output,
            )
            .await
    }

    fn noted(&mut self, noted: Noted) -> Result<()> {
        self.note(noted.into())?;
        match noted {
            Noted::Ordered(order) => self.say(&format!("ordered {order}")),
            Noted::Final(order) => self.say(&format!("locked {order}, in a final block")),
            Noted::Ended(outcome) => self.say(match outcome {
                Outcome::Settled => "settled",
                Outcome::Refunded => "refunded",
                Outcome::SaleStands => "settled, though something is wrong",
            }),
        }
        Ok(())
    }

    /// What was revealed, out of the order, or out of the right once there is no order any more.
    async fn sale(&self, state: &State, order: u64) -> Result<Sale> {
        let sealed = Sealed::of(&self.began)?;
        let missing = || Error::protocol("an order", "its key is missing");
        let wrapped = match view::right(state, self.began.listing, &self.account).await? {
            Some(Right::Granted(granted)) if granted.order == order => Wrapped {
                public: granted.seller_key,
                key: granted.wrapped,
            },
            Some(Right::Pending(id)) if id == order => {
                let found = view::order(state, id).await?.ok_or_else(missing)?;
                let OrderState::Revealed {
                    seller_key,
                    wrapped,
                    ..
                } = found.state
                else {
                    return Err(missing());
                };
                Wrapped {
                    public: seller_key,
                    key: wrapped,
                }
            }
            _ => return Err(missing()),
        };
        Ok(Sale {
            context: sealed.context,
            order,
            len: sealed.length,
            x_root: sealed.x_root,
            z_root: sealed.z_root,
            commitment: sealed.commitment,
            buyer: self.buyer_key,
            wrapped,
        })
    }

    async fn open(&mut self, state: &State, order: u64) -> Result<()> {
        let sale = self.sale(state, order).await?;
        self.say("revealed");
        // A file of an earlier run, of which nothing was noted.
        remove(&self.folder.x())?;
        let (folder, secret) = (self.folder.clone(), self.secret.clone());
        let opened = working(self.context, "decrypting", sale.len, move |progress| {
            open_to_file(&sale, &secret, folder.files(), &folder.x(), progress)
        })
        .await;
        let group = match opened {
            Ok(()) => {
                self.note(Entry::Opened)?;
                self.say("decrypted");
                return Ok(());
            }
            Err(Error::Market(athanor_market_client::Error::WrongRoot { .. })) => None,
            Err(Error::Market(athanor_market_client::Error::Stream(StreamError::BadGroup {
                index,
            }))) => Some(index),
            Err(error) => return Err(error),
        };
        self.note(Entry::Wrong { group })?;
        self.say(&match group {
            None => "wrong key".to_owned(),
            Some(index) => format!("wrong group {index}"),
        });
        Ok(())
    }

    /// Evidence that the chain will take, judged here first: one it refuses publishes the order's
    /// secret.
    async fn evidence(&self, state: &State, order: u64) -> Result<(Evidence, Fault)> {
        let sale = self.sale(state, order).await?;
        let (folder, secret) = (self.folder.clone(), self.secret.clone());
        let found = working(self.context, "proving", sale.len, move |progress| {
            find_fault(&sale, &secret, folder.files(), progress)
        })
        .await?;
        found.ok_or_else(|| {
            Error::Refused(
                "every group decrypts to the goods that were listed: a complaint would be refused, \
                 and publish your key"
                    .into(),
            )
        })
    }

    async fn complain(&mut self, state: &State, look: &Look, order: u64, life: u32) -> Result<()> {
        let (evidence, fault) = self.evidence(state, order).await?;
        self.context.output.warn(match (fault, &evidence.group) {
            (Fault::BadGroup, Some(group)) => format!(
                "group {} does not decrypt to the goods that were named",
                group.index
            ),
            _ => "the key is not the one the seller committed to".to_owned(),
        });
        if !self.yes {
            self.context.output.confirm(
                "Complain, and have your money back? It publishes the key, and so the goods.",
            )?;
        }
        self.note(Entry::Complaining(Sent {
            at: look.best,
            life,
        }))?;
        let call = Call::new(PALLET, "complain", (order, ChainEvidence::from(&evidence)));
        match self.submit(call, life).await {
            Ok(_) => {
                self.say("complained");
                Ok(())
            }
            // Somebody else's proof of the same seal was faster, or an earlier one of ours.
            Err(Error::Dispatch { name, .. }) if !self.still_open(order).await? => {
                self.context
                    .output
                    .note(format!("the complaint was not needed any more ({name})"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the order is still one that a complaint would end.
    async fn still_open(&self, order: u64) -> Result<bool> {
        let state = self.chain.best().await?;
        let order = view::order(&state, order).await?;
        Ok(order.is_some_and(|order| !order.seal_is_bad))
    }

    async fn poke(&mut self, look: &Look, order: u64, life: u32) -> Result<()> {
        self.note(Entry::Poking(Sent {
            at: look.best,
            life,
        }))?;
        let call = Call::new(PALLET, "poke", (order,));
        match self.submit(call, life).await {
            Ok(_) => {
                self.say("poked");
                Ok(())
            }
            // Anybody may poke; who was faster did the same.
            Err(Error::Dispatch { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn wait(&mut self, wait: Wait, state: &State) -> Result<()> {
        if self.waiting != Some(wait) {
            self.waiting = Some(wait);
            let clock = market_clock(state).await?;
            let text = match wait {
                Wait::Offer => "waiting until a final block holds the listing's seal".into(),
                Wait::Inclusion => "waiting for a transaction's block".into(),
                Wait::Reveal { until } => {
                    format!("locked; the key comes until {}", clock.until(until.into()))
                }
                Wait::FinalReveal => "waiting until the reveal is in a final block".into(),
                Wait::Settling { until } => {
                    format!("the sale is settled after {}", clock.until(until.into()))
                }
                Wait::FinalEnd => "waiting until the end is in a final block".into(),
            };
            self.say(&text);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    fn summary(&self, state: &str) -> Value {
        json!({
            "listing": self.began.listing,
            "order": self.machine.order(),
            "state": state,
            "folder": self.folder.path().display().to_string(),
            "goods": self
                .machine
                .is_opened()
                .then(|| self.folder.x().display().to_string()),
        })
    }

    /// The goods are here; the window to complain runs on.
    fn here(&self, until: u32, look: &Look) -> Value {
        let mut value = self.summary("decrypted");
        if let Some(fields) = value.as_object_mut() {
            fields.insert(
                "settles_after_blocks".into(),
                json!(until.saturating_sub(look.now)),
            );
            fields.insert(
                "next".into(),
                json!("athanor data unpack; every group was checked against the listing"),
            );
        }
        value
    }

    fn done(&self, outcome: Outcome, options: &Buy) -> Result<Value> {
        let state = match outcome {
            Outcome::Settled => "settled",
            Outcome::Refunded => "refunded",
            Outcome::SaleStands => "sale_stands",
        };
        if options.discard && outcome == Outcome::Settled {
            for path in [
                self.folder.files().z,
                self.folder.files().z_outboard,
                self.folder.files().x_outboard,
            ] {
                remove(path)?;
            }
        }
        Ok(self.summary(state))
    }
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::File {
            action: "remove",
            path: path.into(),
            source,
        }),
    }
}

/// `data complain`.
pub(super) async fn complain(options: &Complain, context: &Context) -> Result<()> {
    let seed = seed::load(&seed_file(options.seed.as_deref(), Role::Buyer, context)?)?;
    let signer = context.signer()?;
    let chain = context.chain().await?;
    let folder = Folder::new(&options.folder);
    if !folder.journal().is_file() {
        return Err(Error::NotFound(format!(
            "{} is no folder of `athanor data buy`",
            options.folder.display()
        )));
    }
    let (journal, entries) = Journal::open(&folder.journal())?;
    let machine = Buyer::resumed(&entries);
    let mut purchase = resume(
        context,
        chain,
        signer,
        folder,
        journal,
        machine,
        &seed,
        options.yes,
    )?;
    let state = purchase.chain.best().await?;
    let look = purchase.look(&state).await?;
    let Held::Order(order) = look.held else {
        return Err(Error::Refused(
            "there is no open order of this purchase".into(),
        ));
    };
    let Stage::Revealed { until } = order.stage else {
        return Err(Error::Refused(
            "the key was not revealed yet: there is nothing to complain of".into(),
        ));
    };
    if look.now > until {
        return Err(Error::Refused(
            "the time to complain is over: the sale stands".into(),
        ));
    }
    let (evidence, _) = purchase.evidence(&state, order.id).await?;
    if options.dry_run {
        let call = Call::new(
            PALLET,
            "complain",
            (order.id, ChainEvidence::from(&evidence)),
        );
        return context
            .show_dry_run(&purchase.chain, &purchase.signer, call, &[])
            .await;
    }
    let left = until.saturating_sub(look.now);
    let life = 1 << left.clamp(4, 32).ilog2();
    purchase.complain(&state, &look, order.id, life).await?;
    let value = purchase.summary("complained");
    context.output.result(&value, || output::describe(&value));
    Ok(())
}
