//! Transaction extensions of this runtime.

use crate::{AccountId, ComputeJobs, Runtime, RuntimeCall, RuntimeOrigin, System};
use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{dispatch::DispatchClass, traits::OriginTrait, weights::Weight};
use scale_info::TypeInfo;
use sp_runtime::{
    impl_tx_ext_default,
    traits::{DispatchInfoOf, Implication, TransactionExtension, ValidateResult},
    transaction_validity::{InvalidTransaction, TransactionSource, ValidTransaction},
};

/// Keeps the part of a block that is reserved for operational calls for those who need it.
///
/// Only operational calls may use the last part of a full block. It is there so that providers can
/// commit, reveal and answer, and challengers dispute, in time however full the blocks are; but a
/// call that fails keeps its place in the block all the same, so whoever signs has to be entitled
/// *before* the transaction enters the pool:
///
/// - `commit`, `reveal` and `answer` by a worker key that is assigned to the job,
/// - `announce` by whoever has the bond of a thread, or needs none, while the job's window is open,
/// - `challenge` and `demand` by whoever opened the thread, when it is their turn,
/// - anything by the sudo key, where there is one,
/// - `apply_authorized_upgrade` while an upgrade is authorised.
///
/// All others are refused with [`InvalidTransaction::Call`], also an operational call wrapped in a
/// batch, a proxy or a multisig: their class is that of what they wrap. Governance dispatches its
/// calls itself and signs nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo,
)]
pub struct CheckOperational;

impl CheckOperational {
    fn is_entitled(signer: &AccountId, call: &RuntimeCall) -> bool {
        use pallet_compute_jobs::Call::{announce, answer, challenge, commit, demand, reveal};
        match call {
            RuntimeCall::ComputeJobs(
                commit { job, .. } | reveal { job, .. } | answer { job, .. },
            ) => ComputeJobs::is_assigned(signer, *job),
            RuntimeCall::ComputeJobs(announce { job, .. }) => {
                ComputeJobs::may_announce(signer, *job)
            }
            RuntimeCall::ComputeJobs(
                challenge { job, thread, .. } | demand { job, thread, .. },
            ) => ComputeJobs::may_dispute(signer, *job, *thread),
            RuntimeCall::System(frame_system::Call::apply_authorized_upgrade { .. }) => {
                System::authorized_upgrade().is_some()
            }
            _ => pallet_sudo::Key::<Runtime>::get().as_ref() == Some(signer),
        }
    }
}

impl TransactionExtension<RuntimeCall> for CheckOperational {
    const IDENTIFIER: &'static str = "CheckOperational";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    /// At most two reads, of a job and a balance; what is compared after them is far below the base
    /// weight of an extrinsic.
    fn weight(&self, _call: &RuntimeCall) -> Weight {
        <Runtime as frame_system::Config>::DbWeight::get().reads(2)
    }

    fn validate(
        &self,
        origin: RuntimeOrigin,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        _len: usize,
        _implicit: (),
        _implication: &impl Implication,
        _source: TransactionSource,
    ) -> ValidateResult<(), RuntimeCall> {
        match origin.as_signer() {
            Some(signer)
                if info.class == DispatchClass::Operational && !Self::is_entitled(signer, call) =>
            {
                Err(InvalidTransaction::Call.into())
            }
            _ => Ok((ValidTransaction::default(), (), origin)),
        }
    }

    impl_tx_ext_default!(RuntimeCall; prepare);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::externalities;
    use frame_support::{
        dispatch::{DispatchInfo, GetDispatchInfo},
        BoundedVec,
    };
    use sp_runtime::traits::DispatchTransaction;

    fn account(i: u8) -> AccountId {
        AccountId::new([i; 32])
    }

