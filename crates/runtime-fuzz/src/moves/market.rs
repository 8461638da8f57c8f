//! The data market: listings, seals, orders, evidence, pools.

use super::{amount, somebody, Act, Book};
use crate::{dice::Dice, people};
use athanor_content_tree::{
    market::{buyer_secret, public_key, Context, Evidence, Secret},
    Groups, Outboard, Root, GROUP, GROUP_LOG,
};
use athanor_primitives::market::{
    Beneficiary, ListingId, ListingStatus, ListingTerms, OrderState, PoolId, Reveal, Right, Share,
    Shares, UseFlags, LISTING_UNITS,
};
use athanor_runtime::{AccountId, Balance, DataMarket, Runtime, MILLI_UNIT, UNIT};
use pallet_data_market::{
    BadSeals, Call, Config, Holders, Listing, Listings, Order, Orders, Pools, Rights, Sellers,
};
use pallet_label_bounties::Contributions;

/// Accounts that sell, the last of the rich ones.
pub const SELLERS: usize = 4;

/// Goods as a seller publishes them, and the key he keeps.
#[derive(Clone)]
pub struct Goods {
    len: u64,
    x_root: Root,
    x_outboard: Vec<u8>,
    nonce: [u8; 16],
    context: Context,
    key: Secret,
    z: Vec<u8>,
    z_root: Root,
    z_outboard: Vec<u8>,
}

fn outboard(bytes: &[u8]) -> Option<(Root, Vec<u8>)> {
    let made = Outboard::of(bytes, GROUP_LOG).ok()?;
    Some((made.root(), made.encode()))
}

fn seed_of(who: &AccountId) -> Secret {
    Secret::new(sp_io::hashing::blake2_256(who.as_ref()))
}

impl Goods {
    /// Goods of some length, sealed as they should be or with a wrong byte in them.
    fn new(seller: &AccountId, x: &[u8], spoilt: Option<usize>, dice: &mut Dice) -> Option<Self> {
        let len = x.len() as u64;
        let (x_root, x_outboard) = outboard(x)?;
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&dice.bytes()[..16]);
        let seller: [u8; 32] = seller.clone().into();
        let context = Context::new(&DataMarket::genesis(), &seller, &x_root, len, &nonce);
        let key = context.key(&Secret::new(sp_io::hashing::blake2_256(&seller)));
        let mut z = x.to_vec();
        apply(&context, &key, &mut z);
        if let Some(byte) = spoilt.and_then(|at| z.get_mut(at)) {
            *byte ^= 1;
        }
        let (z_root, z_outboard) = outboard(&z)?;
        Some(Self {
            len,
            x_root,
            x_outboard,
            nonce,
            context,
            key,
            z,
            z_root,
            z_outboard,
        })
    }

    fn opened(&self) -> Vec<u8> {
        let mut x = self.z.clone();
        apply(&self.context, &self.key, &mut x);
        x
    }

    fn h_k(&self) -> [u8; 32] {
        self.context.commit(&self.key)
    }

    fn evidence(&self, b: &Secret, index: u64) -> Option<Evidence> {
        let groups = Groups::new(self.len).ok()?;
        let proof = |root: &Root, outboard: &[u8]| {
            let read = |at: u64, node: &mut [u8; 64]| {
                let found = outboard.get(at as usize..at as usize + 64).ok_or(())?;
                node.copy_from_slice(found);
                Ok::<_, ()>(())
            };
            groups.prove(root, index, read).ok()
        };
        let group = self.z.chunks(GROUP).nth(index as usize)?.to_vec();
        Evidence::of_group(
            b,
            group,
            &proof(&self.z_root, &self.z_outboard)?,
            &proof(&self.x_root, &self.x_outboard)?,
        )
        .ok()
    }

    /// The first group that does not decrypt to what was named.
    fn wrong_group(&self) -> Option<u64> {
        let groups = Groups::new(self.len).ok()?;
        let x = self.opened();
        (0..groups.count()).find(|index| {
            let Some(part) = x.chunks(GROUP).nth(*index as usize) else {
                return false;
            };
            let evidence = self.evidence(&Secret::new([0; 32]), *index);
            let named = evidence.and_then(|evidence| evidence.group.map(|group| group.x_cv));
            groups.node(*index, part).ok() != named
        })
    }
}

fn apply(context: &Context, key: &Secret, bytes: &mut [u8]) {
    let cipher = context.cipher(key);
    for (index, group) in (0..).zip(bytes.chunks_mut(GROUP)) {
        cipher.apply(index, group);
    }
}

