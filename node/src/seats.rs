//! What the chain says of this node's keys, as metrics: whether they have a seat among the
//! validators, are disabled in it, and whether the account they belong to is in jail.

use crate::service::FullClient;
use athanor_runtime::{AccountId, Runtime};
use codec::Decode;
use pallet_babe::Authorities;
use pallet_session::{CurrentIndex, DisabledValidators, KeyOwner};
use pallet_validators::{Sentence, Sentences};
use sc_client_api::StorageProvider;
use sp_blockchain::HeaderBackend;
use sp_consensus_babe::KEY_TYPE;
use sp_core::{sr25519, storage::StorageKey};
use sp_keystore::KeystorePtr;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use substrate_prometheus_endpoint::{register, Gauge, PrometheusError, Registry, U64};

/// How many of some keys have a seat, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seats {
    active: u64,
    disabled: u64,
    jailed: u64,
}

impl Seats {
    /// Those of the BABE keys, in the state that `read` has the values of. What is not there, or
    /// cannot be decoded, counts as nobody.
    fn of(keys: &[sr25519::Public], read: impl Fn(Vec<u8>) -> Option<Vec<u8>>) -> Self {
        fn value<V: Decode>(bytes: Option<Vec<u8>>) -> Option<V> {
            V::decode(&mut bytes?.as_slice()).ok()
        }
        let authorities: Vec<(sr25519::Public, u64)> =
            value(read(Authorities::<Runtime>::hashed_key().into())).unwrap_or_default();
        // The severity, which only orders them, is parts of a thousand million.
        let disabled: Vec<(u32, u32)> =
            value(read(DisabledValidators::<Runtime>::hashed_key().into())).unwrap_or_default();
        let session: u32 =
            value(read(CurrentIndex::<Runtime>::hashed_key().into())).unwrap_or_default();
        let own: BTreeSet<u32> = (0..)
            .zip(&authorities)
            .filter(|(_, (key, _))| keys.contains(key))
            .map(|(index, _)| index)
            .collect();
        let owners: BTreeSet<AccountId> = keys
            .iter()
            .filter_map(|key| {
                let key = KeyOwner::<Runtime>::hashed_key_for((KEY_TYPE, key.0.to_vec()));
                value(read(key))
            })
            .collect();
        let jailed = owners.iter().filter(|who| {
            let sentence: Option<Sentence<<Runtime as pallet_validators::Config>::MaxOffences>> =
                value(read(Sentences::<Runtime>::hashed_key_for(who)));
            sentence.is_some_and(|sentence| sentence.term.runs(session))
        });
        Self {
            active: own.len() as u64,
            disabled: disabled.iter().filter(|(i, _)| own.contains(i)).count() as u64,
            jailed: jailed.count() as u64,
        }
    }
}

/// The metrics.
pub(crate) struct Gauges {
    active: Gauge<U64>,
    disabled: Gauge<U64>,
    jailed: Gauge<U64>,
}

impl Gauges {
    /// Registers them.
    ///
    /// # Errors
    ///
    /// If the registry has one of that name.
    pub(crate) fn register(registry: &Registry) -> Result<Self, PrometheusError> {
        let gauge = |name: &str, help: &str| register(Gauge::<U64>::new(name, help)?, registry);
        Ok(Self {
            active: gauge(
                "athanor_validator_active",
                "Keys of this node that make blocks in the session of its best block",
            )?,
            disabled: gauge(
                "athanor_validator_disabled",
                "Those of them that are disabled for an offence",
            )?,
            jailed: gauge(
                "athanor_validator_jailed",
                "Accounts in jail whose session keys are this node's",
            )?,
        })
    }

    fn set(&self, seats: Seats) {
        self.active.set(seats.active);
        self.disabled.set(seats.disabled);
        self.jailed.set(seats.jailed);
    }
}

