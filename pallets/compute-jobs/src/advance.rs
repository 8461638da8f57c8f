//! What time and the calls so far demand of a job, and the end of it.

use crate::{
    audit::AuditDraw, draw, money::Sources, Audit, Balance, BlockNumber, Config, Draw, EpochSeeds,
    Event, FailReason, Fault, Grade, HoldReason, Job, JobStatus, KeptReceipt, NodeRoots, Offers,
    Pallet, Policy, Providers, Purpose, Receipts, Released, Replica, Rules, Seeds, WeightInfo,
    MAX_REDRAWS,
};
use alloc::{collections::BTreeMap, vec::Vec};
use athanor_primitives::{JobId, ModelRegistry, Root};
use frame_support::{defensive, traits::Get, weights::Weight, BoundedVec};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Permill, Rounding};

/// Steps one `advance` takes at most. No state can ask for more: each chain of
/// steps ends in a state whose deadline lies ahead, after three at most.
const MAX_STEPS: u32 = 4;

/// Share of the collateral that being late costs.
const LATE: Permill = Permill::from_percent(10);

/// Share of the collateral, and of the budget, that compensates the requester at
/// most.
const COMPENSATION: Permill = Permill::from_percent(20);

/// What `advance` did.
#[derive(Default)]
pub(crate) struct Progress {
    /// Whether the job changed.
    pub(crate) moved: bool,
    /// Weight of it.
    pub(crate) weight: Weight,
}

/// What is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Expire,
    Draw,
    Run,
    ReleaseMissing,
    GoOn,
    Seal,
    StrikeLate,
    DrawAuditor,
    OpenReveals,
    Claim,
    StrikeSilent,
    Judge,
}

/// A seed's whereabouts.
pub(crate) enum Seed {
    Ready(Vec<[u8; 32]>),
    Wait,
    Gone,
}

/// An offer that takes a job.
pub(crate) struct Candidate<AccountId> {
    replica: Replica<AccountId>,
    weight: u64,
}

impl<AccountId> Candidate<AccountId> {
    /// Its price.
    pub(crate) fn pay(&self) -> Balance {
        self.replica.pay
    }
}

impl<T: Config> Pallet<T> {
    /// Most weight that the rounds of `advance` in one call may take, and queueing the
    /// job anew when buckets are full.
    pub fn most_advance() -> Weight {
        T::WeightInfo::queue_job()
            .saturating_add(T::WeightInfo::draw(T::MaxOffers::get()))
            .saturating_add(T::WeightInfo::transition().saturating_mul(u64::from(MAX_STEPS)))
    }

    /// Carries out what is due for a job. `poker` is paid for each transition, as
    /// long as the tip lasts.
    pub(crate) fn advance(
        id: JobId,
        job: &mut Job<T::AccountId>,
        poker: Option<&T::AccountId>,
    ) -> Progress {
        let now = Self::now();
        let mut progress = Progress::default();
        for _ in 0..MAX_STEPS {
            let Some(step) = Self::next_step(job, now) else {
                return progress;
            };
            progress
                .weight
                .saturating_accrue(T::WeightInfo::transition());
            if step == Step::Draw {
                progress
                    .weight
                    .saturating_accrue(T::WeightInfo::draw(Offers::<T>::count()));
                let before = job.draw;
                let drawn = Self::try_draw(id, job, now);
                if drawn.is_empty() {
                    progress.moved |= job.draw.map(|draw| draw.round) != before.map(|d| d.round);
                } else {
                    progress.moved = true;
                    Self::reward(id, job, poker);
                    Self::pay_premium(id, job);
                    Self::assign(id, job, drawn, now);
                }
                continue;
            }
            if step == Step::DrawAuditor {
                progress
                    .weight
                    .saturating_accrue(T::WeightInfo::draw(Offers::<T>::count()));
                match Self::draw_auditor(id, job, now) {
                    AuditDraw::Later { restarted } => progress.moved |= restarted,
                    AuditDraw::Over { called, auditor } => {
                        progress.moved = true;
                        Self::reward(id, job, poker);
                        Self::after_audit_draw(id, job, called, auditor, now);
                    }
                }
                continue;
            }
            progress.moved = true;
            Self::reward(id, job, poker);
            match step {
                Step::Draw | Step::DrawAuditor => (),
                Step::Expire => Self::end_unassigned(id, job, JobStatus::Expired),
                Step::Run => Self::run(id, job, now),
                Step::ReleaseMissing => Self::release_missing(id, job, now),
                Step::GoOn => Self::go_on(id, job, now),
                Step::Seal => Self::seal(id, job, now),
                Step::StrikeLate => Self::strike_late(id, job, now),
                Step::OpenReveals => Self::open_reveals(id, job, now),
                Step::Claim => Self::claim(id, job, now),
                Step::StrikeSilent => Self::strike_silent(id, job, now),
                Step::Judge => Self::judge(id, job, now),
            }
        }
        if Self::next_step(job, now).is_some_and(|step| step != Step::Draw) {
            defensive!("a job asks for more steps than there are states");
        }
        progress
    }

