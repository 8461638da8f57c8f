//! Label bounties: campaigns, leases, answers, gold and pay.

use super::{amount, somebody, Act};
use crate::{dice::Dice, people};
use athanor_label_math::{pack, pack_answer, Answer};
use athanor_primitives::labels::{
    answer_commitment, answer_salt, commit_text, gold_commitment, page_path, pages_root,
    request_text, skip_text, voucher_text, BatchId, BatchState, CampaignTerms, Gate, LabelType,
    PageLeaf, Voucher,
};
use athanor_runtime::{AccountId, LabelBounties, Runtime, RuntimeCall, MILLI_UNIT};
use pallet_label_bounties::{
    Admitted, Batch, Batches, Call, Campaigns, Credits, Domains, GoldOpening, Pages, SignedVoucher,
    Slot, WorkerOf, Workers,
};
use sp_core::{crypto::Pair as _, sr25519::Pair};
use sp_runtime::MultiSignature;

const GOLD_SALT: [u8; 32] = [7; 32];

fn genesis() -> [u8; 32] {
    LabelBounties::genesis()
}

fn codes(label: &LabelType) -> u32 {
    match label {
        LabelType::Classification { classes } => (*classes).into(),
        LabelType::Rating { steps } => (*steps).into(),
        LabelType::MultiLabel { flags } => 1 << flags,
        _ => 2,
    }
}

/// Terms of a campaign.
pub fn terms(dice: &mut Dice) -> CampaignTerms {
    let labels = [
        LabelType::Classification { classes: 2 },
        LabelType::Classification { classes: 4 },
        LabelType::Rating { steps: 5 },
        LabelType::MultiLabel { flags: 4 },
        LabelType::Preference,
    ];
    let label = dice.pick(&labels).copied().unwrap_or(LabelType::Preference);
    let tasks = 2 + dice.below(7) as u8;
    let (shortest, _) = <Runtime as pallet_label_bounties::Config>::Limits::get().lease;
    let mut terms = CampaignTerms {
        lease: shortest + dice.below(30),
        share_revenue: dice.one_in(2),
        join_delay: dice.below(20),
        serve_group: dice.one_in(3),
        ..CampaignTerms::standard(
            label,
            tasks,
            (tasks / 2).max(1),
            MILLI_UNIT * u128::from(5 + dice.below(40)),
        )
    };
    terms.panel_max = 3 + dice.below(3) as u8;
    if dice.one_in(3) {
        terms.gate = Gate::Voucher;
        terms.voucher_key = Some(people::sponsor().public().0);
    }
    let mut domains: Vec<_> = Domains::<Runtime>::iter_keys().collect();
    domains.sort_unstable();
    terms.domain = dice.pick(&domains).copied().filter(|_| dice.one_in(2));
    if let (Some(id), true) = (terms.domain, dice.one_in(6)) {
        let bound = dice.below(2) * 100;
        terms.gate = Gate::Domain { id, bound };
    }
    terms
}

