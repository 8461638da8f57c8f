//! Who has how much after which block, and what of it went into fees.

use crate::{
    load::follow::{job_of, key_of, Encoded, Signer, State},
    rpc::Rpc,
};
use anyhow::{bail, ensure, Context, Result};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use subxt::{
    dynamic::{self, At, Value},
    events::Phase,
    ext::scale_decode::DecodeAsType,
    ext::scale_value::Composite,
    utils::H256,
    OnlineClient, SubstrateConfig,
};
use tokio::sync::Mutex;

/// Longest wait for a transaction of this program to be final.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often a block is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// Of a fee, what the treasury gets; the rest and the tip are the author's.
const TREASURY_PERCENT: u128 = 80;

/// An account.
pub(crate) type Key = [u8; 32];

/// What final blocks charged so far.
#[derive(Debug, Default)]
struct Charged {
    seen: u64,
    by: BTreeMap<Key, u128>,
    tips: BTreeMap<Key, u128>,
    treasury: u128,
    signed: BTreeMap<Key, u64>,
    refused: BTreeMap<Key, u64>,
    jobs: BTreeMap<u64, Happened>,
}

/// One provider's part in a job, as it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) provider: Key,
    pub(crate) worker: Key,
    /// What it is to be paid.
    pub(crate) pay: u128,
    /// What it stands to lose.
    pub(crate) collateral: u128,
}

/// What final blocks say of a job, as far as its money depends on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Happened {
    /// Who was drawn and not released.
    pub(crate) seats: Vec<Seat>,
    /// Which key gave each answer to a demand.
    pub(crate) answers: Vec<Key>,
    /// Which provider sent each commitment.
    pub(crate) committed: Vec<Key>,
    /// Which provider sent each reveal.
    pub(crate) revealed: Vec<Key>,
}

/// Where everybody's money was after one final block.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The block.
    pub(crate) block: u64,
    /// Free and held together.
    pub(crate) total: BTreeMap<Key, u128>,
    /// Held alone.
    pub(crate) held: BTreeMap<Key, u128>,
    /// Fees paid up to it.
    pub(crate) fees: BTreeMap<Key, u128>,
    /// Tips among them.
    pub(crate) tips: BTreeMap<Key, u128>,
    /// The treasury's part of all fees up to it.
    pub(crate) fees_to_treasury: u128,
    /// Transactions of each account up to it.
    pub(crate) signed: BTreeMap<Key, u64>,
    /// Those among them that failed.
    pub(crate) refused: BTreeMap<Key, u64>,
    /// What became of jobs up to it.
    pub(crate) jobs: BTreeMap<u64, Happened>,
}

/// What became of a transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// Name of the error, if it was refused.
    pub(crate) refused: Option<String>,
    /// Number of the order that it placed.
    pub(crate) order: Option<u64>,
    /// What it cost.
    pub(crate) fee: u128,
}

/// The chain, as far as money goes.
pub(crate) struct Ledger {
    pub(crate) rpc: Rpc,
    client: OnlineClient<SubstrateConfig>,
    charged: Mutex<Charged>,
}

impl Ledger {
    /// Follows the chain of a node from its last final block on.
    pub(crate) async fn new(rpc: &Rpc, ws: &str) -> Result<Self> {
        let client = OnlineClient::<SubstrateConfig>::from_insecure_url(ws)
            .await
            .with_context(|| format!("cannot reach {ws}"))?;
        let charged = Charged {
            seen: rpc.finalized_block().await?,
            ..Charged::default()
        };
        Ok(Self {
            rpc: rpc.clone(),
            client,
            charged: Mutex::new(charged),
        })
    }

    /// A constant of the market.
    pub(crate) async fn constant<T: DecodeAsType>(&self, name: &str) -> Result<T> {
        self.client
            .at_current_block()
            .await
            .context("no block")?
            .constants()
            .entry(dynamic::constant::<T>("DataMarket", name))
            .with_context(|| format!("the chain has no constant DataMarket.{name}"))
    }

