//! What always holds.

use crate::{
    draw, Assignments, Audit, Backlog, BacklogEnd, BacklogStart, Balance, BlockNumber, Config,
    Deadlines, Due, HoldReason, JobStatus, Jobs, NodeRoots, Offers, Pallet, Providers, QueueCursor,
    Receipts, Seeds, Threads, WorkerOf, BACKLOG, MAX_SLOTS,
};
use alloc::collections::{BTreeMap, BTreeSet};
use athanor_primitives::JobId;
use frame_support::{
    ensure,
    traits::{fungible::hold::Inspect as _, Get},
};
use sp_runtime::TryRuntimeError;

type Checked = Result<(), TryRuntimeError>;

impl<T: Config> Pallet<T> {
    /// Runs all checks.
    pub fn do_try_state() -> Checked {
        Self::try_state_budgets()?;
        Self::try_state_deposits()?;
        Self::try_state_audits()?;
        Self::try_state_bonds()?;
        Self::try_state_assignments()?;
        Self::try_state_workers_and_offers()?;
        Self::try_state_jobs()?;
        Self::try_state_queue()?;
        Self::try_state_traces()?;
        Self::try_state_threads()?;
        Self::try_state_thread_bonds()?;
        Self::try_state_lines()?;
        Self::try_state_answers()?;
        Self::try_state_convictions()?;
        Self::try_state_seeds()
    }

    pub(crate) fn on_hold(reason: HoldReason, who: &T::AccountId) -> Balance {
        T::Currency::balance_on_hold(&reason.into(), who)
    }

    /// What is held for budgets is the sum of the live jobs' budgets, premiums,
    /// stakes and tips, per requester.
    fn try_state_budgets() -> Checked {
        let mut sums: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        for job in Jobs::<T>::iter_values() {
            let sum = sums.entry(job.requester).or_default();
            *sum = sum
                .saturating_add(job.budget)
                .saturating_add(job.premium)
                .saturating_add(job.stake)
                .saturating_add(job.tip);
        }
        for (who, sum) in sums {
            ensure!(
                Self::on_hold(HoldReason::JobBudget, &who) == sum,
                "budgets are not held"
            );
        }
        Ok(())
    }

    /// What is held for receipts is the sum of the deposits of kept receipts and of
    /// live jobs that will keep one.
    fn try_state_deposits() -> Checked {
        let mut sums: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        let of_jobs = Jobs::<T>::iter_values().map(|job| (job.requester, job.deposit));
        let of_receipts = Receipts::<T>::iter_values().map(|kept| (kept.owner, kept.deposit));
        for (who, deposit) in of_jobs.chain(of_receipts) {
            let sum = sums.entry(who).or_default();
            *sum = sum.saturating_add(deposit);
        }
        for (who, sum) in sums {
            ensure!(
                Self::on_hold(HoldReason::Deposit, &who) == sum,
                "deposits are not held"
            );
        }
        Ok(())
    }

    /// The audit pot holds the pay of every auditor at work and nothing else; an
    /// auditor has a part in its job beside another provider; a premium is held until
    /// providers are drawn, and an audit is ahead until the first commitment is sealed.
    fn try_state_audits() -> Checked {
        let mut held: Balance = 0;
        for job in Jobs::<T>::iter_values() {
            ensure!(
                job.premium == 0 || job.status == JobStatus::Open,
                "a premium was not paid"
            );
            let has_audits = job.terms.policy.audit() > 0;
            match job.audit {
                Audit::None => ensure!(
                    !has_audits || matches!(job.status, JobStatus::Revealing | JobStatus::Claimed),
                    "no audit is ahead"
                ),
                Audit::Ahead => ensure!(
                    has_audits
                        && matches!(
                            job.status,
                            JobStatus::Open
                                | JobStatus::Assigned
                                | JobStatus::Running
                                | JobStatus::Sealed
                        ),
                    "an audit is ahead where there is none"
                ),
                Audit::Drawn(_) => {
                    let auditor = job.auditor().ok_or("an auditor has no part in its job")?;
                    ensure!(job.replicas.len() == 2, "an auditor has nobody to audit");
                    held = held.saturating_add(auditor.pay);
                }
            }
        }
        ensure!(
            Self::on_hold(HoldReason::AuditPay, &Self::audit_pot()) == held,
            "the pay of auditors is not held"
        );
        Ok(())
    }

