//! The state a node's client has, and its pool.

use crate::{
    json::{
        Account, Amount, Bytes, Call, Campaign, Clock, Consensus, Hash, OpenBatch, Outcome,
        Outcomes, Page, Requester, Signature, SignedVoucher, Slot, Work,
    },
    state::{Batch, State, StateError, SubmitError},
};
use athanor_compute_rpc::{ask, RuntimeViewFunction};
use athanor_label_math::Answer;
use athanor_primitives::labels::{BatchId, CampaignId, PageIndex, Refusal, Voucher};
use codec::{Decode, Encode};
use frame_system::offchain::{CreateAuthorizedTransaction, CreateTransactionBase};
use pallet_label_bounties::{
    self as pallet, BatchViewFunction, CampaignView, CampaignViewFunction, CampaignsViewFunction,
    ClockNowViewFunction, Config, ConsensusViewFunction, ResultViewFunction, SlotStatus, WorkView,
    WorkerViewFunction,
};
use sc_transaction_pool_api::{
    error::{Error as PoolError, IntoPoolError},
    TransactionPool, TransactionSource,
};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::{BlockStatus, HeaderBackend};
use sp_core::H256;
use sp_runtime::{traits::Block as BlockT, transaction_validity::InvalidTransaction, AccountId32};
use std::{future::Future, marker::PhantomData, sync::Arc};

/// The state a node's client has, asked through the view functions of runtime `T`, and
/// its pool.
pub struct ClientState<C, P, B, T> {
    client: Arc<C>,
    pool: Arc<P>,
    of: PhantomData<fn() -> (B, T)>,
}

impl<C, P, B, T> ClientState<C, P, B, T> {
    /// Answers from what `client` knows; gives calls to `pool`.
    pub fn new(client: Arc<C>, pool: Arc<P>) -> Self {
        Self {
            client,
            pool,
            of: PhantomData,
        }
    }
}

/// A URL that somebody else wrote, without what a terminal would obey.
fn gateway(bytes: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    (!text.is_empty()).then_some(text)
}

fn campaign(view: CampaignView<AccountId32>) -> Campaign {
    Campaign {
        campaign: view.id,
        requester: Account(view.requester),
        page_pay: Amount(view.terms.page_pay()),
        page_stake: Amount(view.terms.page_stake()),
        terms: view.terms,
        gateway: gateway(&view.gateway),
        record: Requester {
            batches: view.record.batches,
            answers: view.record.answers,
            paid_answers: view.record.paid_answers,
            gold_opened: view.record.gold_opened,
            gold_contested: view.record.gold_contested,
        },
        batches: view
            .open
            .into_iter()
            .map(|batch| OpenBatch {
                batch: batch.id,
                pages: batch.pages,
                until: batch.until,
                free_slots: batch.free_slots,
                waiting: batch.waiting,
            })
            .collect(),
    }
}

fn work(view: WorkView) -> Work {
    Work {
        batch: view.batch,
        campaign: view.campaign,
        state: view.state,
        deadline: view.deadline,
        sponsored: view.sponsored,
        requested: view.requested,
        requests: view.requests,
        leased: view.leased,
        committed: view.committed,
        revealed: view.revealed,
        skipped: view.skipped,
        abandoned: view.abandoned,
        blocked_until: view.blocked_until,
        stake: Amount(view.stake),
        pages: view
            .slots
            .into_iter()
            .map(|slot| Page {
                page: slot.page,
                slot: match slot.status {
                    SlotStatus::Leased { until } => Slot::Leased { until },
                    SlotStatus::Committed { hash } => Slot::Committed {
                        answers: Hash(hash),
                    },
                    SlotStatus::Revealed { sheet } => Slot::Revealed {
                        sheet: Bytes(sheet.into_inner()),
                    },
                },
            })
            .collect(),
        outcome: view.outcome.map(|outcome| Outcome {
            score_bp: outcome.score_bp,
            share_bp: outcome.share_bp,
            junk: outcome.junk,
            pay: Amount(outcome.pay),
            stake_lost: Amount(outcome.stake_lost),
        }),
    }
}

fn consensus(found: athanor_label_math::Consensus) -> Result<Consensus, StateError> {
    let label = match found.label {
        None => None,
        Some(Answer::Code(code)) => Some(code.into()),
        Some(Answer::Spans(spans)) => Some(
            serde_json::to_value(spans).map_err(|error| StateError::Runtime(error.to_string()))?,
        ),
    };
    Ok(Consensus {
        label,
        mean: found.mean,
        support: found.support,
        tie: found.tie,
        thin: found.thin,
    })
}