    async fn at(&self, number: u64) -> Result<State> {
        let hash: String = self.rpc.call("chain_getBlockHash", json!([number])).await?;
        let hash: [u8; 32] = hex::decode(hash.trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("a hash of another form")?;
        self.client
            .at_block(H256(hash))
            .await
            .with_context(|| format!("block {number} is gone"))
    }

    /// What these accounts have after the last final block, and all fees up to it.
    pub(crate) async fn snapshot(&self, accounts: &[Key]) -> Result<Snapshot> {
        let mut charged = self.charged.lock().await;
        let head = self.rpc.finalized_block().await?;
        for number in charged.seen + 1..=head {
            let at = self.at(number).await?;
            let events = at.events().fetch().await.context("the block's events")?;
            let (mut failed, mut payers) = (BTreeSet::new(), Vec::new());
            for event in events.iter() {
                let event = event.context("an event")?;
                let name = (event.pallet_name(), event.event_name());
                let index = match event.phase() {
                    Phase::ApplyExtrinsic(index) => Some(index),
                    _ => None,
                };
                match name {
                    ("System", "ExtrinsicFailed") => failed.extend(index),
                    ("TransactionPayment", "TransactionFeePaid") => {
                        let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                        let (paid, tip) = (amount(&fields, "actual_fee")?, amount(&fields, "tip")?);
                        let who = key_of(&fields, "who")?;
                        *charged.by.entry(who).or_default() += paid;
                        *charged.tips.entry(who).or_default() += tip;
                        charged.treasury += treasury_part(paid.saturating_sub(tip));
                        payers.extend(index.map(|index| (index, who)));
                    }
                    ("ComputeJobs", name) => {
                        let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                        note(&mut charged.jobs, name, &fields)?;
                    }
                    _ => {}
                }
            }
            for (index, who) in payers {
                *charged.signed.entry(who).or_default() += 1;
                *charged.refused.entry(who).or_default() += u64::from(failed.contains(&index));
            }
            charged.seen = number;
        }
        let at = self.at(head).await?;
        let entry = dynamic::storage::<(Key,), Value>("System", "Account");
        let (mut total, mut held) = (BTreeMap::new(), BTreeMap::new());
        for account in accounts {
            let found = at
                .storage()
                .try_fetch(entry.clone(), (*account,))
                .await
                .context("an account's balance")?;
            let (all, of_it) = match found {
                None => (0, 0),
                Some(value) => balance(&value.decode().context("an account's balance")?)?,
            };
            total.insert(*account, all);
            held.insert(*account, of_it);
        }
        Ok(Snapshot {
            block: head,
            total,
            held,
            fees: charged.by.clone(),
            tips: charged.tips.clone(),
            fees_to_treasury: charged.treasury,
            signed: charged.signed.clone(),
            refused: charged.refused.clone(),
            jobs: charged.jobs.clone(),
        })
    }

    /// Gives each of these accounts so much, all or none.
    pub(crate) async fn fund(&self, suri: &str, accounts: &[Key], amount: u128) -> Result<()> {
        let state = self.client.at_current_block().await.context("no block")?;
        let mut calls = Vec::new();
        for account in accounts {
            let call = Value::named_variant(
                "transfer_keep_alive",
                [
                    (
                        "dest",
                        Value::unnamed_variant("Id", [Value::from_bytes(account)]),
                    ),
                    ("value", Value::u128(amount)),
                ],
            );
            calls.push(Value::unnamed_variant("Balances", [call]));
        }
        let mut signer = Signer::new(suri)?;
        let account = signer.account();
        signer.nonce = self.rpc.nonce(&account.to_string()).await?;
        let calls = vec![Value::unnamed_composite(calls)];
        let extrinsic = signer.sign(&state, "Utility.batch_all", calls)?;
        match self.follow(extrinsic, "the money").await?.refused {
            None => Ok(()),
            Some(why) => bail!("the accounts got no money: {why}"),
        }
    }

    /// Signs and sends a call with these encoded arguments, and waits until it is final. Answers
    /// whether the chain took it, with the error's name if not.
    pub(crate) async fn send(&self, suri: &str, call: &str, args: Vec<u8>) -> Result<Sent> {
        let mut signer = Signer::new(suri)?;
        let account = signer.account();
        signer.nonce = self.rpc.nonce(&account.to_string()).await?;
        let state = self.client.at_current_block().await.context("no block")?;
        let extrinsic = signer.sign_encoded(&state, call, args)?;
        self.follow(extrinsic, &format!("{call} by {suri}")).await
    }

    /// A call with these encoded arguments, encoded, as calls that run others take it.
    pub(crate) async fn call_data(
        &self,
        pallet: &str,
        call: &str,
        args: Vec<u8>,
    ) -> Result<Vec<u8>> {
        let state = self.client.at_current_block().await.context("no block")?;
        let payload = dynamic::tx(pallet, call, Encoded(args));
        state
            .transactions()
            .call_data(&payload)
            .with_context(|| format!("the chain has no call {pallet}.{call}"))
    }

    async fn follow(&self, extrinsic: String, what: &str) -> Result<Sent> {
        let from = self.rpc.best_block().await?;
        let hash: String = self
            .rpc
            .call("author_submitExtrinsic", json!([extrinsic]))
            .await
            .with_context(|| what.to_string())?;
        let end = Instant::now() + PATIENCE;
        let mut next = from;
        loop {
            let head = self.rpc.finalized_block().await?;
            while next <= head {
                if let Some(sent) = self.found(next, &extrinsic).await? {
                    return Ok(sent);
                }
                next += 1;
            }
            ensure!(Instant::now() < end, "{what} ({hash}) is in no final block");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What became of a transaction, if it is in this block.
    async fn found(&self, number: u64, wanted: &str) -> Result<Option<Sent>> {
        let hash: String = self.rpc.call("chain_getBlockHash", json!([number])).await?;
        let block: serde_json::Value = self.rpc.call("chain_getBlock", json!([hash])).await?;
        let index = block["block"]["extrinsics"]
            .as_array()
            .context("a block without transactions")?
            .iter()
            .position(|extrinsic| extrinsic.as_str() == Some(wanted));
        let Some(index) = index else { return Ok(None) };
        let at = self.at(number).await?;
        let events = at.events().fetch().await.context("the block's events")?;
        let mut sent = Sent::default();
        for event in events.iter() {
            let event = event.context("an event")?;
            if event.phase() != Phase::ApplyExtrinsic(u32::try_from(index)?) {
                continue;
            }
            let number = |fields: &Composite<()>, name: &str| {
                fields
                    .at(name)
                    .and_then(Value::as_u128)
                    .with_context(|| format!("an event without `{name}`"))
            };
            match (event.pallet_name(), event.event_name()) {
                ("System", "ExtrinsicFailed") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    sent.refused = Some(refusal(&at, &fields));
                }
                ("DataMarket", "Ordered") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    sent.order = Some(u64::try_from(number(&fields, "order")?)?);
                }
                ("TransactionPayment", "TransactionFeePaid") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    sent.fee = number(&fields, "actual_fee")?;
                }
                _ => {}
            }
        }
        Ok(Some(sent))
    }
}

