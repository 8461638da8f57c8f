//! Audits of `Optimistic` jobs: premium, pot, and the draw for an auditor.

use crate::{
    advance::Seed, draw, Audit, Balance, BlockNumber, Config, Event, HoldReason, Job, JobStatus,
    Pallet, Purpose, Replica,
};
use alloc::vec::Vec;
use athanor_primitives::JobId;
use frame_support::{
    defensive,
    traits::{
        fungible::Inspect as _,
        tokens::{Fortitude, Preservation},
        Get,
    },
};
use sp_runtime::traits::AccountIdConversion;

/// What came of an attempt to draw an auditor.
pub(crate) enum AuditDraw<AccountId> {
    /// The seed isn't there. The job's deadline says when to try again.
    Later {
        /// Whether another round has begun.
        restarted: bool,
    },
    /// The draw is over.
    Over {
        /// Whether the seed called for an auditor.
        called: bool,
        /// The auditor's replica.
        auditor: Option<Replica<AccountId>>,
    },
}

impl<T: Config> Pallet<T> {
    /// The audit pot's account.
    pub fn audit_pot() -> T::AccountId {
        T::PalletId::get().into_account_truncating()
    }

    /// What the pot could pay an auditor now: without its existential deposit, and
    /// without what is held for auditors at work.
    pub fn in_audit_pot() -> Balance {
        T::Currency::reducible_balance(
            &Self::audit_pot(),
            Preservation::Preserve,
            Fortitude::Polite,
        )
    }

    /// Pays the premium into the pot.
    pub(crate) fn pay_premium(id: JobId, job: &mut Job<T::AccountId>) {
        let amount = core::mem::take(&mut job.premium);
        if amount > 0 {
            Self::move_held(
                HoldReason::JobBudget,
                &job.requester,
                &Self::audit_pot(),
                amount,
            );
            Self::deposit_event(Event::PremiumPaid { job: id, amount });
        }
    }

    /// Closes the commitments. The first time, an auditor may be drawn for: by what
    /// the authors of later blocks draw, so nobody knew of it when it committed.
    pub(crate) fn seal(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        let mut blocks = job.rules.seal_blocks;
        if job.audit == Audit::Ahead {
            job.draw = Some(Self::new_draw(job, Purpose::Audit, 1));
            blocks = blocks.max(draw::SEEDS_PER_ROUND.saturating_add(1));
        }
        Self::enter(id, job, JobStatus::Sealed, now, blocks);
    }

    /// Draws whether there is an auditor, and who: an eligible offer of a provider
    /// that has no part in the job, which the pot can pay.
    pub(crate) fn draw_auditor(
        id: JobId,
        job: &mut Job<T::AccountId>,
        now: BlockNumber,
    ) -> AuditDraw<T::AccountId> {
        let nobody = AuditDraw::Over {
            called: false,
            auditor: None,
        };
        let Some(mut draw) = job.draw else {
            defensive!("an audit is ahead without a draw");
            return nobody;
        };
        let start = draw.start(&job.rules);
        let last = draw
            .from
            .saturating_add(job.rules.seal_blocks)
            .saturating_add(job.rules.open_for);
        let material = match Self::seed(&draw, start, now) {
            Seed::Ready(material) => material,
            // Nobody came while the seed was there. Without a new draw, full blocks
            // would be a way around audits.
            Seed::Gone if now.saturating_sub(job.deadline) > draw::SEED_SEARCH => {
                let draw = Self::new_draw(job, Purpose::Audit, 1);
                job.deadline = draw.next;
                job.draw = Some(draw);
                return AuditDraw::Later { restarted: true };
            }
            // A chain that has stopped giving seeds ends its jobs without audits.
            _ if now >= last => return nobody,
            Seed::Wait => {
                Self::wait_for_seed(&mut draw, &job.rules, now);
                job.deadline = draw.next;
                job.draw = Some(draw);
                return AuditDraw::Later { restarted: false };
            }
            Seed::Gone => {
                Self::next_round(&mut draw, &job.rules, now);
                job.deadline = draw.next;
                job.draw = Some(draw);
                return AuditDraw::Later { restarted: true };
            }
        };
        let seed = draw::round_seed(&Self::genesis(), id, draw.purpose, draw.round, &material);
        if !draw::calls_for_audit(&seed, job.terms.policy.audit()) {
            return nobody;
        }
        let in_pot = Self::in_audit_pot();
        let mut candidates = Self::candidates(job, start, now);
        candidates.retain(|candidate| candidate.pay() <= in_pot);
        AuditDraw::Over {
            called: true,
            auditor: Self::sample(&seed, candidates, 1).and_then(|drawn| drawn.into_iter().next()),
        }
    }

    /// Goes on after the draw: with the auditor as one more replica, its pay set
    /// aside, or to the reveals.
    pub(crate) fn after_audit_draw(
        id: JobId,
        job: &mut Job<T::AccountId>,
        called: bool,
        auditor: Option<Replica<T::AccountId>>,
        now: BlockNumber,
    ) {
        job.draw = None;
        job.audit = Audit::None;
        let auditor = auditor.filter(|replica| {
            Self::hold(HoldReason::AuditPay, &Self::audit_pot(), replica.pay).is_ok()
        });
        Self::deposit_event(Event::AuditDrawn {
            job: id,
            called,
            auditor: auditor.as_ref().map(|replica| replica.provider.clone()),
        });
        match auditor {
            Some(replica) => {
                job.audit = Audit::Drawn(replica.provider.clone());
                Self::assign(id, job, Vec::from([replica]), now);
            }
            None => Self::open_reveals(id, job, now),
        }
    }

    /// Goes on without the auditor that did not accept.
    pub(crate) fn release_auditor(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        let pay = job.auditor().map_or(0, |replica| replica.pay);
        job.audit = Audit::None;
        Self::give_back(HoldReason::AuditPay, &Self::audit_pot(), pay);
        Self::drop_missing(id, job);
        Self::count_releases(job);
        Self::open_reveals(id, job, now);
    }
}