fn sellers() -> &'static [AccountId] {
    let all = people::rich();
    all.get(all.len().saturating_sub(SELLERS)..).unwrap_or(all)
}

fn some<T: Clone>(dice: &mut Dice, of: impl Iterator<Item = T>) -> Option<T> {
    let all: Vec<T> = of.collect();
    dice.pick(&all).cloned()
}

fn listings() -> Vec<(ListingId, Listing<AccountId>)> {
    let mut all: Vec<_> = Listings::<Runtime>::iter().collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

fn orders() -> Vec<(u64, Order<AccountId>)> {
    let mut all: Vec<_> = Orders::<Runtime>::iter().collect();
    all.sort_unstable_by_key(|(id, _)| *id);
    all
}

/// Blocks until something about an order is due.
pub fn deadlines() -> Vec<u32> {
    let now = DataMarket::now();
    Orders::<Runtime>::iter_values()
        .map(|order| match order.state {
            OrderState::Locked { until } | OrderState::Revealed { until, .. } => {
                until.saturating_sub(now) + 1
            }
        })
        .collect()
}

/// Registers a seller with a bond.
pub fn register(seller: &AccountId) -> Vec<Act> {
    let endpoint = b"https://example.org".to_vec().try_into();
    let agent = None;
    endpoint.map_or(Vec::new(), |endpoint| {
        vec![
            Act::signed(seller, Call::register { endpoint, agent }),
            Act::signed(seller, Call::bond { amount: 50 * UNIT }),
        ]
    })
}

/// The accounts that sell.
pub fn all_sellers() -> &'static [AccountId] {
    sellers()
}

fn parts(dice: &mut Dice, seller: &AccountId) -> Shares<AccountId> {
    let mut parts = std::collections::BTreeMap::new();
    let mut left = LISTING_UNITS;
    let mut give = |to: Beneficiary<AccountId>, units: u32| {
        if let std::collections::btree_map::Entry::Vacant(free) = parts.entry(to) {
            free.insert(units);
            left -= units;
        }
    };
    if dice.one_in(2) {
        let who = people::poor(dice.below(people::POOR));
        give(Beneficiary::Account(who), 1 + dice.below(900));
    }
    if dice.one_in(3) {
        let listings = listings();
        if let Some((parent, _)) = dice.pick(&listings) {
            let pool = PoolId::Listing(*parent);
            give(Beneficiary::Pool(pool), 100 + dice.below(1_400));
        }
    }
    if dice.one_in(3) {
        let mut campaigns: Vec<_> = pallet_label_bounties::Campaigns::<Runtime>::iter()
            .filter(|(_, campaign)| &campaign.requester == seller)
            .map(|(id, _)| id)
            .collect();
        campaigns.sort_unstable();
        if let Some(campaign) = dice.pick(&campaigns) {
            let pool = PoolId::Campaign(*campaign);
            give(Beneficiary::Pool(pool), 1 + dice.below(1_500));
        }
    }
    parts.insert(Beneficiary::Account(seller.clone()), left);
    let parts = parts.into_iter().map(|(to, units)| Share { to, units });
    Shares::truncate_from(parts.collect())
}

fn keep(book: &mut Book, seller: &AccountId, listing: ListingId, goods: Goods) -> Act {
    let Goods { nonce, z_root, .. } = goods;
    let h_k = goods.h_k();
    book.goods.insert(z_root, goods);
    Act::signed(
        seller,
        Call::seal {
            listing,
            nonce,
            z_root,
            h_k,
        },
    )
}

/// A new listing, and its seal.
pub fn list(dice: &mut Dice, book: &mut Book) -> Vec<Act> {
    let Some(seller) = dice.pick(sellers()).cloned() else {
        return Vec::new();
    };
    let lengths = [1, 100, GROUP, GROUP + 5];
    let len = dice.pick(&lengths).copied().unwrap_or(1);
    let x: Vec<u8> = std::iter::repeat_with(|| dice.draw() as u8)
        .take(len)
        .collect();
    let spoilt = dice.one_in(4).then(|| dice.below(len as u32) as usize);
    let Some(goods) = Goods::new(&seller, &x, spoilt, dice) else {
        return Vec::new();
    };
    let old: Vec<_> = listings()
        .into_iter()
        .filter(|(_, listing)| listing.seller == seller)
        .map(|(id, _)| id)
        .collect();
    let terms = ListingTerms {
        x_root: goods.x_root,
        length: goods.len,
        card_root: [2; 32],
        licence_root: [3; 32],
        uses: UseFlags::default(),
        price: if dice.one_in(9) {
            amount(dice, 9)
        } else {
            10 * MILLI_UNIT + Balance::from(dice.draw() >> 22)
        },
        restricted: dice.one_in(8),
        reveal_window: <Runtime as Config>::MinRevealWindow::get() + dice.below(10),
        dispute_window: <Runtime as Config>::MinDisputeWindow::get() + 1 + dice.below(10),
        samples: 1,
        shares: parts(dice, &seller),
        derive: (!dice.one_in(4)).then_some(100),
        supersedes: dice.pick(&old).copied().filter(|_| dice.one_in(3)),
    };
    let id = pallet_data_market::NextListingId::<Runtime>::get();
    vec![
        Act::signed(&seller, Call::list { terms }),
        keep(book, &seller, id, goods),
    ]
}