fn amount(fields: &Composite<()>, name: &str) -> Result<u128> {
    fields
        .at(name)
        .and_then(Value::as_u128)
        .with_context(|| format!("an event without `{name}`"))
}

/// Events that [`note`] looks at.
const NOTED: [&str; 6] = [
    "JobCreated",
    "ReplicaAssigned",
    "ReplicaReleased",
    "ReplicaCommitted",
    "ReplicaRevealed",
    "DataAnswered",
];

/// Takes note of an event of the job escrow.
fn note(jobs: &mut BTreeMap<u64, Happened>, name: &str, fields: &Composite<()>) -> Result<()> {
    if !NOTED.contains(&name) {
        return Ok(());
    }
    let job = jobs.entry(job_of(fields)?).or_default();
    match name {
        "ReplicaAssigned" => job.seats.push(Seat {
            provider: key_of(fields, "provider")?,
            worker: key_of(fields, "worker")?,
            pay: amount(fields, "pay")?,
            collateral: amount(fields, "collateral")?,
        }),
        "ReplicaReleased" => {
            let provider = key_of(fields, "provider")?;
            job.seats.retain(|seat| seat.provider != provider);
        }
        "ReplicaCommitted" => job.committed.push(key_of(fields, "provider")?),
        "ReplicaRevealed" => job.revealed.push(key_of(fields, "provider")?),
        "DataAnswered" => job.answers.push(key_of(fields, "worker")?),
        _ => {}
    }
    Ok(())
}