    fn next_step(job: &Job<T::AccountId>, now: BlockNumber) -> Option<Step> {
        let over = now >= job.deadline;
        let can_draw = job.draw.is_some_and(|draw| now >= draw.next);
        let mut live = job.replicas.iter().filter(|replica| replica.is_live());
        match job.status {
            JobStatus::Open if over => Some(Step::Expire),
            JobStatus::Open if can_draw => Some(Step::Draw),
            JobStatus::Assigned if job.draw.is_some() => match (over, can_draw) {
                (true, _) => Some(Step::GoOn),
                (false, true) => Some(Step::Draw),
                (false, false) => None,
            },
            JobStatus::Assigned if live.all(|replica| replica.accepted) => Some(Step::Run),
            JobStatus::Assigned if over => Some(Step::ReleaseMissing),
            JobStatus::Running if live.clone().all(|replica| replica.trace_root.is_some()) => {
                Some(Step::Claim)
            }
            JobStatus::Running if live.all(|replica| replica.commitment.is_some()) => {
                Some(Step::Seal)
            }
            JobStatus::Running if over => Some(Step::StrikeLate),
            JobStatus::Sealed if over && job.audit == Audit::Ahead => Some(Step::DrawAuditor),
            JobStatus::Sealed if over => Some(Step::OpenReveals),
            JobStatus::Revealing if live.all(|replica| replica.trace_root.is_some()) => {
                Some(Step::Claim)
            }
            JobStatus::Revealing if over => Some(Step::StrikeSilent),
            // Nobody is left whom the window could still protect the requester from.
            JobStatus::Claimed if job.threads == 0 && (over || !job.stands()) => Some(Step::Judge),
            _ => None,
        }
    }

    /// Pays whoever poked out of the tip.
    fn reward(id: JobId, job: &mut Job<T::AccountId>, poker: Option<&T::AccountId>) {
        let Some(poker) = poker else { return };
        let reward = job.tip.min(job.rules.poke_reward);
        job.tip = job.tip.saturating_sub(reward);
        Self::move_held(HoldReason::JobBudget, &job.requester, poker, reward);
        Self::deposit_event(Event::JobPoked {
            job: id,
            poker: poker.clone(),
            reward,
        });
    }

    /// Puts a job into a state for a number of blocks.
    pub(crate) fn enter(
        id: JobId,
        job: &mut Job<T::AccountId>,
        status: JobStatus,
        now: BlockNumber,
        blocks: BlockNumber,
    ) {
        job.status = status;
        job.deadline = now.saturating_add(blocks.max(1));
        Self::deposit_event(Event::JobAdvanced {
            job: id,
            status,
            deadline: job.deadline,
        });
    }

    // Draws.

    pub(crate) fn seed(draw: &Draw, start: BlockNumber, now: BlockNumber) -> Seed {
        if let Some(epoch) = draw.epoch {
            let wanted = epoch.saturating_add(draw::EPOCHS_AHEAD);
            return match EpochSeeds::<T>::get(wanted) {
                Some(seed) => Seed::Ready([seed].into()),
                None => match T::EpochRandomness::get() {
                    Some((current, _)) if current <= wanted => Seed::Wait,
                    _ => Seed::Gone,
                },
            };
        }
        let first = start.saturating_add(1);
        if first.saturating_add(draw::SEEDS_KEPT) < now {
            return Seed::Gone;
        }
        let end = first.saturating_add(draw::SEED_SEARCH);
        let seeds: Vec<_> = (first..end.min(now))
            .filter_map(Seeds::<T>::get)
            .take(draw::SEEDS_PER_ROUND as usize)
            .collect();
        if seeds.len() == draw::SEEDS_PER_ROUND as usize {
            Seed::Ready(seeds)
        } else if now < end {
            Seed::Wait
        } else {
            Seed::Gone
        }
    }

