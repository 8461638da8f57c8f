//! Governance on a network without sudo: every decision is a referendum of token holders, from the
//! preimage to what it does.

use crate::{
    athanor::{aur, Athanor},
    chain,
    digits::Digits,
    network::{DaemonPlan, Network},
    progress::Progress,
    rpc::wait_for,
    story::{publish, Order, Outcome, Policy, Provider},
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{ensure, Context, Result};
use athanor_cli::{
    chain::{Call, Chain, Included, State, Terms},
    config::Format,
    error::Error,
    keys,
    output::Output,
    scale,
};
use serde_json::Value as Json;
use sp_crypto_hashing::blake2_256;
use std::{future::Future, time::Duration};
use subxt::{
    dynamic::{self, Value},
    ext::{scale_encode::EncodeAsFields, scale_value::Composite},
    utils::H256,
};

/// Who proposes.
const PROPOSER: &str = "//Eve";
/// Who votes.
const VOTERS: [&str; 9] = [
    "//Alice//stash",
    "//Bob//stash",
    "//Charlie//stash",
    "//Dave//stash",
    "//Eve//stash",
    "//Ferdie//stash",
    "//Bob",
    "//Charlie",
    "//Ferdie",
];
/// What each of them votes with.
const VOTES: u128 = 900_000 * UNIT;
/// The smallest units of an AUR.
const UNIT: u128 = 1_000_000_000_000;
/// Who publishes the model and orders the job.
const REQUESTER: &str = "//Dave";
/// Blocks that a transaction of this story lives.
const LIFE: u32 = 64;
/// How long a fresh chain may take to its first finalised blocks.
const FIRST_BLOCKS: Duration = Duration::from_secs(180);
/// How long a referendum or a step of it may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Seconds a job may take.
const JOB_SECONDS: u64 = 900;
/// Account of the treasury: `modl` and the pallet's id.
const TREASURY: [u8; 32] = *b"modlath/trsy\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// How often a call is signed for the branches that nodes follow.
const TRIES: u32 = 4;

/// What subxt says of a transaction that the pool took and threw away.
const INVALID: &str = "Transaction is invalid";

fn is_void(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(Error::Rejected { reason, .. }) if reason.contains(INVALID)
    )
}

/// As whom a referendum acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// Everything.
    Root,
    /// Spends from the treasury.
    Treasurer,
}

impl Power {
    fn origin(self) -> Value {
        let (pallet, origin) = match self {
            Self::Root => ("system", "Root"),
            Self::Treasurer => ("Origins", "Treasurer"),
        };
        variant(pallet, [variant(origin, [])])
    }
}

/// A variant with unnamed fields.
pub(crate) fn variant<const N: usize>(name: &str, fields: [Value; N]) -> Value {
    Value::unnamed_variant(name, fields)
}

/// The holders of a chain, at one of its nodes.
pub(crate) struct Holders {
    chain: Chain,
    ws: String,
    output: Output,
}

impl Holders {
    pub(crate) async fn at(ws: &str) -> Result<Self> {
        Ok(Self {
            chain: Chain::connect(ws).await?,
            ws: ws.into(),
            output: Output::new(Format::Json, true),
        })
    }

    /// The state after the best block.
    pub(crate) async fn best(&self) -> Result<State> {
        Ok(self.chain.best().await?)
    }

    /// The state after a block.
    pub(crate) async fn at_block(&self, hash: &str) -> Result<State> {
        let hash: H256 = hash.parse().context("no block hash")?;
        Ok(self.chain.at(hash).await?)
    }

    /// A storage value of the best state; `null` if there is none.
    pub(crate) async fn read(&self, pallet: &str, entry: &str) -> Result<Json> {
        let value = self.best().await?.storage(pallet, entry, ()).await?;
        Ok(value.unwrap_or(Json::Null))
    }

    /// A number of the best state.
    pub(crate) async fn number(&self, pallet: &str, entry: &str) -> Result<u64> {
        let value = self.read(pallet, entry).await?;
        value
            .as_u64()
            .with_context(|| format!("{pallet}.{entry} is no number but {value}"))
    }

