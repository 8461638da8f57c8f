//! Reports of double blocks.
//!
//! sc-consensus-babe 0.60 finds them, but reports headers that have lost their seals, which proves
//! nothing: its check moved into the block import, where the seal lies beside the header. This wraps
//! that import, remembers the sealed headers of the last slots, and submits the same report with
//! them. To be dropped when the SDK's own is right again.

use athanor_runtime::opaque::{Block, Header};
use codec::Encode;
use sc_consensus::{BlockCheckParams, BlockImport, BlockImportParams, ImportResult};
use sc_consensus_babe::find_pre_digest;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_api::{ApiExt, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_consensus::{BlockOrigin, Error as ConsensusError};
use sp_consensus_babe::{
    check_equivocation_proof, AuthorityId, AuthorityIndex, BabeApi, EquivocationProof, Slot,
    KEY_TYPE,
};
use sp_keystore::KeystorePtr;
use sp_runtime::traits::{Block as BlockT, Header as _};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use substrate_prometheus_endpoint::{register, Counter, PrometheusError, Registry, U64};

/// Slots back that headers are remembered of: those the SDK's own check looks at.
const SLOTS: u64 = 1_000;

/// The most headers remembered, the oldest going first. Only headers with a valid seal come here,
/// and one is kept for each author and slot.
const HEADERS: usize = 4_096;

/// Two headers of one slot with one author's index.
#[derive(Debug)]
struct Collision {
    slot: Slot,
    author: AuthorityIndex,
    first: Header,
    second: Header,
}

/// The sealed headers of the last slots, one for each author.
#[derive(Debug, Default)]
struct Seen {
    headers: BTreeMap<(u64, AuthorityIndex), (Header, bool)>,
}

impl Seen {
    /// Remembers a header; gives the collision if another of its author and slot was there, once.
    fn note(&mut self, slot: Slot, author: AuthorityIndex, header: Header) -> Option<Collision> {
        let newest = self.headers.keys().next_back().map_or(0, |(slot, _)| *slot);
        let oldest = newest.max(*slot).saturating_sub(SLOTS);
        if *slot < oldest {
            return None;
        }
        self.headers = self.headers.split_off(&(oldest, 0));
        let Some((first, reported)) = self.headers.get_mut(&(*slot, author)) else {
            self.headers.insert((*slot, author), (header, false));
            if self.headers.len() > HEADERS {
                self.headers.pop_first();
            }
            return None;
        };
        if *reported || first.hash() == header.hash() {
            return None;
        }
        *reported = true;
        Some(Collision {
            slot,
            author,
            first: first.clone(),
            second: header,
        })
    }
}

impl Collision {
    /// The proof against one of these authorities' lists, in which the author's index says who it
    /// is. `None` if the headers are not by the same key.
    fn prove(self, authorities: &[Vec<AuthorityId>]) -> Option<EquivocationProof<Header>> {
        let index = usize::try_from(self.author).ok()?;
        authorities
            .iter()
            .filter_map(|list| list.get(index))
            .map(|offender| EquivocationProof {
                offender: offender.clone(),
                slot: self.slot,
                first_header: self.first.clone(),
                second_header: self.second.clone(),
            })
            .find(|proof| check_equivocation_proof(proof.clone()))
    }
}

/// A verified block with its seal.
#[derive(Debug)]
struct Sighting {
    slot: Slot,
    author: AuthorityIndex,
    header: Header,
}

impl Sighting {
    /// `None` for what comes in bulk, which is old, and for a state, which comes without its
    /// author's block.
    fn of(block: &BlockImportParams<Block>) -> Option<Self> {
        let live = !matches!(
            block.origin,
            BlockOrigin::NetworkInitialSync | BlockOrigin::WarpSync | BlockOrigin::Genesis
        );
        if !live || block.with_state() || block.post_digests.is_empty() {
            return None;
        }
        let header = block.post_header();
        let digest = find_pre_digest::<Block>(&header).ok()?;
        Some(Self {
            slot: digest.slot(),
            author: digest.authority_index(),
            header,
        })
    }
}

/// What became of a collision.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// The two are not by one key.
    TwoKeys,
    /// The chain takes no report of it: it has one, or no longer knows the key.
    Unreported(AuthorityId),
    /// A report is in the pool.
    Reported(AuthorityId),
}

