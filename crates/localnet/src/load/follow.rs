//! Signing for many accounts, and following the chain block by block.

use crate::{
    chain::collect_bytes,
    rpc::{wait_for, Rpc},
};
use anyhow::{Context, Result};
use serde_json::json;
use std::time::Duration;
use subxt::{
    config::DefaultExtrinsicParamsBuilder,
    dynamic::{self, At, Value},
    ext::{
        scale_encode::{EncodeAsFields, Error as EncodeError, FieldIter, TypeResolver},
        scale_value::{Composite, ValueDef},
    },
    utils::AccountId32,
    OnlineClient, OnlineClientAtBlock, SubstrateConfig,
};
use subxt_signer::sr25519::Keypair;

/// Longest wait for a block.
const PATIENCE: Duration = Duration::from_secs(300);
/// Extrinsics in every block: the time.
pub(crate) const INHERENTS: usize = 1;

/// The chain's state after a block.
pub(crate) type State = OnlineClientAtBlock<SubstrateConfig>;

/// An account this program signs for.
pub(crate) struct Signer {
    pub(crate) key: Keypair,
    pub(crate) nonce: u64,
}

impl Signer {
    pub(crate) fn new(suri: &str) -> Result<Self> {
        let uri = suri
            .parse()
            .with_context(|| format!("{suri} is no secret"))?;
        Ok(Self {
            key: Keypair::from_uri(&uri).with_context(|| format!("{suri} is no secret"))?,
            nonce: 0,
        })
    }

    pub(crate) fn account(&self) -> AccountId32 {
        self.key.public_key().into()
    }

    /// The next transaction of this account.
    pub(crate) fn sign(&mut self, state: &State, call: &str, args: Vec<Value>) -> Result<String> {
        self.sign_any(state, call, Composite::Unnamed(args))
    }

    /// The same with arguments that are encoded already.
    pub(crate) fn sign_encoded(
        &mut self,
        state: &State,
        call: &str,
        args: Vec<u8>,
    ) -> Result<String> {
        self.sign_any(state, call, Encoded(args))
    }

    fn sign_any(&mut self, state: &State, call: &str, args: impl EncodeAsFields) -> Result<String> {
        let (pallet, call) = call.split_once('.').context("a call without its pallet")?;
        let payload = dynamic::tx(pallet, call, args);
        let params = DefaultExtrinsicParamsBuilder::new()
            .nonce(self.nonce)
            .build();
        let signed = state
            .transactions()
            .create_signable_offline(&payload, params)
            .and_then(|mut transaction| transaction.sign(&self.key))
            .with_context(|| format!("cannot sign {pallet}.{call}"))?;
        self.nonce += 1;
        Ok(format!("0x{}", hex::encode(signed.encoded())))
    }
}

/// Arguments of a call, encoded one after the other.
pub(crate) struct Encoded(pub(crate) Vec<u8>);

impl EncodeAsFields for Encoded {
    fn encode_as_fields_to<R: TypeResolver>(
        &self,
        _: &mut dyn FieldIter<'_, R::TypeId>,
        _: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }
}

/// One block, as far as it matters here.
pub(crate) struct Block {
    pub(crate) number: u64,
    /// Share of the block's reference time that was used, by all classes.
    pub(crate) fullness: f64,
    /// The part of it that hooks and inherents used. `None` for a block that begins a session: the
    /// session pallet says of it that the whole block is used.
    pub(crate) hooks: Option<f64>,
    pub(crate) extrinsics: usize,
    /// Job and deadline of each job created in it.
    pub(crate) created: Vec<(u64, u32)>,
    /// Jobs that settled in it.
    pub(crate) settled: usize,
    /// Jobs that expired in it.
    pub(crate) expired: usize,
    /// Jobs that failed in it.
    pub(crate) failed: usize,
    /// Job and worker of each replica drawn in it.
    pub(crate) assigned: Vec<(u64, [u8; 32])>,
    /// Jobs whose providers may compute from it on.
    pub(crate) running: Vec<u64>,
    /// Page and worker of each lease given in it.
    pub(crate) leased: Vec<(u32, [u8; 32])>,
    /// Worker and pages of each request that got fewer pages than it asked for.
    pub(crate) missing: Vec<([u8; 32], u32)>,
    /// Sheets committed in it.
    pub(crate) committed: usize,
    /// Sheets revealed in it.
    pub(crate) revealed: usize,
    /// States that batches entered in it.
    pub(crate) entered: Vec<String>,
    /// Batches pruned in it.
    pub(crate) pruned: usize,
    /// Calls that failed in it.
    pub(crate) refused: usize,
}

/// The chain as this program follows it.
pub(crate) struct Follower {
    pub(crate) rpc: Rpc,
    pub(crate) client: OnlineClient<SubstrateConfig>,
    pub(crate) seen: u64,
    pub(crate) most: u128,
}

impl Follower {
    pub(crate) async fn new(rpc: &Rpc, ws: &str) -> Result<Self> {
        let client = OnlineClient::<SubstrateConfig>::from_insecure_url(ws)
            .await
            .with_context(|| format!("cannot reach {ws}"))?;
        let state = client.at_current_block().await.context("no block")?;
        let limits = state
            .constants()
            .entry(dynamic::constant::<Value>("System", "BlockWeights"))
            .context("the chain has no limit of weight")?;
        let most = limits
            .at("max_block")
            .and_then(|weight| weight.at("ref_time"))
            .and_then(Value::as_u128)
            .context("a limit of another form")?;
        Ok(Self {
            rpc: rpc.clone(),
            client,
            seen: rpc.best_block().await?,
            most,
        })
    }