    /// A provider's bond is held; locked collateral and slots used are those of its
    /// live replicas, and no more than the bond.
    fn try_state_bonds() -> Checked {
        let mut live: BTreeMap<T::AccountId, (Balance, u8)> = BTreeMap::new();
        for job in Jobs::<T>::iter_values() {
            for replica in job.replicas.into_iter().filter(|replica| replica.is_live()) {
                let (sum, count) = live.entry(replica.provider).or_default();
                *sum = sum.saturating_add(replica.collateral);
                *count = count.saturating_add(1);
            }
        }
        for (who, provider) in Providers::<T>::iter() {
            let (locked, count) = live.remove(&who).unwrap_or_default();
            ensure!(
                Self::on_hold(HoldReason::ProviderBond, &who) == provider.bond,
                "a bond is not held"
            );
            ensure!(
                provider.locked == locked,
                "locked collateral is not that of live replicas"
            );
            ensure!(
                provider.locked <= provider.bond,
                "more is locked than bonded"
            );
            ensure!(provider.live == count, "slots used are not live replicas");
            ensure!(provider.live <= MAX_SLOTS, "more slots used than there are");
            ensure!(
                provider.unbonding_until.is_none() || count == 0,
                "a provider is unbonding while liable"
            );
        }
        ensure!(live.is_empty(), "a replica's provider does not exist");
        Ok(())
    }

    /// Each key's list has exactly the jobs it has a live replica in.
    fn try_state_assignments() -> Checked {
        let mut expected: BTreeSet<(T::AccountId, JobId)> = BTreeSet::new();
        for (id, job) in Jobs::<T>::iter() {
            for replica in job.replicas.into_iter().filter(|replica| replica.is_live()) {
                ensure!(
                    expected.insert((replica.worker, id)),
                    "a key is in a job twice"
                );
            }
        }
        for (worker, jobs) in Assignments::<T>::iter() {
            ensure!(!jobs.is_empty(), "an empty list of assignments is kept");
            for id in jobs {
                ensure!(
                    expected.remove(&(worker.clone(), id)),
                    "an assignment has no replica"
                );
            }
        }
        ensure!(
            expected.is_empty(),
            "a replica is in no list of assignments"
        );
        Ok(())
    }

    /// Worker keys and providers point at each other; offers are of providers who
    /// aren't leaving, and no more than there may be.
    fn try_state_workers_and_offers() -> Checked {
        let mut count = 0usize;
        for (worker, who) in WorkerOf::<T>::iter() {
            count = count.saturating_add(1);
            let provider = Providers::<T>::get(&who).ok_or("a worker's provider is missing")?;
            ensure!(provider.worker == worker, "a worker signs for nobody");
        }
        ensure!(
            count == Providers::<T>::iter_keys().count(),
            "a provider has no worker"
        );
        ensure!(
            Offers::<T>::count() <= T::MaxOffers::get(),
            "too many offers"
        );
        ensure!(
            Offers::<T>::iter().count() as u32 == Offers::<T>::count(),
            "offers miscounted"
        );
        for who in Offers::<T>::iter_keys() {
            let provider = Providers::<T>::get(&who).ok_or("an offer's provider is missing")?;
            ensure!(
                provider.unbonding_until.is_none(),
                "an offer's provider is leaving"
            );
        }
        Ok(())
    }