/// `Pallet.Error` of a call that failed.
fn refusal(state: &State, fields: &Composite<()>) -> String {
    let error = fields.at("dispatch_error");
    let module = error.and_then(|error| {
        let byte = |value: Option<&Value>| u8::try_from(value?.as_u128()?).ok();
        let inner = error.at(0)?;
        let index = byte(inner.at("index"))?;
        let variant = byte(inner.at("error").and_then(|bytes| bytes.at(0)))?;
        let metadata = state.metadata();
        let pallet = metadata.pallet_by_error_index(index)?;
        let error = pallet.error_variant_by_index(variant)?;
        Some(format!("{}.{}", pallet.name(), error.name))
    });
    module.unwrap_or_else(|| format!("{error:?}"))
}

/// Free and held together, and what is held of it.
fn balance(account: &Value) -> Result<(u128, u128)> {
    let part = |name: &str| {
        account
            .at("data")
            .and_then(|data| data.at(name))
            .and_then(Value::as_u128)
            .with_context(|| format!("an account without `{name}`"))
    };
    let held = part("reserved")?;
    let all = part("free")?.checked_add(held);
    Ok((all.context("a balance overflows")?, held))
}

/// What the treasury gets of a fee.
fn treasury_part(fee: u128) -> u128 {
    fee * TREASURY_PERCENT / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_what_is_free_and_what_is_held() {
        let data = Value::named_composite([
            ("free", Value::u128(7)),
            ("reserved", Value::u128(5)),
            ("frozen", Value::u128(3)),
        ]);
        let account = Value::named_composite([("data", data)]);
        assert_eq!(balance(&account).unwrap(), (12, 5));
        assert!(balance(&Value::u128(4)).is_err());
    }

    #[test]
    fn who_was_released_has_no_seat() {
        let (mut jobs, key) = (BTreeMap::new(), |byte: u8| Value::from_bytes([byte; 32]));
        let drawn = Composite::named([
            ("job", Value::u128(3)),
            ("provider", key(1)),
            ("worker", key(2)),
            ("pay", Value::u128(7)),
            ("collateral", Value::u128(35)),
        ]);
        let of = |name| Composite::named([("job", Value::u128(3)), (name, key(1))]);
        note(&mut jobs, "ReplicaAssigned", &drawn).unwrap();
        note(&mut jobs, "DataAnswered", &of("worker")).unwrap();
        let seat = Seat {
            provider: [1; 32],
            worker: [2; 32],
            pay: 7,
            collateral: 35,
        };
        assert_eq!(jobs[&3].seats, [seat]);
        note(&mut jobs, "ReplicaReleased", &of("provider")).unwrap();
        assert!(jobs[&3].seats.is_empty());
        assert_eq!(jobs[&3].answers, [[1; 32]]);
        assert!(note(&mut jobs, "DataAnswered", &of("provider")).is_err());
    }

    #[test]
    fn the_treasury_has_four_fifths_rounded_down() {
        assert_eq!([0, 1, 4, 5, 9].map(treasury_part), [0, 0, 3, 4, 7]);
    }
}
