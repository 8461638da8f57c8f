//! Checks of the wiring.

use crate::{configs::*, *};
use frame_support::{
    assert_ok,
    traits::{fungible::Inspect, Contains, InstanceFilter},
};
use sp_runtime::BuildStorage;

mod referenda;
mod upgrades;
mod validators;

pub(crate) fn externalities(preset: &str) -> sp_io::TestExternalities {
    let patch = genesis_config_presets::get_preset(&preset.into()).expect("the preset exists");
    of_patch(serde_json::from_slice(&patch).expect("it is JSON"))
}

pub(crate) fn of_patch(patch: serde_json::Value) -> sp_io::TestExternalities {
    let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("serialises");
    merge(&mut config, patch);
    let config: RuntimeGenesisConfig = serde_json::from_value(config).expect("a configuration");
    config.build_storage().expect("it builds").into()
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

#[test]
fn every_preset_has_validators_with_keys() {
    for (preset, count) in [("development", 1), ("local_testnet", 4), ("staging", 4)] {
        externalities(preset).execute_with(|| {
            assert_eq!(Session::validators().len(), count, "{preset}");
            assert_eq!(Grandpa::grandpa_authorities().len(), count, "{preset}");
            assert_eq!(Babe::authorities().len(), count, "{preset}");
        });
    }
}

#[test]
fn sudo_has_a_key_in_development_and_local_only() {
    for (preset, has) in [
        ("development", true),
        ("local_testnet", true),
        ("staging", false),
    ] {
        externalities(preset).execute_with(|| {
            assert_eq!(
                pallet_sudo::Key::<Runtime>::get().is_some(),
                has,
                "{preset}"
            );
        });
    }
}

#[test]
fn an_unknown_preset_is_none() {
    assert!(genesis_config_presets::get_preset(&"nowhere".into()).is_none());
}

#[test]
fn disabling_keeps_a_majority() {
    let allows = consensus::DisableWhileMajorityStays::allows;
    assert!(!allows(1, 0));
    assert!(!allows(2, 0));
    assert!(allows(3, 0));
    assert!(!allows(3, 1));
    assert!(!allows(4, 1));
    assert!(allows(5, 1));
}

#[test]
fn tracks_are_sorted_and_origins_find_theirs() {
    use pallet_referenda::TracksInfo;
    assert_ok!(governance::Tracks::check_integrity().map_err(sp_runtime::DispatchError::Other));
    let root = OriginCaller::system(frame_system::RawOrigin::Root);
    assert_eq!(governance::Tracks::track_for(&root), Ok(0));
    let signed = OriginCaller::system(frame_system::RawOrigin::Signed(AccountId::new([1; 32])));
    assert_eq!(governance::Tracks::track_for(&signed), Err(()));
}

#[test]
fn safe_mode_lets_the_chain_go_on_and_stops_transfers() {
    let set = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 0 });
    assert!(SafeModeWhitelist::contains(&set));
    let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_all {
        dest: AccountId::new([1; 32]).into(),
        keep_alive: false,
    });
    assert!(!SafeModeWhitelist::contains(&transfer));
}

#[test]
fn a_brake_never_keeps_a_provider_from_its_deadlines() {
    let accept = RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::accept { job: 0 });
    assert!(SafeModeWhitelist::contains(&accept));
    let answer = RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::answer {
        job: 0,
        thread: 0,
        bytes: Default::default(),
    });
    assert!(SafeModeWhitelist::contains(&answer));
    let name = |call: &[u8]| {
        (
            b"ComputeJobs".to_vec().try_into().expect("short"),
            call.to_vec().try_into().expect("short"),
        )
    };
    let calls = [
        &b"accept"[..],
        b"commit",
        b"reveal",
        b"announce",
        b"challenge",
        b"demand",
        b"answer",
    ];
    for call in calls {
        assert!(TxPauseWhitelist::contains(&name(call)));
    }
    assert!(!TxPauseWhitelist::contains(&name(b"create_job")));
}

#[test]
fn a_brake_never_keeps_a_buyer_from_his_money() {
    use frame_support::traits::GetCallName;
    let exits = ["reveal", "complain", "poke", "claim", "forget_right"];
    for name in pallet_data_market::Call::<Runtime>::get_call_names() {
        let full = (
            b"DataMarket".to_vec().try_into().expect("short"),
            name.as_bytes().to_vec().try_into().expect("short"),
        );
        assert_eq!(
            TxPauseWhitelist::contains(&full),
            exits.contains(name),
            "{name}"
        );
    }
    let poke = RuntimeCall::DataMarket(pallet_data_market::Call::poke { order: 0 });
    assert!(SafeModeWhitelist::contains(&poke));
    let order = RuntimeCall::DataMarket(pallet_data_market::Call::order {
        listing: 0,
        seal_id: [0; 32],
        max_price: 0,
        buyer_key: [0; 32],
        watch: None,
    });
    assert!(!SafeModeWhitelist::contains(&order));
}

#[test]
fn a_signed_complaint_is_at_most_18_kib() {
    use codec::{Decode, Encode, MaxEncodedLen};
    fn most<T: MaxEncodedLen + Encode>(evidence: &T) -> (usize, usize) {
        (evidence.encoded_size(), T::max_encoded_len())
    }
    // A scalar, and no group: the shortest.
    let evidence = Decode::decode(&mut &[0; 33][..]).expect("evidence");
    let (now, longest) = most(&evidence);
    let order = u64::MAX;
    let call = RuntimeCall::DataMarket(pallet_data_market::Call::complain { order, evidence });
    let transaction = UncheckedExtrinsic::new_signed(
        call,
        AccountId::new([0; 32]).into(),
        Signature::Sr25519([0; 64].into()),
        tx_extension_of(Nonce::MAX, generic::Era::mortal(64, 0)),
    );
    // Longer transactions have two bytes more before them, and a tip may take sixteen.
    let bytes = transaction.encoded_size() - now + longest + 2 + 16;
    assert!((18_128..=18 * 1_024).contains(&bytes), "{bytes}");
}