/// Shows what the best block's state says. A node that has no state yet, in a warp sync, shows 0.
pub(crate) async fn show(client: Arc<FullClient>, keystore: KeystorePtr, gauges: Gauges) {
    loop {
        let best = client.info().best_hash;
        let keys = keystore.sr25519_public_keys(KEY_TYPE);
        gauges.set(Seats::of(&keys, |key| {
            let value = client.storage(best, &StorageKey(key));
            value.ok().flatten().map(|value| value.0)
        }));
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_runtime::{Babe, RuntimeOrigin, Session, Validators};
    use codec::Encode;
    use sp_core::Pair;
    use sp_io::TestExternalities;

    fn key(name: &str) -> sr25519::Public {
        let pair = sr25519::Pair::from_string(&format!("//{name}"), None).expect("a name");
        pair.public()
    }

    fn account(name: &str) -> AccountId {
        AccountId::from(key(name).0)
    }

    /// Four validators, of whom `Key0` … `Key3` are the keys.
    fn four() -> TestExternalities {
        let mut ext = TestExternalities::default();
        ext.execute_with(|| {
            let authorities: Vec<_> = (0..4).map(|i| (key(&format!("Key{i}")), 1u64)).collect();
            sp_io::storage::set(&Authorities::<Runtime>::hashed_key(), &authorities.encode());
            let accounts: Vec<_> = (0..4).map(|i| account(&format!("Account{i}"))).collect();
            pallet_session::Validators::<Runtime>::put(accounts.clone());
            CurrentIndex::<Runtime>::put(9);
            for ((key, _), who) in authorities.iter().zip(accounts) {
                KeyOwner::<Runtime>::insert((KEY_TYPE, key.0.to_vec()), who);
            }
            assert_eq!(Babe::authorities().len(), 4, "the runtime reads the same");
        });
        ext
    }

    fn seats(names: &[&str]) -> Seats {
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        Seats::of(&keys, |key| sp_io::storage::get(&key).map(Into::into))
    }

    #[test]
    fn a_seat_is_that_of_a_key_among_the_authorities() {
        four().execute_with(|| {
            let one = Seats {
                active: 1,
                ..Seats::default()
            };
            assert_eq!(seats(&["Key2", "Spare"]), one);
            assert_eq!(seats(&["Spare"]), Seats::default());
            assert_eq!(seats(&[]), Seats::default());
        });
    }

    #[test]
    fn who_is_disabled_is_told_by_the_session() {
        four().execute_with(|| {
            assert!(Session::disable_index(2));
            assert_eq!(seats(&["Key2"]).disabled, 1);
            assert_eq!(seats(&["Key1"]).disabled, 0);
            assert_eq!(seats(&["Spare"]).disabled, 0);
        });
    }

    #[test]
    fn a_sentence_counts_as_long_as_its_term_runs() {
        four().execute_with(|| {
            let jail = Validators::jail(RuntimeOrigin::root(), account("Account1"), Some(3));
            assert_eq!(jail, Ok(()));
            assert_eq!(seats(&["Key1"]).jailed, 1);
            assert_eq!(seats(&["Key0", "Key2"]).jailed, 0);
            CurrentIndex::<Runtime>::put(12);
            assert_eq!(seats(&["Key1"]).jailed, 0);
        });
    }

    #[test]
    fn a_state_that_is_not_there_has_nobody() {
        TestExternalities::default()
            .execute_with(|| assert_eq!(seats(&["Key1"]), Seats::default()));
    }

    #[test]
    fn what_is_found_is_shown() {
        let registry = Registry::new();
        let gauges = Gauges::register(&registry).expect("names of their own");
        gauges.set(Seats {
            active: 3,
            disabled: 2,
            jailed: 1,
        });
        let served: Vec<(String, f64)> = registry
            .gather()
            .iter()
            .map(|family| {
                let value = family.get_metric()[0].get_gauge().get_value();
                (family.get_name().to_owned(), value)
            })
            .collect();
        let of = |name: &str, value| (format!("athanor_validator_{name}"), value);
        assert_eq!(
            served,
            [of("active", 3.0), of("disabled", 2.0), of("jailed", 1.0)]
        );
    }
}
