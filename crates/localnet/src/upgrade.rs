//! A runtime upgrade of a live network by referendum, with a storage migration of several blocks,
//! while jobs, a labelling batch and an order of data are in flight.

use crate::{
    athanor::{amount, aur, number, Athanor},
    chain,
    digits::Digits,
    governance::{market, order, staging, variant, Holders, Power},
    label_types::{Campaign, KINDS},
    metadata_hash,
    network::Network,
    progress::{Progress, Step},
    rpc::{wait_for, Rpc},
    story::{fetch_and_check, Order, Outcome},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use athanor_cli::{
    chain::{Call, State},
    scale,
};
use serde_json::{json, Value as Json};
use sp_crypto_hashing::{blake2_256, twox_128};
use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};
use subxt::{dynamic::Value, ext::scale_value::Composite};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

/// Models beside that of the job. The rehearsal translates eight a block.
const MODELS: usize = 40;
/// Fewest blocks that their migration has to take.
const LEAST_BLOCKS: u64 = 3;
/// Blocks that the chain waits for objections to the job: the upgrade has to fit in.
const WINDOW: u32 = 80;
/// State of a job whose provider has delivered and whose window is open.
const WAITING: &str = "Claimed";
/// Seconds the job may take.
const JOB_SECONDS: u64 = 900;
/// What the data cost.
const PRICE: u128 = 1_000_000_000_000;
/// Blocks a seller has to reveal the key: longer than the upgrade takes.
const REVEAL_WINDOW: u128 = 80;
/// Who registers the models.
const AUTHOR: &str = "//Dave";
/// Who buys what the author sells, and never gets a key.
const BUYER: &str = "//Buyer";
/// Who hands in the code. Anybody may.
const ANYBODY: &str = "//Ferdie";
/// Most models that are looked at.
const ALL: usize = 1_000;
/// Longest wait for anything of the upgrade.
const PATIENCE: Duration = Duration::from_secs(300);