    /// Signs a call and waits until it is in a block and has succeeded. A branch that loses takes
    /// the block from which on the call was valid with it: then it is signed again.
    pub(crate) async fn call(
        &self,
        suri: &str,
        pallet: &'static str,
        name: &'static str,
        args: impl EncodeAsFields + Clone,
    ) -> Result<Included> {
        for _ in 1..TRIES {
            let call = Call::new(pallet, name, args.clone());
            match self.call_until(suri, call, false).await {
                Err(error) if is_void(&error) => {}
                done => return done,
            }
        }
        self.call_until(suri, Call::new(pallet, name, args), false)
            .await
    }

    /// The same with the choice to wait until the block is final.
    pub(crate) async fn call_until<Args: EncodeAsFields>(
        &self,
        suri: &str,
        call: Call<Args>,
        finalized: bool,
    ) -> Result<Included> {
        let signer = keys::from_suri(suri)?;
        let name = call.full_name();
        let terms = Terms::living(LIFE);
        let sent = self
            .chain
            .submit_with(call, &signer, terms, finalized, &self.output);
        sent.await.with_context(|| format!("{suri}: {name}"))
    }

    /// Signs a call and does not wait.
    async fn send(
        &self,
        suri: &str,
        pallet: &'static str,
        name: &'static str,
        args: impl EncodeAsFields,
    ) -> Result<()> {
        let signer = keys::from_suri(suri)?;
        let sent = self
            .chain
            .send(Call::new(pallet, name, args), &signer, Terms::living(LIFE));
        sent.await
            .with_context(|| format!("{suri}: {pallet}.{name}"))
    }

    /// Checks that a call fails, with these words in its error.
    pub(crate) async fn refused(
        &self,
        suri: &str,
        pallet: &'static str,
        name: &'static str,
        args: impl EncodeAsFields + Clone,
        words: &str,
    ) -> Result<()> {
        match self.call(suri, pallet, name, args).await {
            Ok(_) => anyhow::bail!("{pallet}.{name} is not refused"),
            Err(error) => {
                let error = format!("{error:#}");
                ensure!(
                    error.contains(words),
                    "{pallet}.{name} is refused otherwise: {error}"
                );
                Ok(())
            }
        }
    }

    /// Notes a call's preimage, proposes it and places the decision deposit. Answers the
    /// referendum's index.
    pub(crate) async fn propose(
        &self,
        power: Power,
        pallet: &'static str,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<u64> {
        let payload = dynamic::tx(pallet, name, Composite::Unnamed(args));
        let bytes = chain::state(&self.ws)
            .await?
            .transactions()
            .call_data(&payload)
            .with_context(|| format!("the chain has no call {pallet}.{name} of this form"))?;
        let proposal = Value::named_variant(
            "Lookup",
            [
                ("hash", Value::from_bytes(blake2_256(&bytes))),
                ("len", Value::u128(bytes.len() as u128)),
            ],
        );
        let submission = || {
            let soon = variant("After", [Value::u128(0)]);
            Composite::Unnamed(vec![power.origin(), proposal.clone(), soon])
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let index = self.number("Referenda", "ReferendumCount").await?;
            // Noted twice, it is refused in its block, and there.
            self.send(PROPOSER, "Preimage", "note_preimage", (bytes.clone(),))
                .await?;
            self.send(PROPOSER, "Referenda", "submit", submission())
                .await?;
            let deposit = (index as u32,);
            let placed = self
                .call(PROPOSER, "Referenda", "place_decision_deposit", deposit)
                .await;
            let count = self.number("Referenda", "ReferendumCount").await?;
            match placed {
                Ok(_) if count == index + 1 => return Ok(index),
                // The branch with the others was lost.
                Err(_) if count == index && tries < TRIES => {}
                placed => {
                    placed?;
                    anyhow::bail!("referendum {index} was not submitted");
                }
            }
        }
    }

