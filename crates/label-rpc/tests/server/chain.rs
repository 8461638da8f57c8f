//! A chain that is made up, behind a real server. What it is sent it checks as the real
//! one does: signatures against the texts, openings against their hash.

use athanor_label_math::LabelType;
use athanor_label_rpc::{
    json::{
        Account, Amount, Bytes, Call, Campaign, Clock, Consensus, Hash, OpenBatch, Outcome,
        Outcomes, Page, Requester, Signature, Slot, Work,
    },
    Batch, Labels, LabelsApiServer, State, StateError, SubmitError,
};
use athanor_primitives::labels::{
    answer_commitment, commit_text, request_text, skip_text, voucher_text, BatchId, BatchState,
    CampaignId, CampaignTerms, Gate, PageIndex, Refusal, Voucher,
};
use jsonrpsee::server::{Server, ServerHandle};
use sp_core::{ed25519, Pair, H256};
use sp_runtime::{traits::Verify, AccountId32};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

pub(crate) const BEST: H256 = H256([0xbe; 32]);
pub(crate) const PRUNED: H256 = H256([0x02; 32]);
pub(crate) const OTHER: H256 = H256([0x03; 32]);
pub(crate) const GENESIS: H256 = H256([0x47; 32]);
pub(crate) const AUR: u128 = 1_000_000_000_000;

/// Secret of the contributor of the docs: 32 times 0x07.
pub(crate) fn contributor() -> ed25519::Pair {
    ed25519::Pair::from_seed(&[7; 32])
}

/// Secret of the requester's voucher key: 32 times 0x09.
pub(crate) fn voucher_key() -> ed25519::Pair {
    ed25519::Pair::from_seed(&[9; 32])
}

pub(crate) fn account_of(pair: &ed25519::Pair) -> AccountId32 {
    AccountId32::new(pair.public().0)
}

/// What the contributor is to answer: batch 12, page 40.
pub(crate) fn terms() -> CampaignTerms {
    CampaignTerms {
        panel_min: 1,
        panel_max: 3,
        gate: Gate::Voucher,
        voucher_key: Some(voucher_key().public().0),
        guideline: [0x66; 32],
        ..CampaignTerms::standard(LabelType::Classification { classes: 3 }, 8, 2, AUR / 100)
    }
}

/// How far the contributor is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) requests: u32,
    pub(crate) leased: bool,
    pub(crate) committed: Option<[u8; 32]>,
    pub(crate) sheet: Option<Vec<u8>>,
    pub(crate) revealing: bool,
    pub(crate) paid: bool,
}

/// The made-up chain.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) progress: Mutex<Progress>,
}

impl Chain {
    fn state(&self) -> BatchState {
        let progress = self.progress.lock().unwrap();
        match () {
            () if progress.paid => BatchState::Paid,
            () if progress.revealing => BatchState::Reveal,
            () => BatchState::Open,
        }
    }

    fn batch_of(&self) -> Batch {
        Batch {
            campaign: 3,
            terms: terms(),
            state: self.state(),
            deadline: 30_000,
            pages: 64,
            pages_root: [0x44; 32],
            index_root: [0x55; 32],
            gateway: Some("https://labels.example".into()),
        }
    }
}

fn refused(refusal: Refusal) -> SubmitError {
    SubmitError::Refused(Some(refusal))
}

fn signed(signature: Option<Signature>, text: &[u8], by: &AccountId32) -> Result<(), SubmitError> {
    match signature {
        Some(Signature(signature)) if signature.verify(text, by) => Ok(()),
        _ => Err(refused(Refusal::BadSignature)),
    }
}

impl State for Chain {
    fn best(&self) -> H256 {
        BEST
    }

    fn genesis(&self) -> H256 {
        GENESIS
    }

    fn knows(&self, at: H256) -> Result<bool, StateError> {
        Ok([BEST, PRUNED, OTHER].contains(&at))
    }

    fn clock(&self, at: H256) -> Result<Clock, StateError> {
        match at {
            at if at == PRUNED => Err(StateError::UnknownBlock(format!("{at:?}"))),
            at if at == OTHER => Err(StateError::OtherRuntime("it does not know it".into())),
            _ => Ok(Clock {
                now: 5_000,
                tick_ms: 3_000,
            }),
        }
    }

    // More than was asked for: the server has to bound it.
    fn campaigns(
        &self,
        _: H256,
        after: Option<CampaignId>,
        limit: u32,
    ) -> Result<(Vec<Campaign>, Option<CampaignId>), StateError> {
        let campaign = |campaign| Campaign {
            campaign,
            requester: Account(AccountId32::new([1; 32])),
            terms: terms(),
            page_pay: Amount(terms().page_pay()),
            page_stake: Amount(terms().page_stake()),
            record: Requester {
                batches: 4,
                answers: 51_200,
                paid_answers: 48_000,
                gold_opened: 6_400,
                gold_contested: 12,
            },
            batches: vec![OpenBatch {
                batch: 12,
                pages: 64,
                until: 30_000,
                free_slots: 101,
                waiting: 2,
            }],
            gateway: Some("https://labels.example".into()),
        };
        let first = after.map_or(3, |after| after + 1);
        let all: Vec<Campaign> = (first..8).map(campaign).collect();
        let last = all
            .iter()
            .map(|campaign| campaign.campaign)
            .take(limit as usize)
            .next_back();
        let next = last.filter(|_| all.len() > limit as usize);
        Ok((all, next))
    }