    /// Carries out the current round of a job's draw. Without a result the job
    /// waits for the seed, or for the next round.
    fn try_draw(
        id: JobId,
        job: &mut Job<T::AccountId>,
        now: BlockNumber,
    ) -> Vec<Replica<T::AccountId>> {
        let Some(mut draw) = job.draw else {
            return Vec::new();
        };
        let start = draw.start(&job.rules);
        match Self::seed(&draw, start, now) {
            Seed::Wait => {
                Self::wait_for_seed(&mut draw, &job.rules, now);
                job.draw = Some(draw);
                return Vec::new();
            }
            Seed::Ready(material) => {
                let seed =
                    draw::round_seed(&Self::genesis(), id, draw.purpose, draw.round, &material);
                let candidates = Self::candidates(job, start, now);
                if let Some(drawn) = Self::sample(&seed, candidates, draw.want) {
                    return drawn;
                }
            }
            Seed::Gone => (),
        }
        Self::next_round(&mut draw, &job.rules, now);
        job.draw = Some(draw);
        Vec::new()
    }

    /// Has a draw whose seed isn't there tried again.
    pub(crate) fn wait_for_seed(draw: &mut Draw, rules: &Rules, now: BlockNumber) {
        let pause = match draw.epoch {
            Some(_) => rules.round_blocks.max(1),
            None => 1,
        };
        draw.next = now.saturating_add(pause);
    }

    /// Puts a draw into its next round, which starts no earlier than now: nobody knows
    /// its seed.
    pub(crate) fn next_round(draw: &mut Draw, rules: &Rules, now: BlockNumber) {
        let passed = now
            .saturating_sub(draw.from)
            .div_ceil(rules.round_blocks.max(1));
        draw.round = passed.max(draw.round.saturating_add(1));
        draw.next = draw
            .start(rules)
            .saturating_add(draw::SEEDS_PER_ROUND)
            .saturating_add(1);
        if draw.epoch.is_some() {
            draw.epoch = T::EpochRandomness::get().map(|(epoch, _)| epoch);
        }
    }

    /// Draws `want` of the candidates; `None` if there are fewer.
    pub(crate) fn sample(
        seed: &[u8; 32],
        candidates: Vec<Candidate<T::AccountId>>,
        want: u8,
    ) -> Option<Vec<Replica<T::AccountId>>> {
        let weighted: Vec<([u8; 32], u64)> = candidates
            .iter()
            .map(|candidate| (candidate.replica.provider.clone().into(), candidate.weight))
            .collect();
        let drawn = draw::sample(seed, &weighted, want.into())?;
        Some(
            drawn
                .into_iter()
                .filter_map(|index| candidates.get(index))
                .map(|candidate| candidate.replica.clone())
                .collect(),
        )
    }