    /// Jobs in state are live; a draw is waited for in `Open`, in `Assigned`, and in
    /// `Sealed` if an audit is ahead; a provider is in a job once; a late replica has nothing locked.
    fn try_state_jobs() -> Checked {
        for job in Jobs::<T>::iter_values() {
            ensure!(!job.status.is_final(), "an ended job is kept");
            match job.status {
                JobStatus::Open => {
                    ensure!(job.draw.is_some(), "an open job waits for no draw");
                    ensure!(job.replicas.is_empty(), "an open job has replicas");
                }
                JobStatus::Assigned => (),
                JobStatus::Sealed => ensure!(
                    job.draw.is_some() == (job.audit == Audit::Ahead),
                    "a sealed job waits for another draw than its audit's"
                ),
                _ => {
                    ensure!(job.draw.is_none(), "a job past its draws waits for one");
                    ensure!(!job.replicas.is_empty(), "a job runs without replicas");
                }
            }
            let providers: BTreeSet<_> = job.replicas.iter().map(|r| &r.provider).collect();
            ensure!(
                providers.len() == job.replicas.len(),
                "a provider is in a job twice"
            );
            for replica in &job.replicas {
                ensure!(
                    replica.provider != job.requester,
                    "a requester serves itself"
                );
                ensure!(
                    replica.pay <= job.terms.max_pay,
                    "a replica's pay is above the most"
                );
                ensure!(
                    replica.is_live() || replica.collateral == 0,
                    "a late replica is locked"
                );
            }
        }
        Ok(())
    }

    /// Each thread, and each job that does not wait for its threads, is queued: once in the bucket
    /// it names, or in the backlog. No bucket before the cursor holds any.
    fn try_state_queue() -> Checked {
        let cursor = QueueCursor::<T>::get();
        let mut queued: BTreeMap<Due, u32> = BTreeMap::new();
        for (at, entries) in Deadlines::<T>::iter() {
            ensure!(!entries.is_empty(), "an empty bucket is kept");
            ensure!(at >= cursor, "a bucket was passed over");
            for entry in entries {
                ensure!(
                    queued.insert(entry, at).is_none(),
                    "a job or thread is queued twice"
                );
            }
        }
        let places = BacklogStart::<T>::get()..BacklogEnd::<T>::get();
        let mut backlog = BTreeSet::new();
        let mut kept = 0u64;
        for (at, entry) in Backlog::<T>::iter() {
            ensure!(places.contains(&at), "the backlog has an entry elsewhere");
            kept = kept.saturating_add(1);
            backlog.insert(entry);
        }
        ensure!(
            places.end.checked_sub(places.start) == Some(kept),
            "the backlog has a gap"
        );
        let mut is_where_it_says = |entry: Due, says: Option<BlockNumber>| match says {
            Some(BACKLOG) => backlog.contains(&entry) && !queued.contains_key(&entry),
            says => queued.remove(&entry) == says,
        };
        for (id, job) in Jobs::<T>::iter() {
            ensure!(
                is_where_it_says(Due::Job(id), job.queued),
                "a job is queued elsewhere than it says"
            );
            ensure!(
                (job.threads == 0) == job.queued.is_some(),
                "a job is queued that waits for its threads, or one that does not is not"
            );
        }
        for (id, number, thread) in Threads::<T>::iter() {
            ensure!(
                thread.queued.is_some() && is_where_it_says(Due::Thread(id, number), thread.queued),
                "a thread is queued elsewhere than it says"
            );
        }
        ensure!(queued.is_empty(), "an ended job or thread is queued");
        Ok(())
    }

    /// Node roots are kept for every revealed trace of a live job, and no other.
    fn try_state_traces() -> Checked {
        let mut kept: BTreeSet<(JobId, [u8; 32])> = NodeRoots::<T>::iter_keys().collect();
        for (id, job) in Jobs::<T>::iter() {
            let roots: BTreeSet<_> = job
                .replicas
                .iter()
                .filter_map(|replica| replica.trace_root)
                .collect();
            for root in roots {
                ensure!(
                    kept.remove(&(id, root)),
                    "a revealed trace has no node roots"
                );
            }
        }
        ensure!(kept.is_empty(), "node roots are kept for no claim");
        Ok(())
    }

    /// No more seeds are kept than rounds may use.
    fn try_state_seeds() -> Checked {
        let now = Self::now();
        for at in Seeds::<T>::iter_keys() {
            ensure!(
                at.saturating_add(draw::SEEDS_KEPT).saturating_add(1) >= now,
                "an old seed is kept"
            );
        }
        Ok(())
    }
}
