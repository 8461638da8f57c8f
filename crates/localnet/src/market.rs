//! Data sold on a live chain, by honest sellers and by all kinds of liars.
//!
//! Every sale is played through the `athanor` command line: goods are packed, sealed, published in
//! a content store and listed; a daemon reveals; buyers fetch, check, pay, decrypt and, where they
//! were cheated, prove it. What a command line would never do is done by hand: a garbled group, a
//! false length, an order of somebody who never looked, a complaint about nothing. In the end the
//! balance of every account, and the treasury's, must be what the money table says, to the unit.

pub(crate) mod goods;
pub(crate) mod ledger;
pub(crate) mod liar;
pub(crate) mod money;
mod more;

pub use more::play_more;

use crate::{
    athanor::{amount, aur, exact, number, text, Athanor},
    chain,
    digits::Digits,
    load::follow::Signer,
    network::Network,
    node::NodePlan,
    ports,
    process::Process,
    progress::{Progress, Step},
    rpc::wait_for,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{bail, ensure, Context, Result};
use athanor_content_tree::{
    market::{buyer_secret, public_key, Evidence, Secret},
    stream, Groups, ProveError, GROUP,
};
use codec::Encode;
use comfy_table::{presets::UTF8_FULL_CONDENSED, Table};
use ledger::{Key, Ledger};
use liar::At;
use money::{Changes, End, Parties, Tariff};
use serde_json::{json, Value};
use sp_crypto_hashing::blake2_256;
use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The smallest units of an AUR.
const UNIT: u128 = 1_000_000_000_000;
/// Of every account that takes part.
const MONEY: u128 = 500 * UNIT;
/// A seller's bond.
const BOND: &str = "100 AUR";
/// How long a fresh chain may take to its first finalised blocks.
const FIRST_BLOCKS: Duration = Duration::from_secs(180);
/// Longest wait for anything to happen.
const PATIENCE: Duration = Duration::from_secs(900);
/// How often is looked before a kill.
const BLINK: Duration = Duration::from_millis(5);
/// How often the chain is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Blocks to complain where several buyers have to meet in them.
const LONG_DISPUTE: &str = "45";
/// Points of a purchase at which the buyer is killed at least. Others may pass too fast to be seen.
const STEPS: [&str; 4] = ["began", "ordered", "final", "opened"];
/// Of orders that are made by hand.
const BLIND_NONCE: [u8; 16] = [5; 16];

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Everything, with 300 MiB in one of the sets; else one of each kind, in minutes.
    pub full: bool,
}

/// What is sold.
#[derive(Clone, Copy, Debug)]
enum Goods {
    /// scikit-learn's digits, as image files.
    Digits,
    /// So many bytes of rows.
    Rows(u64),
}

/// How a seller lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    Nothing,
    Garble(At),
    WrongKey,
    Silent,
    Length,
}

/// How somebody buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// By the command line, to the end.
    Honest,
    /// The same, killed at every step.
    Killed,
    /// Orders without fetching, and never looks.
    Blind,
    /// Is gone after his order.
    Gone,
    /// Complains about a right key and right groups.
    Slanderer,
    /// Is asleep; the account he named looks and complains.
    Watched,
}

struct Case {
    name: &'static str,
    goods: Goods,
    price: u128,
    lie: Lie,
    kinds: &'static [Kind],
    /// The daemon is killed at every step, too.
    killed: bool,
}

const fn liar(name: &'static str, goods: Goods, price: u128, lie: Lie) -> Case {
    Case {
        name,
        goods,
        price,
        lie,
        kinds: &[Kind::Blind, Kind::Honest],
        killed: false,
    }
}

fn cases(plan: Plan) -> Vec<Case> {
    // Of eleven groups; the last one is not full.
    const FEW: Goods = Goods::Rows(170_000);
    const ONE: Goods = Goods::Rows(5_000);
    let large = if plan.full { 300 << 20 } else { 8 << 20 };
    let mut cases = vec![
        Case {
            name: "digits",
            goods: Goods::Digits,
            price: 12 * UNIT + 345_678_901_234,
            lie: Lie::Nothing,
            kinds: &[Kind::Honest, Kind::Blind, Kind::Gone, Kind::Slanderer],
            killed: false,
        },
        Case {
            name: if plan.full { "300 MiB" } else { "8 MiB" },
            goods: Goods::Rows(large),
            price: 25 * UNIT + 1,
            lie: Lie::Nothing,
            kinds: &[Kind::Killed],
            killed: true,
        },
        liar("wrong key", FEW, 7 * UNIT + 77, Lie::WrongKey),
        liar(
            "last group garbled",
            FEW,
            9 * UNIT + 99,
            Lie::Garble(At::Last),
        ),
        liar("false length", FEW, 5 * UNIT + 55, Lie::Length),
        Case {
            kinds: &[Kind::Honest, Kind::Blind],
            ..liar("never reveals", FEW, 3 * UNIT + 33, Lie::Silent)
        },
    ];
    if plan.full {
        cases.extend([
            liar("first group garbled", FEW, UNIT, Lie::Garble(At::First)),
            Case {
                kinds: &[Kind::Blind, Kind::Watched],
                ..liar(
                    "middle group garbled",
                    FEW,
                    11 * UNIT + 7,
                    Lie::Garble(At::Middle),
                )
            },
            // At the least price the bond is twice a record's deposit.
            liar(
                "only group garbled",
                ONE,
                UNIT / 100,
                Lie::Garble(At::First),
            ),
        ]);
    }
    cases
}

