//! `athanor data serve`: reveals keys to who has paid, in time.
//!
//! What is to be done is [`Seller`]'s to say; this asks the chain and sends.

use super::{seed_file, shared::hex, Role};
use crate::{
    amount::Amount,
    chain::{Call, Chain, State, Terms},
    commands::Context,
    error::{Error, Result},
    keys,
    market::{
        metrics::Metrics,
        seller::{
            self, margin, Batch, Deed, Look, Misdeed, Options, Plan, Seller, Sent, Tips, Warning,
            DEPTH,
        },
        view,
        wire::ChainReveal,
        PALLET,
    },
    output::{self, Output},
};
use athanor_content_tree::market::{Context as SealContext, Secret};
use athanor_market_client::{journal::Journal, seed};
use athanor_primitives::market::OrderState;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::{
    collections::{btree_map::Entry, BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use subxt::utils::AccountId32;
use subxt_signer::sr25519::Keypair;

/// Longest wait for the node's answers about one block.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest wait for a block.
const NO_BLOCK: Duration = Duration::from_secs(60);

/// Longest pause before the node is tried again.
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// Entries after which the journal is put aside at the next start.
const LONG_JOURNAL: usize = 100_000;

/// What to do wrong, for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Reveal another key than the one committed to
    WrongKey,
    /// Reveal nothing
    Silent,
}

impl From<Fault> for Misdeed {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::WrongKey => Self::WrongKey,
            Fault::Silent => Self::Silent,
        }
    }
}

/// Options of `data serve`.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The seed everything was sealed with
    /// [default: ~/.local/state/athanor/market/seller.seed]
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// The seller, where the signing key is his agent's [default: the signer]
    #[arg(long, value_name = "ACCOUNT", value_parser = keys::parse_account)]
    pub seller: Option<AccountId32>,
    /// Tip once half of a window is over; it grows fourfold, twice
    #[arg(long, value_name = "AMOUNT", default_value = "1 mAUR")]
    pub tip: Amount,
    /// Most tip of one transaction
    #[arg(long, value_name = "AMOUNT", default_value = "100 mAUR")]
    pub max_tip: Amount,
    /// End orders whose window is over as well, so that you are paid
    #[arg(long)]
    pub poke: bool,
    /// Show Prometheus metrics here, under /metrics
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// Where to keep a record of what was sent [default: in ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// FOR TESTS ONLY: cheat buyers in this way, and lose the bond for it
    #[arg(long, value_name = "HOW", value_enum)]
    pub fault: Option<Fault>,
}

struct Daemon<'a> {
    context: &'a Context,
    seller: AccountId32,
    signer: Keypair,
    machine: Seller,
    journal: Journal<Sent>,
    metrics: Metrics,
    /// Reveal windows of listings, which never change.
    windows: BTreeMap<u64, u32>,
    /// Orders of which it was said that the node refuses their reveals.
    complained: BTreeSet<u64>,
}

/// `data serve`.
pub(super) async fn run(options: &Serve, context: &Context) -> Result<()> {
    let seed = seed::load(&seed_file(options.seed.as_deref(), Role::Seller, context)?)?;
    let signer = context.signer()?;
    let agent = keys::account(&signer);
    let seller = options.seller.unwrap_or(agent);
    let chain = context.chain().await?;
    may_reveal(&chain, &seller, &agent).await?;
    check_seals(&chain, &seller, &seed, &context.output).await?;
    let path = journal_path(options, context, &chain, &seller)?;
    let journal = open_journal(&path)?;
    let metrics = Metrics::new().map_err(|error| Error::Refused(error.to_string()))?;
    let listening = match options.metrics {
        Some(address) => Some(listen(address, &metrics).await?),
        None => None,
    };
    if let Some(fault) = options.fault {
        context.output.warn(format!(
            "--fault {fault:?}: this daemon cheats buyers, who get their money and half of your \
             bond for it"
        ));
    }
    let value = json!({
        "seller": seller.to_string(),
        "signer": agent.to_string(),
        "journal": path.display().to_string(),
        "metrics": listening.map(|address| format!("http://{address}/metrics")),
    });
    context.output.result(&value, || output::describe(&value));
    context.set_next("orders go on without you, and cost bond if nobody reveals: run it again");
    let machine = Seller::new(
        seed,
        Options {
            tips: Tips {
                first: options.tip.0,
                most: options.max_tip.0,
            },
            poke: options.poke,
            misdeed: options.fault.map(Misdeed::from),
        },
    );
    let mut daemon = Daemon {
        context,
        seller,
        signer,
        machine,
        journal,
        metrics,
        windows: BTreeMap::new(),
        complained: BTreeSet::new(),
    };
    daemon.serve(chain).await
}

async fn may_reveal(chain: &Chain, seller: &AccountId32, agent: &AccountId32) -> Result<()> {
    let state = chain.best().await?;
    let known = view::seller(&state, seller).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "{seller} is no seller: `athanor data seller register` makes one, --seller names \
             another"
        ))
    })?;
    if agent != seller && known.agent.as_ref() != Some(agent) {
        return Err(Error::Refused(format!(
            "{agent} is not the agent of {seller}: `athanor data seller register --agent` names one"
        )));
    }
    Ok(())
}

