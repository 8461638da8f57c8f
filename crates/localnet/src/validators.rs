//! Two stories of validators, each on four validators of the `local` preset.
//!
//! [`join`] plays `docs/guides/validator.md` from a stranger's first key to his last deposit.
//! [`equivocation`] runs a spare with one key of a validator, first the one that makes blocks, then
//! the one that votes, and follows what it costs.

use crate::{
    athanor::{aur, Athanor},
    chain,
    market::ledger::{Ledger, Sent},
    network::Network,
    node::NodePlan,
    progress::Progress,
    rpc::{wait_for, Rpc},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{bail, ensure, Context, Result};
use codec::{Decode, Encode};
use nix::{
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use serde::Deserialize;
use serde_json::json;
use sp_crypto_hashing::{blake2_128, twox_128, twox_64};
use std::{process::Command, time::Duration};
use tokio::time::{sleep, Instant};

/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(420);
/// An AUR.
const UNIT: u128 = 1_000_000_000_000;
/// How long a spare is stopped, so that it sees blocks later than the validator.
const STUTTER: [Duration; 3] = [
    Duration::from_millis(700),
    Duration::from_millis(1_900),
    Duration::from_millis(3_100),
];

type Key = [u8; 32];

/// An account's money, as the chain keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Decode)]
struct Account {
    nonce: u32,
    consumers: u32,
    providers: u32,
    sufficients: u32,
    free: u128,
    reserved: u128,
    frozen: u128,
    flags: u128,
}

/// Where a bond stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Decode)]
enum BondState {
    #[codec(index = 0)]
    Active,
    #[codec(index = 1)]
    Leaving { until: u32 },
}

/// What is held of an account as its bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Decode)]
struct Bond {
    held: u128,
    state: BondState,
}

/// How long somebody is barred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Decode)]
enum Term {
    #[codec(index = 0)]
    Until(u32),
    #[codec(index = 1)]
    UntilReleased,
}

/// What somebody did in one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Decode)]
struct Offence {
    session: u32,
    kind: [u8; 16],
    /// Parts of a thousand million.
    fraction: u32,
    base: u128,
    slashed: u128,
}

/// Why somebody is barred.
#[derive(Clone, Debug, PartialEq, Eq, Decode)]
struct Sentence {
    term: Term,
    offences: Vec<Offence>,
}

/// A candidate of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Decode)]
struct Candidate {
    who: Key,
    deposit: u128,
}

/// What `author_rotateKeysWithOwner` answers.
#[derive(Clone, Debug, Deserialize)]
struct Rotated {
    keys: String,
    proof: String,
}

impl Rotated {
    /// New session keys in a node's keystore, tied to an account.
    async fn at(node: &Rpc, owner: &Key) -> Result<Self> {
        let owner = format!("0x{}", hex::encode(owner));
        node.call("author_rotateKeysWithOwner", json!([owner]))
            .await
    }

    /// Arguments of `Session.set_keys`.
    fn args(&self, proof: &Self) -> Result<Vec<u8>> {
        let keys = unhex(&self.keys)?;
        ensure!(keys.len() == 96, "session keys of {} bytes", keys.len());
        let proof = unhex(&proof.proof)?;
        ensure!(proof.len() == 192, "a proof of {} bytes", proof.len());
        Ok([keys, proof.encode()].concat())
    }
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    hex::decode(text.trim_start_matches("0x")).with_context(|| format!("{text} is not hex"))
}

/// The chain as one node sees it.
struct View {
    rpc: Rpc,
    /// Hash of the block whose state is read; the best one's if there is none.
    at: Option<String>,
}

impl View {
    /// The chain as of a block.
    fn at(&self, block: String) -> Self {
        Self {
            rpc: self.rpc.clone(),
            at: Some(block),
        }
    }

    async fn item<T: Decode>(&self, pallet: &str, item: &str, key: &[u8]) -> Result<Option<T>> {
        let prefix = [twox_128(pallet.as_bytes()), twox_128(item.as_bytes())].concat();
        let key = format!("0x{}{}", hex::encode(prefix), hex::encode(key));
        let value: Option<String> = match &self.at {
            Some(at) => self.rpc.call("state_getStorage", json!([key, at])).await?,
            None => self.rpc.call("state_getStorage", json!([key])).await?,
        };
        value
            .map(|text| {
                T::decode(&mut &unhex(&text)?[..])
                    .with_context(|| format!("{pallet}.{item} has another form: {text}"))
            })
            .transpose()
    }

    async fn value<T: Decode + Default>(&self, pallet: &str, item: &str) -> Result<T> {
        Ok(self.item(pallet, item, &[]).await?.unwrap_or_default())
    }

    async fn of<T: Decode>(&self, pallet: &str, item: &str, who: &Key) -> Result<Option<T>> {
        let key = [&blake2_128(who)[..], who].concat();
        self.item(pallet, item, &key).await
    }

    async fn session(&self) -> Result<u32> {
        self.value("Session", "CurrentIndex").await
    }

    async fn validators(&self) -> Result<Vec<Key>> {
        self.value("Session", "Validators").await
    }

    /// Whether somebody is a validator of the session that runs and disabled in it.
    async fn is_disabled(&self, who: &Key) -> Result<bool> {
        let index = self.validators().await?.iter().position(|v| v == who);
        let disabled: Vec<(u32, u32)> = self.value("Session", "DisabledValidators").await?;
        Ok(index.is_some_and(|index| disabled.iter().any(|(i, _)| *i as usize == index)))
    }

    async fn account(&self, who: &Key) -> Result<Account> {
        Ok(self.of("System", "Account", who).await?.unwrap_or_default())
    }

    async fn bond(&self, who: &Key) -> Result<Option<Bond>> {
        self.of("Validators", "Bonds", who).await
    }

    async fn sentence(&self, who: &Key) -> Result<Option<Sentence>> {
        self.of("Validators", "Sentences", who).await
    }

    async fn candidates(&self) -> Result<Vec<Candidate>> {
        self.value("CollatorSelection", "CandidateList").await
    }

    async fn invulnerables(&self) -> Result<Vec<Key>> {
        self.value("CollatorSelection", "Invulnerables").await
    }

    /// The block in which somebody authored last. Ahead of the chain if it only registered.
    async fn last_authored(&self, who: &Key) -> Result<u32> {
        let key = [&twox_64(who)[..], who].concat();
        let last = self.item("CollatorSelection", "LastAuthoredBlock", &key);
        Ok(last.await?.unwrap_or(0))
    }
}

/// Expects that a transaction was taken.
fn taken(sent: Sent, what: &str) -> Result<u128> {
    match sent.refused {
        None => Ok(sent.fee),
        Some(why) => bail!("{what} is refused: {why}"),
    }
}

/// Expects that a transaction was refused with this error.
fn refused(sent: Sent, error: &str, what: &str) -> Result<()> {
    ensure!(
        sent.refused.as_deref() == Some(error),
        "{what} ends with {:?} instead of {error}",
        sent.refused
    );
    Ok(())
}

/// Four validators that finalise, and what is used to look at them.
async fn four(
    tools: &Tools,
    workspace: &Workspace,
    progress: Progress,
) -> Result<(Network, View, Ledger, Athanor)> {
    let step = progress.step("start four validators");
    let network = Network::local(tools, workspace, &[], &[]).await?;
    network.wait_for_finality(&[], 2, PATIENCE).await?;
    let (rpc, ws) = (network.first()?.rpc().clone(), network.first()?.ws());
    let ledger = Ledger::new(&rpc, &ws).await?;
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    step.done("blocks are finalised");
    Ok((network, View { rpc, at: None }, ledger, cli))
}

/// A stranger becomes a validator by the guide alone, and leaves; a candidate that does nothing is
/// kicked.
///
/// # Errors
///
/// If a step of the guide does not do what it says, or a deposit does not come back to the unit.
pub async fn join(tools: &Tools, workspace: &Workspace, progress: Progress) -> Result<()> {
    let (mut network, view, ledger, cli) = four(tools, workspace, progress).await?;

    let step = progress.step("start a stranger's validator, and a node that will not validate");
    let base = workspace.data("stranger")?;
    let file = base.join("node-key");
    let path = file.to_str().context("a path that is not UTF-8")?;
    let made = Command::new(&tools.node)
        .args(["key", "generate-node-key", "--file", path])
        .output()
        .context("cannot start the node")?;
    ensure!(made.status.success(), "no node key was made: {made:?}");
    let plan = NodePlan::full("stranger").with_args(&["--validator", "--node-key-file", path]);
    network.add_node(tools, workspace, plan).await?;
    network
        .add_node(tools, workspace, NodePlan::full("idle"))
        .await?;
    let stranger_node = network.node_mut("stranger")?.rpc().clone();
    let idle_node = network.node_mut("idle")?.rpc().clone();
    let peer: String = stranger_node.call("system_localPeerId", json!([])).await?;
    ensure!(
        String::from_utf8_lossy(&made.stderr).contains(&peer),
        "the node does not use the key of its file"
    );
    let (stranger, idle) = ("//Stranger", "//Idle");
    let who = cli.public_key(stranger).await?;
    let lazy = cli.public_key(idle).await?;
    ledger.fund("//Eve", &[who, lazy], 2_000 * UNIT).await?;
    step.done("both have 2,000 AUR");

    let step = progress.step("tie session keys to the accounts");
    let register = "CollatorSelection.register_as_candidate";
    refused(
        ledger.send(stranger, register, vec![]).await?,
        "CollatorSelection.ValidatorNotRegistered",
        "a candidacy without keys",
    )?;
    let keys = Rotated::at(&stranger_node, &who).await?;
    let wrong = Rotated::at(&stranger_node, &lazy).await?;
    refused(
        ledger
            .send(stranger, "Session.set_keys", keys.args(&wrong)?)
            .await?,
        "Session.InvalidProof",
        "keys with a proof for another account",
    )?;
    let lazy_keys = Rotated::at(&idle_node, &lazy).await?;
    for (suri, keys) in [(stranger, &keys), (idle, &lazy_keys)] {
        let sent = ledger.send(suri, "Session.set_keys", keys.args(keys)?);
        taken(sent.await?, "set_keys")?;
    }
    step.done("a proof for another account is refused");

    let step = progress.step("bond and stand");
    refused(
        ledger.send(stranger, register, vec![]).await?,
        "CollatorSelection.ValidatorNotRegistered",
        "a candidacy without a bond",
    )?;
    refused(
        ledger
            .send(stranger, "Validators.bond", (999 * UNIT).encode())
            .await?,
        "Validators.BondTooSmall",
        "a small bond",
    )?;
    for suri in [stranger, idle] {
        let bond = ledger.send(suri, "Validators.bond", (1_000 * UNIT).encode());
        taken(bond.await?, "bond")?;
        taken(ledger.send(suri, register, vec![]).await?, "the candidacy")?;
    }
    // What governance does: one more seat, or the two could not both be elected.
    let desired = sudo(&ledger, "CollatorSelection", "set_desired_candidates", 2u32);
    taken(desired.await?, "set_desired_candidates")?;
    let seats: u32 = view.value("CollatorSelection", "DesiredCandidates").await?;
    ensure!(seats == 2, "governance could not make a second seat");
    let registered = view.session().await?;
    let account = view.account(&who).await?;
    ensure!(
        account.reserved == 1_110 * UNIT,
        "bond, deposits and keys hold {}",
        aur(account.reserved)
    );
    step.done(format!("{} are held of each", aur(account.reserved)));

    let step = progress.step("wait for the election and the first own block");
    wait_for("the election", PATIENCE, || async {
        Ok(view.validators().await?.contains(&who).then_some(()))
    })
    .await?;
    let elected = view.session().await?;
    ensure!(
        elected <= registered + 2,
        "a candidate of session {registered} was elected for {elected}, not two later"
    );
    // Only one who had a seat can be kicked for doing nothing in it.
    wait_for("the idle one's election", PATIENCE, || async {
        Ok(view.validators().await?.contains(&lazy).then_some(()))
    })
    .await?;
    let seated = view.session().await?;
    let list = view.candidates().await?;
    ensure!(
        list.iter().any(|candidate| candidate.who == lazy),
        "the idle one was kicked before session {seated}, its first"
    );
    let first = wait_for("the stranger's first block", PATIENCE, || async {
        let (last, best) = (
            view.last_authored(&who).await?,
            view.rpc.best_block().await?,
        );
        Ok((u64::from(last) <= best).then_some(last))
    })
    .await?;
    let finalized = view.rpc.finalized_block().await?;
    network
        .wait_for_finality(
            &["alice", "bob", "charlie", "dave", "stranger"],
            finalized + 3,
            PATIENCE,
        )
        .await?;
    step.done(format!(
        "elected for session {elected}, author of block {first}; the idle one is in session {seated}"
    ));

    let step = progress.step("leave the list and give notice");
    refused(
        ledger.send(stranger, "Validators.unbond", vec![]).await?,
        "Validators.StillStanding",
        "a notice by one who stands",
    )?;
    let leave = ledger.send(stranger, "CollatorSelection.leave_intent", vec![]);
    taken(leave.await?, "leave_intent")?;
    let held = view.account(&who).await?.reserved;
    ensure!(held == 1_010 * UNIT, "after leaving {} are held", aur(held));
    let notice = || async {
        let sent = ledger.send(stranger, "Validators.unbond", vec![]);
        taken(sent.await?, "unbond")
    };
    notice().await?;
    let back = ledger.send(stranger, "Validators.bond", 0u128.encode());
    taken(back.await?, "taking the notice back")?;
    let bond = view.bond(&who).await?.context("the bond is gone")?;
    ensure!(
        bond.state == BondState::Active,
        "a notice that was taken back: {bond:?}"
    );
    notice().await?;
    let bond = view.bond(&who).await?.context("the bond is gone")?;
    let BondState::Leaving { until } = bond.state else {
        bail!("a notice that does nothing: {bond:?}");
    };
    refused(
        ledger
            .send("//Eve", "Validators.poke", who.encode())
            .await?,
        "Validators.NothingDue",
        "a poke before its time",
    )?;
    step.done(format!("the bond is free in session {until}"));

    let step = progress.step("wait until the idle candidate is kicked");
    wait_for("the kick", PATIENCE, || async {
        let list = view.candidates().await?;
        Ok((!list.iter().any(|candidate| candidate.who == lazy)).then_some(()))
    })
    .await?;
    let account = view.account(&lazy).await?;
    let bond = view
        .bond(&lazy)
        .await?
        .context("an idle one lost its bond")?;
    ensure!(
        account.reserved == 1_010 * UNIT && bond.held == 1_000 * UNIT,
        "the idle one was charged: {account:?}, {bond:?}"
    );
    let kicked = view.session().await?;
    ensure!(
        kicked > seated,
        "kicked in session {kicked}, which was its first"
    );
    step.done("it has its deposit, and its bond stays");

    let step = progress.step("take keys, bond and deposit back");
    wait_for("the end of the stranger's sessions", PATIENCE, || async {
        Ok((!view.validators().await?.contains(&who)).then_some(()))
    })
    .await?;
    let before = view.account(&who).await?;
    let fee = taken(
        ledger.send(stranger, "Session.purge_keys", vec![]).await?,
        "purge_keys",
    )?;
    let after = view.account(&who).await?;
    ensure!(
        after.free + fee == before.free + 10 * UNIT && after.reserved == 1_000 * UNIT,
        "the keys' deposit came back as something else: {before:?}, {after:?}"
    );
    wait_for("the end of the notice", PATIENCE, || async {
        Ok((view.session().await? >= until).then_some(()))
    })
    .await?;
    // Anybody can do it for him.
    taken(
        ledger
            .send("//Eve", "Validators.poke", who.encode())
            .await?,
        "the poke",
    )?;
    let last = view.account(&who).await?;
    ensure!(
        last.free == after.free + 1_000 * UNIT && last.reserved == 0,
        "the bond came back as something else: {after:?}, {last:?}"
    );
    ensure!(view.bond(&who).await?.is_none(), "a bond without money");
    step.done("to the unit");
    network.ensure_running()?;
    println!("  {}", chain::audit(&network.first()?.ws()).await?);
    Ok(())
}

/// `Sudo.sudo` by Alice of a call with one argument.
async fn sudo(ledger: &Ledger, pallet: &str, call: &str, arg: impl Encode) -> Result<Sent> {
    let inner = ledger.call_data(pallet, call, arg.encode()).await?;
    ledger.send("//Alice", "Sudo.sudo", inner).await
}

/// A spare that has one key of a validator makes it equivocate: reported, slashed, disabled at once
/// and until its removal bites, jailed, out. First Dave by double blocks, then Charlie by double
/// votes.
///
/// # Errors
///
/// If one of these does not happen.
pub async fn equivocation(tools: &Tools, workspace: &Workspace, progress: Progress) -> Result<()> {
    let (mut network, view, ledger, cli) = four(tools, workspace, progress).await?;

    for (name, key, scheme, kind) in [
        ("dave", *b"babe", "makes blocks", *b"babe:equivocatio"),
        ("charlie", *b"gran", "votes", *b"grandpa:equivoca"),
    ] {
        let (secret, stash) = suris(name);
        let who = cli.public_key(&stash).await?;
        let before = view.validators().await?;
        ensure!(before.contains(&who), "{name} is no validator");
        let bonded = view.bond(&who).await?.context("no bond")?.held;

        let step = progress.step(format!(
            "start a spare that {scheme} with {name}'s key, too"
        ));
        let spare = format!("spare-of-{name}");
        let plan = NodePlan::full(&spare).with_args(&["--validator"]);
        network.add_node(tools, workspace, plan).await?;
        let head = view.rpc.best_block().await?;
        let rpc = network.node_mut(&spare)?.rpc().clone();
        wait_for("the spare's synchronisation", PATIENCE, || async {
            Ok((rpc.best_block().await? >= head).then_some(()))
        })
        .await?;
        let public = session_key(&view, &who, &key).await?;
        let kind_of_key = std::str::from_utf8(&key)?;
        let () = rpc
            .call("author_insertKey", json!([kind_of_key, secret, public]))
            .await?;
        step.done(format!("as of session {}", view.session().await?));

        let step = progress.step("wait for the report");
        let pid = Pid::from_raw(i32::try_from(network.node_mut(&spare)?.pid())?);
        let end = Instant::now() + PATIENCE;
        let mut pauses = STUTTER.iter().cycle();
        // The first state with the sentence, as it is in that block.
        let (sentence, then) = loop {
            let best: String = view.rpc.call("chain_getBlockHash", json!([])).await?;
            let then = view.at(best);
            if let Some(sentence) = then.sentence(&who).await? {
                break (sentence, then);
            }
            ensure!(Instant::now() < end, "nobody reported {name}");
            if key == *b"gran" {
                // It votes like the validator as long as it sees what the validator sees.
                kill(pid, Signal::SIGSTOP).context("the spare is gone")?;
                sleep(*pauses.next().context("no pause")?).await;
                kill(pid, Signal::SIGCONT).context("the spare is gone")?;
            }
            sleep(Duration::from_millis(400)).await;
        };
        let reported = then.session().await?;
        let offence = *sentence.offences.first().context("jailed for nothing")?;
        ensure!(
            offence.kind == kind,
            "reported for {:?}",
            String::from_utf8_lossy(&offence.kind)
        );
        ensure!(then.is_disabled(&who).await?, "not disabled at once");
        let (n, square) = (before.len() as u64, 9u64);
        let fraction = (square * 1_000_000_000 / (n * n)).min(1_000_000_000);
        let slashed = (bonded * u128::from(fraction)).div_ceil(1_000_000_000);
        ensure!(
            u64::from(offence.fraction) == fraction
                && offence.base == bonded
                && offence.slashed == slashed,
            "{offence:?} is not {fraction} of {bonded}"
        );
        let left = then.bond(&who).await?.map_or(0, |bond| bond.held);
        ensure!(left == bonded - slashed, "the bond is {left}");
        ensure!(
            !then.invulnerables().await?.contains(&who),
            "an offender stays on the list"
        );
        let Term::Until(until) = sentence.term else {
            bail!("jailed without an end: {sentence:?}");
        };
        step.done(format!(
            "session {reported}: {} slashed, disabled, jailed until session {until}",
            aur(slashed)
        ));

        let step = progress.step("follow the sessions until it is out");
        let mut seen = Vec::new();
        let end = Instant::now() + PATIENCE;
        loop {
            let session = view.session().await?;
            let inside = view.validators().await?.contains(&who);
            let disabled = view.is_disabled(&who).await?;
            // The three were read one after the other.
            if session != view.session().await? {
                continue;
            }
            if !inside {
                break;
            }
            ensure!(disabled, "not disabled in session {session}");
            if seen.last() != Some(&session) {
                seen.push(session);
            }
            ensure!(Instant::now() < end, "{name} is never out");
            sleep(Duration::from_millis(500)).await;
        }
        ensure!(
            seen.iter().any(|session| *session > reported),
            "no session between report and removal was seen: {seen:?}"
        );
        let after = view.validators().await?;
        ensure!(
            after.len() + 1 == before.len() && after.iter().all(|v| before.contains(v)),
            "others than the offender left"
        );
        step.done(format!("disabled in sessions {seen:?}, then out"));

        let step = progress.step("it cannot come back, and the others go on");
        network.remove_node(&spare)?;
        let bond = ledger.send(&stash, "Validators.bond", (2_000 * UNIT).encode());
        taken(bond.await?, "a bond of one in jail")?;
        refused(
            ledger
                .send(&stash, "CollatorSelection.register_as_candidate", vec![])
                .await?,
            "CollatorSelection.ValidatorNotRegistered",
            "a candidacy from jail",
        )?;
        let height = view.rpc.finalized_block().await?;
        network
            .wait_for_finality(&["alice", "bob"], height + 5, PATIENCE)
            .await?;
        step.done("refused");
    }
    network.ensure_running()?;
    println!("  {}", chain::audit(&network.first()?.ws()).await?);
    Ok(())
}

/// Secrets of a validator of the preset: its session keys', and its account's.
fn suris(name: &str) -> (String, String) {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    (format!("//{name}"), format!("//{name}//stash"))
}

/// A validator's public key of this type: the list has GRANDPA's, then BABE's.
async fn session_key(view: &View, who: &Key, key: &[u8; 4]) -> Result<String> {
    let hashed = [&twox_64(who)[..], who].concat();
    let keys: [Key; 3] = view
        .item("Session", "NextKeys", &hashed)
        .await?
        .context("a validator without keys")?;
    let [grandpa, babe, _] = keys;
    let public = if key == b"gran" { grandpa } else { babe };
    Ok(format!("0x{}", hex::encode(public)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Compact;

    #[test]
    fn secrets_are_those_of_the_preset() {
        let (keys, account) = suris("dave");
        assert_eq!(
            (keys.as_str(), account.as_str()),
            ("//Dave", "//Dave//stash")
        );
    }

    #[test]
    fn the_story_makes_every_call_of_the_guide() {
        let guide = include_str!("../../../docs/guides/validator.md");
        let source = include_str!("validators.rs");
        let (_, story) = source.split_once("pub async fn join(").unwrap();
        let (story, _) = story.split_once("\n}\n").unwrap();
        let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let mut calls = 0;
        for (at, _) in guide.match_indices('(') {
            let before = &guide[..at];
            let name = &before[before.trim_end_matches(of_a_name).len()..];
            if name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains('.') {
                assert!(
                    story.contains(&format!("\"{name}\"")),
                    "{name} is not played"
                );
                calls += 1;
            }
        }
        assert!(calls >= 7, "only {calls} calls found in the guide");
        for (said, done) in [
            ("generate-node-key", "generate-node-key"),
            ("author_rotateKeysWithOwner", "Rotated::at"),
            ("Validators.bond(0)", "\"Validators.bond\", 0u128"),
        ] {
            assert!(guide.contains(said) && story.contains(done), "{said}");
        }
    }

    #[test]
    fn keys_and_proof_become_the_arguments_of_set_keys() {
        let rotated = |byte: &str, proof: usize| Rotated {
            keys: format!("0x{}", byte.repeat(96)),
            proof: format!("0x{}", byte.repeat(proof)),
        };
        let args = rotated("aa", 192).args(&rotated("bb", 192)).unwrap();
        assert_eq!(args.len(), 96 + 2 + 192);
        assert_eq!(&args[..96], &[0xaa; 96]);
        assert_eq!(&args[96..98], &Compact(192u32).encode()[..]);
        assert_eq!(&args[98..], &[0xbb; 192]);
        let short = rotated("aa", 192).args(&rotated("bb", 191));
        assert!(short.unwrap_err().to_string().contains("191"));
    }

    #[test]
    fn a_refusal_is_named() {
        let sent = |refused: Option<&str>| Sent {
            refused: refused.map(Into::into),
            ..Sent::default()
        };
        assert!(taken(sent(None), "it").is_ok());
        assert!(taken(sent(Some("A.B")), "it")
            .unwrap_err()
            .to_string()
            .contains("A.B"));
        assert!(refused(sent(Some("A.B")), "A.B", "it").is_ok());
        assert!(refused(sent(None), "A.B", "it").is_err());
        assert!(refused(sent(Some("A.C")), "A.B", "it").is_err());
    }

    #[test]
    fn records_are_read_as_the_pallet_writes_them() {
        let bond = [&5u128.encode()[..], &[1, 7, 0, 0, 0]].concat();
        assert_eq!(
            Bond::decode(&mut &bond[..]).unwrap(),
            Bond {
                held: 5,
                state: BondState::Leaving { until: 7 }
            }
        );
    }
}
