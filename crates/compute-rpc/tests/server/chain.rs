//! A chain that is made up, behind a real server.

use athanor_compute_rpc::{json::Terms, Compute, ComputeApiServer, State, StateError};
use athanor_primitives::{Asked, Cost, Duty, JobId, Question, Ticket, Value};
use codec::Decode;
use jsonrpsee::server::{Server, ServerHandle};
use pallet_compute_jobs::{
    Claim, Fault, Job, JobStatus, JobTerms, JobView, ModelFilter, Offer, OfferTerms, OfferView,
    Policy, QuoteView, Rates, Replica, Times,
};
use sp_core::H256;
use sp_runtime::{traits::TrailingZeroInput, AccountId32};
use std::{net::SocketAddr, sync::Arc};

/// The best block.
pub(crate) const BEST: H256 = H256([0xbe; 32]);

/// An older block, in which there was nothing yet.
pub(crate) const OLD: H256 = H256([0x01; 32]);

/// A block whose state is gone.
pub(crate) const PRUNED: H256 = H256([0x02; 32]);

/// A block in which the runtime was another one.
pub(crate) const OTHER: H256 = H256([0x03; 32]);

pub(crate) const AUR: u128 = 1_000_000_000_000;

pub(crate) fn account(byte: u8) -> AccountId32 {
    AccountId32::new([byte; 32])
}

const COST: Cost = Cost {
    macs: 4_000_000,
    ops: 600_000,
    bytes: 2_000_000,
    nodes: 12,
    load: 900_000,
};

/// A value of which only some fields matter, and of which others may be added.
fn blank<T: Decode>() -> T {
    T::decode(&mut TrailingZeroInput::zeroes()).unwrap()
}

fn job() -> Job<AccountId32> {
    let replica = |byte: u8| Replica {
        provider: account(byte),
        worker: account(byte + 100),
        pay: AUR / 10,
        collateral: AUR / 2,
        accepted: true,
        commitment: Some([byte; 32]),
        trace_root: Some([0xaa; 32]),
        ..blank()
    };
    let silent = Replica {
        trace_root: None,
        fault: Some(Fault::NoReveal),
        ..replica(12)
    };
    Job {
        requester: account(1),
        terms: JobTerms {
            model: 3,
            input_root: [0x33; 32],
            batch: 16,
            policy: Policy::Replicated {
                n: 3,
                quorum: 2,
                window: 1_200,
            },
            max_pay: AUR,
            max_wait: 2_400,
            keep_receipt: true,
            tip: AUR / 100,
            ..blank()
        },
        program_hash: [0x44; 32],
        cost: COST,
        output_len: 160,
        created: 90,
        status: JobStatus::Claimed,
        deadline: 1_400,
        replicas: vec![replica(11), silent, replica(13)].try_into().unwrap(),
        budget: 3 * AUR,
        tip: AUR / 100,
        ..blank()
    }
}

fn offer(byte: u8, models: ModelFilter) -> OfferView<AccountId32> {
    OfferView {
        provider: account(byte),
        endpoint: b"https://gpu.example".to_vec().try_into().unwrap(),
        offer: Offer {
            terms: OfferTerms {
                rates: Rates {
                    macs: 10_000_000,
                    ..Rates::default()
                },
                minimum: AUR / 10,
                times: Times {
                    macs: 1_000_000,
                    ops: 1_000_000,
                    bytes: 1_000_000,
                    nodes: 100_000_000_000,
                    load: 1_000_000,
                },
                bandwidth: 10 << 20,
                max_cost: 1_000_000,
                memory: 8 << 30,
                slots: 2,
                models,
                max_collateral: 100 * AUR,
                max_window: 28_800,
                valid_until: 864_100,
            },
            since: 100,
            paused: false,
        },
        live: true,
        free_slots: 1,
        free_bond: 1_000 * AUR,
        reputation: 24,
    }
}

/// The made-up chain.
pub(crate) struct Chain;

impl State for Chain {
    fn best(&self) -> H256 {
        BEST
    }