/// Says of which listings the keys could not be revealed with this seed, before anybody pays.
async fn check_seals(
    chain: &Chain,
    seller: &AccountId32,
    seed: &Secret,
    output: &Output,
) -> Result<()> {
    let state = chain.best().await?;
    let own = view::all_listings(&state, |listing| listing.seller == *seller).await?;
    for listing in &own {
        let foreign = listing.seals.iter().any(|seal| {
            let context = SealContext::new(
                &chain.genesis().0,
                &seller.0,
                &listing.x_root,
                listing.length,
                &seal.nonce,
            );
            context.commit(&context.key(seed)) != seal.h_k
        });
        if foreign {
            output.warn(format!(
                "listing {} is sealed with another seed than this: its keys cannot be revealed \
                 here, so pause it",
                listing.id
            ));
        }
    }
    Ok(())
}

fn journal_path(
    options: &Serve,
    context: &Context,
    chain: &Chain,
    seller: &AccountId32,
) -> Result<PathBuf> {
    if let Some(path) = &options.journal {
        return Ok(path.clone());
    }
    let folder = context
        .settings
        .state
        .as_ref()
        .ok_or_else(|| {
            Error::Usage("there is no home folder to keep a record in: give --journal FILE".into())
        })?
        .join("market");
    std::fs::create_dir_all(&folder).map_err(|source| Error::File {
        action: "create the folder",
        path: folder.clone(),
        source,
    })?;
    let genesis = hex(&chain.genesis().0[..4]);
    Ok(folder.join(format!("serve-{genesis}-{seller}.jsonl")))
}

/// Opens the record, after putting a long one aside.
fn open_journal(path: &Path) -> Result<Journal<Sent>> {
    let (journal, old) = Journal::open(path)?;
    if old.len() < LONG_JOURNAL {
        return Ok(journal);
    }
    let aside = path.with_extension("jsonl.old");
    std::fs::rename(path, &aside).map_err(|source| Error::File {
        action: "rename",
        path: path.into(),
        source,
    })?;
    drop(journal);
    Ok(Journal::open(path)?.0)
}

async fn listen(address: SocketAddr, metrics: &Metrics) -> Result<SocketAddr> {
    let failed =
        |reason: std::io::Error| Error::Refused(format!("cannot listen on {address}: {reason}"));
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let router = metrics.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(bound)
}

/// Locked orders with their buyers' keys.
fn locked(orders: Vec<view::Order>) -> BTreeMap<u64, [u8; 32]> {
    orders
        .into_iter()
        .filter(|order| matches!(order.state, OrderState::Locked { .. }))
        .map(|order| (order.id, order.buyer_key))
        .collect()
}

fn for_machine(chain: &Chain, order: &view::Order, window: u32) -> seller::Order {
    seller::Order {
        id: order.id,
        context: view::context(chain, order),
        commitment: order.h_k,
        buyer_key: order.buyer_key,
        bond: order.bond,
        window,
        revealed: matches!(order.state, OrderState::Revealed { .. }),
        seal_is_bad: order.seal_is_bad,
        until: view::until(order),
    }
}