    fn commit(job: u64) -> RuntimeCall {
        RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::commit {
            job,
            commitment: [0; 32],
        })
    }

    fn enters(signer: AccountId, call: &RuntimeCall) -> bool {
        let info: DispatchInfo = call.get_dispatch_info();
        let origin = RuntimeOrigin::signed(signer);
        match CheckOperational.validate_only(origin, call, &info, 0, TransactionSource::External, 0)
        {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, InvalidTransaction::Call.into());
                false
            }
        }
    }

    #[test]
    fn only_who_is_assigned_commits_and_reveals() {
        externalities("development").execute_with(|| {
            let jobs = BoundedVec::try_from(vec![7]).expect("one job");
            pallet_compute_jobs::Assignments::<Runtime>::insert(account(1), jobs);
            let reveal = RuntimeCall::ComputeJobs(pallet_compute_jobs::Call::reveal {
                job: 7,
                salt: [0; 32],
                trace: pallet_compute_jobs::TraceReveal::Root([0; 32]),
                output: None,
            });
            assert!(enters(account(1), &commit(7)) && enters(account(1), &reveal));
            assert!(!enters(account(2), &commit(7)) && !enters(account(2), &reveal));
            assert!(!enters(account(1), &commit(8)));
        });
    }

    #[test]
    fn only_who_opened_a_thread_disputes_in_it_and_only_claimants_answer() {
        use pallet_compute_jobs::{Call, Demand, Thread, ThreadKind, ThreadStatus, Threads};
        externalities("development").execute_with(|| {
            let thread = Thread {
                challenger: account(1),
                kind: ThreadKind::Dispute {
                    announcement: [0; 32],
                    since: 0,
                },
                status: ThreadStatus::Announced,
                deadline: 100,
                bond: 0,
                prepaid: 0,
                opening: None,
                line: None,
                answers: 0,
                queued: None,
            };
            Threads::<Runtime>::insert(7, 3, thread.clone());
            let demand = |job, thread| {
                RuntimeCall::ComputeJobs(Call::demand {
                    job,
                    thread,
                    demand: Demand::Next {
                        group: 0,
                        value: [0; 32],
                        siblings: Default::default(),
                    },
                })
            };
            assert!(enters(account(1), &demand(7, 3)));
            assert!(!enters(account(2), &demand(7, 3)));
            assert!(!enters(account(1), &demand(7, 4)) && !enters(account(1), &demand(8, 3)));
            let asked = Thread {
                status: ThreadStatus::Asked,
                ..thread
            };
            Threads::<Runtime>::insert(7, 3, asked);
            assert!(!enters(account(1), &demand(7, 3)));
            let jobs = BoundedVec::try_from(vec![7]).expect("one job");
            pallet_compute_jobs::Assignments::<Runtime>::insert(account(4), jobs);
            let answer = RuntimeCall::ComputeJobs(Call::answer {
                job: 7,
                thread: 3,
                bytes: Default::default(),
            });
            assert!(enters(account(4), &answer) && !enters(account(1), &answer));
            let announce = RuntimeCall::ComputeJobs(Call::announce {
                job: 7,
                announcement: [0; 32],
            });
            assert!(!enters(account(1), &announce));
        });
    }

    #[test]
    fn a_wrapped_operational_call_does_not_enter_either() {
        externalities("development").execute_with(|| {
            let jobs = BoundedVec::try_from(vec![7]).expect("one job");
            pallet_compute_jobs::Assignments::<Runtime>::insert(account(1), jobs);
            let batch = RuntimeCall::Utility(pallet_utility::Call::batch {
                calls: vec![commit(7)],
            });
            assert_eq!(batch.get_dispatch_info().class, DispatchClass::Operational);
            assert!(!enters(account(1), &batch));
        });
    }

    #[test]
    fn calls_of_the_normal_class_enter_by_anybody() {
        externalities("development").execute_with(|| {
            let remark = RuntimeCall::System(frame_system::Call::remark { remark: vec![1] });
            assert!(enters(account(2), &remark));
        });
    }

    #[test]
    fn an_upgrade_is_applied_by_anybody_once_it_is_authorised() {
        externalities("development").execute_with(|| {
            let apply =
                RuntimeCall::System(frame_system::Call::apply_authorized_upgrade { code: vec![1] });
            assert!(!enters(account(2), &apply));
            System::authorize_upgrade(RuntimeOrigin::root(), Default::default()).expect("root");
            assert!(enters(account(2), &apply));
        });
    }

    #[test]
    fn root_calls_enter_by_the_sudo_key_only() {
        externalities("development").execute_with(|| {
            let pages = RuntimeCall::System(frame_system::Call::set_heap_pages { pages: 1 });
            let key = pallet_sudo::Key::<Runtime>::get().expect("development has one");
            assert!(enters(key, &pages));
            assert!(!enters(account(2), &pages));
        });
    }
}