fn mix(parts: impl codec::Encode) -> u32 {
    let hash = sp_io::hashing::blake2_256(&parts.encode());
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

fn truth(terms: &CampaignTerms, page: u32, task: u8) -> u32 {
    if task < terms.gold {
        u32::from(task) % codes(&terms.label).min(2)
    } else {
        mix((b"truth", page, task)) % codes(&terms.label)
    }
}

fn gold(terms: &CampaignTerms, page: u32) -> Vec<(u8, Vec<u8>)> {
    (0..terms.gold)
        .filter_map(|task| {
            let answer = Answer::Code(truth(terms, page, task));
            Some((task, pack_answer(&terms.label, &answer).ok()?))
        })
        .collect()
}

fn leaves(terms: &CampaignTerms, pages: u32) -> Vec<PageLeaf> {
    (0..pages)
        .map(|page| PageLeaf {
            page,
            content_root: [page as u8; 32],
            bytes: 1_000,
            gold_commit: gold_commitment(&genesis(), page, &gold(terms, page), &GOLD_SALT),
        })
        .collect()
}

fn opening(terms: &CampaignTerms, pages: u32, page: u32) -> Option<GoldOpening> {
    let entries: Vec<_> = gold(terms, page)
        .into_iter()
        .filter_map(|(at, answer)| Some((at, answer.try_into().ok()?)))
        .collect();
    Some(GoldOpening {
        page,
        entries: entries.try_into().ok()?,
        salt: GOLD_SALT,
        content_root: [page as u8; 32],
        bytes: 1_000,
        path: page_path(&leaves(terms, pages), page)?.try_into().ok()?,
    })
}

/// What a worker answers: most the truth with a slip, some anything, some always the same.
fn sheet(terms: &CampaignTerms, batch: BatchId, page: u32, who: &AccountId) -> Option<Vec<u8>> {
    let style = mix((b"style", who)) % 5;
    let codes: Vec<_> = (0..terms.tasks)
        .map(|task| {
            let random = mix((who, batch, page, task));
            Answer::Code(match style {
                0 => 0,
                1 => random % codes(&terms.label),
                _ if random.is_multiple_of(8) => (random >> 8) % codes(&terms.label),
                _ => truth(terms, page, task),
            })
        })
        .collect();
    pack(&terms.label, &codes).ok()
}

fn salt(who: &AccountId, batch: BatchId, page: u32) -> [u8; 32] {
    answer_salt(&who.clone().into(), batch, page)
}

fn batches() -> Vec<(BatchId, Batch<AccountId>)> {
    let mut all: Vec<_> = Batches::<Runtime>::iter().collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

/// Blocks until something about a batch is due.
pub fn deadlines() -> Vec<u32> {
    let now = LabelBounties::clock();
    Batches::<Runtime>::iter_values()
        .map(|batch| batch.deadline.saturating_sub(now))
        .collect()
}

fn terms_of(batch: &Batch<AccountId>) -> Option<CampaignTerms> {
    Some(Campaigns::<Runtime>::get(batch.campaign)?.terms)
}

/// Opens a batch.
pub fn open(dice: &mut Dice) -> Option<Act> {
    let mut campaigns: Vec<_> = Campaigns::<Runtime>::iter().collect();
    campaigns.sort_unstable_by_key(|(id, _)| *id);
    let (id, campaign) = dice.pick(&campaigns)?;
    let terms = &campaign.terms;
    let pages = 1 + dice.below(6);
    let joins: Vec<_> = batches()
        .into_iter()
        .filter(|(_, batch)| batch.campaign == *id)
        .map(|(id, _)| id)
        .collect();
    let joins = dice.pick(&joins).copied().filter(|_| dice.one_in(3));
    let until = LabelBounties::clock() + terms.lease * (2 + dice.below(3)) + 1;
    Some(Act::signed(
        &campaign.requester,
        Call::open_batch {
            campaign: *id,
            pages_root: pages_root(&leaves(terms, pages)),
            index_root: [9; 32],
            pages,
            until,
            joins,
        },
    ))
}

fn sign(key: Option<&Pair>, text: &[u8]) -> Option<MultiSignature> {
    Some(key?.sign(text).into())
}

fn labeller(dice: &mut Dice) -> AccountId {
    if dice.one_in(3) {
        people::poor(dice.below(people::POOR))
    } else {
        somebody(dice)
    }
}

fn request(dice: &mut Dice) -> Option<Act> {
    let open: Vec<_> = batches()
        .into_iter()
        .filter(|(_, batch)| batch.state == BatchState::Open && !batch.cancelled)
        .collect();
    let (id, batch) = dice.pick(&open)?.clone();
    let terms = terms_of(&batch)?;
    let who = labeller(dice);
    let pages = 1 + dice.below(4);
    if terms.gate != Gate::Voucher {
        return Some(Act::signed(
            &who,
            Call::request_pages {
                batch: id,
                pages,
                voucher: None,
            },
        ));
    }
    let sponsored = dice.one_in(2);
    let voucher = Voucher {
        pages: 1 + dice.below(6),
        sponsored,
        expires: if dice.one_in(9) { 1 } else { u32::MAX },
    };
    let text = voucher_text(&genesis(), batch.campaign, &who.clone().into(), &voucher);
    let voucher = SignedVoucher {
        voucher,
        signature: sign(Some(&people::sponsor()), &text)?,
    };
    if !sponsored {
        return Some(Act::signed(
            &who,
            Call::request_pages {
                batch: id,
                pages,
                voucher: Some(voucher),
            },
        ));
    }
    let requests = WorkerOf::<Runtime>::get(id, &who)
        .and_then(|index| Workers::<Runtime>::get(id, index))
        .map_or(0, |worker| worker.requests);
    let text = request_text(&genesis(), id, &who.clone().into(), requests);
    let call = |signature| {
        RuntimeCall::from(Call::request_sponsored {
            batch: id,
            worker: who.clone(),
            voucher: voucher.clone(),
            signature,
        })
    };
    Some(if dice.one_in(4) {
        Act::signed(&who, call(None))
    } else {
        Act::General(call(sign(people::key(&who), &text)))
    })
}

/// Somebody's slot of a page.
fn slot(dice: &mut Dice, id: BatchId, which: impl Fn(&Slot) -> bool) -> Option<(u32, AccountId)> {
    let mut all: Vec<_> = Pages::<Runtime>::iter_prefix(id)
        .flat_map(|(page, record)| {
            let slots: Vec<_> = record
                .slots
                .iter()
                .filter(|slot| which(slot))
                .cloned()
                .collect();
            slots.into_iter().map(move |slot| (page, slot.worker()))
        })
        .filter_map(|(page, worker)| Some((page, worker?)))
        .collect();
    all.sort_unstable();
    let (page, worker) = *dice.pick(&all)?;
    Some((page, Workers::<Runtime>::get(id, worker)?.account))
}

fn in_state(dice: &mut Dice, state: BatchState) -> Option<(BatchId, Batch<AccountId>)> {
    let some: Vec<_> = batches()
        .into_iter()
        .filter(|(_, batch)| batch.state == state)
        .collect();
    dice.pick(&some).cloned()
}

fn answer(dice: &mut Dice) -> Option<Act> {
    let (id, batch) = in_state(dice, BatchState::Open)?;
    let (page, who) = slot(dice, id, |slot| matches!(slot, Slot::Leased { .. }))?;
    let bare: [u8; 32] = who.clone().into();
    if dice.one_in(8) {
        let text = skip_text(&genesis(), id, page, &bare);
        let feeless = dice.one_in(2);
        let signature = sign(people::key(&who), &text).filter(|_| feeless);
        let call: RuntimeCall = Call::skip {
            batch: id,
            page,
            worker: who.clone(),
            signature,
        }
        .into();
        return Some(if feeless {
            Act::General(call)
        } else {
            Act::signed(&who, call)
        });
    }
    let terms = terms_of(&batch)?;
    let sheet = sheet(&terms, id, page, &who)?;
    let hash = answer_commitment(&genesis(), id, page, &bare, &sheet, &salt(&who, id, page));
    let text = commit_text(&genesis(), id, page, &bare, &hash, None);
    let feeless = dice.one_in(2);
    let signature = sign(people::key(&who), &text).filter(|_| feeless);
    let call: RuntimeCall = Call::commit {
        batch: id,
        page,
        worker: who.clone(),
        hash,
        sealed: None,
        signature,
    }
    .into();
    Some(if feeless {
        Act::General(call)
    } else {
        Act::signed(&who, call)
    })
}

fn reveal(dice: &mut Dice) -> Option<Act> {
    let (id, batch) = in_state(dice, BatchState::Reveal)?;
    let (page, who) = slot(dice, id, |slot| matches!(slot, Slot::Committed { .. }))?;
    // One in nine never shows what he said.
    if mix((id, page, &who)).is_multiple_of(9) {
        return None;
    }
    let sheet = sheet(&terms_of(&batch)?, id, page, &who)?;
    let call: RuntimeCall = Call::reveal {
        batch: id,
        page,
        worker: who.clone(),
        sheet: sheet.try_into().ok()?,
        salt: salt(&who, id, page),
    }
    .into();
    Some(if dice.one_in(2) {
        Act::General(call)
    } else {
        Act::signed(&somebody(dice), call)
    })
}

fn open_gold(dice: &mut Dice) -> Option<Act> {
    let (id, batch) = in_state(dice, BatchState::Gold)?;
    let terms = terms_of(&batch)?;
    let mut shut: Vec<_> = Pages::<Runtime>::iter_prefix(id)
        .filter(|(_, page)| page.revealed() > 0 && !page.gold_opened)
        .map(|(page, _)| page)
        .filter(|page| !mix((id, page)).is_multiple_of(7))
        .collect();
    shut.sort_unstable();
    shut.truncate(1 + dice.below(3) as usize);
    let openings: Vec<_> = shut
        .into_iter()
        .filter_map(|page| opening(&terms, batch.pages, page))
        .collect();
    let openings = openings.try_into().ok()?;
    Some(Act::signed(
        &batch.requester,
        Call::open_gold {
            batch: id,
            openings,
        },
    ))
}

fn manage(dice: &mut Dice) -> Option<Act> {
    let all = batches();
    let some = dice.pick(&all).cloned();
    let who = somebody(dice);
    Some(match dice.below(16) {
        0 => Act::signed(&who, Call::create_domain {}),
        1 => {
            let domains: Vec<_> = Domains::<Runtime>::iter().collect();
            let (domain, record) = dice.pick(&domains)?;
            let admitted = !Admitted::<Runtime>::contains_key(domain, &who) || dice.one_in(3);
            let owner = record.owner.clone().unwrap_or_else(|| who.clone());
            Act::signed(
                &owner,
                Call::admit {
                    domain: *domain,
                    requester: who,
                    admitted,
                },
            )
        }
        2 => {
            let (id, batch) = some?;
            Act::signed(&batch.requester, Call::cancel { batch: id })
        }
        3..=4 => {
            let (id, batch) = some?;
            let page = dice.below(batch.pages);
            Act::signed(&batch.requester, Call::close_page { batch: id, page })
        }
        5..=8 => {
            let limit = 1 + dice.below(12);
            Act::signed(
                &who,
                Call::advance {
                    batch: some?.0,
                    limit,
                },
            )
        }
        9..=10 => {
            let (id, _) = some?;
            let (page, worker) = slot(dice, id, |slot| matches!(slot, Slot::Leased { .. }))?;
            Act::signed(
                &who,
                Call::expire {
                    batch: id,
                    page,
                    worker,
                },
            )
        }
        11 => {
            let owed: Vec<_> = Credits::<Runtime>::iter_keys().collect();
            let worker = dice.pick(&owed).cloned().unwrap_or_else(|| who.clone());
            Act::signed(&who, Call::withdraw { worker })
        }
        12..=13 => {
            let campaigns: Vec<_> = Campaigns::<Runtime>::iter().collect();
            let idle: Vec<_> = campaigns
                .iter()
                .filter(|(_, campaign)| campaign.live_batches == 0 && campaign.batches > 0)
                .collect();
            let (id, campaign) = dice.pick(&idle).copied()?;
            Act::signed(&campaign.requester, Call::close_campaign { campaign: *id })
        }
        14 => {
            let closed: Vec<_> = Campaigns::<Runtime>::iter()
                .filter(|(_, campaign)| campaign.settled_at.is_some())
                .collect();
            let (id, _) = dice.pick(&closed)?;
            let limit = 1 + dice.below(4);
            Act::signed(
                &who,
                Call::prune_campaign {
                    campaign: *id,
                    limit,
                },
            )
        }
        _ => {
            let campaigns: Vec<_> = Campaigns::<Runtime>::iter().collect();
            let (id, campaign) = dice.pick(&campaigns)?;
            let gateway = b"https://pages.example".to_vec().try_into().ok()?;
            Act::signed(
                &campaign.requester,
                Call::set_gateway {
                    campaign: *id,
                    gateway,
                },
            )
        }
    })
}

/// Creates a campaign.
pub fn create(dice: &mut Dice, who: &AccountId) -> Act {
    let mut terms = terms(dice);
    if dice.one_in(10) {
        terms.pay = amount(dice, 5);
    }
    let gateway = Default::default();
    Act::signed(who, Call::create_campaign { terms, gateway })
}

/// What can be done for a few blocks only: answers and gold are shown.
pub fn urgent(dice: &mut Dice) -> Option<Act> {
    open_gold(dice).or_else(|| reveal(dice))
}

/// What happens next.
pub fn next(dice: &mut Dice) -> Vec<Act> {
    let several = |dice: &mut Dice, act: fn(&mut Dice) -> Option<Act>| -> Vec<Act> {
        (0..1 + dice.below(4)).filter_map(|_| act(dice)).collect()
    };
    match dice.below(100) {
        0..=4 => {
            let who = somebody(dice);
            vec![create(dice, &who)]
        }
        5..=12 => open(dice).into_iter().collect(),
        13..=34 => several(dice, request),
        35..=59 => several(dice, answer),
        60..=74 => several(dice, reveal),
        75..=82 => open_gold(dice).into_iter().collect(),
        _ => manage(dice).into_iter().collect(),
    }
}
