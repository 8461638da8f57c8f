//! A chain that is made up, behind a real server.

use athanor_market_rpc::{
    json::{Account, Amount, Clock, Holder, Listing, Order, Pool, Quote, Seller},
    Market, MarketApiServer, State, StateError,
};
use athanor_primitives::market::{
    Beneficiary, HolderView, ListingStatus, OrderProblem, OrderState, PoolId, Seal, Use, UseFlags,
};
use jsonrpsee::server::{Server, ServerHandle};
use sp_core::H256;
use sp_runtime::AccountId32;
use std::{net::SocketAddr, sync::Arc};

pub(crate) const BEST: H256 = H256([0xbe; 32]);
pub(crate) const PRUNED: H256 = H256([0x02; 32]);
pub(crate) const OTHER: H256 = H256([0x03; 32]);
pub(crate) const BROKEN: H256 = H256([0x04; 32]);
pub(crate) const AUR: u128 = 1_000_000_000_000;
pub(crate) const GIB: u64 = 1 << 30;

/// Listings 4 to 8 are there.
pub(crate) const LISTINGS: std::ops::Range<u64> = 4..9;

pub(crate) fn who(byte: u8) -> AccountId32 {
    AccountId32::new([byte; 32])
}

/// The made-up chain.
pub(crate) struct Chain;

pub(crate) fn a_listing(id: u64) -> Listing {
    let seal = Seal {
        nonce: [0x55; 16],
        z_root: [0x66; 32],
        h_k: [0x77; 32],
        seal_id: [0x44; 32],
        since: 119_900,
    };
    Listing {
        id,
        seller: who(1),
        x_root: [0x11; 32],
        length: 2 * GIB,
        card_root: [0x22; 32],
        licence_root: [0x33; 32],
        uses: UseFlags {
            data_mining: Use::Allowed,
            ai_training: Use::Allowed,
            generative_training: Use::NotAllowed,
            inference: Use::Constrained,
        },
        price: 25 * AUR,
        restricted: false,
        reveal_window: 4_800,
        dispute_window: 28_840,
        samples: 59,
        derive: Some(500),
        supersedes: None,
        status: ListingStatus::Open,
        frozen: None,
        seals: vec![seal],
        listed_at: 120_000,
        open_orders: 2,
        settled: 41,
        missed: 1,
        proven: 0,
        ratings: 12,
        rating_sum: 26 * AUR,
        rating_weight: 6 * AUR,
    }
}

fn an_order(id: u64, revealed: bool) -> Order {
    let listing = a_listing(4);
    Order {
        id,
        listing: listing.id,
        seller: listing.seller,
        buyer: who(2),
        watch: None,
        x_root: listing.x_root,
        length: listing.length,
        nonce: [0x55; 16],
        z_root: [0x66; 32],
        h_k: [0x77; 32],
        seal_id: [0x44; 32],
        seal_is_bad: false,
        price: listing.price,
        fee: AUR / 2,
        bond: 25 * AUR / 10,
        right_deposit: AUR / 20,
        buyer_key: [0x88; 32],
        placed_at: 129_995,
        state: if revealed {
            OrderState::Revealed {
                until: 158_820,
                seller_key: [0x99; 32],
                wrapped: [0xaa; 32],
            }
        } else {
            OrderState::Locked { until: 134_775 }
        },
    }
}

impl State for Chain {
    fn best(&self) -> H256 {
        BEST
    }

    fn knows(&self, at: H256) -> Result<bool, StateError> {
        Ok([BEST, PRUNED, OTHER, BROKEN].contains(&at))
    }

    fn clock(&self, at: H256) -> Result<Clock, StateError> {
        match at {
            at if at == PRUNED => Err(StateError::UnknownBlock(format!("{at:?}"))),
            at if at == OTHER => Err(StateError::OtherRuntime("it does not know it".into())),
            at if at == BROKEN => Err(StateError::Runtime("it trapped".into())),
            _ => Ok(Clock {
                now: 129_990,
                block: 130_010,
            }),
        }
    }

    fn listings(
        &self,
        _: H256,
        after: Option<u64>,
        limit: u32,
    ) -> Result<(Vec<Listing>, Option<u64>), StateError> {
        let mut behind = LISTINGS.filter(|id| after.is_none_or(|after| *id > after));
        let page: Vec<Listing> = behind
            .by_ref()
            .take(limit as usize)
            .map(a_listing)
            .collect();
        let last = page.last().map(|listing| listing.id);
        Ok((page, behind.next().and(last)))
    }

    fn listing(&self, _: H256, listing: u64) -> Result<Option<Listing>, StateError> {
        Ok(LISTINGS.contains(&listing).then(|| a_listing(listing)))
    }

    fn seller(&self, _: H256, account: AccountId32) -> Result<Option<Seller>, StateError> {
        Ok((account == who(1)).then(|| Seller {
            endpoint: Some("https://data.example".into()),
            bonded: Amount(15 * AUR),
            locked: Amount(5 * AUR),
            listings: 3,
            unsold: 0,
            settled: 97,
            missed: 1,
            proven: 0,
        }))
    }

    fn order(&self, _: H256, order: u64) -> Result<Option<Order>, StateError> {
        Ok([7, 8].contains(&order).then(|| an_order(order, order == 7)))
    }

    fn quote(
        &self,
        _: H256,
        listing: u64,
        buyer: Option<AccountId32>,
    ) -> Result<Option<Quote>, StateError> {
        let own = buyer.is_some_and(|buyer| buyer == who(1));
        Ok(LISTINGS.contains(&listing).then_some(Quote {
            price: 25 * AUR,
            fee: AUR / 2,
            right_deposit: AUR / 20,
            order_bond: 25 * AUR / 10,
            bond_free: 10 * AUR,
            reveal_window: 4_800,
            dispute_window: 28_840,
            seal_id: Some([0x44; 32]),
            problem: own.then_some(OrderProblem::IsSeller),
        }))
    }

    fn pool(&self, _: H256, pool: PoolId) -> Result<Option<Pool>, StateError> {
        let received = 41 * 245 * AUR / 10;
        let holder = |beneficiary, units: u32, claimed| HolderView {
            beneficiary,
            units,
            claimed,
            claimable: received * u128::from(units) / 10_000 - claimed,
        };
        Ok((pool == PoolId::Listing(4)).then(|| Pool {
            pool,
            supply: 10_000,
            received,
            claimed: 700 * AUR,
            closes_at: None,
            holder_count: 2,
            holders: vec![
                holder(Beneficiary::Account(who(3)), 8_500, 700 * AUR),
                holder(Beneficiary::Pool(PoolId::Listing(2)), 1_500, 0),
            ],
        }))
    }

    fn claimable(&self, at: H256, pool: PoolId, holder: Holder) -> Result<Amount, StateError> {
        let wanted = match holder {
            Holder::Account(Account(account)) => Beneficiary::Account(account),
            Holder::Pool(pool) => Beneficiary::Pool(pool),
        };
        let found = self
            .pool(at, pool)?
            .into_iter()
            .flat_map(|pool| pool.holders);
        Ok(Amount(
            found
                .filter(|holder| holder.beneficiary == wanted)
                .map(|holder| holder.claimable)
                .sum(),
        ))
    }
}

/// A server on a free port.
pub(crate) async fn serve() -> (SocketAddr, ServerHandle) {
    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let handle = server.start(Market::new(Arc::new(Chain)).into_rpc());
    (address, handle)
}