impl Outcome {
    fn offender(&self) -> Option<&AuthorityId> {
        match self {
            Outcome::TwoKeys => None,
            Outcome::Unreported(offender) | Outcome::Reported(offender) => Some(offender),
        }
    }
}

/// Double blocks since the node started.
#[derive(Clone)]
struct Counts {
    seen: Counter<U64>,
    reported: Counter<U64>,
    own: Counter<U64>,
}

impl Counts {
    /// Counters that start at 0; without a registry nobody sees them.
    fn new(registry: Option<&Registry>) -> Result<Self, PrometheusError> {
        let counter = |name: &str, help: &str| {
            let counter = Counter::<U64>::new(name, help)?;
            registry.map_or(Ok(counter.clone()), |registry| register(counter, registry))
        };
        Ok(Self {
            seen: counter(
                "athanor_double_blocks_seen_total",
                "Times that one key was seen to make two blocks of one slot",
            )?,
            reported: counter(
                "athanor_double_blocks_reported_total",
                "Double blocks that this node reported to the chain",
            )?,
            own: counter(
                "athanor_double_blocks_own_total",
                "Double blocks by a key of this node: another node has it, too",
            )?,
        })
    }

    fn note(&self, outcome: &Outcome, own: bool) {
        if outcome.offender().is_some() {
            self.seen.inc();
        }
        if matches!(outcome, Outcome::Reported(_)) {
            self.reported.inc();
        }
        if own {
            self.own.inc();
        }
    }
}

/// When a block is looked at: before its import, which may refuse the second of two; but one of
/// our own only once it is imported. Until then nobody was told of it, and a clock that was set
/// back makes such blocks: a report would turn a mistake into an offence.
fn before_import(origin: BlockOrigin) -> bool {
    !matches!(origin, BlockOrigin::Own)
}

/// Wraps Babe's block import.
pub(crate) struct DoubleBlocks<Inner, Client> {
    inner: Inner,
    client: Arc<Client>,
    pool: OffchainTransactionPoolFactory<Block>,
    keystore: KeystorePtr,
    counts: Counts,
    seen: Arc<Mutex<Seen>>,
}

impl<Inner: Clone, Client> Clone for DoubleBlocks<Inner, Client> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            client: self.client.clone(),
            pool: self.pool.clone(),
            keystore: self.keystore.clone(),
            counts: self.counts.clone(),
            seen: self.seen.clone(),
        }
    }
}

impl<Inner, Client> DoubleBlocks<Inner, Client>
where
    Client: ProvideRuntimeApi<Block> + HeaderBackend<Block>,
    Client::Api: BabeApi<Block>,
{
    /// Reports go into `pool`. The keystore says which double blocks are this node's own doing;
    /// counters go into the registry.
    pub(crate) fn new(
        inner: Inner,
        client: Arc<Client>,
        pool: OffchainTransactionPoolFactory<Block>,
        keystore: KeystorePtr,
        registry: Option<&Registry>,
    ) -> Result<Self, PrometheusError> {
        Ok(Self {
            inner,
            client,
            pool,
            keystore,
            counts: Counts::new(registry)?,
            seen: Arc::default(),
        })
    }

    /// Reports the author of a block if it made another in this slot.
    fn watch(&self, block: Sighting) {
        let parent = *block.header.parent_hash();
        let collision = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(block.slot, block.author, block.header);
        let Some(collision) = collision else {
            return;
        };
        let slot = collision.slot;
        let outcome = match self.report(collision, parent) {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!("A double block in slot {slot} cannot be reported: {error}");
                return;
            }
        };
        let own = outcome
            .offender()
            .is_some_and(|key| self.keystore.has_keys(&[(key.encode(), KEY_TYPE)]));
        self.counts.note(&outcome, own);
        match outcome {
            Outcome::Reported(offender) => {
                tracing::info!("Reported the double block of {offender:?} in slot {slot}")
            }
            Outcome::Unreported(offender) => tracing::warn!(
                "The double block of {offender:?} in slot {slot} is not reported: the chain has a \
                 report of it, or no longer knows the key"
            ),
            Outcome::TwoKeys => {
                tracing::warn!("Two blocks of slot {slot} cannot be reported as by one author")
            }
        }
        if own {
            tracing::error!(
                "Another node makes blocks with a key of this one, in slot {slot}: stop one of them"
            );
        }
    }

    fn report(
        &self,
        collision: Collision,
        parent: <Block as BlockT>::Hash,
    ) -> Result<Outcome, sp_api::ApiError> {
        let api = self.client.runtime_api();
        // The block may be the first of its epoch.
        let keys = |epoch: sp_consensus_babe::Epoch| {
            let authorities = epoch.authorities.into_iter();
            authorities.map(|(id, _)| id).collect::<Vec<_>>()
        };
        let epochs = [
            keys(api.current_epoch(parent)?),
            keys(api.next_epoch(parent)?),
        ];
        let slot = collision.slot;
        let Some(proof) = collision.prove(&epochs) else {
            return Ok(Outcome::TwoKeys);
        };
        let offender = proof.offender.clone();
        let best = self.client.info().best_hash;
        let mut owner = api.generate_key_ownership_proof(parent, slot, offender.clone())?;
        if owner.is_none() {
            owner = api.generate_key_ownership_proof(best, slot, offender.clone())?;
        }
        let Some(owner) = owner else {
            return Ok(Outcome::Unreported(offender));
        };
        let mut api = self.client.runtime_api();
        api.register_extension(self.pool.offchain_transaction_pool(best));
        let submitted = api.submit_report_equivocation_unsigned_extrinsic(best, proof, owner)?;
        Ok(match submitted {
            Some(()) => Outcome::Reported(offender),
            None => Outcome::Unreported(offender),
        })
    }
}