/// Plays the story with the runtime in the file `wasm`, whose books `state_check` checks.
///
/// # Errors
///
/// If a step fails, the migration changes what it should not, or what was in flight is lost.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    digits: &Digits,
    [wasm, state_check]: [&Path; 2],
    progress: Progress,
) -> Result<()> {
    let code = std::fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;

    let step = progress.step("start four validators of the staging preset, without sudo");
    let mut network = staging(tools, workspace).await?;
    let node = network.first()?;
    let (ws, rpc) = (node.ws(), node.rpc().clone());
    let store = network.daemon("alice")?.url().to_string();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let holders = Holders::at(&ws).await?;
    let old = spec_version(&rpc).await?;
    step.done(format!("{ws}, runtime {old}"));

    let step = progress.step(format!("register a provider and {} models", MODELS + 1));
    let (model, input) = market(&cli, &ws, digits, &store).await?;
    register_models(&holders, model).await?;
    step.done("");

    let step = progress.step("let three of four people label, a batch for four");
    let data = workspace.data("upgrade")?;
    let campaign = Campaign::create(&KINDS[2], &cli, &store, &data, "").await?;
    campaign.invite(0).await?;
    campaign.label_by(0, 0..3).await?;
    step.done("their answers are committed and sealed");

    let step = progress.step("order a job, and propose the upgrade meanwhile");
    let index = authorise(&holders, &code).await?;
    let job = order(digits, model, &input, WINDOW)?.create(&cli).await?;
    holders.vote(&[index]).await?;
    holders.approved(&[index]).await?;
    holders
        .enacted("the authorisation", || async {
            let found = holders.read("System", "AuthorizedUpgrade").await?;
            Ok((found != Json::Null).then_some(()))
        })
        .await?;
    until_waiting(&ws, job.id).await?;
    step.done(format!(
        "referendum {index} is enacted; job {} is {WAITING}",
        job.id
    ));

    let step = progress.step("order a job that nobody takes, and data that nobody reveals");
    let sale = order_data(&holders, &cli).await?;
    let idle = Order {
        max_pay: "1 nAUR",
        ..order(digits, model, &input, WINDOW)?
    };
    let idle = idle.create(&cli).await?;
    let price = held(&holders, &cli).await?;
    ensure!(price >= PRICE, "{price} is held for the order");
    step.done(format!("job {}, order {sale} for {}", idle.id, aur(price)));

    let step = progress.step("check the chain, and remember every model");
    let audited = chain::audit(&ws).await?;
    let before = models(&holders.best().await?).await?;
    let flying = flying(&holders.best().await?, [job.id, idle.id], sale).await?;
    ensure!(before.len() == MODELS + 1, "{} models", before.len());
    ensure!(
        version_of_storage(&rpc).await? == 0,
        "the models are migrated already"
    );
    step.done(audited);

    let step = progress.step(format!("apply the code, {} bytes", code.len()));
    let upgraded = apply(&holders, &rpc, code.clone(), old).await?;
    step.done(format!(
        "block {} is the first of runtime {}",
        upgraded.0, upgraded.1
    ));

    let step = progress.step("watch the migration");
    let blocks = migration(&holders, &rpc, upgraded.0, &step).await?;
    ensure!(
        blocks >= LEAST_BLOCKS,
        "the migration took {blocks} blocks, so it was not spread"
    );
    step.done(format!("{blocks} blocks, none with a transaction"));

    let step = progress.step("compare every model, and check the chain again");
    compare(&holders.best().await?, &before).await?;
    ensure!(
        version_of_storage(&rpc).await? == 1,
        "the storage has its old version"
    );
    let all: Vec<&str> = crate::network::LOCAL_VALIDATORS.to_vec();
    network
        .wait_for_finality(&all, upgraded.0 + blocks, PATIENCE)
        .await?;
    for node in network.nodes() {
        ensure!(
            spec_version(node.rpc()).await? == upgraded.1,
            "{} runs another runtime",
            node.name()
        );
    }
    step.done(format!(
        "{} models as they were, with their bytes; {}",
        before.len(),
        check_books(state_check, &ws).await?
    ));

    let step = progress.step("what was in flight is");
    ensure!(
        self::flying(&holders.best().await?, [job.id, idle.id], sale).await? == flying,
        "what was in flight has changed: it was {flying:?}"
    );
    let live = chain::job(&ws, job.id).await?;
    ensure!(
        live.is_some_and(|live| live.status == WAITING),
        "the job moved on before the upgrade was over: give it a longer window"
    );
    holders
        .refused(ANYBODY, "System", "apply_authorized_upgrade", (code,), "")
        .await
        .context("the same code was applied again")?;
    register_one(&holders, model).await?;
    step.done(format!(
        "job {} is still {WAITING}; a model of the new form is registered",
        job.id
    ));

    let step = progress.step("send a transaction signed with the hash of the new metadata");
    let hash = metadata_hash::check(&ws, &rpc, ANYBODY).await?;
    step.done(format!(
        "0x{}; with another it is refused",
        hex::encode(hash)
    ));

    let step = progress.step("the fourth person labels, all are paid; the job settles");
    let labelled = async {
        campaign.label_by(0, 3..4).await?;
        campaign.watch(0).await
    };
    let watched = Outcome::watch(&cli, &job, JOB_SECONDS, &step);
    let (state, outcome) = futures::future::try_join(labelled, watched).await?;
    ensure!(state == "paid", "the batch is {state}");
    let labels = campaign.check(0).await?;
    outcome.ensure_settled()?;
    let file = workspace.data("outputs")?.join("upgrade.bin");
    let batch = digits.batch()?;
    let checked = fetch_and_check(&cli, &job, &outcome, digits, batch, &[store], &file).await?;
    network.ensure_running()?;
    step.done(format!(
        "{labels} labels, all paid in full; {} for {} bytes, every bit the same",
        aur(outcome.total_paid()),
        checked.bytes
    ));

    let step =
        progress.step("the job that nobody took expires; a poke gives the buyer the money back");
    let outcome = Outcome::watch(&cli, &idle, JOB_SECONDS, &step).await?;
    ensure!(
        outcome.state == "expired" && outcome.refund == idle.held,
        "the idle job ended so: {outcome:?}"
    );
    let poked = wait_for("the end of the time to reveal", PATIENCE, || async {
        let poke = holders.call(ANYBODY, "DataMarket", "poke", (sale,));
        poke.await.map(Some)
    });
    poked.await?;
    let left = holders.best().await?;
    let left = left.storage("DataMarket", "Orders", (sale,)).await?;
    ensure!(left.is_none(), "a poke does not end the order");
    ensure!(
        held(&holders, &cli).await? == 0,
        "money is still held for the order"
    );
    step.done("as without an upgrade");

    let step = progress.step("check the chain's invariants");
    chain::audit_upgraded(&ws).await?;
    step.done(check_books(state_check, &ws).await?);
    finish(&network).await
}

