//! What the first story leaves out: many beneficiaries and a parent, allow-lists, goods for nothing,
//! mirrors, samples, tips, ratings, claims and what is forgotten. Side by side where nothing waits for
//! another, on one development node.

use super::{
    goods, ledger,
    money::{Changes, Tariff},
    show, start_store, treasury, Market, Person, FIRST_BLOCKS, MONEY, PATIENCE, UNIT,
};
use crate::{
    athanor::{aur, exact, number, text, Athanor},
    chain,
    network::Network,
    node::NodePlan,
    ports,
    process::Process,
    progress::Progress,
    rpc::wait_for,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use codec::Encode;
use ledger::{Key, Ledger};
use serde_json::{json, Value};
use std::path::{Path, PathBuf};

/// Of the parent's goods.
const PARENT_PRICE: u128 = 20 * UNIT + 3;
/// Of the child's.
const CHILD_PRICE: u128 = 10 * UNIT + 7;
/// Units of the child's pool: two accounts, one that is owed too little to open an account, the
/// parent, and what is left for the seller.
const PARTS: [u32; 5] = [1_000, 777, 1, 1_500, 6_722];
/// What the parent's daemon adds to a reveal for which half of the window is gone.
const TIP: u128 = UNIT / 100;

/// The most it may add to one.
const MOST_TIP: u128 = UNIT;

struct People {
    parent: Person,
    child: Person,
    agents: [Person; 2],
    buyers: [Person; 3],
    /// Accounts that do not exist.
    heirs: [Person; 3],
}

impl People {
    fn new(workspace: &Workspace) -> Result<Self> {
        let person = |name: &str| Person::new(workspace, name);
        Ok(Self {
            parent: person("parent")?,
            child: person("child")?,
            agents: [person("parents-agent")?, person("childs-agent")?],
            buyers: [person("first")?, person("second")?, person("third")?],
            heirs: [person("heir-0")?, person("heir-1")?, person("heir-2")?],
        })
    }

    fn funded(&self) -> Vec<Key> {
        let sellers = [&self.parent, &self.child].into_iter();
        sellers
            .chain(&self.agents)
            .chain(&self.buyers)
            .map(|person| person.key)
            .collect()
    }
}

/// The account of the market's pallet, which has what pools hold.
fn pot() -> Key {
    let mut key = [0; 32];
    for (byte, of) in key.iter_mut().zip(b"modlath/mrkt") {
        *byte = *of;
    }
    key
}

/// ⌊amount · units / 10,000⌋
fn part(amount: u128, units: u32) -> u128 {
    amount * u128::from(units) / 10_000
}

/// Plays it, and checks who has what in the end.
///
/// # Errors
///
/// If a step fails, something is allowed that should not be, or a balance is another.
pub async fn play_more(tools: &Tools, workspace: &Workspace, progress: Progress) -> Result<()> {
    let step = progress.step("start a node and a content store");
    let mut network = Network::on_preset(tools, workspace, "development", &[]).await?;
    network
        .add_node(tools, workspace, NodePlan::validator("alice"))
        .await?;
    network.wait_for_finality(&[], 1, FIRST_BLOCKS).await?;
    let ws = network.first()?.ws();
    let rpc = network.first()?.rpc().clone();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let (mut main_store, store, token) = start_store(&cli, workspace).await?;
    step.done(format!("{ws}, {store}"));

    let step = progress.step("bring sellers, buyers and heirs");
    let ledger = Ledger::new(&rpc, &ws).await?;
    let people = People::new(workspace)?;
    let funded = people.funded();
    ledger.fund("//Alice//stash", &funded, MONEY).await?;
    let treasury = treasury();
    let mut accounts = funded.clone();
    accounts.extend(people.heirs.iter().map(|heir| heir.key));
    accounts.extend([treasury, pot()]);
    let before = ledger.snapshot(&accounts).await?;
    for key in &funded {
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
    step.done(format!("{} accounts of {} each", funded.len(), aur(MONEY)));

    let step = progress.step("play sellers, buyers and heirs");
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
    let act = Act {
        market: &market,
        people: &people,
    };
    let (parent, gift) = futures::future::try_join(act.list_parent(), act.list_gift()).await?;
    let child = act.list_child(parent).await?;
    step.note(format!(
        "listings {parent}, {child}, and {gift} for nothing"
    ));
    futures::future::try_join3(act.search(), act.sample(parent), act.take(gift)).await?;
    step.note("found, looked at, and what is free taken");
    let daemons = act.serve()?;
    act.keep_out(child).await?;
    let mirror = act.mirror().await?;
    // One buyer fetches from both, and one of the child's from the seller alone.
    futures::future::try_join(
        act.buy(0, parent, Some(&mirror.1), "parents"),
        act.buy(1, child, None, "childs"),
    )
    .await?;
    // And one from the mirror while the seller's store is away.
    main_store.stop()?;
    act.buy(2, parent, Some(&mirror.1), "parents").await?;
    step.note("three sales settled, one of them without the seller's store");
    act.rate(parent).await?;
    act.claim(parent, child).await?;
    act.forget(parent).await?;
    for mut daemon in daemons {
        daemon.ensure_running()?;
        daemon.stop()?;
    }
    network.ensure_running()?;
    step.done("rated, claimed, forgotten");

    let step = progress.step("check every balance");
    let head = rpc.best_block().await?;
    network.wait_for_finality(&[], head, PATIENCE).await?;
    let after = ledger.snapshot(&accounts).await?;
    let changes = wanted(&tariff, &people, treasury);
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
    let [parents, childs] = &people.agents;
    let others = after.tips.iter().filter(|(key, _)| **key != parents.key);
    let (tips, most) = (after.tips.get(&parents.key).copied(), 2 * MOST_TIP);
    ensure!(
        tips.unwrap_or_default() <= most && others.map(|(_, tip)| tip).sum::<u128>() == 0,
        "more tips than were allowed, {} a reveal to one daemon and none to 0x{}: {:?}",
        aur(MOST_TIP),
        hex::encode(childs.key),
        after.tips
    );
    step.done(format!("{} accounts, to the unit", accounts.len()));
    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    println!("3 sales, 1 gift, 5 beneficiaries, all by the money table");
    Ok(())
}

/// What should have moved, fees of transactions apart.
fn wanted(tariff: &Tariff, people: &People, treasury: Key) -> Changes {
    let mut changes = Changes::default();
    let (parent, child, pot) = (people.parent.key, people.child.key, pot());
    changes.lists(tariff, parent, treasury);
    changes.lists(tariff, child, treasury);
    changes.lists(tariff, child, treasury);
    for buyer in [&people.buyers[0], &people.buyers[2]] {
        let fee = tariff.fee(PARENT_PRICE);
        changes.moves(buyer.key, treasury, fee);
        changes.moves(buyer.key, parent, PARENT_PRICE - fee);
    }
    let fee = tariff.fee(CHILD_PRICE);
    let net = CHILD_PRICE - fee;
    let buyer = people.buyers[1].key;
    changes.moves(buyer, treasury, fee);
    changes.moves(buyer, pot, net);
    let [first, second, _, up, own] = PARTS;
    changes.moves(pot, people.heirs[0].key, part(net, first));
    changes.moves(pot, people.heirs[1].key, part(net, second));
    changes.moves(pot, parent, part(net, up));
    changes.moves(pot, child, part(net, own));
    changes
}

struct Act<'a> {
    market: &'a Market<'a>,
    people: &'a People,
}

impl Act<'_> {
    /// A set of so many bytes, sealed.
    async fn sealed(&self, who: &Person, name: &str, bytes: u64, of: &str) -> Result<PathBuf> {
        let data = who.path(&format!("data{of}"));
        let into = data.clone();
        tokio::task::spawn_blocking(move || goods::rows(bytes, bytes, &into)).await??;
        self.market.seal(who, name, &data, of).await
    }

    async fn listed(&self, who: &Person, sealed: &Path, more: &[&str]) -> Result<Value> {
        let (folder, token) = (show(sealed), show(&self.market.token));
        let store = self.market.store.as_str();
        let mut args = vec!["data", "list", &folder, "--yes", "--store", store];
        args.extend(["--store-token-file", &token]);
        args.extend(more);
        self.market.run(who, &args).await
    }

    /// With 3 groups of sample out of 64, and open to whoever gives it a twentieth.
    async fn list_parent(&self) -> Result<u64> {
        let who = &self.people.parent;
        self.market.register(who, &self.people.agents[0]).await?;
        let sealed = self
            .sealed(who, "a parent of others", 1_000_000, "")
            .await?;
        let price = exact(PARENT_PRICE);
        let args = ["--price", &price, "--derive", "500", "--samples"];
        let many = [&args[..], &["40"]].concat();
        refused(self.listed(who, &sealed, &many).await, "show at most 3")?;
        let listed = self
            .listed(who, &sealed, &[&args[..], &["3"]].concat())
            .await?;
        let seed = text(&listed, "sample")?;
        self.market
            .step
            .note(format!("a sample is served as {seed}"));
        number(&listed, "listing")
    }

    /// Goods for nothing.
    async fn list_gift(&self) -> Result<u64> {
        let who = &self.people.child;
        self.market.register(who, &self.people.agents[1]).await?;
        let sealed = self.sealed(who, "a gift to all", 100_000, "-gift").await?;
        number(
            &self.listed(who, &sealed, &["--price", "0 AUR"]).await?,
            "listing",
        )
    }

    async fn list_child(&self, parent: u64) -> Result<u64> {
        let who = &self.people.child;
        let sealed = self
            .sealed(who, "a child of the parent", 50_000, "")
            .await?;
        let heirs = &self.people.heirs;
        let parts = PARTS.iter().zip([
            heirs[0].address.clone(),
            heirs[1].address.clone(),
            heirs[2].address.clone(),
            format!("listing:{parent}"),
        ]);
        let shares: Vec<String> = parts.map(|(units, who)| format!("{who}={units}")).collect();
        let price = exact(CHILD_PRICE);
        let mut args = vec!["--price", &price, "--restricted"];
        for share in &shares {
            args.extend(["--share", share]);
        }
        // Less than the parent wants is refused.
        let less = format!("listing:{parent}=499");
        let poor = ["--price", price.as_str(), "--share", &less];
        refused(self.listed(who, &sealed, &poor).await, "NoConsent")?;
        number(&self.listed(who, &sealed, &args).await?, "listing")
    }

    fn serve(&self) -> Result<[Process; 2]> {
        let start = |name: &str, seller: &Person, agent: &Person, more: &[&str]| {
            let (seed, journal) = (show(&seller.seed), show(&seller.path("served.jsonl")));
            let args = [
                "data",
                "serve",
                "--seed",
                &seed,
                "--seller",
                &seller.address,
            ];
            let rest = ["--poke", "--journal", &journal, "--suri", &agent.suri];
            let log = self.market.workspace.log(name);
            let all = [&args[..], &rest[..], more].concat();
            self.market.cli.spawn(name, &all, &log)
        };
        let (tip, most) = (exact(TIP), exact(MOST_TIP));
        let tips = ["--tip", tip.as_str(), "--max-tip", most.as_str()];
        let [first, second] = &self.people.agents;
        Ok([
            start("serve-parent", &self.people.parent, first, &tips)?,
            start(
                "serve-child",
                &self.people.child,
                second,
                &["--tip", "0 AUR"],
            )?,
        ])
    }

    async fn search(&self) -> Result<()> {
        let find = |word: &'static str, more: &'static [&'static str]| async move {
            let args = ["data", "search", word, "--store", &self.market.store];
            let found = self.market.cli.run(&[&args[..], more].concat()).await?;
            let names = found["found"].as_array().context("no list")?.iter();
            let names: Vec<_> = names.map(|hit| hit["card"]["name"].clone()).collect();
            anyhow::Ok(names)
        };
        ensure!(
            find("parent", &[]).await?.len() == 2,
            "the parent is not found"
        );
        let all = find("gift", &["--max-price", "0 AUR"]).await?;
        ensure!(
            all == [json!("a gift to all")],
            "what is free is not found: {all:?}"
        );
        ensure!(find("nonsense", &[]).await?.is_empty(), "nonsense is found");
        Ok(())
    }

    /// A stranger looks at the sample, which is the one that was drawn.
    async fn sample(&self, parent: u64) -> Result<()> {
        let buyer = &self.people.buyers[0];
        let (file, rows) = (show(&buyer.path("sample")), show(&buyer.path("rows")));
        let id = parent.to_string();
        let args = ["data", "sample", "--listing", &id, "--out", &file];
        let more = ["--extract", &rows, "--allow-private"];
        let seen = self
            .market
            .cli
            .run(&[&args[..], &more[..]].concat())
            .await?;
        let groups = seen["groups"].as_array().map_or(0, Vec::len);
        ensure!(
            groups == 3 && seen["checked"] == json!(true),
            "the sample: {seen}"
        );
        let found = std::fs::read(&rows).context("no rows")?;
        ensure!(
            found.windows(6).any(|bytes| bytes == b"{\"id\":"),
            "the sample has none of the rows that are sold"
        );
        let mut bytes = std::fs::read(&file).context("no sample")?;
        let last = bytes.last_mut().context("an empty sample")?;
        *last ^= 1;
        std::fs::write(&file, bytes).context("cannot write a sample")?;
        let checked = ["data", "sample", "--listing", &id, "--check", &file];
        refused(
            self.market.cli.run(&checked).await,
            "does not match its root",
        )
    }

    /// What is free cannot be ordered, and is fetched by anybody.
    async fn take(&self, gift: u64) -> Result<()> {
        let buyer = &self.people.buyers[1];
        let order = (gift, [0u8; 32], UNIT, [7u8; 32], None::<Key>).encode();
        let sent = self
            .market
            .ledger
            .send(&buyer.suri, "DataMarket.order", order);
        let why = sent.await?.refused;
        ensure!(
            why.as_deref() == Some("DataMarket.IsFree"),
            "an order of what is free ended as {why:?}"
        );
        let (id, folder) = (gift.to_string(), show(&buyer.path("gift")));
        let args = [
            "data",
            "buy",
            &id,
            "--folder",
            &folder,
            "--yes",
            "--allow-private",
        ];
        let taken = self.market.cli.run(&args).await?;
        ensure!(text(&taken, "state")? == "free", "a gift ended as {taken}");
        self.unpacked(buyer, "gift", &self.people.child.path("data-gift"))
            .await
    }

    async fn unpacked(&self, buyer: &Person, name: &str, sold: &Path) -> Result<()> {
        let (x, out) = (
            buyer.path(name).join("x"),
            buyer.path(&format!("{name}-files")),
        );
        let args = ["data", "unpack", &show(&x), "--out", &show(&out)];
        self.market.cli.run(&args).await?;
        let sold = sold.to_owned();
        let files = tokio::task::spawn_blocking(move || goods::ensure_equal(&sold, &out)).await??;
        self.market
            .step
            .note(format!("{files} files came out as they went in"));
        Ok(())
    }

    /// Nobody who was not allowed can order, whatever he sends, nor once he is allowed no more.
    async fn keep_out(&self, child: u64) -> Result<()> {
        let (seller, buyer) = (&self.people.child, &self.people.buyers[1]);
        let listing: Value = self
            .market
            .ledger
            .rpc
            .call("market_listing", json!([child]))
            .await?;
        let seals = listing["listing"]["seals"].as_array().context("no seals")?;
        let seal = text(seals.last().context("no seal")?, "seal_id")?;
        let seal: [u8; 32] = hex::decode(seal.trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("a seal of another form")?;
        let id = child.to_string();
        let allow = ["data", "allow", &id, &buyer.address];
        let ordered = || async {
            let order = (child, seal, CHILD_PRICE, [7u8; 32], None::<Key>).encode();
            let sent = self
                .market
                .ledger
                .send(&buyer.suri, "DataMarket.order", order);
            let why = sent.await?.refused;
            ensure!(
                why.as_deref() == Some("DataMarket.NotAllowed"),
                "an order of a restricted listing ended as {why:?}"
            );
            Ok(())
        };
        ordered().await?;
        let bought = self.market.cli.run(&self.args(1, child, None)).await;
        refused(bought, "would be refused now")?;
        std::fs::remove_dir_all(buyer.path("bought")).context("no folder")?;
        self.market.run(seller, &allow).await?;
        self.market
            .run(seller, &[&allow[..], &["--undo"]].concat())
            .await?;
        ordered().await?;
        self.market.run(seller, &allow).await?;
        Ok(())
    }

    /// The same files from another folder, by somebody without a token.
    async fn mirror(&self) -> Result<(Process, String)> {
        let folder = self.market.workspace.data("mirror")?;
        let from = self.market.workspace.data("blobs")?;
        for kind in ["blobs", "outboards", "samples"] {
            copy_all(&from.join(kind), &folder.join(kind))?;
        }
        let listen = format!("127.0.0.1:{}", ports::free()?);
        let place = show(&folder);
        let args = ["store", "serve", "--folder", &place, "--listen", &listen];
        let log = self.market.workspace.log("mirror");
        let mut process = self.market.cli.spawn("mirror", &args, &log)?;
        let url = format!("http://{listen}");
        let health = format!("{url}/healthz");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("cannot set up an HTTP client")?;
        process
            .wait_until_ready(FIRST_BLOCKS, || {
                let request = http.get(&health).send();
                async { Ok(request.await?.error_for_status().map(|_| ())?) }
            })
            .await?;
        Ok((process, url))
    }

    fn args(&self, buyer: usize, listing: u64, store: Option<&str>) -> Vec<String> {
        let mut args = Market::buy_args(&self.people.buyers[buyer], listing);
        args.push("--wait".into());
        if let Some(store) = store {
            args.extend(["--store".into(), store.into()]);
        }
        args
    }

    async fn buy(
        &self,
        buyer: usize,
        listing: u64,
        store: Option<&str>,
        whose: &str,
    ) -> Result<()> {
        let mut sampled = false;
        let args = self.args(buyer, listing, store);
        let answer = self.market.cli.run_watched(&args, |line| {
            sampled |= line.contains("step: sampled 3 of ");
        });
        let answer = answer.await?;
        let state = text(&answer, "state")?;
        ensure!(state == "settled", "an honest sale ended as {state}");
        ensure!(
            sampled == (whose == "parents"),
            "the sample of the {whose} goods was looked at: {sampled}"
        );
        let seller = match whose {
            "parents" => &self.people.parent,
            _ => &self.people.child,
        };
        let buyer = &self.people.buyers[buyer];
        self.unpacked(buyer, "bought", &seller.path("data")).await
    }

    async fn rate(&self, parent: u64) -> Result<()> {
        let (buyer, id) = (&self.people.buyers[0], parent.to_string());
        let rate = |stars: &'static str| ["data", "rate", &id, stars].map(str::to_owned);
        let rated = |args: [String; 4]| async move {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            self.market.run(buyer, &args).await
        };
        rated(rate("4")).await?;
        refused(rated(rate("1")).await, "AlreadyRated")?;
        let (outsider, stars) = (&self.people.buyers[1], ["data", "rate", &id, "1"]);
        refused(self.market.run(outsider, &stars).await, "NoSuchRight")?;
        let found: Value = self
            .market
            .ledger
            .rpc
            .call("market_listing", json!([parent]))
            .await?;
        let fee = PARENT_PRICE * 2 / 100;
        ensure!(
            found["listing"]["ratings"] == json!(1)
                && found["listing"]["rating_weight"] == json!(fee.to_string())
                && found["listing"]["rating_sum"] == json!((4 * fee).to_string()),
            "the rating is another: {found}"
        );
        Ok(())
    }

    async fn claim(&self, parent: u64, child: u64) -> Result<()> {
        let fee = CHILD_PRICE * 2 / 100;
        let net = CHILD_PRICE - fee;
        let (own, up) = (format!("listing:{child}"), format!("listing:{parent}"));
        // Anybody may, and it goes to whom it is owed.
        let anybody = &self.people.buyers[2];
        let claim = |pool: String, to: String| async move {
            let args = ["data", "claim", &pool, "--to", &to];
            self.market.run(anybody, &args).await
        };
        let [first, second, poor] = &self.people.heirs;
        for (to, units) in [
            (&first.address, PARTS[0]),
            (&second.address, PARTS[1]),
            (&up, PARTS[3]),
        ] {
            let claimed = claim(own.clone(), to.clone()).await?;
            let (got, wanted) = (text(&claimed, "claimed")?, part(net, units).to_string());
            ensure!(got == wanted, "{to} claimed {got}, not {wanted}");
            refused(claim(own.clone(), to.clone()).await, "there is nothing in")?;
        }
        // Less than an account needs to exist waits.
        refused(
            claim(own.clone(), poor.address.clone()).await,
            "CannotBePaid",
        )?;
        refused(
            claim(own, anybody.address.clone()).await,
            "there is nothing in",
        )?;
        claim(up, self.people.parent.address.clone()).await?;
        let enrol = ["data", "enrol", "0"];
        refused(self.market.run(anybody, &enrol).await, "CampaignNotSettled")
    }

    async fn held_of(&self, who: &Person) -> Result<u128> {
        let snapshot = self.market.ledger.snapshot(&[who.key]).await?;
        snapshot.held.get(&who.key).copied().context("no account")
    }

    /// The deposit comes back, and the right is gone.
    async fn forget(&self, parent: u64) -> Result<()> {
        let (buyer, id) = (&self.people.buyers[0], parent.to_string());
        let forget = ["data", "forget", &id];
        let held = self.held_of(buyer).await?;
        ensure!(held > 0, "nothing was held for a right");
        self.market.run(buyer, &forget).await?;
        wait_for("the deposit of a right to come back", PATIENCE, || async {
            Ok((self.held_of(buyer).await? == 0).then_some(()))
        })
        .await?;
        refused(self.market.run(buyer, &forget).await, "NoSuchRight")?;
        let rate = ["data", "rate", &id, "5"];
        refused(self.market.run(buyer, &rate).await, "NoSuchRight")
    }
}

/// Whether a command was refused, and said why.
fn refused(answer: Result<Value>, why: &str) -> Result<()> {
    match answer {
        Ok(answer) => anyhow::bail!("it should be refused with \"{why}\" and gives {answer}"),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(
                said.contains(why),
                "refused, and not with \"{why}\": {said}"
            );
            Ok(())
        }
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).context("cannot make a folder")?;
    for entry in std::fs::read_dir(from).context("no folder")? {
        let entry = entry.context("a folder")?;
        let to = to.join(entry.file_name());
        if entry.file_type().context("a folder")?.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to).context("cannot copy a file")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_all_there_is() {
        assert_eq!(PARTS.iter().sum::<u32>(), 10_000);
        let net = CHILD_PRICE - CHILD_PRICE / 50;
        let sum: u128 = PARTS.iter().map(|units| part(net, *units)).sum();
        assert!(sum <= net && net - sum < PARTS.len() as u128);
        assert_eq!(part(9_999, 1), 0);
        assert_eq!(part(10_000, 1), 1);
    }

    #[test]
    fn a_folder_is_copied_with_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        goods::write(&from.join("x/y"), b"1").unwrap();
        copy_all(&from, &to).unwrap();
        assert_eq!(std::fs::read(to.join("x/y")).unwrap(), b"1");
        assert!(refused(Ok(json!(1)), "no").is_err());
        assert!(refused(Err(anyhow::anyhow!("that is no good")), "no good").is_ok());
        assert!(refused(Err(anyhow::anyhow!("other")), "no good").is_err());
    }
}