    /// Offers that take a job in a draw that counts from block `start`.
    pub(crate) fn candidates(
        job: &Job<T::AccountId>,
        start: BlockNumber,
        now: BlockNumber,
    ) -> Vec<Candidate<T::AccountId>> {
        Offers::<T>::iter()
            .filter_map(|(who, offer)| {
                if offer.since >= start || who == job.requester {
                    return None;
                }
                let provider = Providers::<T>::get(&who)?;
                if !Self::is_live(&offer, &provider, now) || provider.worker == job.requester {
                    return None;
                }
                let taken = job.replicas.iter().any(|replica| replica.provider == who)
                    || job.released.iter().any(|released| released.provider == who);
                let terms = &offer.terms;
                let free_slots = terms
                    .slots
                    .checked_sub(provider.live)
                    .filter(|free| *free > 0)?;
                if taken || !terms.fits(job.terms.model, &job.cost, job.memory) {
                    return None;
                }
                let pay = terms
                    .pay(&job.cost)
                    .filter(|pay| *pay <= job.terms.max_pay)?;
                let collateral = pay
                    .checked_mul(job.terms.policy.collateral_factor())?
                    .max(job.terms.min_collateral)
                    .max(job.rules.min_collateral);
                let free_bond = provider.free_bond();
                if free_bond < collateral || terms.max_collateral < collateral {
                    return None;
                }
                let block_time = job.rules.block_time;
                let load_blocks = terms
                    .load_blocks(job.cost.load, block_time)
                    .filter(|blocks| *blocks <= job.terms.max_wait)?;
                let work_blocks = terms
                    .run_blocks(&job.cost, block_time)?
                    .checked_mul(4)?
                    .checked_add(job.rules.work_base)
                    .filter(|blocks| *blocks <= job.terms.max_wait)?;
                // Others' work time lengthens the window too, and is not known yet.
                let alone = job.terms.policy.replicas() == 1 && job.terms.policy.audit() == 0;
                let longest = if alone {
                    work_blocks
                } else {
                    job.terms.max_wait
                };
                if Self::window(job, longest) > terms.max_window {
                    return None;
                }
                let weight = draw::weight(
                    free_slots,
                    free_bond,
                    collateral,
                    Self::reputation(&provider, now),
                    job.terms.max_pay,
                    pay,
                );
                Some(Candidate {
                    replica: Replica {
                        provider: who,
                        worker: provider.worker,
                        pay,
                        collateral,
                        load_blocks,
                        work_blocks,
                        accepted: false,
                        commitment: None,
                        trace_root: None,
                        fault: None,
                        asking: 0,
                        free_threads: 0,
                    },
                    weight,
                })
            })
            .collect()
    }

    /// Seats the drawn providers.
    pub(crate) fn assign(
        id: JobId,
        job: &mut Job<T::AccountId>,
        drawn: Vec<Replica<T::AccountId>>,
        now: BlockNumber,
    ) {
        job.draw = None;
        let mut load_blocks = 0;
        for replica in drawn {
            load_blocks = replica.load_blocks.max(load_blocks);
            let Replica {
                provider,
                worker,
                pay,
                collateral,
                ..
            } = replica.clone();
            if job.replicas.try_push(replica).is_err() {
                defensive!("more replicas drawn than there are seats");
                break;
            }
            Self::lock(id, &provider, &worker, collateral);
            Self::deposit_event(Event::ReplicaAssigned {
                job: id,
                provider,
                worker,
                pay,
                collateral,
            });
        }
        let blocks = job.rules.accept_base.saturating_add(load_blocks);
        Self::enter(id, job, JobStatus::Assigned, now, blocks);
    }

    // Transitions.

    fn run(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        job.work_blocks = job
            .replicas
            .iter()
            .map(|replica| replica.work_blocks)
            .max()
            .unwrap_or_default();
        Self::enter(id, job, JobStatus::Running, now, job.work_blocks);
    }

    /// Lets those go who did not accept, and has others drawn in their place.
    fn release_missing(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        if matches!(job.audit, Audit::Drawn(_)) {
            return Self::release_auditor(id, job, now);
        }
        let wanted = job.terms.policy.replicas();
        Self::drop_missing(id, job);
        Self::count_releases(job);
        if job.redraws >= MAX_REDRAWS {
            return Self::go_on(id, job, now);
        }
        job.redraws = job.redraws.saturating_add(1);
        let missing = wanted.saturating_sub(job.replicas.len() as u8);
        job.draw = Some(Self::new_draw(job, Purpose::Redraw, missing));
        Self::enter(id, job, JobStatus::Assigned, now, job.rules.open_for);
    }

    pub(crate) fn drop_missing(id: JobId, job: &mut Job<T::AccountId>) {
        let mut missing = Vec::new();
        job.replicas.retain(|replica| {
            if !replica.accepted {
                missing.push(replica.clone());
            }
            replica.accepted
        });
        for Replica {
            provider,
            worker,
            collateral,
            ..
        } in missing
        {
            Self::unlock(id, &provider, &worker, collateral, 0);
            Self::deposit_event(Event::ReplicaReleased {
                job: id,
                provider: provider.clone(),
            });
            if job
                .released
                .try_push(Released {
                    provider,
                    counted: false,
                })
                .is_err()
            {
                defensive!("more releases than three draws seat");
            }
        }
    }

