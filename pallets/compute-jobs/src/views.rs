//! What the view functions and the off-chain worker read. Nothing here writes.

use crate::{
    Assignments, Audit, Claim, Config, Job, JobStatus, JobTerms, JobView, Jobs, OfferView, Offers,
    Pallet, ProviderView, Providers, QuoteTerms, QuoteView,
};
use alloc::{collections::BTreeSet, vec::Vec};
use athanor_primitives::{Duty, JobId, ModelQuote, ModelRegistry, Ticket};
use frame_support::{traits::Get, BoundedVec};

impl<T: Config> Pallet<T> {
    /// Whether a worker key is assigned to this live job.
    pub fn is_assigned(worker: &T::AccountId, job: JobId) -> bool {
        Assignments::<T>::get(worker).contains(&job)
    }

    pub(crate) fn view_job(id: JobId) -> Option<JobView<T::AccountId>> {
        let job = Jobs::<T>::get(id)?;
        let roots: BTreeSet<_> = job
            .replicas
            .iter()
            .filter_map(|replica| replica.trace_root)
            .collect();
        let claims = roots
            .into_iter()
            .filter_map(|trace_root| {
                let output_root = Self::output_root_of(id, &job, &trace_root)?;
                Some(Claim {
                    trace_root,
                    output_root,
                })
            })
            .collect();
        let due = Self::due(&job);
        Some(JobView {
            id,
            job,
            claims,
            due,
        })
    }

    pub(crate) fn view_provider(account: T::AccountId) -> Option<ProviderView<T::AccountId>> {
        let provider = Providers::<T>::get(&account)?;
        Some(ProviderView {
            free: provider.free_bond(),
            reputation: Self::reputation(&provider, Self::now()),
            offer: Offers::<T>::get(&account),
            provider,
            account,
        })
    }

    pub(crate) fn view_offers() -> Vec<OfferView<T::AccountId>> {
        let now = Self::now();
        Offers::<T>::iter()
            .filter_map(|(account, offer)| {
                let provider = Providers::<T>::get(&account)?;
                Some(OfferView {
                    live: Self::is_live(&offer, &provider, now),
                    free_slots: offer.terms.slots.saturating_sub(provider.live),
                    free_bond: provider.free_bond(),
                    reputation: Self::reputation(&provider, now),
                    endpoint: provider.endpoint,
                    provider: account,
                    offer,
                })
            })
            .collect()
    }

    /// What a worker key owes in the block after this state, at most `limit` tickets.
    ///
    /// Commits and reveals come first, for missing one is slashed; then accepts, which
    /// may be missed, so that no number of them keeps a result from the chain; then
    /// those with nothing to do. Within each, the earliest deadline is first, then the
    /// oldest job.
    pub fn tickets(worker: &T::AccountId, limit: usize) -> Vec<Ticket> {
        let mut duties: Vec<_> = Assignments::<T>::get(worker)
            .into_iter()
            .filter_map(|id| {
                let job = Jobs::<T>::get(id)?;
                let (duty, deadline) = Self::duty(&job, worker)?;
                let rank = match duty {
                    Duty::Commit | Duty::Reveal | Duty::RevealAtOnce => 0u8,
                    Duty::Accept => 1,
                    Duty::Wait => 2,
                };
                Some((rank, deadline, id, duty, job))
            })
            .collect();
        duties.sort_by_key(|(rank, deadline, id, _, _)| (*rank, *deadline, *id));
        duties
            .into_iter()
            .take(limit)
            .filter_map(|(_, deadline, id, duty, job)| {
                Some(Ticket {
                    job: id,
                    duty,
                    deadline,
                    model: job.terms.model,
                    program_hash: job.program_hash,
                    weights: T::Models::weights(job.terms.model)?,
                    input_root: job.terms.input_root,
                    batch: job.terms.batch,
                    inline_output: job.terms.inline_output,
                })
            })
            .collect()
    }

    /// What is owed, and the first block in which it is too late.
    fn duty(job: &Job<T::AccountId>, worker: &T::AccountId) -> Option<(Duty, u32)> {
        let replica = job.replicas.get(job.seat_of(worker)?)?;
        // A transaction made of this state runs in the next block at the earliest.
        let next = Self::now().saturating_add(1);
        let over = next >= job.deadline;
        let duty = match job.status {
            JobStatus::Assigned if replica.commitment.is_some() => Duty::Wait,
            JobStatus::Assigned if replica.accepted => Duty::Commit,
            JobStatus::Assigned if !over => Duty::Accept,
            JobStatus::Running if replica.commitment.is_some() || over => Duty::Wait,
            JobStatus::Running if job.terms.policy.reveals_at_once() => Duty::RevealAtOnce,
            JobStatus::Running => Duty::Commit,
            // The reveal itself opens the reveals when nobody else has; but an audit
            // draw may send the job elsewhere first.
            JobStatus::Sealed
                if over && job.audit != Audit::Ahead && replica.trace_root.is_none() =>
            {
                return Some((Duty::Reveal, next.saturating_add(job.rules.reveal_blocks)));
            }
            JobStatus::Revealing if replica.trace_root.is_none() && !over => Duty::Reveal,
            _ => Duty::Wait,
        };
        Some((duty, job.deadline))
    }

    pub(crate) fn view_quote(terms: QuoteTerms) -> Option<QuoteView> {
        let QuoteTerms {
            model,
            batch,
            policy,
            max_pay,
            max_wait,
            min_collateral,
            tip,
            keep_receipt,
        } = terms;
        Self::check_policy(&policy).ok()?;
        let max_wait = max_wait.unwrap_or_else(T::MaxWait::get);
        Self::check_max_wait(max_wait).ok()?;
        let ModelQuote {
            program_hash,
            cost,
            memory,
            input_len,
            output_len,
            nodes,
            outputs,
        } = T::Models::quote(model, batch)?;
        let held = max_pay
            .checked_mul(policy.replicas().into())?
            .checked_add(policy.premium(max_pay)?)?
            .checked_add(Self::stake(&policy)?)?
            .checked_add(tip)?;
        let now = Self::now();
        let nobody = T::Treasury::get();
        let job = Job {
            requester: nobody,
            terms: JobTerms {
                model,
                input_root: Default::default(),
                batch,
                policy,
                max_pay,
                max_wait,
                min_collateral,
                inline_output: false,
                keep_receipt,
                tip,
            },
            program_hash,
            cost,
            memory,
            output_len,
            nodes,
            outputs: BoundedVec::try_from(outputs).ok()?,
            rules: Self::rules(false),
            created: now,
            status: JobStatus::Open,
            deadline: now,
            draw: None,
            audit: Audit::None,
            redraws: 0,
            replicas: BoundedVec::new(),
            released: BoundedVec::new(),
            budget: held,
            premium: 0,
            stake: 0,
            tip,
            deposit: 0,
            work_blocks: 0,
            threads: 0,
            next_thread: 0,
            deliveries: 0,
            convictions: BoundedVec::new(),
            queued: None,
        };
        let mut cheapest: Vec<_> = Self::candidates(&job, now.saturating_add(1), now)
            .iter()
            .map(|candidate| candidate.pay())
            .collect();
        cheapest.sort_unstable();
        let eligible = cheapest.len() as u32;
        cheapest.truncate(policy.replicas().into());
        Some(QuoteView {
            held,
            deposit: if keep_receipt {
                T::ReceiptDeposit::get()
            } else {
                0
            },
            cost,
            units: cost.units(),
            input_len,
            output_len,
            eligible,
            cheapest,
        })
    }
}