#[async_trait::async_trait]
impl<Inner, Client> BlockImport<Block> for DoubleBlocks<Inner, Client>
where
    Inner: BlockImport<Block, Error = ConsensusError> + Send + Sync,
    Client: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync,
    Client::Api: BabeApi<Block>,
{
    type Error = ConsensusError;

    async fn check_block(
        &self,
        block: BlockCheckParams<Block>,
    ) -> Result<ImportResult, ConsensusError> {
        self.inner.check_block(block).await
    }

    async fn import_block(
        &self,
        block: BlockImportParams<Block>,
    ) -> Result<ImportResult, ConsensusError> {
        let early = before_import(block.origin);
        let mut sighting = Sighting::of(&block);
        if let Some(block) = sighting.take_if(|_| early) {
            self.watch(block);
        }
        let result = self.inner.import_block(block).await;
        if let (Some(block), Ok(ImportResult::Imported(_))) = (sighting, &result) {
            self.watch(block);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_consensus_babe::digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest};
    use sp_core::{sr25519, Pair, H256};
    use sp_runtime::{Digest, DigestItem};

    fn pair(name: &str) -> sr25519::Pair {
        sr25519::Pair::from_string(&format!("//{name}"), None).expect("a name")
    }

    fn header(by: &sr25519::Pair, slot: u64, author: AuthorityIndex, salt: u8) -> Header {
        let digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
            authority_index: author,
            slot: slot.into(),
        });
        let mut header = Header::new(
            9,
            H256::repeat_byte(salt),
            H256::zero(),
            H256::zero(),
            Digest {
                logs: vec![DigestItem::babe_pre_digest(digest)],
            },
        );
        let seal = by.sign(header.hash().as_bytes());
        header.digest_mut().push(DigestItem::babe_seal(seal.into()));
        header
    }

    fn note(seen: &mut Seen, slot: u64, author: AuthorityIndex, salt: u8) -> Option<Collision> {
        seen.note(slot.into(), author, header(&pair("A"), slot, author, salt))
    }

    #[test]
    fn a_block_of_ones_own_is_told_only_once_it_is_imported() {
        let sealed = header(&pair("A"), 5, 0, 1);
        let mut unsealed = sealed.clone();
        let seal = unsealed.digest_mut().pop().expect("a seal");
        let block = |origin| {
            let mut block = BlockImportParams::new(origin, unsealed.clone());
            block.post_digests.push(seal.clone());
            block
        };
        for origin in [BlockOrigin::Own, BlockOrigin::NetworkBroadcast] {
            let sighting = Sighting::of(&block(origin)).expect("a live block");
            assert_eq!(sighting.header, sealed);
        }
        assert!(!before_import(BlockOrigin::Own));
        assert!(before_import(BlockOrigin::NetworkBroadcast));
        assert!(Sighting::of(&block(BlockOrigin::WarpSync)).is_none());
    }

    #[test]
    fn two_blocks_of_one_author_in_one_slot_collide_once() {
        let mut seen = Seen::default();
        assert!(note(&mut seen, 5, 0, 1).is_none());
        let collision = note(&mut seen, 5, 0, 2).expect("a double block");
        assert_ne!(collision.first.hash(), collision.second.hash());
        assert!(note(&mut seen, 5, 0, 3).is_none(), "one report is enough");
    }

    #[test]
    fn the_same_block_again_is_no_collision() {
        let mut seen = Seen::default();
        let block = header(&pair("A"), 5, 0, 1);
        assert!(seen.note(5.into(), 0, block.clone()).is_none());
        assert!(seen.note(5.into(), 0, block).is_none());
        assert!(note(&mut seen, 5, 0, 2).is_some());
    }

    #[test]
    fn other_slots_and_other_authors_are_no_collision() {
        let mut seen = Seen::default();
        assert!(note(&mut seen, 5, 0, 1).is_none());
        assert!(note(&mut seen, 6, 0, 2).is_none());
        assert!(note(&mut seen, 5, 1, 3).is_none());
    }

    #[test]
    fn memory_ends_with_the_slots_and_with_the_headers() {
        let mut seen = Seen::default();
        assert!(note(&mut seen, 1, 0, 1).is_none());
        assert!(note(&mut seen, 2 + SLOTS, 0, 1).is_none());
        assert_eq!(seen.headers.len(), 1, "slot 1 is forgotten");
        assert!(
            note(&mut seen, 1, 0, 2).is_none(),
            "and not looked at again"
        );
        assert_eq!(seen.headers.len(), 1);

        let block = header(&pair("A"), 7_000, 0, 1);
        for author in 0..=HEADERS as u32 {
            seen.note(7_000.into(), author, block.clone());
        }
        assert_eq!(seen.headers.len(), HEADERS);
    }

    fn collision(first: &sr25519::Pair, second: &sr25519::Pair) -> Collision {
        Collision {
            slot: 5.into(),
            author: 1,
            first: header(first, 5, 1, 1),
            second: header(second, 5, 1, 2),
        }
    }

    #[test]
    fn a_collision_proves_the_offence_of_the_key_with_its_index() {
        let id = |name: &str| AuthorityId::from(pair(name).public());
        let old = vec![id("C"), id("D")];
        let new = vec![id("B"), id("A")];
        let both = collision(&pair("A"), &pair("A"));
        let proof = both.prove(&[old.clone(), new.clone()]).expect("it is A's");
        assert_eq!(proof.offender, id("A"));
        // What the chain checks, too.
        assert!(check_equivocation_proof(proof));

        let both = collision(&pair("A"), &pair("A"));
        assert!(both.prove(&[old.clone(), vec![id("A")]]).is_none());
        let two = collision(&pair("A"), &pair("D"));
        assert!(two.prove(&[old, new]).is_none(), "two keys are no offence");
    }

    #[test]
    fn double_blocks_are_counted_by_what_became_of_them() {
        let registry = Registry::new();
        let counts = Counts::new(Some(&registry)).expect("names of their own");
        assert!(Counts::new(Some(&registry)).is_err(), "they are registered");
        let key = AuthorityId::from(pair("A").public());
        counts.note(&Outcome::TwoKeys, false);
        counts.note(&Outcome::Unreported(key.clone()), false);
        counts.note(&Outcome::Reported(key.clone()), false);
        counts.note(&Outcome::Reported(key), true);
        let served: Vec<(String, f64)> = registry
            .gather()
            .iter()
            .map(|family| {
                let value = family.get_metric()[0].get_counter().get_value();
                (family.get_name().to_owned(), value)
            })
            .collect();
        let of = |name: &str, value| (format!("athanor_double_blocks_{name}_total"), value);
        assert_eq!(
            served,
            [of("own", 1.0), of("reported", 2.0), of("seen", 3.0)]
        );
    }

    #[test]
    fn headers_without_seals_prove_nothing() {
        let mut both = collision(&pair("A"), &pair("A"));
        both.first.digest_mut().pop();
        both.second.digest_mut().pop();
        let authorities = vec![
            AuthorityId::from(pair("B").public()),
            pair("A").public().into(),
        ];
        assert!(both.prove(&[authorities]).is_none());
    }
}