    /// Counts releases against those released, if somebody accepted the job: then it
    /// could be accepted.
    pub(crate) fn count_releases(job: &mut Job<T::AccountId>) {
        if !job.replicas.iter().any(|replica| replica.accepted) {
            return;
        }
        let now = Self::now();
        for released in job.released.iter_mut().filter(|released| !released.counted) {
            released.counted = true;
            Self::count_release(&released.provider, now);
        }
    }

    /// Goes on with those who accepted, if they are enough.
    fn go_on(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        job.draw = None;
        if job.replicas.len() >= usize::from(job.terms.policy.quorum()) {
            return Self::run(id, job, now);
        }
        // An input or model that nobody can fetch has cost draws, and has kept
        // collateral and slots from other jobs: tip and stake stay.
        let stays = core::mem::take(&mut job.tip).saturating_add(core::mem::take(&mut job.stake));
        Self::to_treasury(HoldReason::JobBudget, &job.requester, stays);
        Self::fail(id, job, FailReason::NotAccepted, now);
    }

    /// Takes a tenth of the collateral of those who have not committed.
    fn strike_late(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        let mut committed = 0u8;
        for replica in job.replicas.iter_mut().filter(|replica| replica.is_live()) {
            if replica.commitment.is_some() {
                committed = committed.saturating_add(1);
                continue;
            }
            let collateral = core::mem::take(&mut replica.collateral);
            let amount = LATE.mul_ceil(collateral);
            replica.fault = Some(Fault::Late);
            let provider = replica.provider.clone();
            Self::to_treasury(HoldReason::ProviderBond, &provider, amount);
            Self::unlock(id, &provider, &replica.worker, collateral, amount);
            Self::jail(&provider, id, Fault::Late, now);
            Self::deposit_event(Event::ReplicaStruck {
                job: id,
                provider,
                fault: Fault::Late,
                amount,
            });
        }
        if committed >= job.terms.policy.quorum() {
            Self::seal(id, job, now);
        } else {
            Self::fail(id, job, FailReason::NotComputed, now);
        }
    }

    /// Marks a replica struck. Its collateral stays locked until the job ends and
    /// everything is shared out.
    pub(crate) fn strike(
        id: JobId,
        replica: &mut Replica<T::AccountId>,
        fault: Fault,
        now: BlockNumber,
    ) {
        replica.fault = Some(fault);
        Self::jail(&replica.provider, id, fault, now);
        Self::deposit_event(Event::ReplicaStruck {
            job: id,
            provider: replica.provider.clone(),
            fault,
            amount: replica.collateral,
        });
    }

    fn strike_silent(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        for replica in job.replicas.iter_mut().filter(|replica| replica.is_live()) {
            if replica.trace_root.is_none() {
                Self::strike(id, replica, Fault::NoReveal, now);
            }
        }
        if job
            .replicas
            .iter()
            .any(|replica| replica.trace_root.is_some())
        {
            Self::claim(id, job, now);
        } else {
            Self::fail(id, job, FailReason::NotRevealed, now);
        }
    }

    pub(crate) fn open_reveals(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        Self::enter(id, job, JobStatus::Revealing, now, job.rules.reveal_blocks);
    }

    fn claim(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        let window = Self::window(job, job.work_blocks);
        Self::enter(id, job, JobStatus::Claimed, now, window);
    }

    /// Blocks that a claim on the job stands open, given the blocks the work may take.
    fn window(job: &Job<T::AccountId>, work_blocks: BlockNumber) -> BlockNumber {
        let least = job
            .rules
            .min_window
            .saturating_add(work_blocks.saturating_mul(2));
        job.terms.policy.window().max(least)
    }

    // The end.

