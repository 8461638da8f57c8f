//! The runtime as a node drives it: blocks with their pre-digest and their inherent, transactions
//! with signatures and extensions, and what must hold after each of them.

use crate::{people, tally::Tally};
use athanor_runtime::{
    genesis_config_presets, time, AccountId, Babe, Balance, Balances, Executive, Header, Nonce,
    Runtime, RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, Session, SignedPayload, System,
    TxExtension, UncheckedExtrinsic, EXISTENTIAL_DEPOSIT,
};
use athanor_state_check::{all, ours, sdk, Broken};
use codec::Encode;
use frame_support::{dispatch::DispatchClass, traits::GetCallMetadata};
use sp_consensus_babe::{
    digests::{PreDigest, PrimaryPreDigest, SecondaryVRFPreDigest},
    make_vrf_transcript, BABE_ENGINE_ID,
};
use sp_core::{
    crypto::{Pair as _, VrfSecret},
    sr25519::vrf::VrfSignature,
    H256,
};
use sp_io::TestExternalities;
use sp_runtime::{
    generic::{Digest, DigestItem, Era},
    traits::{Dispatchable, Header as _},
    BuildStorage, DispatchResult,
};

/// What a block's parent is called when there is none.
const GENESIS: H256 = H256([7; 32]);

/// BABE refuses a block that disables its own author, so its author leaves that out.
const OWN_SENTENCE: &str = "it disables the block's author";

/// The state of the preset without sudo: whoever has root can break anything.
///
/// # Errors
///
/// If the preset makes no genesis.
pub fn genesis() -> Result<TestExternalities, Broken> {
    let preset = genesis_config_presets::STAGING_RUNTIME_PRESET;
    let patch = genesis_config_presets::get_preset(&preset.into()).ok_or("there is no preset")?;
    let patch = serde_json::from_slice(&patch).map_err(|error| error.to_string())?;
    let mut config =
        serde_json::to_value(RuntimeGenesisConfig::default()).map_err(|error| error.to_string())?;
    merge(&mut config, patch);
    let config: RuntimeGenesisConfig =
        serde_json::from_value(config).map_err(|error| error.to_string())?;
    Ok(config.build_storage()?.into())
}

fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    match (into, patch) {
        (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// The extension of a transaction.
fn extension(nonce: Nonce, tip: Balance) -> TxExtension {
    (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        athanor_runtime::extensions::CheckOperational,
        pallet_transaction_payment::ChargeTransactionPayment::from(tip),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    )
}

/// A transaction that one of [`people`] signs. `None`: the account has no key here.
pub fn signed(who: &AccountId, call: RuntimeCall, tip: Balance) -> Option<UncheckedExtrinsic> {
    let key = people::key(who)?;
    let nonce = System::account_nonce(who);
    let payload = SignedPayload::new(call, extension(nonce, tip)).ok()?;
    let signature = payload.using_encoded(|bytes| key.sign(bytes));
    let (call, extension, _) = payload.deconstruct();
    Some(UncheckedExtrinsic::new_signed(
        call,
        who.clone().into(),
        signature.into(),
        extension,
    ))
}

/// A transaction that nobody signs and that its call authorises.
pub fn general(call: RuntimeCall) -> UncheckedExtrinsic {
    UncheckedExtrinsic::new_transaction(call, extension(0, 0))
}

/// A transaction that nobody signs and that carries no extension: it is the pallet's to check.
pub fn bare(call: RuntimeCall) -> UncheckedExtrinsic {
    UncheckedExtrinsic::new_bare(call)
}

/// What became of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It did what it says.
    Done,
    /// It is in the block, and failed.
    Failed,
    /// No block takes it.
    Refused,
}

/// A chain whose state is in the externalities that run at the moment.
pub struct Chain {
    slot: u64,
    parent: H256,
    vrf: VrfSignature,
    issuance: Balance,
    seen: u32,
    author: u32,
    /// What became of the calls so far.
    pub tally: Tally,
}

impl Chain {
    /// A chain at genesis, in whose first slot this is.
    pub fn new(slot: u64) -> Self {
        // Outputs differ from block to block by the transcript they are made with; the proof is
        // the node's to verify, not the runtime's.
        let transcript = make_vrf_transcript(&[0; 32], 0.into(), 0);
        let vrf = people::sponsor().vrf_sign(&transcript.into_sign_data());
        Self {
            slot,
            parent: GENESIS,
            vrf,
            issuance: Balances::total_issuance(),
            seen: 0,
            author: 0,
            tally: Tally::default(),
        }
    }

    /// Begins a block, `late` slots after the next.
    ///
    /// # Errors
    ///
    /// What no longer holds, in words.
    pub fn begin(&mut self, late: u64) -> Result<(), Broken> {
        self.slot += late;
        // A block whose author is disabled in it cannot be made: its slot stays empty.
        loop {
            self.slot += 1;
            sp_io::storage::start_transaction();
            self.initialize()?;
            if !self.is_author_disabled() {
                sp_io::storage::commit_transaction();
                break;
            }
            sp_io::storage::rollback_transaction();
        }
        self.seen = 0;
        let now = self.slot * time::SLOT_DURATION;
        let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
        match Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(set)) {
            Ok(Ok(())) => self.check(),
            other => Err(format!("the timestamp was refused: {other:?}")),
        }
    }

    fn is_author_disabled(&self) -> bool {
        Session::disabled_validators().contains(&self.author)
    }

    fn initialize(&mut self) -> Result<(), Broken> {
        let validators = Babe::authorities().len() as u64;
        let disabled = Session::disabled_validators();
        let authority_index = (0..validators)
            .map(|i| ((self.slot + i) % validators) as u32)
            .find(|index| !disabled.contains(index))
            .ok_or("every validator is disabled")?;
        self.author = authority_index;
        let slot = self.slot.into();
        let vrf_signature = self.vrf.clone();
        let pre_digest = if self.slot.is_multiple_of(4) {
            PreDigest::Primary(PrimaryPreDigest {
                authority_index,
                slot,
                vrf_signature,
            })
        } else {
            PreDigest::SecondaryVRF(SecondaryVRFPreDigest {
                authority_index,
                slot,
                vrf_signature,
            })
        };
        let digest = Digest {
            logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, pre_digest.encode())],
        };
        let number = System::block_number() + 1;
        let header = Header::new(
            number,
            H256::default(),
            H256::default(),
            self.parent,
            digest,
        );
        Executive::initialize_block(&header);
        Ok(())
    }

    /// Ends the block.
    ///
    /// # Errors
    ///
    /// What no longer holds, in words.
    pub fn end(&mut self) -> Result<(), Broken> {
        let header = Executive::finalize_block();
        self.parent = header.hash();
        self.tally.blocks += 1;
        let weight = System::block_weight();
        let limits = <Runtime as frame_system::Config>::BlockWeights::get();
        let normal = limits.get(DispatchClass::Normal).max_total;
        // What is mandatory is not asked: a new session fills its first block.
        let chosen = weight
            .get(DispatchClass::Normal)
            .saturating_add(*weight.get(DispatchClass::Operational));
        if chosen.any_gt(limits.max_block) {
            return Err(format!("the block weighs {chosen}"));
        }
        if normal.is_some_and(|most| weight.get(DispatchClass::Normal).any_gt(most)) {
            return Err("normal calls use the room of operational ones".into());
        }
        self.check()?;
        all(sdk::CHECKS)
    }

    /// Puts a transaction into the block, if it may be there.
    ///
    /// # Errors
    ///
    /// What no longer holds, in words.
    pub fn apply(&mut self, call: &RuntimeCall, xt: UncheckedExtrinsic) -> Result<Fate, Broken> {
        sp_io::storage::start_transaction();
        let outcome = Executive::apply_extrinsic(xt);
        if self.is_author_disabled() {
            sp_io::storage::rollback_transaction();
            return self.note(call, Err(OWN_SENTENCE.into()));
        }
        match outcome {
            Ok(result) => {
                sp_io::storage::commit_transaction();
                self.note(call, Ok(result))
            }
            Err(error) => {
                sp_io::storage::rollback_transaction();
                self.note(call, Err(format!("{error:?}")))
            }
        }
    }

    /// Does what governance decided.
    ///
    /// # Errors
    ///
    /// What no longer holds, in words.
    pub fn as_root(&mut self, call: &RuntimeCall) -> Result<Fate, Broken> {
        sp_io::storage::start_transaction();
        let result = call
            .clone()
            .dispatch(athanor_runtime::RuntimeOrigin::root())
            .map(|_| ())
            .map_err(|error| error.error);
        if self.is_author_disabled() {
            sp_io::storage::rollback_transaction();
            return self.note(call, Err(OWN_SENTENCE.into()));
        }
        sp_io::storage::commit_transaction();
        self.note(call, Ok(result))
    }

    fn note(
        &mut self,
        call: &RuntimeCall,
        outcome: Result<DispatchResult, String>,
    ) -> Result<Fate, Broken> {
        let name = call.get_call_metadata();
        let name = (name.pallet_name, name.function_name);
        let count = self.tally.calls.entry(name).or_default();
        let (fate, error) = match outcome {
            Ok(Ok(())) => {
                count.done += 1;
                (Fate::Done, None)
            }
            Ok(Err(error)) => {
                count.failed += 1;
                (Fate::Failed, Some(ours::words(error)))
            }
            Err(error) => {
                count.refused += 1;
                (Fate::Refused, Some(error))
            }
        };
        if let Some(error) = error {
            *self
                .tally
                .errors
                .entry((name.0, name.1, error))
                .or_default() += 1;
        }
        self.check()
            .map_err(|broken| format!("after {call:?}: {broken}"))?;
        Ok(fate)
    }

    /// Checks what must hold at any time.
    fn check(&mut self) -> Result<(), Broken> {
        all(ours::CHECKS)?;
        self.check_money()
    }

    /// Money neither comes nor goes, but for dust and what its owner burns.
    fn check_money(&mut self) -> Result<(), Broken> {
        let mut burnt = 0;
        let events = System::read_events_no_consensus();
        let fresh = self.seen as usize;
        let mut count = 0;
        for (at, record) in events.enumerate() {
            count += 1;
            if at < fresh {
                continue;
            }
            use pallet_balances::Event::{Burned, DustLost};
            match &record.event {
                RuntimeEvent::Balances(DustLost { amount, .. } | Burned { amount, .. }) => {
                    burnt += amount
                }
                event => self.see(event),
            }
        }
        self.seen = count;
        let issuance = Balances::total_issuance();
        // A credit that its account is too small for is burnt without an event.
        let gone = self.issuance.checked_sub(issuance);
        if gone.is_none_or(|gone| gone > burnt + EXISTENTIAL_DEPOSIT) {
            let news: Vec<String> = System::read_events_no_consensus()
                .skip(fresh)
                .map(|record| format!("{:?}", record.event))
                .collect();
            return Err(format!(
                "{} were issued, now {issuance}, and {burnt} were burnt, by {}",
                self.issuance,
                news.join("; ")
            ));
        }
        self.issuance = issuance;
        Ok(())
    }

    fn see(&mut self, event: &RuntimeEvent) {
        let name = match event {
            RuntimeEvent::Programs(event) => name_of("Programs", event),
            RuntimeEvent::ComputeJobs(event) => name_of("ComputeJobs", event),
            RuntimeEvent::LabelBounties(event) => name_of("LabelBounties", event),
            RuntimeEvent::DataMarket(event) => name_of("DataMarket", event),
            RuntimeEvent::Validators(event) => name_of("Validators", event),
            RuntimeEvent::Referenda(event) => name_of("Referenda", event),
            RuntimeEvent::Scheduler(event) => name_of("Scheduler", event),
            RuntimeEvent::CollatorSelection(event) => name_of("CollatorSelection", event),
            RuntimeEvent::Offences(event) => name_of("Offences", event),
            RuntimeEvent::Assets(event) => name_of("Assets", event),
            _ => return,
        };
        *self.tally.events.entry(name).or_default() += 1;
    }
}

fn name_of(pallet: &str, event: &impl std::fmt::Debug) -> String {
    let text = format!("{event:?}");
    let name = text.split([' ', '{', '(']).next().unwrap_or_default();
    let name = name.rsplit("::").next().unwrap_or_default();
    format!("{pallet}.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use frame_support::traits::fungible::MutateHold;
    use pallet_compute_jobs::HoldReason;

    #[test]
    fn money_on_hold_that_no_record_accounts_for_is_found() {
        for reason in [
            HoldReason::JobBudget,
            HoldReason::Deposit,
            HoldReason::ThreadBond,
            HoldReason::ProviderBond,
            HoldReason::AuditPay,
        ] {
            genesis().unwrap().execute_with(|| {
                all(ours::CHECKS).unwrap();
                let (who, _) = frame_system::Account::<Runtime>::iter()
                    .find(|(_, account)| account.data.free > 2 * EXISTENTIAL_DEPOSIT)
                    .unwrap();
                Balances::hold(&reason.into(), &who, EXISTENTIAL_DEPOSIT).unwrap();
                let broken = all(ours::CHECKS).unwrap_err();
                assert!(broken.contains(&format!("{reason:?}")), "{broken}");
            });
        }
    }
}