    /// Lets every voter say aye to these referenda, with convictions from 1 to 6.
    pub(crate) async fn vote(&self, referenda: &[u64]) -> Result<()> {
        let voting = VOTERS.iter().enumerate().map(|(who, suri)| async move {
            for index in referenda {
                // The upper bit says aye, the others the conviction.
                let vote = 0x80 | (1 + who as u128 % 6);
                let vote = Value::named_variant(
                    "Standard",
                    [
                        ("vote", Value::unnamed_composite([Value::u128(vote)])),
                        ("balance", Value::u128(VOTES)),
                    ],
                );
                let args = Composite::Unnamed(vec![Value::u128(u128::from(*index)), vote]);
                self.send(suri, "ConvictionVoting", "vote", args).await?;
            }
            anyhow::Ok(())
        });
        futures::future::try_join_all(voting).await?;
        let convictions: u128 = (0..VOTERS.len() as u128).map(|who| 1 + who % 6).sum();
        for index in referenda {
            let tally = wait_for("every vote", PATIENCE, || async {
                let info = self.referendum(*index).await?;
                let Some(tally) = info.pointer("/ongoing/tally") else {
                    return Ok(Some(None));
                };
                let support = tally["support"].as_str().unwrap_or_default();
                let all = support == (VOTES * VOTERS.len() as u128).to_string();
                Ok(all.then(|| Some(tally.clone())))
            })
            .await?;
            // It may be approved before all have voted.
            ensure!(
                tally.is_none_or(|tally| tally["ayes"] == (VOTES * convictions).to_string()),
                "convictions do not count"
            );
        }
        Ok(())
    }

    async fn referendum(&self, index: u64) -> Result<Json> {
        let state = self.best().await?;
        let info = state.storage("Referenda", "ReferendumInfoFor", (index as u32,));
        info.await?
            .with_context(|| format!("no referendum {index}"))
    }