/// Sells data of which only the roots are known, and has it ordered. Answers the order.
async fn order_data(holders: &Holders, cli: &Athanor) -> Result<u64> {
    let root = |byte: u8| Value::from_bytes([byte; 32]);
    let none = || variant("None", []);
    let author = Value::from_bytes(cli.public_key(AUTHOR).await?);
    let to = variant("Account", [author]);
    let share = Value::named_composite([("to", to), ("units", Value::u128(10_000))]);
    let allowed = || variant("Allowed", []);
    let terms = Value::named_composite([
        ("x_root", root(17)),
        ("length", Value::u128(1 << 20)),
        ("card_root", root(18)),
        ("licence_root", root(19)),
        (
            "uses",
            Value::named_composite([
                ("data_mining", allowed()),
                ("ai_training", allowed()),
                ("generative_training", allowed()),
                ("inference", allowed()),
            ]),
        ),
        ("price", Value::u128(PRICE)),
        ("restricted", Value::bool(false)),
        ("reveal_window", Value::u128(REVEAL_WINDOW)),
        ("dispute_window", Value::u128(REVEAL_WINDOW)),
        ("samples", Value::u128(16)),
        ("shares", Value::unnamed_composite([share])),
        ("derive", none()),
        ("supersedes", none()),
    ]);
    let listing = holders.number("DataMarket", "NextListingId").await?;
    let order = holders.number("DataMarket", "NextOrderId").await?;
    let id = |number: u64| Value::u128(u128::from(number));
    let seal = vec![id(listing), Value::from_bytes([1; 16]), root(20), root(21)];
    let buyer = cli.public_key(BUYER).await?;
    cli.transfer("//Alice", &scale::ss58(buyer), "100 AUR")
        .await?;
    for (name, args) in [
        (
            "register",
            vec![Value::from_bytes("https://data.example"), none()],
        ),
        ("bond", vec![Value::u128(100 * PRICE)]),
        ("list", vec![terms]),
        ("seal", seal),
    ] {
        // In a fork the order could come before what it is for.
        let call = Call::new("DataMarket", name, Composite::Unnamed(args));
        holders.call_until(AUTHOR, call, name == "seal").await?;
    }
    let stored = holders.best().await?;
    let stored = stored.storage("DataMarket", "Listings", (listing,)).await?;
    let seal = stored.context("nothing is listed")?["seals"][0]["seal_id"].clone();
    let seal = seal.as_str().context("a seal without its id")?;
    let seal = Value::from_bytes(hex::decode(seal.trim_start_matches("0x"))?);
    let key = Value::from_bytes(buyer);
    let args = vec![id(listing), seal, Value::u128(PRICE), key, none()];
    let args = Composite::Unnamed(args);
    holders.call(BUYER, "DataMarket", "order", args).await?;
    Ok(order)
}

/// What is held of the buyer's money.
async fn held(holders: &Holders, cli: &Athanor) -> Result<u128> {
    let buyer = Value::from_bytes(cli.public_key(BUYER).await?);
    let state = holders.best().await?;
    let account = state.storage("System", "Account", (buyer,)).await?;
    let account = account.context("the buyer has no account")?;
    amount(&account["data"], "reserved")
}

/// Jobs and an order as they are stored, but for when a job's next draw is, and what is queued for it: it tries again and
/// again.
async fn flying(state: &State, jobs: [u64; 2], order: u64) -> Result<Vec<Json>> {
    let mut found = Vec::new();
    for job in jobs {
        let mut job = state.storage("ComputeJobs", "Jobs", (job,)).await?;
        for field in ["draw", "queued"] {
            if let Some(value) = job.as_mut().and_then(|job| job.get_mut(field)) {
                *value = Json::Null;
            }
        }
        found.push(job);
    }
    found.push(state.storage("DataMarket", "Orders", (order,)).await?);
    found
        .into_iter()
        .map(|entry| entry.context("it is gone, or its time was too short for the upgrade"))
        .collect()
}