/// An account that takes part.
#[derive(Clone, Debug)]
struct Person {
    suri: String,
    address: String,
    key: Key,
    seed: PathBuf,
    folder: PathBuf,
}

impl Person {
    fn new(workspace: &Workspace, name: &str) -> Result<Self> {
        let suri = format!("//Market//{name}");
        let account = Signer::new(&suri)?.account();
        let folder = workspace.data(&format!("market-{name}"))?;
        let seed = folder.join("seed");
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&seed)
            .context("cannot write a seed")?;
        writeln!(file, "0x{}", hex::encode(secret(name))).context("cannot write a seed")?;
        Ok(Self {
            address: account.to_string(),
            key: account.0,
            suri,
            seed,
            folder,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The seed of a person: no secret on a chain that is gone in minutes.
fn secret(name: &str) -> [u8; 32] {
    blake2_256(format!("seed of {name}").as_bytes())
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// What all sales share.
struct Market<'a> {
    cli: &'a Athanor,
    workspace: &'a Workspace,
    ledger: &'a Ledger,
    genesis: [u8; 32],
    store: String,
    token: PathBuf,
    step: &'a Step,
}

/// One end of one order.
struct Line {
    case: &'static str,
    kind: String,
    order: u64,
    price: u128,
    end: End,
}

/// A case with its people, funded.
struct Cast {
    case: Case,
    seller: Person,
    agent: Person,
    watch: Person,
    buyers: Vec<(Kind, Person)>,
}

/// Sells everything of the plan, and checks who has what in the end.
///
/// # Errors
///
/// If a step fails, a sale ends otherwise than it should, or a balance is another.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    plan: Plan,
    progress: Progress,
) -> Result<()> {
    let step = progress.step("start a node and a content store");
    let mut network = Network::on_preset(tools, workspace, "development", &[]).await?;
    network
        .add_node(tools, workspace, NodePlan::validator("alice"))
        .await?;
    network.wait_for_finality(&[], 1, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    let rpc = network.first()?.rpc().clone();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let (_store, store, token) = start_store(&cli, workspace).await?;
    step.done(format!("{ws}, {store}"));

    let step = progress.step("bring sellers and buyers");
    let ledger = Ledger::new(&rpc, &ws).await?;
    let mut casts = Vec::new();
    for (number, case) in cases(plan).into_iter().enumerate() {
        let person = |what: String| Person::new(workspace, &what);
        let buyers = case
            .kinds
            .iter()
            .enumerate()
            .map(|(index, kind)| Ok((*kind, person(format!("buyer-{number}-{index}"))?)))
            .collect::<Result<_>>()?;
        casts.push(Cast {
            seller: person(format!("seller-{number}"))?,
            agent: person(format!("agent-{number}"))?,
            watch: person(format!("watch-{number}"))?,
            buyers,
            case,
        });
    }
    let people: Vec<Key> = casts
        .iter()
        .flat_map(|cast| {
            let fixed = [cast.seller.key, cast.agent.key, cast.watch.key];
            fixed
                .into_iter()
                .chain(cast.buyers.iter().map(|(_, buyer)| buyer.key))
        })
        .collect();
    ledger.fund("//Alice//stash", &people, MONEY).await?;
    let treasury = treasury();
    let mut accounts = people.clone();
    accounts.push(treasury);
    let before = ledger.snapshot(&accounts).await?;
    for key in &people {
        ensure!(
            before.total.get(key) == Some(&MONEY),
            "an account did not get its money"
        );
    }
    let tariff = Tariff {
        item: ledger.constant("DepositPerItem").await?,
        byte: ledger.constant("DepositPerByte").await?,
        listing: ledger.constant("ListingFee").await?,
    };
    step.done(format!("{} accounts of {} each", people.len(), aur(MONEY)));

    let step = progress.step(format!("sell {} sets side by side", casts.len()));
    let hash: String = rpc.call("chain_getBlockHash", json!([0])).await?;
    let genesis = hex::decode(hash.trim_start_matches("0x"))
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .context("a genesis hash of another form")?;
    let market = Market {
        cli: &cli,
        workspace,
        ledger: &ledger,
        genesis,
        store,
        token,
        step: &step,
    };
    let market = &market;
    let sales = casts.iter().map(|cast| async move {
        let lines = market.sell(cast).await;
        lines.with_context(|| format!("the sale \"{}\"", cast.case.name))
    });
    let ended: Vec<Vec<Line>> = futures::future::try_join_all(sales).await?;
    network.ensure_running()?;
    step.done("");

    let step = progress.step("check every balance");
    let head = rpc.best_block().await?;
    network.wait_for_finality(&[], head, PATIENCE).await?;
    let after = ledger.snapshot(&accounts).await?;
    let mut changes = Changes::default();
    for (cast, lines) in casts.iter().zip(&ended) {
        changes.lists(&tariff, cast.seller.key, treasury);
        for (line, (_, buyer)) in lines.iter().zip(&cast.buyers) {
            let parties = Parties {
                buyer: buyer.key,
                seller: cast.seller.key,
                watch: cast.watch.key,
                treasury,
            };
            changes.ends(&tariff, line.end, line.price, &parties);
        }
    }
    for key in &accounts {
        let of = |snapshot: &ledger::Snapshot| -> Result<i128> {
            let total = snapshot.total.get(key).copied().unwrap_or_default();
            let paid = if *key == treasury {
                -i128::try_from(snapshot.fees_to_treasury)?
            } else {
                i128::try_from(snapshot.fees.get(key).copied().unwrap_or_default())?
            };
            Ok(i128::try_from(total)? + paid)
        };
        let (got, wanted) = (of(&after)? - of(&before)?, changes.of(key));
        ensure!(
            got == wanted,
            "the account 0x{} should have {wanted} more than before and has {got}, fees apart",
            hex::encode(key)
        );
    }
    step.done(format!(
        "{} accounts, to the unit, between blocks {} and {}",
        accounts.len(),
        before.block,
        after.block
    ));

    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header([
        "sale", "buyer", "order", "price", "ended", "buyer", "seller",
    ]);
    for (cast, lines) in casts.iter().zip(&ended) {
        for (line, (_, buyer)) in lines.iter().zip(&cast.buyers) {
            let mut one = Changes::default();
            let parties = Parties {
                buyer: buyer.key,
                seller: cast.seller.key,
                watch: cast.watch.key,
                treasury,
            };
            one.ends(&tariff, line.end, line.price, &parties);
            table.add_row([
                line.case.to_string(),
                line.kind.clone(),
                line.order.to_string(),
                aur(line.price),
                line.end.name().to_string(),
                signed(one.of(&buyer.key)),
                signed(one.of(&cast.seller.key)),
            ]);
        }
    }
    println!("{table}");
    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    let sales: usize = ended.iter().map(Vec::len).sum();
    println!("{sales} orders, all ended by the money table");
    Ok(())
}

fn signed(change: i128) -> String {
    let sign = if change < 0 { "−" } else { "+" };
    format!("{sign}{}", aur(change.unsigned_abs()))
}

/// The treasury's account: that of its pallet.
pub(crate) fn treasury() -> Key {
    let mut key = [0; 32];
    for (byte, of) in key.iter_mut().zip(b"modlath/trsy") {
        *byte = *of;
    }
    key
}

/// A content store that takes what has a token. Answers its process, address and token file.
async fn start_store(cli: &Athanor, workspace: &Workspace) -> Result<(Process, String, PathBuf)> {
    const TOKEN: &str = "a-token-that-these-sellers-share";
    let folder = workspace.data("store")?;
    let (tokens, token) = (folder.join("tokens.toml"), folder.join("token"));
    let table = format!(
        "[[token]]\nname = \"sellers\"\nsecret = \"{TOKEN}\"\nbytes = \"4GiB\"\nblobs = 1000\n"
    );
    for (path, text) in [(&tokens, table), (&token, TOKEN.to_string())] {
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .context("cannot write a token")?;
        file.write_all(text.as_bytes())
            .context("cannot write a token")?;
    }
    let listen = format!("127.0.0.1:{}", ports::free()?);
    let (blobs, tokens) = (show(&workspace.data("blobs")?), show(&tokens));
    let args = [
        "store", "serve", "--folder", &blobs, "--tokens", &tokens, "--listen", &listen,
    ];
    let mut process = cli.spawn("store", &args, &workspace.log("store"))?;
    let url = format!("http://{listen}");
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .context("cannot set up an HTTP client")?;
    let health = format!("{url}/healthz");
    process
        .wait_until_ready(FIRST_BLOCKS, || {
            let request = http.get(&health).send();
            async { Ok(request.await?.error_for_status().map(|_| ())?) }
        })
        .await?;
    Ok((process, url, token))
}

impl Market<'_> {
    fn say(&self, cast: &Cast, words: impl std::fmt::Display) {
        self.step.note(format!("{}: {words}", cast.case.name));
    }

    async fn run(&self, who: &Person, args: &[&str]) -> Result<Value> {
        let mut all: Vec<&str> = args.to_vec();
        all.extend(["--suri", &who.suri]);
        self.cli.run(&all).await
    }

    /// Plays one case to its end.
    async fn sell(&self, cast: &Cast) -> Result<Vec<Line>> {
        let case = &cast.case;
        let listing = self.list(cast).await?;
        self.say(cast, format!("listing {listing}"));
        let mut daemon = self.serve(cast)?;
        let sale = async {
            let orders: Vec<u64> = if case.lie == Lie::Nothing {
                let buyers = cast.buyers.iter();
                let all = buyers.map(|(kind, buyer)| self.buy(cast, *kind, buyer, listing));
                futures::future::try_join_all(all).await?
            } else {
                self.cheated(cast, listing).await?
            };
            for order in &orders {
                self.ended(*order).await?;
            }
            anyhow::Ok(orders)
        };
        let orders = if case.killed {
            let torment = self.torment(cast, &mut daemon);
            tokio::select! {
                orders = sale => orders?,
                failed = torment => return Err(failed),
            }
        } else {
            let orders = sale.await?;
            daemon.ensure_running()?;
            orders
        };
        // What it may still be sending is paid for before the balances are looked at.
        daemon.stop()?;
        self.check_counts(cast, listing).await?;
        self.say(cast, "ended");
        Ok(cast
            .buyers
            .iter()
            .zip(orders)
            .map(|((kind, _), order)| Line {
                case: case.name,
                kind: format!("{kind:?}"),
                order,
                price: case.price,
                end: end(case.lie, *kind),
            })
            .collect())
    }

    /// Goods, card, seal, lies and the listing.
    async fn list(&self, cast: &Cast) -> Result<u64> {
        let (case, seller) = (&cast.case, &cast.seller);
        let data = seller.path("data");
        let files = match case.goods {
            Goods::Digits => goods::digits(&Digits::find()?, &data)?,
            Goods::Rows(bytes) => {
                let data = data.clone();
                tokio::task::spawn_blocking(move || goods::rows(bytes, bytes, &data)).await??
            }
        };
        self.say(cast, format!("{files} files"));
        self.register(seller, &cast.agent).await?;
        let sealed = self.seal(seller, case.name, &data, "").await?;
        self.say(cast, "sealed");
        match case.lie {
            Lie::Garble(at) => {
                let group = liar::garble(&sealed, at)?;
                self.say(cast, format!("group {group} garbled"));
            }
            Lie::Length => {
                let seed = Secret::new(self.seed_of(seller)?);
                liar::lengthen(&sealed, &seed)?;
            }
            Lie::Nothing | Lie::WrongKey | Lie::Silent => {}
        }
        let price = exact(case.price);
        let mut args = vec!["data", "list"];
        let (folder, token) = (show(&sealed), show(&self.token));
        args.extend(["--store-token-file", &token]);
        args.extend([
            folder.as_str(),
            "--price",
            &price,
            "--yes",
            "--store",
            &self.store,
        ]);
        if cast.buyers.len() > 1 && case.lie != Lie::Silent {
            args.extend(["--dispute-window", LONG_DISPUTE]);
        }
        number(&self.run(seller, &args).await?, "listing")
    }

    /// Makes a seller who has bond, with an agent.
    async fn register(&self, seller: &Person, agent: &Person) -> Result<()> {
        let endpoint = ["data", "seller", "register", "--endpoint", &self.store];
        let agent = ["--agent", &agent.address];
        self.run(seller, &[&endpoint[..], &agent[..]].concat())
            .await?;
        self.run(seller, &["data", "seller", "bond", BOND]).await?;
        Ok(())
    }

    /// Packs a folder, describes and seals it. Answers the seal's folder; `of` is for who seals
    /// several.
    async fn seal(&self, seller: &Person, name: &str, data: &Path, of: &str) -> Result<PathBuf> {
        let at = |name: &str| seller.path(&format!("{name}{of}"));
        let (packed, sealed) = (show(&at("goods")), at("sealed"));
        let (card, licence) = (show(&at("card.json")), at("licence.txt"));
        let about = at("about.md");
        goods::write(
            &licence,
            b"Do with it what you like; it comes without any warranty.\n",
        )?;
        goods::write(&about, b"Made for a test of the market.\n")?;
        self.cli
            .run(&["data", "pack", &show(data), "--out", &packed])
            .await?;
        self.run(
            seller,
            &[
                "data",
                "card",
                &packed,
                "--name",
                name,
                "--description",
                &show(&about),
                "--spdx",
                "LicenseRef-test",
                "--out",
                &card,
            ],
        )
        .await?;
        self.run(
            seller,
            &[
                "data",
                "seal",
                &packed,
                "--out",
                &show(&sealed),
                "--card",
                &card,
                "--licence",
                &show(&licence),
                "--seed",
                &show(&seller.seed),
            ],
        )
        .await?;
        Ok(sealed)
    }

    fn seed_of(&self, who: &Person) -> Result<[u8; 32]> {
        let text = std::fs::read_to_string(&who.seed).context("no seed")?;
        hex::decode(text.trim().trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("a seed of another form")
    }

    /// The seller's daemon, with the agent's key.
    fn serve(&self, cast: &Cast) -> Result<Process> {
        let name = format!("serve-{}", cast.case.name.replace(' ', "-"));
        let seller = &cast.seller;
        let (seed, journal) = (show(&seller.seed), show(&seller.path("served.jsonl")));
        let mut args = vec![
            "data",
            "serve",
            "--seed",
            &seed,
            "--seller",
            &seller.address,
        ];
        args.extend(["--poke", "--journal", &journal, "--suri", &cast.agent.suri]);
        match cast.case.lie {
            Lie::WrongKey => args.extend(["--fault", "wrong-key"]),
            Lie::Silent => args.extend(["--fault", "silent"]),
            Lie::Nothing | Lie::Garble(_) | Lie::Length => {}
        }
        self.cli.spawn(&name, &args, &self.workspace.log(&name))
    }

    /// Kills the daemon each time it has noted something or the seller's orders have come to another
    /// state, for ever.
    async fn torment(&self, cast: &Cast, daemon: &mut Process) -> anyhow::Error {
        let journal = cast.seller.path("served.jsonl");
        let mut seen = BTreeSet::new();
        let mut looked: Option<Instant> = None;
        let mut state = String::new();
        loop {
            if looked.is_none_or(|at| at.elapsed() > LOOK) {
                looked = Some(Instant::now());
                match self.states(cast).await {
                    Ok(now) => state = now,
                    Err(error) => return error,
                }
            }
            let noted = std::fs::read_to_string(&journal).unwrap_or_default();
            let point = (noted.lines().count(), state.clone());
            if seen.insert(point) && seen.len() > 1 {
                self.say(cast, format!("daemon killed, {state}"));
                if let Err(error) = daemon.kill() {
                    return error;
                }
                match self.serve(cast) {
                    Ok(again) => *daemon = again,
                    Err(error) => return error,
                }
            }
            tokio::time::sleep(BLINK).await;
        }
    }

    /// States of the case's first buyer's order, in a word.
    async fn states(&self, cast: &Cast) -> Result<String> {
        let Some((_, buyer)) = cast.buyers.first() else {
            return Ok(String::new());
        };
        let Some(order) = ordered(&buyer.path("bought"))? else {
            return Ok("no order".into());
        };
        Ok(match self.order(order).await? {
            None => "ended".into(),
            Some(found) => match found.get("state").and_then(Value::as_object) {
                Some(state) => state.keys().cloned().collect::<Vec<_>>().join(""),
                None => bail!("an order without a state: {found}"),
            },
        })
    }

    /// An order that has not ended, by `market_order`.
    async fn order(&self, order: u64) -> Result<Option<Value>> {
        let answer: Result<Value> = self.ledger.rpc.call("market_order", json!([order])).await;
        match answer {
            Ok(found) => Ok(found.get("order").cloned()),
            Err(error) if format!("{error:#}").contains("-32072") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn ended(&self, order: u64) -> Result<()> {
        wait_for(&format!("the end of order {order}"), PATIENCE, || async {
            Ok(self.order(order).await?.is_none().then_some(()))
        })
        .await
    }

    /// Buys as `kind` does, from a seller who may be trusted. Answers the order.
    async fn buy(&self, cast: &Cast, kind: Kind, buyer: &Person, listing: u64) -> Result<u64> {
        let folder = buyer.path("bought");
        match kind {
            Kind::Honest => {
                let answer = self.buy_to_the_end(buyer, listing).await?;
                let state = text(&answer, "state")?;
                ensure!(state == "settled", "an honest sale ended as {state}");
                self.compare(cast, buyer, &folder).await?;
                number(&answer, "order")
            }
            Kind::Killed => {
                self.buy_killed(cast, buyer, listing).await?;
                self.compare(cast, buyer, &folder).await?;
                ordered(&folder)?.context("no order in the journal")
            }
            Kind::Blind | Kind::Watched => self.order_blindly(buyer, listing, None).await,
            Kind::Gone => {
                let mut process = self.start_buying(buyer, listing)?;
                let order = wait_for("an order", PATIENCE, || async { ordered(&folder) }).await;
                process.kill()?;
                order
            }
            Kind::Slanderer => self.slander(cast, buyer, listing).await,
        }
    }

    fn buy_args(buyer: &Person, listing: u64) -> Vec<String> {
        let (listing, seed) = (listing.to_string(), show(&buyer.seed));
        let folder = show(&buyer.path("bought"));
        [
            "data",
            "buy",
            &listing,
            "--seed",
            &seed,
            "--folder",
            &folder,
            "--yes",
            "--allow-private",
            "--suri",
            &buyer.suri,
        ]
        .map(String::from)
        .to_vec()
    }

    fn start_buying(&self, buyer: &Person, listing: u64) -> Result<Process> {
        let name = format!("buy-{}", buyer.suri.rsplit('/').next().unwrap_or_default());
        let mut args = Self::buy_args(buyer, listing);
        args.push("--wait".into());
        self.cli.spawn(&name, &args, &self.workspace.log(&name))
    }

    async fn buy_to_the_end(&self, buyer: &Person, listing: u64) -> Result<Value> {
        let mut args = Self::buy_args(buyer, listing);
        args.push("--wait".into());
        self.cli.run(&args).await
    }

    /// Buys, and is killed half way through the fetching and after each note in the journal.
    async fn buy_killed(&self, cast: &Cast, buyer: &Person, listing: u64) -> Result<()> {
        let journal = buyer.path("bought").join("purchase.jsonl");
        let end = Instant::now() + PATIENCE;
        let mut killed = BTreeSet::new();
        let mut process = self.start_buying(buyer, listing)?;
        loop {
            ensure!(Instant::now() < end, "the purchase does not end");
            if let Some(status) = process.try_wait()? {
                ensure!(status.success(), "`athanor data buy` ended with {status}");
                break;
            }
            let fetching = killed.contains("began") && part_is_here(&buyer.path("bought"));
            let last = noted(&journal)?.pop();
            let point = match last {
                Some(name) if name == "began" && fetching => "fetching".to_string(),
                Some(name) => name,
                None => String::new(),
            };
            if !point.is_empty() && point != "ended" && killed.insert(point.clone()) {
                process.kill()?;
                self.say(cast, format!("buyer killed at \"{point}\""));
                process = self.start_buying(buyer, listing)?;
            }
            tokio::time::sleep(BLINK).await;
        }
        for step in STEPS {
            ensure!(
                killed.contains(step),
                "the step \"{step}\" was not seen; killed at {killed:?}"
            );
        }
        Ok(())
    }

    /// Orders by hand with a key of its own, without a look at anything.
    async fn order_blindly(
        &self,
        buyer: &Person,
        listing: u64,
        watch: Option<&Person>,
    ) -> Result<u64> {
        let answer: Value = self
            .ledger
            .rpc
            .call("market_quote", json!([listing, buyer.address]))
            .await?;
        let quote = answer.get("quote").context("no quote")?;
        ensure!(
            quote.get("problem") == Some(&Value::Null),
            "an order would be refused: {quote}"
        );
        let seal: [u8; 32] = hex::decode(text(quote, "seal_id")?.trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("a seal of another form")?;
        let price = amount(quote, "price")?;
        let seed = Secret::new(self.seed_of(buyer)?);
        let b = buyer_secret(&seed, &self.genesis, listing, &BLIND_NONCE);
        let key = public_key(&b);
        let helper = watch.map(|person| person.key);
        let args = (listing, seal, price, key, helper).encode();
        let sent = self
            .ledger
            .send(&buyer.suri, "DataMarket.order", args)
            .await?;
        if let Some(why) = sent.refused {
            bail!("the order was refused: {why}");
        }
        sent.order.context("an order without number")
    }

    /// Buys honestly, then complains of what is right.
    async fn slander(&self, cast: &Cast, buyer: &Person, listing: u64) -> Result<u64> {
        let folder = buyer.path("bought");
        let answer = self.cli.run(&Self::buy_args(buyer, listing)).await?;
        let order = number(&answer, "order")?;
        let path = show(&folder);
        let seed = show(&buyer.seed);
        let complaint = ["data", "complain", &path, "--seed", &seed, "--yes"];
        let refused = self.run(buyer, &complaint).await;
        ensure!(refused.is_err(), "the command line took a false complaint");

        let journal = std::fs::read_to_string(folder.join("purchase.jsonl"))?;
        let first: Value = serde_json::from_str(journal.lines().next().unwrap_or_default())?;
        let nonce = first.get("began").context("a journal without beginning")?;
        let nonce: [u8; 16] = hex::decode(text(nonce, "nonce")?.trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("a nonce of another form")?;
        let seed = Secret::new(self.seed_of(buyer)?);
        let b = buyer_secret(&seed, &self.genesis, listing, &nonce);
        let group = Self::group_of(&folder.join("z"), &folder.join("x"), 0, &b)?;
        for (evidence, error) in [
            (Evidence::of_key(&b), "NotProven"),
            (group, "NotProven"),
            (Evidence::of_key(&Secret::new([9; 32])), "NotThisOrdersKey"),
        ] {
            let args = (order, evidence).encode();
            let sent = self
                .ledger
                .send(&buyer.suri, "DataMarket.complain", args)
                .await?;
            let wanted = format!("DataMarket.{error}");
            ensure!(
                sent.refused.as_deref() == Some(wanted.as_str()),
                "a false complaint ended as {sent:?}, not {error}"
            );
        }
        self.say(cast, "three false complaints refused");
        Ok(order)
    }

    /// Evidence of a group, right or wrong.
    fn group_of(z: &Path, x: &Path, index: u64, b: &Secret) -> Result<Evidence> {
        let z = std::fs::read(z).context("no ciphertext")?;
        let x = std::fs::read(x).context("no goods")?;
        let groups = Groups::new(z.len() as u64)?;
        let proof = |bytes: &[u8]| -> Result<_> {
            let mut outboard = std::io::Cursor::new(Vec::new());
            let root = stream::encode(bytes.len() as u64, bytes, &mut outboard)?;
            let nodes = outboard.into_inner();
            let read = |at: u64, node: &mut [u8; 64]| -> Result<(), ()> {
                let at = usize::try_from(at).map_err(|_| ())?;
                let found = nodes.get(at..).and_then(|rest| rest.first_chunk());
                *node = *found.ok_or(())?;
                Ok(())
            };
            groups
                .prove(&root, index, read)
                .map_err(|_: ProveError<()>| anyhow::anyhow!("no proof of a group"))
        };
        let start = usize::try_from(index)? * GROUP;
        let end = start + groups.group_len(index)?;
        let group = z.get(start..end).context("a short ciphertext")?;
        Ok(Evidence::of_group(
            b,
            group.to_vec(),
            &proof(&z)?,
            &proof(&x)?,
        )?)
    }

    /// What buyers of a liar come to.
    async fn cheated(&self, cast: &Cast, listing: u64) -> Result<Vec<u64>> {
        // Those who never look are there first: the first proof ends the sale for all.
        let mut asleep = Vec::new();
        for (kind, buyer) in &cast.buyers {
            match kind {
                Kind::Blind => asleep.push(self.order_blindly(buyer, listing, None).await?),
                Kind::Watched => {
                    let watch = Some(&cast.watch);
                    asleep.push(self.order_blindly(buyer, listing, watch).await?);
                }
                _ => {}
            }
        }
        let mut sleepers = asleep.iter().copied();
        let mut orders = Vec::new();
        for (kind, buyer) in &cast.buyers {
            orders.push(match kind {
                Kind::Blind => sleepers.next().context("an order is missing")?,
                Kind::Watched => {
                    let order = sleepers.next().context("an order is missing")?;
                    self.watch(cast, buyer, listing, order).await?;
                    order
                }
                _ => {
                    let answer = self.buy_to_the_end(buyer, listing).await?;
                    let state = text(&answer, "state")?;
                    ensure!(state == "refunded", "a liar's sale ended as {state}");
                    number(&answer, "order")?
                }
            });
        }
        if cast.case.lie != Lie::Silent {
            for order in asleep {
                let args = order.encode();
                let sent = self
                    .ledger
                    .send(&cast.watch.suri, "DataMarket.poke", args)
                    .await?;
                // The seller's daemon may have been first.
                if let Some(why) = sent.refused {
                    ensure!(why == "DataMarket.NoSuchOrder", "a poke ended as {why}");
                }
            }
        }
        Ok(orders)
    }

    /// The account that a buyer named looks for him, and complains.
    async fn watch(&self, cast: &Cast, buyer: &Person, listing: u64, order: u64) -> Result<()> {
        let Lie::Garble(at) = cast.case.lie else {
            bail!("a watched order of something that is not garbled");
        };
        wait_for(&format!("the key of order {order}"), PATIENCE, || async {
            let found = self.order(order).await?.context("the order ended")?;
            let state = found.get("state").and_then(|state| state.get("revealed"));
            Ok(state.map(|_| ()))
        })
        .await?;
        let seed = Secret::new(self.seed_of(buyer)?);
        let b = buyer_secret(&seed, &self.genesis, listing, &BLIND_NONCE);
        let z = cast.seller.path("sealed").join("z");
        let x = cast.seller.path("goods").join("x");
        let length = std::fs::metadata(&z).context("no ciphertext")?.len();
        let evidence = Self::group_of(&z, &x, at.index(length)?, &b)?;
        let args = (order, evidence).encode();
        let sent = self
            .ledger
            .send(&cast.watch.suri, "DataMarket.complain", args)
            .await?;
        ensure!(
            sent.refused.is_none(),
            "a true complaint was refused: {sent:?}"
        );
        ensure!(sent.fee == 0, "a true complaint cost {}", aur(sent.fee));
        Ok(())
    }

    /// Unpacks what was bought, and compares it with what was sold.
    async fn compare(&self, cast: &Cast, buyer: &Person, folder: &Path) -> Result<()> {
        let out = buyer.path("files");
        self.cli
            .run(&[
                "data",
                "unpack",
                &show(&folder.join("x")),
                "--out",
                &show(&out),
            ])
            .await?;
        let one = cast.seller.path("data");
        let files = tokio::task::spawn_blocking(move || goods::ensure_equal(&one, &out)).await??;
        self.say(cast, format!("{files} files came out as they went in"));
        Ok(())
    }

    /// What the chain counts of the listing and the seller.
    async fn check_counts(&self, cast: &Cast, listing: u64) -> Result<()> {
        let found: Value = self
            .ledger
            .rpc
            .call("market_listing", json!([listing]))
            .await?;
        let ends: Vec<End> = cast
            .buyers
            .iter()
            .map(|(kind, _)| end(cast.case.lie, *kind))
            .collect();
        let count = |is: fn(&End) -> bool| ends.iter().filter(|end| is(end)).count() as u64;
        let wanted = [
            ("settled", count(|end| *end == End::Settled)),
            ("missed", count(|end| *end == End::Missed)),
            (
                "proven",
                count(|end| !matches!(end, End::Settled | End::Missed)),
            ),
        ];
        for part in ["listing", "seller"] {
            let of = found.get(part).context("a listing without its seller")?;
            for (name, wanted) in wanted {
                let got = number(of, name)?;
                ensure!(got == wanted, "the {part} has {got} {name}, not {wanted}");
            }
        }
        let status = found["listing"]["status"].clone();
        let open = cast.case.lie == Lie::Nothing;
        ensure!(
            (status == json!("open")) == open,
            "the listing is {status} in the end"
        );
        ensure!(
            found["listing"]["open_orders"] == json!(0) && found["seller"]["locked"] == json!("0"),
            "something is still locked: {found}"
        );
        Ok(())
    }
}

/// How an order of such a buyer of such a seller ends.
fn end(lie: Lie, kind: Kind) -> End {
    match (lie, kind) {
        (Lie::Nothing, _) => End::Settled,
        (Lie::Silent, _) => End::Missed,
        (_, Kind::Honest | Kind::Killed) => End::Proven,
        (_, Kind::Watched) => End::ProvenByWatch,
        (_, Kind::Blind | Kind::Gone | Kind::Slanderer) => End::SealBad,
    }
}

/// Names of a journal's entries.
fn noted(journal: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(journal).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).context("a journal's line")?;
            Ok(match entry {
                Value::String(name) => name,
                Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
                other => bail!("an entry of another form: {other}"),
            })
        })
        .collect()
}

/// The order of a purchase, once it is known.
fn ordered(folder: &Path) -> Result<Option<u64>> {
    let text = std::fs::read_to_string(folder.join("purchase.jsonl")).unwrap_or_default();
    Ok(text.lines().find_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        entry.get("ordered")?.get("order")?.as_u64()
    }))
}

/// Whether a part of the ciphertext has come.
fn part_is_here(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let long = entry.metadata().is_ok_and(|meta| meta.len() > 1 << 20);
            name.to_string_lossy().starts_with('z') && long
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_plans_have_every_kind_of_buyer_and_of_lie() {
        let names = |full| -> BTreeSet<String> {
            let all = cases(Plan { full });
            let kinds = all.iter().flat_map(|case| case.kinds.iter());
            let lies = all.iter().map(|case| match case.lie {
                Lie::Garble(_) => "Garble".to_string(),
                lie => format!("{lie:?}"),
            });
            kinds.map(|kind| format!("{kind:?}")).chain(lies).collect()
        };
        let short = [
            "Blind", "Garble", "Gone", "Honest", "Killed", "Length", "Nothing", "Silent",
        ];
        let short = short.into_iter().chain(["Slanderer", "WrongKey"]);
        let mut wanted: BTreeSet<String> = short.map(String::from).collect();
        assert_eq!(names(false), wanted);
        wanted.insert("Watched".into());
        assert_eq!(names(true), wanted);
    }

    #[test]
    fn a_journal_is_read_to_its_last_whole_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("purchase.jsonl");
        assert_eq!(noted(&path).unwrap(), Vec::<String>::new());
        let text = "{\"began\":{}}\n\"checked\"\n{\"ordered\":{\"order\":7}}\n{\"fin";
        std::fs::write(&path, text).unwrap();
        assert_eq!(noted(&path).unwrap(), ["began", "checked", "ordered"]);
        assert_eq!(ordered(dir.path()).unwrap(), Some(7));
    }
}