/// The pallet's call.
fn call<T>(call: Call, signature: Option<Signature>) -> Result<pallet::Call<T>, SubmitError>
where
    T: Config + frame_system::Config<AccountId = AccountId32>,
{
    let signature = signature.map(|Signature(signature)| signature);
    let long = |what: &str| SubmitError::Call(format!("the {what} is too long"));
    Ok(match call {
        Call::RequestSponsored {
            batch,
            worker: Account(worker),
            voucher:
                SignedVoucher {
                    pages,
                    sponsored,
                    expires,
                    signature: Signature(by),
                },
        } => pallet::Call::request_sponsored {
            batch,
            worker,
            voucher: pallet::SignedVoucher {
                voucher: Voucher {
                    pages,
                    sponsored,
                    expires,
                },
                signature: by,
            },
            signature,
        },
        Call::Skip {
            batch,
            page,
            worker: Account(worker),
        } => pallet::Call::skip {
            batch,
            page,
            worker,
            signature,
        },
        Call::Commit {
            batch,
            page,
            worker: Account(worker),
            answers: Hash(hash),
            sealed,
        } => pallet::Call::commit {
            batch,
            page,
            worker,
            hash,
            sealed: sealed
                .map(|Bytes(sealed)| sealed.try_into().map_err(|_| long("sealed opening")))
                .transpose()?,
            signature,
        },
        Call::Reveal {
            batch,
            page,
            worker: Account(worker),
            sheet: Bytes(sheet),
            salt: Hash(salt),
        } => pallet::Call::reveal {
            batch,
            page,
            worker,
            sheet: sheet.try_into().map_err(|_| long("sheet"))?,
            salt,
        },
    })
}

fn refusal(error: PoolError) -> SubmitError {
    match error {
        PoolError::InvalidTransaction(InvalidTransaction::Custom(code)) => {
            SubmitError::Refused(Refusal::from_code(code))
        }
        PoolError::InvalidTransaction(_) => SubmitError::Refused(None),
        PoolError::AlreadyImported(_) | PoolError::TooLowPriority { .. } => SubmitError::Pending,
        other => SubmitError::Pool(other.to_string()),
    }
}

