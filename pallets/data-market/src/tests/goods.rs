//! Goods with real seals and real evidence, and sales of them.

use crate::{mock::*, *};
use athanor_content_tree::{
    market::{buyer_secret, public_key, Context, Evidence, GroupEvidence, Secret},
    Groups, Outboard, Root, GROUP, GROUP_LOG,
};
use athanor_primitives::market::{
    Beneficiary, ListingId, ListingTerms, OrderId, OrderState, PoolId, Reveal, SealId, Share,
    Shares, UseFlags, LISTING_UNITS,
};
use codec::Encode;
use frame_support::assert_ok;

/// The bytes that follow from a seed.
pub(crate) fn bytes(len: usize, seed: impl codec::Encode) -> Vec<u8> {
    (0..len.div_ceil(32) as u64)
        .flat_map(|block| sp_io::hashing::blake2_256(&(seed.encode(), block).encode()))
        .take(len)
        .collect()
}

pub(crate) fn dice(what: impl codec::Encode) -> u32 {
    let hash = sp_io::hashing::blake2_256(&what.encode());
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

pub(crate) fn outboard(bytes: &[u8]) -> (Root, Vec<u8>) {
    let made = Outboard::of(bytes, GROUP_LOG).unwrap();
    (made.root(), made.encode())
}

fn split(group: usize, bytes: &[u8]) -> &[u8] {
    let start = group * GROUP;
    &bytes[start..bytes.len().min(start + GROUP)]
}

/// Goods as a seller publishes them, and the key he keeps.
#[derive(Clone)]
pub(crate) struct Goods {
    pub(crate) seller: AccountId,
    /// As listed.
    pub(crate) len: u64,
    pub(crate) x_root: Root,
    pub(crate) x_outboard: Vec<u8>,
    pub(crate) nonce: [u8; 16],
    pub(crate) context: Context,
    pub(crate) key: Secret,
    pub(crate) z: Vec<u8>,
    pub(crate) z_root: Root,
    pub(crate) z_outboard: Vec<u8>,
}

impl Goods {
    /// Random goods of `len` bytes, sealed as they should be.
    pub(crate) fn new(seller: &AccountId, len: usize, seed: u32) -> Self {
        Self::of(seller, &bytes(len, seed), seed)
    }

    pub(crate) fn of(seller: &AccountId, x: &[u8], seed: u32) -> Self {
        let (x_root, x_outboard) = outboard(x);
        Self::listed_as(seller, x, x.len() as u64, x_root, x_outboard, seed)
    }

    /// Goods `x` under a root, an outboard and a length that need not be theirs.
    pub(crate) fn listed_as(
        seller: &AccountId,
        x: &[u8],
        len: u64,
        x_root: Root,
        x_outboard: Vec<u8>,
        seed: u32,
    ) -> Self {
        let nonce: [u8; 16] = bytes(16, (seed, "nonce")).try_into().unwrap();
        let context = Context::new(
            &DataMarket::genesis(),
            &seller.clone().into(),
            &x_root,
            len,
            &nonce,
        );
        let key = context.key(&seller_seed(seller));
        let cipher = context.cipher(&key);
        let mut z = x.to_vec();
        for (index, group) in (0..).zip(z.chunks_mut(GROUP)) {
            cipher.apply(index, group);
        }
        let (z_root, z_outboard) = outboard(&z);
        Self {
            seller: seller.clone(),
            len,
            x_root,
            x_outboard,
            nonce,
            context,
            key,
            z,
            z_root,
            z_outboard,
        }
    }

    /// The same with another ciphertext.
    pub(crate) fn spoilt(mut self, spoil: impl FnOnce(&mut Vec<u8>)) -> Self {
        spoil(&mut self.z);
        (self.z_root, self.z_outboard) = outboard(&self.z);
        self
    }

    /// The same goods, sealed with another nonce and so another key.
    pub(crate) fn sealed_again(&self, seed: u32) -> Self {
        let x = self.open(&self.key);
        Self::listed_as(
            &self.seller,
            &x,
            self.len,
            self.x_root,
            self.x_outboard.clone(),
            seed,
        )
    }

    /// What the ciphertext decrypts to under a key.
    pub(crate) fn open(&self, key: &Secret) -> Vec<u8> {
        let cipher = self.context.cipher(key);
        let mut x = self.z.clone();
        for (index, group) in (0..).zip(x.chunks_mut(GROUP)) {
            cipher.apply(index, group);
        }
        x
    }

    pub(crate) fn h_k(&self) -> [u8; 32] {
        self.context.commit(&self.key)
    }

    pub(crate) fn seal_id(&self) -> SealId {
        self.context.seal_id(&self.z_root, &self.h_k())
    }

    /// Evidence about one group, whatever it proves.
    pub(crate) fn evidence(&self, b: &Secret, index: u64) -> Evidence {
        let groups = Groups::new(self.len).unwrap();
        let proof = |root: &Root, outboard: &[u8]| {
            let read = |at: u64, node: &mut [u8; 64]| {
                node.copy_from_slice(&outboard[at as usize..][..64]);
                Ok::<_, ()>(())
            };
            groups.prove(root, index, read).unwrap()
        };
        Evidence::of_group(
            b,
            split(index as usize, &self.z).to_vec(),
            &proof(&self.z_root, &self.z_outboard),
            &proof(&self.x_root, &self.x_outboard),
        )
        .unwrap()
    }

    /// The first group that does not decrypt to what was named, as a buyer finds it.
    pub(crate) fn wrong_group(&self, key: &Secret) -> Option<u64> {
        let groups = Groups::new(self.len).unwrap();
        let x = self.open(key);
        (0..groups.count()).find(|index| {
            let part = split(*index as usize, &x);
            let evidence = self.evidence(&Secret::new([0; 32]), *index);
            groups.node(*index, part).ok() != evidence.group.map(|group| group.x_cv)
        })
    }

    pub(crate) fn terms(&self, price: Balance) -> ListingTerms<AccountId> {
        ListingTerms {
            x_root: self.x_root,
            length: self.len,
            card_root: [2; 32],
            licence_root: [3; 32],
            uses: UseFlags::default(),
            price,
            restricted: false,
            reveal_window: REVEAL,
            dispute_window: DISPUTE,
            samples: 1,
            shares: all_to(&self.seller),
            derive: None,
            supersedes: None,
        }
    }
}

/// Windows of the listings here.
pub(crate) const REVEAL: u32 = 4_800;
pub(crate) const DISPUTE: u32 = 28_820;

pub(crate) fn seller_seed(seller: &AccountId) -> Secret {
    Secret::new(sp_io::hashing::blake2_256(seller.as_ref()))
}

pub(crate) fn all_to(seller: &AccountId) -> Shares<AccountId> {
    shares(&[(Beneficiary::Account(seller.clone()), LISTING_UNITS)])
}

pub(crate) fn shares(parts: &[(Beneficiary<AccountId>, u32)]) -> Shares<AccountId> {
    let parts: Vec<_> = parts
        .iter()
        .map(|(to, units)| Share {
            to: to.clone(),
            units: *units,
        })
        .collect();
    parts.try_into().unwrap()
}

/// A listing with its goods sealed.
#[derive(Clone)]
pub(crate) struct Sale {
    pub(crate) goods: Goods,
    pub(crate) seller: AccountId,
    pub(crate) id: ListingId,
}

/// An order, and the scalar its buyer keeps.
#[derive(Clone)]
pub(crate) struct Bought {
    pub(crate) id: OrderId,
    pub(crate) buyer: AccountId,
    pub(crate) b: Secret,
}

/// Registers a seller with a bond, once.
pub(crate) fn seller(name: &str) -> AccountId {
    let who = account(name);
    if !Sellers::<Test>::contains_key(&who) {
        let endpoint = b"https://example.org".to_vec().try_into().unwrap();
        assert_ok!(DataMarket::register(signed(&who), endpoint, None));
        assert_ok!(DataMarket::bond(signed(&who), 1_000 * AUR));
    }
    who
}

/// Lists something and gives its number.
pub(crate) fn list(who: &AccountId, terms: ListingTerms<AccountId>) -> ListingId {
    let id = NextListingId::<Test>::get();
    assert_ok!(DataMarket::list(signed(who), terms));
    id
}

impl Sale {
    /// Lists honest goods of three and a bit groups.
    pub(crate) fn honest(name: &str, price: Balance) -> Self {
        let who = seller(name);
        let seed = NextListingId::<Test>::get() as u32;
        Self::of(Goods::new(&who, 3 * GROUP + 77, seed), price)
    }

    pub(crate) fn of(goods: Goods, price: Balance) -> Self {
        let terms = goods.terms(price);
        Self::with(goods, terms)
    }

    pub(crate) fn with(goods: Goods, terms: ListingTerms<AccountId>) -> Self {
        let seller = goods.seller.clone();
        let id = list(&seller, terms);
        let sale = Self { goods, seller, id };
        sale.seal();
        sale
    }

    pub(crate) fn seal(&self) {
        let Goods { nonce, z_root, .. } = self.goods;
        assert_ok!(DataMarket::seal(
            signed(&self.seller),
            self.id,
            nonce,
            z_root,
            self.goods.h_k()
        ));
    }

    pub(crate) fn record(&self) -> Listing<AccountId> {
        Listings::<Test>::get(self.id).unwrap()
    }

    /// The scalar of a buyer's next order here.
    pub(crate) fn secret(&self, buyer: &AccountId) -> Secret {
        let seed = Secret::new(sp_io::hashing::blake2_256(buyer.as_ref()));
        let nonce = u128::from(NextOrderId::<Test>::get()).to_le_bytes();
        buyer_secret(&seed, &DataMarket::genesis(), self.id, &nonce)
    }

    pub(crate) fn try_order(
        &self,
        buyer: &AccountId,
        watch: Option<AccountId>,
    ) -> Result<Bought, sp_runtime::DispatchError> {
        let id = NextOrderId::<Test>::get();
        let b = self.secret(buyer);
        DataMarket::order(
            signed(buyer),
            self.id,
            self.goods.seal_id(),
            self.record().price,
            public_key(&b),
            watch,
        )?;
        Ok(Bought {
            id,
            buyer: buyer.clone(),
            b,
        })
    }

    pub(crate) fn order(&self, name: &str) -> Bought {
        self.try_order(&account(name), None).unwrap()
    }

    /// What an honest seller reveals.
    pub(crate) fn wrapped(&self, bought: &Bought) -> Reveal {
        self.wrapped_as(bought, &self.goods.key)
    }

    pub(crate) fn wrapped_as(&self, bought: &Bought, key: &Secret) -> Reveal {
        let Goods { context, .. } = &self.goods;
        let buyer = public_key(&bought.b);
        let e = context.wrap_secret(&seller_seed(&self.seller), bought.id, &buyer);
        let wrapped = context.wrap(key, bought.id, &buyer, &e);
        Reveal {
            order: bought.id,
            seller_key: wrapped.public,
            wrapped: wrapped.key,
        }
    }

    pub(crate) fn reveal_as(&self, item: Reveal) {
        let items = vec![item].try_into().unwrap();
        assert_ok!(DataMarket::reveal(signed(&self.seller), items));
        assert!(matches!(
            Orders::<Test>::get(item.order).unwrap().state,
            OrderState::Revealed { .. }
        ));
    }

    pub(crate) fn reveal(&self, bought: &Bought) {
        self.reveal_as(self.wrapped(bought));
    }

    /// The key that a buyer unwraps from what is on chain.
    pub(crate) fn unwrap(&self, bought: &Bought) -> Secret {
        let OrderState::Revealed {
            seller_key,
            wrapped,
            ..
        } = Orders::<Test>::get(bought.id).unwrap().state
        else {
            panic!("not revealed");
        };
        let wrapped = athanor_content_tree::market::Wrapped {
            public: seller_key,
            key: wrapped,
        };
        self.goods.context.unwrap(&wrapped, bought.id, &bought.b)
    }

    /// Order, reveal, and a poke after the time to complain.
    pub(crate) fn sell(&self, name: &str) -> Bought {
        let bought = self.order(name);
        self.reveal(&bought);
        pass(self.record().dispute_window + 1);
        poke(&bought);
        bought
    }

    pub(crate) fn pool(&self) -> PoolId {
        PoolId::Listing(self.id)
    }
}

pub(crate) fn poke(bought: &Bought) {
    assert_ok!(DataMarket::poke(signed(&account("poker")), bought.id));
}

pub(crate) fn complain(
    who: &AccountId,
    bought: &Bought,
    evidence: Evidence,
) -> frame_support::dispatch::DispatchResultWithPostInfo {
    DataMarket::complain(signed(who), bought.id, evidence)
}

/// One group's evidence, to change.
pub(crate) fn group(evidence: &mut Evidence) -> &mut GroupEvidence {
    evidence.group.as_mut().expect("a group")
}

pub(crate) fn to(who: &AccountId) -> Beneficiary<AccountId> {
    Beneficiary::Account(who.clone())
}

pub(crate) fn claim(pool: PoolId, who: &AccountId) -> sp_runtime::DispatchResult {
    DataMarket::claim(signed(&account("poker")), pool, to(who))
}

/// Money, free and held.
pub(crate) fn all_money(who: &AccountId) -> Balance {
    use frame_support::traits::fungible::Inspect;
    Balances::total_balance(who)
}