fn secret(buyer: &AccountId, listing: ListingId) -> Secret {
    buyer_secret(&seed_of(buyer), &DataMarket::genesis(), listing, &[1; 16])
}

fn order(dice: &mut Dice) -> Option<Act> {
    let sealed: Vec<_> = listings()
        .into_iter()
        .filter(|(_, listing)| {
            !listing.seals.is_empty() && (listing.status == ListingStatus::Open || dice.one_in(8))
        })
        .collect();
    let (id, listing) = dice.pick(&sealed)?.clone();
    let buyer = somebody(dice);
    let seal = if dice.one_in(4) {
        listing.seals.first()?
    } else {
        listing.seals.last()?
    };
    let watch = dice.one_in(2).then(|| somebody(dice));
    Some(Act::signed(
        &buyer,
        Call::order {
            listing: id,
            seal_id: seal.seal_id,
            max_price: listing.price,
            buyer_key: public_key(&secret(&buyer, id)),
            watch,
        },
    ))
}

fn reveal(dice: &mut Dice, book: &Book) -> Option<Act> {
    let orders: Vec<_> = orders()
        .into_iter()
        .filter(|(_, order)| matches!(order.state, OrderState::Locked { .. }))
        .collect();
    let (id, order) = dice.pick(&orders)?.clone();
    // One in nine orders never gets a key.
    if id % 9 == 8 {
        return None;
    }
    let goods = book.goods.get(&order.seal.z_root)?;
    // One in seven gets another one.
    let key = if id % 7 == 6 {
        Secret::new([5; 32])
    } else {
        goods.key.clone()
    };
    let seed = seed_of(&order.seller);
    let e = goods.context.wrap_secret(&seed, id, &order.buyer_key);
    let wrapped = goods.context.wrap(&key, id, &order.buyer_key, &e);
    let item = Reveal {
        order: id,
        seller_key: wrapped.public,
        wrapped: wrapped.key,
    };
    let nobodys = Reveal {
        order: 1 << 40,
        ..item
    };
    let items = if dice.one_in(4) {
        vec![nobodys, item]
    } else {
        vec![item]
    };
    let items = items.try_into().ok()?;
    Some(Act::signed(&order.seller, Call::reveal { items }))
}

fn complain(dice: &mut Dice, book: &Book) -> Option<Act> {
    let revealed: Vec<_> = orders()
        .into_iter()
        .filter(|(_, order)| matches!(order.state, OrderState::Revealed { .. }))
        .collect();
    let wrong: Vec<_> = revealed
        .iter()
        .filter(|(id, order)| {
            let goods = book.goods.get(&order.seal.z_root);
            id % 7 == 6 || goods.is_some_and(|goods| goods.wrong_group().is_some())
        })
        .collect();
    let (id, order) = match dice.pick(&wrong) {
        Some((id, order)) if dice.below(5) > 0 => (*id, order.clone()),
        _ => dice.pick(&revealed)?.clone(),
    };
    let goods = book.goods.get(&order.seal.z_root)?;
    let b = secret(&order.buyer, order.listing);
    let evidence = if id % 7 == 6 {
        Evidence::of_key(&b)
    } else {
        goods.evidence(&b, goods.wrong_group().unwrap_or(0))?
    };
    let by = match (dice.below(3), order.watch) {
        (0, Some(watch)) => watch,
        (1, _) => somebody(dice),
        _ => order.buyer,
    };
    Some(Act::signed(
        &by,
        Call::complain {
            order: id,
            evidence,
        },
    ))
}

fn poke(dice: &mut Dice) -> Option<Act> {
    let now = DataMarket::now();
    let all = orders();
    let due: Vec<_> = all
        .iter()
        .filter(|(_, order)| match order.state {
            OrderState::Locked { until } | OrderState::Revealed { until, .. } => {
                now > until || BadSeals::<Runtime>::contains_key(order.seal.seal_id)
            }
        })
        .collect();
    let (order, _) = match dice.pick(&due) {
        Some(some) if dice.below(6) > 0 => (*some).clone(),
        _ => dice.pick(&all)?.clone(),
    };
    Some(Act::signed(&somebody(dice), Call::poke { order }))
}