/// Checks all invariants of the last final state by a program that has its runtime.
async fn check_books(program: &Path, ws: &str) -> Result<String> {
    let checking = Command::new(program)
        .arg(ws.replacen("ws://", "http://", 1))
        .arg("--json")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, checking)
        .await
        .context("the check of the books does not end")?
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(
        output.status.success(),
        "{} {}",
        String::from_utf8_lossy(&output.stdout).trim(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let report: Json = serde_json::from_slice(&output.stdout)?;
    let checks = report["broken"]
        .as_object()
        .map_or(0, |checks| checks.len());
    ensure!(checks > 10, "only {checks} checks");
    let block = number(&report, "block")?;
    Ok(format!("{checks} checks hold in block {block}"))
}

/// Finality has to follow the best block as before.
async fn finish(network: &Network) -> Result<()> {
    let best = network.first()?.rpc().best_block().await?;
    network.wait_for_finality(&[], best, PATIENCE).await
}

async fn spec_version(rpc: &Rpc) -> Result<u64> {
    let version: Json = rpc.call("state_getRuntimeVersion", json!([])).await?;
    version["specVersion"]
        .as_u64()
        .with_context(|| format!("no version in {version}"))
}

/// Version of the storage of the programs pallet in the best state.
async fn version_of_storage(rpc: &Rpc) -> Result<u16> {
    let key = [twox_128(b"Programs"), twox_128(b":__STORAGE_VERSION__:")].concat();
    let key = format!("0x{}", hex::encode(key));
    let value: Option<String> = rpc.call("state_getStorage", json!([key])).await?;
    let bytes =
        hex::decode(value.unwrap_or_default().trim_start_matches("0x")).context("not hex")?;
    match bytes[..] {
        [] => Ok(0),
        [low, high] => Ok(u16::from_le_bytes([low, high])),
        _ => anyhow::bail!("a version of another form: {bytes:?}"),
    }
}

/// Arguments of another version of a model.
async fn another(holders: &Holders, model: u64) -> Result<Vec<Value>> {
    let state = holders.best().await?;
    let entry = state.storage("Programs", "Models", (model,)).await?;
    let entry = entry.context("no such model")?;
    let roots = state.storage("Programs", "ModelRoots", (model,)).await?;
    let roots = roots.context("a model without roots")?;
    let bytes = |value: &Json| -> Result<Value> {
        let text = value.as_str().context("no bytes")?;
        let bytes = hex::decode(text.trim_start_matches("0x")).context("not hex")?;
        Ok(Value::from_bytes(bytes))
    };
    let roots = roots.as_array().context("no list of roots")?;
    let roots = roots.iter().map(bytes).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        bytes(&entry["program_hash"])?,
        Value::unnamed_composite(roots),
        Value::from_bytes("Apache-2.0"),
        variant("None", []),
        variant("Some", [Value::u128(u128::from(model))]),
    ])
}

async fn register_models(holders: &Holders, model: u64) -> Result<()> {
    let names = ["program_hash", "roots", "licence", "card_root", "parent"];
    let args = another(holders, model).await?;
    let call = Value::named_variant("register_model", names.into_iter().zip(args));
    let call = variant("Programs", [call]);
    let calls = Value::unnamed_composite(vec![call; MODELS]);
    holders
        .call(
            AUTHOR,
            "Utility",
            "batch_all",
            Composite::Unnamed(vec![calls]),
        )
        .await
        .map(drop)
}

async fn register_one(holders: &Holders, model: u64) -> Result<()> {
    let args = another(holders, model).await?;
    let id = holders.number("Programs", "NextModelId").await?;
    holders
        .call(
            AUTHOR,
            "Programs",
            "register_model",
            Composite::Unnamed(args),
        )
        .await?;
    let state = holders.best().await?;
    let seen = state.view("Programs", "model", (id,)).await?;
    let bytes = state.storage("Programs", "Models", (id,)).await?;
    let bytes = bytes.context("it is not stored")?["bytes"].clone();
    ensure!(
        bytes.as_u64().is_some_and(|bytes| bytes > 0) && seen["bytes"] == bytes,
        "a new model has no bytes: {seen}"
    );
    Ok(())
}