    /// Waits until these referenda are approved.
    pub(crate) async fn approved(&self, referenda: &[u64]) -> Result<()> {
        for index in referenda {
            wait_for("an approval", PATIENCE, || async {
                let info = self.referendum(*index).await?;
                ensure!(
                    info.get("ongoing").is_some() || info.get("approved").is_some(),
                    "referendum {index} is not approved: {info}"
                );
                Ok(info.get("approved").map(drop))
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until `done` answers something.
    pub(crate) async fn enacted<T, F: Future<Output = Result<Option<T>>>>(
        &self,
        what: &str,
        done: impl FnMut() -> F,
    ) -> Result<T> {
        wait_for(what, PATIENCE, done).await
    }
}

/// A transfer of one AUR that keeps the sender alive.
fn transfer() -> Composite<()> {
    Composite::Unnamed(vec![address([7; 32]), Value::u128(UNIT)])
}

fn address(account: [u8; 32]) -> Value {
    variant("Id", [Value::from_bytes(account)])
}

fn full_name(pallet: &str, call: &str) -> Value {
    Value::unnamed_composite([Value::from_bytes(pallet), Value::from_bytes(call)])
}

/// A network of the `staging` preset: four validators, no sudo.
///
/// # Errors
///
/// If it does not start, or has a sudo key.
pub(crate) async fn staging(tools: &Tools, workspace: &Workspace) -> Result<Network> {
    let daemons = [DaemonPlan::honest("alice")];
    let mut network = Network::on_preset(tools, workspace, "staging", &daemons).await?;
    for name in crate::network::LOCAL_VALIDATORS {
        let plan = crate::node::NodePlan::validator(name);
        network.add_node(tools, workspace, plan).await?;
    }
    network.wait_for_finality(&[], 2, FIRST_BLOCKS).await?;
    let holders = Holders::at(&network.first()?.ws()).await?;
    ensure!(
        holders.read("Sudo", "Key").await? == Json::Null,
        "the staging preset has a sudo key"
    );
    Ok(network)
}

/// Registers a provider whose daemon is Alice's, publishes the digits model, and puts the input into
/// the content store. Answers the model and the input's root.
pub(crate) async fn market(
    cli: &Athanor,
    ws: &str,
    digits: &Digits,
    store: &str,
) -> Result<(u64, String)> {
    let bond: u128 = chain::job_constant(ws, "MinBond").await?;
    let provider = Provider {
        owner: "//ProviderAlice",
        worker: "//Alice",
        endpoint: store,
        bond: bond.saturating_mul(10),
        funder: "//Alice",
        offer: &[],
    };
    provider.register(cli).await?;
    let model = publish(cli, digits, store, REQUESTER).await?;
    let root = cli.put(&digits.input_file(), store).await?;
    Ok((model.id, root))
}

/// Orders a job of which the chain waits `window` blocks for objections.
pub(crate) fn order<'a>(
    digits: &Digits,
    model: u64,
    input_root: &'a str,
    window: u32,
) -> Result<Order<'a>> {
    Ok(Order {
        model,
        input_root,
        batch: digits.batch()?,
        policy: Policy::Optimistic,
        window,
        max_pay: "1 AUR",
        requester: REQUESTER,
    })
}

/// Plays the story.
///
/// # Errors
///
/// If a step fails, or a decision does not do what it says.
pub async fn play(
    tools: &Tools,
    workspace: &Workspace,
    digits: &Digits,
    progress: Progress,
) -> Result<()> {
    let step = progress.step("start four validators of the staging preset, without sudo");
    let mut network = staging(tools, workspace).await?;
    let ws = network.first()?.ws();
    let store = network.daemon("alice")?.url().to_string();
    let cli = Athanor::new(&tools.cli, &ws, &workspace.log("athanor"));
    let holders = Holders::at(&ws).await?;
    step.done(&ws);

    let step = progress.step("register a provider, publish a model");
    let (model, input) = market(&cli, &ws, digits, &store).await?;
    let treasury = scale::ss58(TREASURY);
    cli.transfer("//Alice", &treasury, "500 AUR").await?;
    step.done(format!("model {model}; the treasury was given 500 AUR"));

    let step = progress.step("propose a spend, a parameter, the candidates, and a pause");
    let builder = cli.public_key("//Builder").await?;
    let nothing = || Value::unnamed_composite([]);
    let spend = vec![
        nothing(),
        Value::u128(200 * UNIT),
        Value::from_bytes(builder),
        variant("None", []),
    ];
    let fee = variant("Some", [Value::u128(50_000)]);
    let parameter = vec![variant(
        "Compute",
        [variant("ProtocolFee", [nothing(), fee])],
    )];
    let paused = full_name("Balances", "transfer_keep_alive");
    let first = [
        holders
            .propose(Power::Treasurer, "Treasury", "spend", spend)
            .await?,
        holders
            .propose(Power::Root, "Parameters", "set_parameter", parameter)
            .await?,
        holders
            .propose(
                Power::Root,
                "CollatorSelection",
                "set_desired_candidates",
                vec![Value::u128(0)],
            )
            .await?,
        holders
            .propose(Power::Root, "TxPause", "pause", vec![paused.clone()])
            .await?,
    ];
    ensure!(
        holders
            .number("CollatorSelection", "DesiredCandidates")
            .await?
            == 1,
        "the staging preset allows another number of candidates"
    );
    holders
        .call(PROPOSER, "Balances", "transfer_keep_alive", transfer())
        .await?;
    step.done(format!("referenda {first:?}"));

    let step = progress.step("vote, and wait until they are enacted");
    holders.vote(&first).await?;
    holders.approved(&first).await?;
    holders
        .enacted("the treasury's spend", || async {
            Ok((holders.number("Treasury", "SpendCount").await? == 1).then_some(()))
        })
        .await?;
    let who = scale::ss58(builder);
    ensure!(cli.total(&who).await? == 0, "it was paid without a payout");
    holders
        .call(PROPOSER, "Treasury", "payout", (0u32,))
        .await?;
    let paid = cli.total(&who).await?;
    ensure!(paid == 200 * UNIT, "the treasury paid {}", aur(paid));
    holders
        .enacted("no candidates", || async {
            let number = holders
                .number("CollatorSelection", "DesiredCandidates")
                .await?;
            Ok((number == 0).then_some(()))
        })
        .await?;
    let is_paused = || async {
        let state = holders.best().await?;
        let name = (b"Balances".to_vec(), b"transfer_keep_alive".to_vec());
        let found = state.storage("TxPause", "PausedCalls", (name,)).await?;
        anyhow::Ok(found.is_some())
    };
    holders
        .enacted("the pause", || async {
            Ok(is_paused().await?.then_some(()))
        })
        .await?;
    let filtered = "CallFiltered";
    holders
        .refused(
            PROPOSER,
            "Balances",
            "transfer_keep_alive",
            transfer(),
            filtered,
        )
        .await?;
    holders
        .call(PROPOSER, "Balances", "transfer_allow_death", transfer())
        .await?;
    step.done("200 AUR paid; the paused call is refused, its neighbour passes");

    let step = progress.step("propose to lift the pause, and safe mode; order a job meanwhile");
    let second = [
        holders
            .propose(Power::Root, "TxPause", "unpause", vec![paused])
            .await?,
        holders
            .propose(Power::Root, "SafeMode", "force_enter", vec![])
            .await?,
    ];
    let before = cli.total(&cli.address(REQUESTER).await?).await?;
    let job = order(digits, model, &input, 40)?.create(&cli).await?;
    holders.vote(&second).await?;
    holders.approved(&second).await?;
    let entered = || async {
        let until = holders.read("SafeMode", "EnteredUntil").await?;
        Ok(until.as_u64())
    };
    let until = holders.enacted("safe mode", entered).await?;
    holders
        .enacted("the end of the pause", || async {
            Ok((!is_paused().await?).then_some(()))
        })
        .await?;
    let live = chain::job(&ws, job.id).await?;
    let status = live.context("the job ended before safe mode began")?.status;
    step.done(format!(
        "safe mode until block {until}; job {} is {status}",
        job.id
    ));

    let step = progress.step("see what passes in safe mode");
    holders
        .refused(
            PROPOSER,
            "Balances",
            "transfer_keep_alive",
            transfer(),
            filtered,
        )
        .await?;
    ensure!(
        order(digits, model, &input, 40)?
            .create(&cli)
            .await
            .is_err(),
        "a job was ordered in safe mode"
    );
    holders
        .call(PROPOSER, "System", "remark", (b"still here".to_vec(),))
        .await?;
    let extend = holders
        .propose(Power::Root, "SafeMode", "force_extend", vec![])
        .await?;
    let exit = holders
        .propose(Power::Root, "SafeMode", "force_exit", vec![])
        .await?;
    holders.vote(&[extend]).await?;
    holders.approved(&[extend]).await?;
    let later = holders
        .enacted("a longer safe mode", || async {
            Ok(entered().await?.filter(|later| *later > until))
        })
        .await?;
    step.done(format!(
        "transfers and jobs are refused, remarks and votes are not; extended to block {later}"
    ));

    let step = progress.step("the job of before settles, under the new parameter");
    let outcome = Outcome::watch(&cli, &job, JOB_SECONDS, &step).await?;
    outcome.ensure_settled()?;
    network.ensure_running()?;
    let paid = outcome.total_paid();
    // Rounded once per part of the pay.
    let fee = paid / 20;
    ensure!(
        outcome.fees.abs_diff(fee) <= 10,
        "the fee of {} is {}, not 5 %",
        aur(paid),
        aur(outcome.fees)
    );
    let safe = entered().await?.is_some();
    ensure!(safe, "safe mode ended by itself");
    let after = cli.total(&cli.address(REQUESTER).await?).await?;
    ensure!(
        before.saturating_sub(after) < paid + UNIT && after < before,
        "the requester had {} and has {}, for {}",
        aur(before),
        aur(after),
        aur(paid)
    );
    step.done(format!(
        "{} paid, of it {} to the treasury",
        aur(paid),
        aur(outcome.fees)
    ));

    let step = progress.step("end safe mode by referendum");
    holders.vote(&[exit]).await?;
    holders.approved(&[exit]).await?;
    holders
        .enacted("the end of safe mode", || async {
            Ok(entered().await?.is_none().then_some(()))
        })
        .await?;
    holders
        .call(PROPOSER, "Balances", "transfer_keep_alive", transfer())
        .await?;
    step.done("transfers pass again");

    let step = progress.step("check the chain's invariants");
    step.done(chain::audit(&ws).await?);
    Ok(())
}