    /// Gives the verdict once the window is over and every thread closed.
    fn judge(id: JobId, job: &mut Job<T::AccountId>, now: BlockNumber) {
        let mut groups: BTreeMap<Root, u8> = BTreeMap::new();
        for replica in job.replicas.iter().filter(|replica| replica.is_standing()) {
            if let Some(root) = replica.trace_root {
                let count = groups.entry(root).or_default();
                *count = count.saturating_add(1);
            }
        }
        let revealed = job
            .replicas
            .iter()
            .filter(|replica| replica.trace_root.is_some())
            .count();
        let quorum = job.terms.policy.quorum();
        let alone = groups.len() == 1;
        let winner = groups.into_iter().find(|(_, count)| {
            *count >= quorum && (alone || usize::from(*count).saturating_mul(2) > revealed)
        });
        let Some((trace_root, agreed)) = winner else {
            return Self::fail(id, job, FailReason::NoMajority, now);
        };
        let Some(output_root) = Self::output_root_of(id, job, &trace_root) else {
            return Self::fail(id, job, FailReason::NoMajority, now);
        };
        for replica in job.replicas.iter_mut() {
            if replica.is_standing() && replica.trace_root != Some(trace_root) {
                Self::strike(id, replica, Fault::Outvoted, now);
            }
        }
        let grade = Self::grade(job, agreed, revealed as u8);
        let refunded = Self::share_out(id, job, true, now);
        if job.deposit > 0 {
            let providers: Vec<_> = job
                .replicas
                .iter()
                .filter(|replica| replica.is_standing())
                .map(|replica| replica.provider.clone())
                .collect();
            Receipts::<T>::insert(
                id,
                KeptReceipt {
                    owner: job.requester.clone(),
                    deposit: core::mem::take(&mut job.deposit),
                    model: job.terms.model,
                    program_hash: job.program_hash,
                    input_root: job.terms.input_root,
                    batch: job.terms.batch,
                    trace_root,
                    output_root,
                    providers: BoundedVec::truncate_from(providers),
                    grade,
                    settled: now,
                },
            );
            Self::deposit_event(Event::ReceiptKept { job: id });
        }
        Self::clear(id, job, JobStatus::Settled);
        Self::deposit_event(Event::JobSettled {
            job: id,
            trace_root,
            output_root,
            grade,
            refunded,
        });
    }

    /// How the accepted trace was checked.
    fn grade(job: &Job<T::AccountId>, agreed: u8, revealed: u8) -> Grade {
        match job.terms.policy {
            Policy::Replicated { n: 1, .. } | Policy::Optimistic { audit: 0, .. } => {
                Grade::WatchedOnly
            }
            Policy::Replicated { .. } => Grade::Replicated {
                agreed,
                of: revealed,
            },
            Policy::Optimistic { .. } if agreed > 1 => Grade::Audited,
            // The auditor stands alone: it knew that nobody would check it.
            Policy::Optimistic { .. } if job.auditor().is_some_and(Replica::is_standing) => {
                Grade::WatchedOnly
            }
            Policy::Optimistic { audit, .. } => Grade::Sampled { audit },
        }
    }

    fn fail(id: JobId, job: &mut Job<T::AccountId>, reason: FailReason, now: BlockNumber) {
        let refunded = Self::share_out(id, job, false, now);
        Self::clear(id, job, JobStatus::Failed);
        Self::deposit_event(Event::JobFailed {
            job: id,
            reason,
            refunded,
        });
    }

    /// Ends a job nobody was drawn for.
    pub(crate) fn end_unassigned(id: JobId, job: &mut Job<T::AccountId>, status: JobStatus) {
        let refunded = Self::refund(job);
        Self::clear(id, job, status);
        Self::deposit_event(if status == JobStatus::Cancelled {
            Event::JobCancelled { job: id, refunded }
        } else {
            Event::JobExpired { job: id, refunded }
        });
    }