    fn worker(&self, _: H256, account: AccountId32) -> Result<(Amount, Vec<Work>), StateError> {
        let progress = self.progress.lock().unwrap().clone();
        if account != account_of(&contributor()) || progress.requests == 0 {
            return Ok((Amount(0), Vec::new()));
        }
        let slot = match (&progress.committed, &progress.sheet) {
            (_, Some(sheet)) => Slot::Revealed {
                sheet: Bytes(sheet.clone()),
            },
            (Some(hash), _) => Slot::Committed {
                answers: Hash(*hash),
            },
            (None, None) => Slot::Leased { until: 7_400 },
        };
        let work = Work {
            batch: 12,
            campaign: 3,
            state: self.state(),
            deadline: 30_000,
            sponsored: true,
            requested: !progress.leased,
            requests: progress.requests,
            leased: progress.leased.into(),
            committed: progress.committed.is_some().into(),
            revealed: progress.sheet.is_some().into(),
            skipped: 0,
            abandoned: 0,
            blocked_until: 0,
            stake: Amount(0),
            pages: if progress.leased {
                vec![Page { page: 40, slot }]
            } else {
                Vec::new()
            },
            outcome: progress.paid.then_some(Outcome {
                score_bp: 9_812,
                share_bp: 10_000,
                junk: false,
                pay: Amount(terms().page_pay()),
                stake_lost: Amount(0),
            }),
        };
        Ok((Amount(0), vec![work]))
    }

    fn batch(&self, _: H256, batch: BatchId) -> Result<Option<Batch>, StateError> {
        Ok((batch == 12).then(|| self.batch_of()))
    }

    fn result(&self, _: H256, batch: BatchId) -> Result<Option<Outcomes>, StateError> {
        // Batch 11 is pruned; batch 12 is as far as the contributor is.
        let known = batch == 11 || batch == 12 && self.progress.lock().unwrap().paid;
        Ok(known.then_some(Outcomes {
            root: Hash([0x77; 32]),
            pages: 64,
            workers: 17,
            committed: 190,
            revealed: 188,
            gold_opened: 128,
            gold_contested: 1,
            paid: Amount(1_420 * AUR / 100),
            treasury: Amount(AUR / 2),
            ended: 31_000,
        }))
    }

    fn consensus(
        &self,
        _: H256,
        _: BatchId,
        page: PageIndex,
    ) -> Result<Option<Vec<Consensus>>, StateError> {
        let one = |task: u32| Consensus {
            label: Some((task % 3).into()),
            mean: None,
            support: 65_536 - 8_192 * task,
            tie: false,
            thin: task == 3,
        };
        let paid = self.progress.lock().unwrap().paid;
        Ok((paid && page == 40).then(|| (0..8).map(one).collect()))
    }

    async fn submit(&self, call: Call, signature: Option<Signature>) -> Result<H256, SubmitError> {
        let hash = H256([0x99; 32]);
        let mut progress = self.progress.lock().unwrap();
        match call {
            Call::RequestSponsored {
                batch,
                worker: Account(worker),
                voucher,
            } => {
                if batch != 12 {
                    return Err(refused(Refusal::NoSuchBatch));
                }
                let id: [u8; 32] = worker.clone().into();
                let plain = Voucher {
                    pages: voucher.pages,
                    sponsored: voucher.sponsored,
                    expires: voucher.expires,
                };
                let text = voucher_text(&GENESIS.0, 3, &id, &plain);
                signed(Some(voucher.signature), &text, &account_of(&voucher_key()))
                    .map_err(|_| refused(Refusal::VoucherInvalid))?;
                let text = request_text(&GENESIS.0, batch, &id, progress.requests);
                signed(signature, &text, &worker)?;
                if progress.requests > 0 && !progress.leased {
                    return Err(SubmitError::Pending);
                }
                progress.requests += 1;
            }
            Call::Skip {
                batch,
                page,
                worker: Account(worker),
            } => {
                let text = skip_text(&GENESIS.0, batch, page, &worker.clone().into());
                signed(signature, &text, &worker)?;
                progress.leased = false;
            }
            Call::Commit {
                batch,
                page,
                worker: Account(worker),
                answers,
                sealed,
            } => {
                if (batch, page) != (12, 40) || !progress.leased {
                    return Err(refused(Refusal::NoLease));
                }
                let sealed = sealed.as_ref().map(|sealed| sealed.0.as_slice());
                let id = worker.clone().into();
                let text = commit_text(&GENESIS.0, batch, page, &id, &answers.0, sealed);
                signed(signature, &text, &worker)?;
                if progress.committed.is_some() {
                    return Err(refused(Refusal::AlreadyCommitted));
                }
                progress.committed = Some(answers.0);
            }
            Call::Reveal {
                batch,
                page,
                worker: Account(worker),
                sheet,
                salt,
            } => {
                if !progress.revealing {
                    return Err(refused(Refusal::UnexpectedState));
                }
                let id = worker.into();
                let hash = answer_commitment(&GENESIS.0, batch, page, &id, &sheet.0, &salt.0);
                if progress.committed != Some(hash) {
                    return Err(refused(Refusal::HashMismatch));
                }
                progress.sheet = Some(sheet.0);
            }
        }
        Ok(hash)
    }
}

/// A server on a free port, and the chain behind it.
pub(crate) async fn serve() -> (SocketAddr, ServerHandle, Arc<Chain>) {
    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let chain = Arc::new(Chain::default());
    let handle = server.start(Labels::new(chain.clone()).into_rpc());
    (address, handle, chain)
}
