//! The pallets whose weights `make weights` measures.

use crate::*;
use alloc::string::String;
use cumulus_pallet_session_benchmarking::Pallet as SessionBench;
use frame_benchmarking::{BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::{StorageInfo, StorageInfoTrait, WhitelistedStorageKeys};
use frame_system_benchmarking::{
    extensions::Pallet as SystemExtensionsBench, Pallet as SystemBench,
};

frame_benchmarking::define_benchmarks!(
    [frame_system, SystemBench::<Runtime>]
    [frame_system_extensions, SystemExtensionsBench::<Runtime>]
    [pallet_assets, Assets]
    [pallet_balances, Balances]
    [pallet_collator_selection, CollatorSelection]
    [pallet_compute_jobs, ComputeJobs]
    [pallet_conviction_voting, ConvictionVoting]
    [pallet_data_market, DataMarket]
    [pallet_label_bounties, LabelBounties]
    [pallet_migrations, MultiBlockMigrations]
    [pallet_multisig, Multisig]
    [pallet_parameters, Parameters]
    [pallet_preimage, Preimage]
    [pallet_programs, Programs]
    [pallet_proxy, Proxy]
    [pallet_referenda, Referenda]
    [pallet_safe_mode, SafeMode]
    [pallet_scheduler, Scheduler]
    [pallet_session, SessionBench::<Runtime>]
    [pallet_sudo, Sudo]
    [pallet_timestamp, Timestamp]
    [pallet_transaction_payment, TransactionPayment]
    [pallet_treasury, Treasury]
    [pallet_tx_pause, TxPause]
    [pallet_utility, Utility]
    [pallet_validators, Validators]
);

impl frame_system_benchmarking::Config for Runtime {}
impl frame_benchmarking::baseline::Config for Runtime {}

impl pallet_transaction_payment::BenchmarkConfig for Runtime {
    /// A block has an author, who is paid a part of each fee.
    fn setup_benchmark_environment() {
        use frame_support::{
            storage::{storage_prefix, unhashed},
            traits::fungible::{Inspect, Mutate},
        };
        let author = AccountId::from([1; 32]);
        Balances::set_balance(&author, Balances::minimum_balance());
        unhashed::put(&storage_prefix(b"Authorship", b"Author"), &author);
        assert_eq!(Authorship::author(), Some(author));
    }
}

impl cumulus_pallet_session_benchmarking::Config for Runtime {
    fn generate_session_keys_and_proof(owner: AccountId) -> (SessionKeys, Vec<u8>) {
        use codec::Encode;
        let keys = SessionKeys::generate(&owner.encode(), None);
        (keys.keys, keys.proof.encode())
    }
}

/// Lists the benchmarks.
pub(crate) fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
    let mut list = Vec::<BenchmarkList>::new();
    list_benchmarks!(list, extra);
    (list, AllPalletsWithSystem::storage_info())
}

/// Runs one benchmark.
pub(crate) fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
    use sp_storage::TrackedStorageKey;
    let whitelist: Vec<TrackedStorageKey> = AllPalletsWithSystem::whitelisted_storage_keys();
    let mut batches = Vec::<BenchmarkBatch>::new();
    let params = (&config, &whitelist);
    add_benchmarks!(params, batches);
    Ok(batches)
}