impl Daemon<'_> {
    /// Serves until it is ended; a node that is lost is tried again.
    async fn serve(&mut self, first: Chain) -> Result<()> {
        let mut chain = Some(first);
        let mut pause = Duration::from_secs(1);
        loop {
            let connected = match chain.take() {
                Some(chain) => Ok(chain),
                None => Chain::connect(&self.context.settings.node).await,
            };
            let lost = match connected {
                Ok(chain) => {
                    self.metrics.connected.set(1);
                    pause = Duration::from_secs(1);
                    self.follow(&chain).await
                }
                Err(error) => Err(error),
            };
            self.metrics.connected.set(0);
            // What was planned may not have left.
            self.machine.lost();
            match lost {
                Err(error @ (Error::Market(_) | Error::NotThisChain(_))) => return Err(error),
                Err(error) => self.context.output.warn(format!("{error}; trying again")),
                Ok(()) => self
                    .context
                    .output
                    .warn("the node ended the stream of blocks; trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(MOST_PAUSE);
        }
    }

    async fn follow(&mut self, chain: &Chain) -> Result<()> {
        let mut blocks = chain.blocks(false).await?;
        loop {
            tokio::time::timeout(PATIENCE, self.turn(chain))
                .await
                .map_err(|_| Error::TimedOut("the node does not answer".into()))??;
            // One look for all blocks that came meanwhile.
            match tokio::time::timeout(NO_BLOCK, blocks.next()).await {
                Ok(Some(Ok(_))) | Err(_) => {}
                Ok(Some(Err(error))) => return Err(Error::protocol("the stream of blocks", error)),
                Ok(None) => return Ok(()),
            }
        }
    }

    /// One look, and all that follows from it.
    async fn turn(&mut self, chain: &Chain) -> Result<()> {
        let state = chain.best().await?;
        let look = self.look(chain, &state).await?;
        let plan = self.machine.step(&look);
        self.metrics.block.set(i64::from(look.best));
        self.metrics.counts(&plan.counts);
        self.say(&plan, &look);
        for batch in &plan.send {
            self.send(chain, batch).await?;
        }
        Ok(())
    }

    async fn look(&mut self, chain: &Chain, state: &State) -> Result<Look> {
        let (now, best) = view::clock(state).await?;
        let open = view::open_orders(state, &self.seller).await?;
        for order in &open {
            if let Entry::Vacant(window) = self.windows.entry(order.listing) {
                // A listing with open orders can't be removed.
                let listing = view::known_listing(state, order.listing).await?;
                window.insert(listing.reveal_window);
            }
        }
        let orders: Vec<seller::Order> = open
            .iter()
            .map(|order| {
                let window = self
                    .windows
                    .get(&order.listing)
                    .copied()
                    .unwrap_or_default();
                for_machine(chain, order, window)
            })
            .collect();
        let waiting: Vec<&seller::Order> = orders.iter().filter(|order| !order.revealed).collect();
        let final_orders = if waiting.is_empty() {
            BTreeMap::new()
        } else {
            let state = chain.finalized().await?;
            locked(view::open_orders(&state, &self.seller).await?)
        };
        let stalled = waiting.iter().any(|order| {
            !final_orders.contains_key(&order.id)
                && order.until.saturating_sub(now) <= order.window / 2
        });
        let deep_orders = match best.checked_sub(DEPTH).filter(|_| stalled) {
            Some(block) => {
                let state = chain.at(u64::from(block)).await?;
                locked(view::open_orders(&state, &self.seller).await?)
            }
            None => BTreeMap::new(),
        };
        Ok(Look {
            best,
            now,
            nonce: state.nonce(&keys::account(&self.signer)).await?,
            orders,
            final_orders,
            deep_orders,
        })
    }

    fn say(&self, plan: &Plan, look: &Look) {
        let output = &self.context.output;
        for warning in &plan.warnings {
            match warning {
                Warning::Late {
                    order,
                    left,
                    awaits_finality,
                } => {
                    let why = if *awaits_finality {
                        ": no final block holds it yet"
                    } else {
                        ""
                    };
                    output.warn(format!(
                        "order {order} has {left} blocks left for its key{why}"
                    ));
                }
                Warning::Unfinal { order } => output.warn(format!(
                    "there is no finality: the key of order {order} is revealed at a depth of \
                     {DEPTH} blocks"
                )),
                Warning::Foreign { order } => output.warn(format!(
                    "order {order} is of a seal made with another seed: its key cannot be revealed \
                     here"
                )),
                Warning::Skipped { order } => output.warn(format!(
                    "the chain passed over the key of order {order}: is this key still the agent's?"
                )),
                Warning::Missed { order } => {
                    let window = look
                        .orders
                        .iter()
                        .find(|found| found.id == *order)
                        .map_or(0, |found| margin(found.window));
                    output.warn(format!(
                        "order {order} is missed: fewer than {window} blocks are left, and a late \
                         key can be read without being paid for"
                    ));
                }
            }
        }
    }

    async fn send(&mut self, chain: &Chain, batch: &Batch) -> Result<()> {
        self.journal.append(&batch.sent)?;
        let terms = Terms {
            nonce: Some(batch.sent.nonce),
            life: batch.sent.life,
            tip: batch.tip,
        };
        let sent = match (batch.sent.deed, batch.sent.orders.first()) {
            (Deed::Reveal, _) => {
                let items: Vec<ChainReveal> = batch.reveals.iter().map(Into::into).collect();
                let call = Call::new(PALLET, "reveal", (items,));
                chain.send(call, &self.signer, terms).await
            }
            (Deed::Poke, Some(order)) => {
                let call = Call::new(PALLET, "poke", (*order,));
                chain.send(call, &self.signer, terms).await
            }
            (Deed::Poke, None) => Ok(()),
        };
        let orders: Vec<String> = batch.sent.orders.iter().map(u64::to_string).collect();
        let orders = orders.join(", ");
        let output = &self.context.output;
        match sent {
            Ok(()) => {
                self.metrics.sent(batch.sent.deed);
                let what = match batch.sent.deed {
                    Deed::Reveal => "revealing",
                    Deed::Poke => "ending",
                };
                output.note(format!(
                    "step: {what} {orders} (block {}, tip {})",
                    batch.sent.at,
                    Amount(batch.tip)
                ));
                Ok(())
            }
            Err(Error::Rejected { reason, .. }) => {
                self.machine.refused(batch.sent.nonce);
                self.metrics.refused.inc();
                // After a restart the pool holds the same already; it is said once.
                let mut new = false;
                for order in &batch.sent.orders {
                    new |= self.complained.insert(*order);
                }
                if new {
                    output.warn(format!("order {orders}: the node refuses: {reason}"));
                }
                Ok(())
            }
            Err(error) => {
                self.machine.refused(batch.sent.nonce);
                self.metrics.refused.inc();
                Err(error)
            }
        }
    }
}