    pub(crate) async fn state(&self) -> Result<State> {
        self.client.at_current_block().await.context("no block")
    }

    /// The next block, once there is one.
    pub(crate) async fn next(&mut self) -> Result<Block> {
        let wanted = self.seen + 1;
        wait_for("the next block", PATIENCE, || async {
            Ok((self.rpc.best_block().await? >= wanted).then_some(()))
        })
        .await?;
        self.seen = wanted;
        self.read(wanted).await
    }

    async fn read(&self, number: u64) -> Result<Block> {
        let hash: String = self.rpc.call("chain_getBlockHash", json!([number])).await?;
        let hash: [u8; 32] = hex::decode(hash.trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .context("a hash of another form")?;
        let at = self
            .client
            .at_block(subxt::utils::H256(hash))
            .await
            .with_context(|| format!("block {number} is gone"))?;
        let weight = at
            .storage()
            .fetch(dynamic::storage::<(), Value>("System", "BlockWeight"), ())
            .await
            .context("the block's weight")?
            .decode()
            .context("the block's weight")?;
        let used = |class: &str| {
            let found = weight.at(class).and_then(|weight| weight.at("ref_time"));
            found
                .and_then(Value::as_u128)
                .with_context(|| format!("no weight of {class} calls"))
        };
        let mandatory = used("mandatory")?;
        let share = |amount: u128| amount as f64 / self.most as f64;
        let mut block = Block {
            number,
            fullness: share(used("normal")? + used("operational")? + mandatory),
            hooks: Some(share(mandatory)),
            extrinsics: 0,
            created: Vec::new(),
            settled: 0,
            expired: 0,
            failed: 0,
            assigned: Vec::new(),
            running: Vec::new(),
            leased: Vec::new(),
            missing: Vec::new(),
            committed: 0,
            revealed: 0,
            entered: Vec::new(),
            pruned: 0,
            refused: 0,
        };
        let events = at.events().fetch().await.context("the block's events")?;
        for event in events.iter() {
            let event = event.context("an event")?;
            match (event.pallet_name(), event.event_name()) {
                ("System", "ExtrinsicSuccess") => block.extrinsics += 1,
                ("System", "ExtrinsicFailed") => {
                    block.extrinsics += 1;
                    block.refused += 1;
                }
                ("Session", "NewSession") => block.hooks = None,
                ("LabelBounties", "SheetCommitted") => block.committed += 1,
                ("LabelBounties", "SheetRevealed") => block.revealed += 1,
                ("LabelBounties", "BatchPruned") => block.pruned += 1,
                ("LabelBounties", "PageLeased") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    let page = number_of(&fields, "page")?;
                    block.leased.push((page, key_of(&fields, "worker")?));
                }
                ("LabelBounties", "NoPage") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    let missing = number_of(&fields, "missing")?;
                    block.missing.push((key_of(&fields, "worker")?, missing));
                }
                ("LabelBounties", "BatchAdvanced") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    if let Some(state) = fields.at("state") {
                        block.entered.push(variant(state).to_string());
                    }
                }
                ("ComputeJobs", "JobCreated") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    let deadline = number_of(&fields, "deadline")?;
                    block.created.push((job_of(&fields)?, deadline));
                }
                ("ComputeJobs", "JobSettled") => block.settled += 1,
                ("ComputeJobs", "JobExpired") => block.expired += 1,
                ("ComputeJobs", "JobFailed") => block.failed += 1,
                ("ComputeJobs", "ReplicaAssigned") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    block
                        .assigned
                        .push((job_of(&fields)?, key_of(&fields, "worker")?));
                }
                ("ComputeJobs", "JobAdvanced") => {
                    let fields = event.decode_fields_unchecked_as::<Composite<()>>()?;
                    if fields.at("status").is_some_and(|s| variant(s) == "Running") {
                        block.running.push(job_of(&fields)?);
                    }
                }
                _ => {}
            }
        }
        Ok(block)
    }
}

pub(crate) fn job_of(fields: &Composite<()>) -> Result<u64> {
    fields
        .at("job")
        .and_then(Value::as_u128)
        .and_then(|job| u64::try_from(job).ok())
        .context("an event without its job")
}

fn number_of(fields: &Composite<()>, name: &str) -> Result<u32> {
    fields
        .at(name)
        .and_then(Value::as_u128)
        .and_then(|number| u32::try_from(number).ok())
        .with_context(|| format!("an event without its {name}"))
}

pub(crate) fn key_of(fields: &Composite<()>, name: &str) -> Result<[u8; 32]> {
    let mut bytes = Vec::new();
    collect_bytes(
        fields.at(name).context("an event without its key")?,
        &mut bytes,
    );
    bytes
        .try_into()
        .map_err(|_| anyhow::anyhow!("a key of another form"))
}

fn variant(value: &Value) -> &str {
    match &value.value {
        ValueDef::Variant(variant) => &variant.name,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_wrapped() {
        let key = Value::unnamed_composite([Value::from_bytes([9; 32])]);
        let fields = Composite::named([("job", Value::u128(3)), ("worker", key)]);
        assert_eq!(job_of(&fields).unwrap(), 3);
        assert_eq!(key_of(&fields, "worker").unwrap(), [9; 32]);
        assert!(key_of(&fields, "provider").is_err());
    }
}