    /// Pays everybody their due and gives the rest back. A struck provider loses its
    /// collateral: part of it compensates the requester, part rewards whoever showed
    /// its claim to be false; if the job failed, standing replicas are paid from it; the rest goes to the treasury, never to a majority.
    /// Gives what returned to the requester.
    fn share_out(
        id: JobId,
        job: &mut Job<T::AccountId>,
        settled: bool,
        now: BlockNumber,
    ) -> Balance {
        let requester = job.requester.clone();
        let mut compensation = COMPENSATION.mul_floor(job.budget);
        let mut lost: BTreeMap<T::AccountId, Balance> = BTreeMap::new();
        let mut pot = Sources {
            reason: HoldReason::ProviderBond,
            left: Vec::new(),
        };
        for replica in job.replicas.iter() {
            if !replica.fault.is_some_and(|fault| fault.takes_all()) {
                continue;
            }
            let amount = COMPENSATION.mul_floor(replica.collateral).min(compensation);
            compensation = compensation.saturating_sub(amount);
            if amount > 0 {
                let provider = replica.provider.clone();
                Self::move_held(HoldReason::ProviderBond, &provider, &requester, amount);
                Self::deposit_event(Event::RequesterCompensated {
                    job: id,
                    provider,
                    amount,
                });
            }
            let rewarded = Self::pay_reward(id, job, replica);
            pot.left.push((
                replica.provider.clone(),
                replica
                    .collateral
                    .saturating_sub(amount)
                    .saturating_sub(rewarded),
            ));
            lost.insert(replica.provider.clone(), replica.collateral);
        }

        let standing: Vec<_> = job
            .replicas
            .iter()
            .filter(|replica| replica.is_standing())
            .cloned()
            .collect();
        let owed: Balance = standing.iter().fold(0, |sum, r| sum.saturating_add(r.pay));
        let mut budget = Sources {
            reason: HoldReason::JobBudget,
            left: [(requester, job.budget)].into(),
        };
        let mut audit_pay = Sources {
            reason: HoldReason::AuditPay,
            left: job
                .auditor()
                .map(|replica| (Self::audit_pot(), replica.pay))
                .into_iter()
                .collect(),
        };
        let auditor = job.auditor().map(|replica| replica.provider.clone());
        let in_pot = pot.total();
        for replica in &standing {
            let (sources, pay) = if settled && auditor.as_ref() == Some(&replica.provider) {
                (&mut audit_pay, replica.pay)
            } else if settled {
                (&mut budget, replica.pay)
            } else if in_pot >= owed {
                (&mut pot, replica.pay)
            } else {
                let share =
                    multiply_by_rational_with_rounding(replica.pay, in_pot, owed, Rounding::Down)
                        .unwrap_or(0);
                (&mut pot, share)
            };
            if pay > 0 {
                let fee = job.rules.fee.mul_ceil(pay);
                Self::pay_replica(
                    id,
                    &job.rules,
                    sources,
                    &replica.provider,
                    &replica.worker,
                    pay,
                );
                if settled {
                    Providers::<T>::mutate_extant(&replica.provider, |record| {
                        Self::earn(record, fee, now)
                    });
                }
            }
        }
        for (provider, left) in pot.left {
            Self::to_treasury(HoldReason::ProviderBond, &provider, left);
        }
        job.budget = budget.total();
        Self::give_back(HoldReason::AuditPay, &Self::audit_pot(), audit_pay.total());
        job.audit = Audit::None;
        for replica in job.replicas.iter().filter(|replica| replica.is_live()) {
            let gone = lost.get(&replica.provider).copied().unwrap_or(0);
            Self::unlock(
                id,
                &replica.provider,
                &replica.worker,
                replica.collateral,
                gone,
            );
        }
        Self::refund(job)
    }

    /// Gives what is left of budget, premium, stake and tip back.
    fn refund(job: &mut Job<T::AccountId>) -> Balance {
        let left = core::mem::take(&mut job.budget)
            .saturating_add(core::mem::take(&mut job.premium))
            .saturating_add(core::mem::take(&mut job.stake))
            .saturating_add(core::mem::take(&mut job.tip));
        Self::give_back(HoldReason::JobBudget, &job.requester, left);
        left
    }

    /// Removes what state holds for a job that has ended.
    fn clear(id: JobId, job: &mut Job<T::AccountId>, status: JobStatus) {
        let deposit = core::mem::take(&mut job.deposit);
        Self::give_back(HoldReason::Deposit, &job.requester, deposit);
        for root in job.replicas.iter().filter_map(|replica| replica.trace_root) {
            NodeRoots::<T>::remove(id, root);
        }
        T::Models::release(job.terms.model);
        job.draw = None;
        job.status = status;
    }
}