fn claim(dice: &mut Dice) -> Option<Act> {
    let pool = some(dice, Pools::<Runtime>::iter_keys())?;
    let mut holders: Vec<_> = Holders::<Runtime>::iter_key_prefix(pool).collect();
    let treasury = athanor_runtime::configs::governance::TreasuryAccount::get();
    if holders.is_empty() || dice.one_in(9) {
        holders.push(Beneficiary::Account(treasury));
    }
    let beneficiary = dice.pick(&holders)?.clone();
    Some(Act::signed(
        &somebody(dice),
        Call::claim { pool, beneficiary },
    ))
}

fn manage(dice: &mut Dice, book: &mut Book) -> Option<Act> {
    let all = listings();
    let (id, listing) = dice.pick(&all)?.clone();
    let seller = &listing.seller;
    Some(match dice.below(14) {
        0 => Act::signed(seller, Call::pause { listing: id }),
        1..=4 => {
            let paused: Vec<_> = all
                .iter()
                .filter(|(_, listing)| matches!(listing.status, ListingStatus::Paused { .. }))
                .collect();
            let (id, listing) = dice.pick(&paused)?;
            Act::signed(&listing.seller, Call::resume { listing: *id })
        }
        5 => Act::signed(seller, Call::close { listing: id }),
        6 => {
            let closed: Vec<_> = all
                .iter()
                .filter(|(_, listing)| listing.status == ListingStatus::Closed)
                .collect();
            let (id, listing) = dice.pick(&closed)?;
            Act::signed(&listing.seller, Call::remove { listing: *id })
        }
        7 => {
            let price = listing.price.saturating_add(1_001);
            Act::signed(seller, Call::set_price { listing: id, price })
        }
        8..=9 => {
            // The same goods under another key; a cheat may turn honest with it.
            let goods = book.goods.get(&listing.seals.last()?.z_root)?.clone();
            let spoilt = goods.wrong_group().is_some();
            let x = goods.opened();
            (!spoilt).then_some(())?;
            let again = Goods::new(seller, &x, None, dice)?;
            keep(book, seller, id, again)
        }
        10 => {
            let (account, allowed) = (somebody(dice), !dice.one_in(3));
            Act::signed(
                seller,
                Call::allow {
                    listing: id,
                    account,
                    allowed,
                },
            )
        }
        11 => {
            let other = dice.pick(sellers()).cloned()?;
            let invited = !dice.one_in(3);
            Act::signed(
                seller,
                Call::invite {
                    listing: id,
                    seller: other,
                    invited,
                },
            )
        }
        12 => {
            let amount = amount(dice, 30);
            Act::signed(seller, Call::unbond { amount })
        }
        _ => {
            let amount = amount(dice, 60);
            Act::signed(seller, Call::bond { amount })
        }
    })
}

fn rights(dice: &mut Dice) -> Option<Act> {
    let (listing, buyer, right) = some(dice, Rights::<Runtime>::iter())?;
    if matches!(right, Right::Granted(_)) && dice.below(4) > 0 {
        let stars = dice.below(7) as u8;
        return Some(Act::signed(&buyer, Call::rate { listing, stars }));
    }
    let who = if dice.one_in(5) {
        somebody(dice)
    } else {
        buyer.clone()
    };
    Some(Act::signed(&who, Call::forget_right { listing, buyer }))
}

fn enrol(dice: &mut Dice) -> Option<Act> {
    let (campaign, who, _) = some(dice, Contributions::<Runtime>::iter())?;
    Some(Act::signed(&who, Call::enrol { campaign }))
}

fn be_seller(dice: &mut Dice) -> Vec<Act> {
    let Some(who) = dice.pick(sellers()) else {
        return Vec::new();
    };
    if Sellers::<Runtime>::contains_key(who) {
        return vec![Act::signed(who, Call::deregister {})];
    }
    register(who)
}

/// What happens next.
pub fn next(dice: &mut Dice, book: &mut Book) -> Vec<Act> {
    let act = match dice.below(100) {
        0..=9 => return list(dice, book),
        10..=29 => order(dice),
        30..=49 => reveal(dice, book),
        50..=55 => complain(dice, book),
        56..=67 => poke(dice),
        68..=77 => claim(dice),
        78..=89 => manage(dice, book),
        90..=95 => rights(dice),
        96..=98 => enrol(dice),
        _ => return be_seller(dice),
    };
    act.into_iter().collect()
}