#[test]
fn campaigns_keep_their_contributions_while_workers_can_enrol() {
    assert!(athanor::EnrolFor::get() <= athanor::ContributionsKept::get());
}

#[test]
fn candidates_cannot_stop_finality() {
    for preset in ["development", "local_testnet", "staging"] {
        externalities(preset).execute_with(|| {
            let candidates = pallet_collator_selection::DesiredCandidates::<Runtime>::get();
            let all = candidates + Session::validators().len() as u32;
            assert!(candidates == 0 || candidates * 3 < all, "{preset}");
        });
    }
}

#[test]
fn a_provider_proxy_runs_offers_and_moves_no_money() {
    let pause = RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::pause {});
    let bond = RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::add_bond { amount: 1 });
    assert!(ProxyType::Provider.filter(&pause));
    assert!(!ProxyType::Provider.filter(&bond));
    let key = RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::set_worker {
        worker: AccountId::new([1; 32]),
        consent: [0; 64],
    });
    for proxy in [ProxyType::Provider, ProxyType::NonTransfer] {
        assert!(!proxy.filter(&key), "a worker key can lose the bond");
    }
    assert!(!ProxyType::NonTransfer.filter(&bond));
    let keys = RuntimeCall::Session(pallet_session::Call::purge_keys {});
    assert!(ProxyType::Validator.filter(&keys));
    assert!(
        !ProxyType::NonTransfer.filter(&keys),
        "session keys can lose the bond"
    );
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Validator));
    assert!(ProxyType::Any.is_superset(&ProxyType::Provider));
    assert!(!ProxyType::Provider.is_superset(&ProxyType::Any));
}

#[test]
fn treasury_audit_pot_and_market_can_receive_small_amounts_from_genesis_on() {
    externalities("staging").execute_with(|| {
        for account in [
            governance::TreasuryAccount::get(),
            ComputeJobs::audit_pot(),
            DataMarket::pot(),
        ] {
            assert!(Balances::balance(&account) >= EXISTENTIAL_DEPOSIT);
        }
    });
}

#[test]
fn high_value_jobs_stay_open_for_more_than_three_epochs() {
    assert!(athanor::OpenForHighValue::get() > 3 * time::EPOCH_DURATION_IN_BLOCKS);
}

#[test]
fn a_full_block_costs_between_a_thousandth_and_a_hundred_aur() {
    use frame_support::weights::WeightToFee as _;
    let max = RuntimeBlockWeights::get().max_block;
    let fee = WeightToFee::weight_to_fee(&max);
    assert!(fee > MILLI_UNIT && fee < 100 * UNIT, "{fee}");
}

#[test]
fn a_slot_fee_pays_for_the_blocks_that_a_slot_takes() {
    use frame_support::weights::{Weight, WeightToFee as _};
    use pallet_label_bounties::WeightInfo as _;
    type Labels = <Runtime as pallet_label_bounties::Config>::WeightInfo;

    const SHEET: u32 = 40;
    // A panel of five, each of whose workers does four pages.
    let share = |weight: Weight, of: u64| weight.div(of);
    // A page's first and its last sheet change its batch.
    let page = Labels::page_done().saturating_add(Labels::page_revealed());
    let base = RuntimeBlockWeights::get()
        .get(frame_support::dispatch::DispatchClass::Normal)
        .base_extrinsic;
    let weight = [
        base,
        Labels::authorize_commit(),
        Labels::commit(),
        base,
        Labels::authorize_reveal(SHEET),
        Labels::reveal(SHEET),
        share(page, 5).saturating_mul(2),
        share(Labels::score_page(), 5),
        share(Labels::rank_worker(), 4),
        share(Labels::pay_worker(), 4),
        share(Labels::prune_unit(), 2),
    ]
    .into_iter()
    .fold(Weight::zero(), Weight::saturating_add);
    // A commit has some 260 bytes with its sealed opening's hash and signature, a reveal some 120.
    let fee = WeightToFee::weight_to_fee(&weight) + 380 * TransactionByteFee::get();
    let slot = athanor::SlotFee::get();
    assert!(fee <= slot && slot < 2 * fee, "{slot} for {fee}");
}

#[test]
fn a_fee_that_a_pallet_gives_is_shared_and_not_burnt() {
    use frame_support::traits::{
        fungible::Balanced,
        tokens::{Fortitude, Precision, Preservation},
        OnUnbalanced,
    };
    externalities("staging").execute_with(|| {
        let payer = sp_keyring::Sr25519Keyring::Alice.to_account_id();
        let treasury = governance::TreasuryAccount::get();
        let (issued, had) = (Balances::total_issuance(), Balances::balance(&treasury));
        let fee = 5 * MILLI_UNIT / 2;
        let taken = Balances::withdraw(
            &payer,
            fee,
            Precision::Exact,
            Preservation::Preserve,
            Fortitude::Polite,
        );
        governance::FeesToTreasury::on_unbalanced(taken.expect("she has it"));
        assert_eq!(Balances::total_issuance(), issued);
        // No block is being made, so nobody is its author.
        assert_eq!(Balances::balance(&treasury), had + fee);
    });
}