    fn knows(&self, at: H256) -> Result<bool, StateError> {
        Ok([BEST, OLD, PRUNED, OTHER].contains(&at))
    }

    fn job(&self, at: H256, id: JobId) -> Result<Option<JobView<AccountId32>>, StateError> {
        if at == PRUNED {
            return Err(StateError::UnknownBlock(format!("{at:?}")));
        }
        if at == OTHER {
            return Err(StateError::OtherRuntime("it does not know it".into()));
        }
        Ok((at == BEST && id == 7).then(|| JobView {
            id,
            job: job(),
            claims: vec![Claim {
                trace_root: [0xaa; 32],
                output_root: [0xbb; 32],
            }],
            due: 1_400,
        }))
    }

    fn offers(&self, at: H256) -> Result<Vec<OfferView<AccountId32>>, StateError> {
        if at != BEST {
            return Ok(Vec::new());
        }
        let some = ModelFilter::List(vec![0, 3].try_into().unwrap());
        Ok(vec![
            offer(13, ModelFilter::AnyUpTo(1 << 30)),
            offer(11, some),
            offer(12, ModelFilter::AnyUpTo(1 << 30)),
        ])
    }

    // More than was asked for: the server has to bound it.
    fn work(&self, _: H256, worker: AccountId32, _: u32) -> Result<Vec<Ticket>, StateError> {
        let ticket = |job| Ticket {
            job,
            duty: Duty::Commit,
            deadline: 150,
            model: 3,
            program_hash: [0x44; 32],
            weights: vec![[0x55; 32]],
            input_root: [0x33; 32],
            batch: 16,
            inline_output: false,
        };
        Ok(if worker == account(111) {
            (7..70).map(ticket).collect()
        } else {
            Vec::new()
        })
    }

    fn questions(&self, _: H256, worker: AccountId32, _: u32) -> Result<Vec<Question>, StateError> {
        let question = |thread| Question {
            job: 7,
            thread,
            trace_root: [0xaa; 32],
            value: Value::Node(4),
            root: [0x66; 32],
            len: 70_000,
            asked: Asked::Slice {
                start: 32,
                count: 32,
            },
            deadline: 1_500,
        };
        Ok(if worker == account(111) {
            (1..99).map(question).collect()
        } else {
            Vec::new()
        })
    }

    fn quote(&self, _: H256, terms: Terms) -> Result<Option<QuoteView>, StateError> {
        let max_wait = terms.max_wait.unwrap_or(MAX_WAIT);
        if terms.model != 3 || max_wait > MAX_WAIT {
            return Ok(None);
        }
        let policy = Policy::from(terms.policy);
        let takes = |(wait, collateral): &&(u32, u128)| {
            *wait <= max_wait && *collateral >= terms.min_collateral.0
        };
        let eligible = TAKERS.iter().filter(takes).count();
        Ok(Some(QuoteView {
            held: (terms.max_pay.0 + STAKE) * u128::from(policy.replicas())
                + policy.premium(terms.max_pay.0).unwrap()
                + terms.tip.0,
            deposit: if terms.keep_receipt { AUR } else { 0 },
            cost: COST,
            units: COST.units(),
            input_len: 1_024,
            output_len: 160,
            eligible: eligible as u32,
            cheapest: vec![AUR / 10; eligible.min(policy.replicas().into())],
        }))
    }
}

/// The runtime's `MaxWait`.
const MAX_WAIT: u32 = 2_400;

/// Blocks that each offer needs, and the most collateral behind it.
const TAKERS: [(u32, u128); 5] = [
    (24, 50 * AUR),
    (24, 100 * AUR),
    (600, 100 * AUR),
    (601, 100 * AUR),
    (2_400, 100 * AUR),
];

/// The runtime's `SeatStake`.
const STAKE: u128 = AUR / 20;

/// A server on a free port.
pub(crate) async fn serve() -> (SocketAddr, ServerHandle) {
    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let handle = server.start(Compute::new(Arc::new(Chain)).into_rpc());
    (address, handle)
}