/// Proposes the upgrade to this code.
async fn authorise(holders: &Holders, code: &[u8]) -> Result<u64> {
    let hash = Value::from_bytes(blake2_256(code));
    holders
        .propose(Power::Root, "System", "authorize_upgrade", vec![hash])
        .await
}

/// Waits until a job's provider has delivered.
async fn until_waiting(ws: &str, job: u64) -> Result<()> {
    let look = async {
        loop {
            let live = chain::job(ws, job).await?.context("the job has ended")?;
            if live.status == WAITING {
                return Ok(());
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(PATIENCE, look)
        .await
        .context("the provider does not deliver")?
}

/// Hands in the code, and answers the first block and the version of the new runtime.
async fn apply(holders: &Holders, rpc: &Rpc, code: Vec<u8>, old: u64) -> Result<(u64, u64)> {
    let call = Call::new("System", "apply_authorized_upgrade", (code,));
    let included = holders.call_until(ANYBODY, call, true).await?;
    let header: Json = rpc
        .call("chain_getHeader", json!([included.block_hex()]))
        .await?;
    let number = header["number"]
        .as_str()
        .context("a header without number")?;
    let number = u64::from_str_radix(number.trim_start_matches("0x"), 16)?;
    let new = spec_version(rpc).await?;
    ensure!(
        new > old,
        "the code is applied, and the runtime is still {old}"
    );
    Ok((number + 1, new))
}

/// Follows the migration block by block from its first one, and answers how many it took.
async fn migration(holders: &Holders, rpc: &Rpc, first: u64, step: &Step) -> Result<u64> {
    for number in first.. {
        let final_block = || async { Ok((rpc.finalized_block().await? >= number).then_some(())) };
        wait_for("the next final block", PATIENCE, final_block).await?;
        let hash: String = rpc.call("chain_getBlockHash", json!([number])).await?;
        let block: Json = rpc.call("chain_getBlock", json!([hash])).await?;
        let extrinsics = block["block"]["extrinsics"].as_array().map(Vec::len);
        let said = migration_events(holders, &hash).await?;
        step.note(format!("block {number}: {}", said.join(", ")));
        ensure!(
            !said.iter().any(|name| name.contains("Failed")),
            "the migration failed in block {number}"
        );
        ensure!(
            extrinsics == Some(1),
            "block {number} has {extrinsics:?} extrinsics amid a migration"
        );
        if said.iter().any(|name| name == "UpgradeCompleted") {
            return Ok(number + 1 - first);
        }
    }
    anyhow::bail!("no more blocks")
}

async fn migration_events(holders: &Holders, hash: &str) -> Result<Vec<String>> {
    let events = holders.at_block(hash).await?.events().await?;
    Ok(events
        .into_iter()
        .filter(|event| event.pallet == "MultiBlockMigrations")
        .map(|event| event.name)
        .collect())
}

async fn models(state: &State) -> Result<BTreeMap<u64, Json>> {
    let found = state.entries("Programs", "Models", ALL).await?;
    Ok(found.into_iter().collect())
}

/// Every model is as it was, and has its bytes beside.
async fn compare(state: &State, before: &BTreeMap<u64, Json>) -> Result<()> {
    let after = models(state).await?;
    ensure!(
        after.keys().eq(before.keys()),
        "the models are others than before"
    );
    for (id, mut model) in after {
        let roots = state.storage("Programs", "ModelRoots", (id,)).await?;
        let roots = roots.as_ref().and_then(Json::as_array).map(Vec::len);
        let licence = model["licence"].as_str().map(|text| text.len() / 2 - 1);
        let (roots, licence) = (roots.context("no roots")?, licence.context("no licence")?);
        let bytes = model
            .as_object_mut()
            .and_then(|model| model.remove("bytes"));
        ensure!(
            bytes.as_ref().and_then(Json::as_u64) == Some((32 * roots + licence) as u64),
            "model {id} has {bytes:?} bytes"
        );
        ensure!(
            before.get(&id) == Some(&model),
            "model {id} has changed: {model}"
        );
    }
    Ok(())
}