impl<C, P, B, T> State for ClientState<C, P, B, T>
where
    B: BlockT<Hash = H256>,
    C: ProvideRuntimeApi<B> + HeaderBackend<B> + Send + Sync + 'static,
    C::Api: RuntimeViewFunction<B>,
    P: TransactionPool<Block = B, Hash = H256> + 'static,
    T: Config
        + frame_system::Config<AccountId = AccountId32>
        + CreateAuthorizedTransaction<pallet::Call<T>>
        + 'static,
    <T as CreateTransactionBase<pallet::Call<T>>>::RuntimeCall: From<pallet::Call<T>>,
{
    fn best(&self) -> H256 {
        self.client.info().best_hash
    }

    fn genesis(&self) -> H256 {
        self.client.info().genesis_hash
    }

    fn knows(&self, at: H256) -> Result<bool, StateError> {
        self.client
            .status(at)
            .map(|status| status == BlockStatus::InChain)
            .map_err(|error| StateError::Runtime(error.to_string()))
    }

    fn clock(&self, at: H256) -> Result<Clock, StateError> {
        let (now, tick_ms) = ask::<_, B, _>(&*self.client, at, &ClockNowViewFunction::<T>::new())?;
        Ok(Clock { now, tick_ms })
    }

    fn campaigns(
        &self,
        at: H256,
        after: Option<CampaignId>,
        limit: u32,
    ) -> Result<(Vec<Campaign>, Option<CampaignId>), StateError> {
        // One more than asked for says whether there are more.
        let question = CampaignsViewFunction::<T>::new(after, limit.saturating_add(1));
        let mut views = ask::<_, B, _>(&*self.client, at, &question)?;
        let more = views.len() > limit as usize;
        views.truncate(limit as usize);
        let next = views.last().filter(|_| more).map(|view| view.id);
        Ok((views.into_iter().map(campaign).collect(), next))
    }

    fn worker(&self, at: H256, account: AccountId32) -> Result<(Amount, Vec<Work>), StateError> {
        let view = ask::<_, B, _>(&*self.client, at, &WorkerViewFunction::<T>::new(account))?;
        let batches = view.batches.into_iter().map(work).collect();
        Ok((Amount(view.credit), batches))
    }

    fn batch(&self, at: H256, batch: BatchId) -> Result<Option<Batch>, StateError> {
        let question = BatchViewFunction::<T>::new(batch);
        let Some(view) = ask::<_, B, _>(&*self.client, at, &question)? else {
            return Ok(None);
        };
        let question = CampaignViewFunction::<T>::new(view.campaign);
        let campaign = ask::<_, B, _>(&*self.client, at, &question)?;
        Ok(campaign.map(|campaign| Batch {
            campaign: view.campaign,
            terms: campaign.terms,
            state: view.state,
            deadline: view.deadline,
            pages: view.pages,
            pages_root: view.pages_root,
            index_root: view.index_root,
            gateway: gateway(&campaign.gateway),
        }))
    }

    fn result(&self, at: H256, batch: BatchId) -> Result<Option<Outcomes>, StateError> {
        let result = ask::<_, B, _>(&*self.client, at, &ResultViewFunction::<T>::new(batch))?;
        Ok(result.map(|result| Outcomes {
            root: Hash(result.root),
            pages: result.pages,
            workers: result.workers,
            committed: result.used_slots,
            revealed: result.revealed_slots,
            gold_opened: result.gold_opened,
            gold_contested: result.gold_contested,
            paid: Amount(result.paid),
            treasury: Amount(result.treasury),
            ended: result.ended,
        }))
    }

    fn consensus(
        &self,
        at: H256,
        batch: BatchId,
        page: PageIndex,
    ) -> Result<Option<Vec<Consensus>>, StateError> {
        let question = ConsensusViewFunction::<T>::new(batch, page);
        ask::<_, B, _>(&*self.client, at, &question)?
            .map(|labels| labels.into_iter().map(consensus).collect())
            .transpose()
    }

    fn submit(
        &self,
        request: Call,
        signature: Option<Signature>,
    ) -> impl Future<Output = Result<H256, SubmitError>> + Send {
        let (client, pool) = (self.client.clone(), self.pool.clone());
        async move {
            let call = call::<T>(request, signature)?;
            let transaction = T::create_authorized_transaction(call.into()).encode();
            // A vector's encoding is its length and its bytes, as an opaque extrinsic's is.
            let transaction = B::Extrinsic::decode(&mut &transaction[..])
                .map_err(|error| SubmitError::Call(error.to_string()))?;
            let at = client.info().best_hash;
            pool.submit_one(at, TransactionSource::External, transaction)
                .await
                .map_err(|error| match error.into_pool_error() {
                    Ok(error) => refusal(error),
                    Err(error) => SubmitError::Pool(error.to_string()),
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_pool_say_why() {
        use sp_runtime::transaction_validity::UnknownTransaction;
        let custom = |code| PoolError::InvalidTransaction(InvalidTransaction::Custom(code));
        for refused in Refusal::ALL {
            assert_eq!(
                refusal(custom(refused.code())),
                SubmitError::Refused(Some(refused))
            );
        }
        assert_eq!(refusal(custom(255)), SubmitError::Refused(None));
        let stale = PoolError::InvalidTransaction(InvalidTransaction::Stale);
        assert_eq!(refusal(stale), SubmitError::Refused(None));
        let known = PoolError::AlreadyImported(Box::new(()));
        assert_eq!(refusal(known), SubmitError::Pending);
        let low = PoolError::TooLowPriority { old: 1, new: 1 };
        assert_eq!(refusal(low), SubmitError::Pending);
        for other in [
            PoolError::ImmediatelyDropped,
            PoolError::UnknownTransaction(UnknownTransaction::CannotLookup),
        ] {
            assert!(matches!(refusal(other), SubmitError::Pool(_)));
        }
    }

    #[test]
    fn a_gateway_obeys_no_terminal() {
        assert_eq!(gateway(b""), None);
        assert_eq!(
            gateway(b"https://a.example\x1b[2J\r\n"),
            Some("https://a.example[2J".into())
        );
    }

    #[test]
    fn labels_are_numbers_or_spans() {
        let label = |label| {
            consensus(athanor_label_math::Consensus {
                label,
                mean: None,
                support: 1,
                tie: false,
                thin: true,
            })
            .unwrap()
            .label
        };
        assert_eq!(label(None), None);
        assert_eq!(label(Some(Answer::Code(3))), Some(3.into()));
        let spans = vec![athanor_label_math::Span {
            label: 1,
            start: 2,
            len: 3,
        }];
        assert_eq!(
            label(Some(Answer::Spans(spans))),
            Some(serde_json::json!([{"label": 1, "start": 2, "len": 3}]))
        );
    }
}
