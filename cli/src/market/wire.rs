//! What the chain takes, encoded by its metadata: fields and variants go by name.

use athanor_content_tree::market::Evidence;
use athanor_primitives::market::{Beneficiary, ListingTerms, PoolId, Reveal, Use, UseFlags};
use subxt::{ext::scale_encode::EncodeAsType, utils::AccountId32};

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum ChainUse {
    NotAllowed,
    Allowed,
    Constrained,
}

impl From<Use> for ChainUse {
    fn from(of: Use) -> Self {
        match of {
            Use::NotAllowed => Self::NotAllowed,
            Use::Allowed => Self::Allowed,
            Use::Constrained => Self::Constrained,
        }
    }
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct ChainUses {
    data_mining: ChainUse,
    ai_training: ChainUse,
    generative_training: ChainUse,
    inference: ChainUse,
}

impl From<UseFlags> for ChainUses {
    fn from(uses: UseFlags) -> Self {
        Self {
            data_mining: uses.data_mining.into(),
            ai_training: uses.ai_training.into(),
            generative_training: uses.generative_training.into(),
            inference: uses.inference.into(),
        }
    }
}

/// A pool as an argument.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum ChainPool {
    /// Of a listing.
    Listing(u64),
    /// Of a campaign's contributors.
    Campaign(u64),
}

impl From<PoolId> for ChainPool {
    fn from(pool: PoolId) -> Self {
        match pool {
            PoolId::Listing(id) => Self::Listing(id),
            PoolId::Campaign(id) => Self::Campaign(id),
        }
    }
}

/// A beneficiary as an argument.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum ChainBeneficiary {
    /// An account.
    Account(AccountId32),
    /// A pool.
    Pool(ChainPool),
}

impl From<&Beneficiary<AccountId32>> for ChainBeneficiary {
    fn from(beneficiary: &Beneficiary<AccountId32>) -> Self {
        match beneficiary {
            Beneficiary::Account(account) => Self::Account(*account),
            Beneficiary::Pool(pool) => Self::Pool((*pool).into()),
        }
    }
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct ChainShare {
    to: ChainBeneficiary,
    units: u32,
}

/// A listing's terms as an argument.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct ChainTerms {
    x_root: [u8; 32],
    length: u64,
    card_root: [u8; 32],
    licence_root: [u8; 32],
    uses: ChainUses,
    price: u128,
    restricted: bool,
    reveal_window: u32,
    dispute_window: u32,
    samples: u32,
    shares: Vec<ChainShare>,
    derive: Option<u32>,
    supersedes: Option<u64>,
}

impl From<&ListingTerms<AccountId32>> for ChainTerms {
    fn from(terms: &ListingTerms<AccountId32>) -> Self {
        Self {
            x_root: terms.x_root,
            length: terms.length,
            card_root: terms.card_root,
            licence_root: terms.licence_root,
            uses: terms.uses.into(),
            price: terms.price,
            restricted: terms.restricted,
            reveal_window: terms.reveal_window,
            dispute_window: terms.dispute_window,
            samples: terms.samples,
            shares: terms
                .shares
                .iter()
                .map(|share| ChainShare {
                    to: (&share.to).into(),
                    units: share.units,
                })
                .collect(),
            derive: terms.derive,
            supersedes: terms.supersedes,
        }
    }
}

#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct ChainGroup {
    index: u64,
    z_group: Vec<u8>,
    z_path: Vec<[u8; 32]>,
    x_cv: [u8; 32],
    x_path: Vec<[u8; 32]>,
}

/// Evidence as an argument.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct ChainEvidence {
    b: [u8; 32],
    group: Option<ChainGroup>,
}

impl From<&Evidence> for ChainEvidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            b: evidence.b,
            group: evidence.group.as_ref().map(|group| ChainGroup {
                index: group.index,
                z_group: group.z_group.to_vec(),
                z_path: group.z_path.to_vec(),
                x_cv: group.x_cv,
                x_path: group.x_path.to_vec(),
            }),
        }
    }
}

/// A reveal as an argument.
#[derive(EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub struct ChainReveal {
    order: u64,
    seller_key: [u8; 32],
    wrapped: [u8; 32],
}

impl From<&Reveal> for ChainReveal {
    fn from(reveal: &Reveal) -> Self {
        Self {
            order: reveal.order,
            seller_key: reveal.seller_key,
            wrapped: reveal.wrapped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_content_tree::{market::Secret, GroupProof};
    use athanor_primitives::market::Share;
    use codec::Encode;
    use scale_info::{MetaType, TypeInfo};

    fn same<T: TypeInfo + Encode + 'static>(ours: impl EncodeAsType, theirs: &T) {
        let mut registry = scale_info::Registry::new();
        let id = registry.register_type(&MetaType::new::<T>()).id;
        let types: scale_info::PortableRegistry = registry.into();
        assert_eq!(ours.encode_as_type(id, &types).unwrap(), theirs.encode());
    }

    /// The chain's account, which has the SCALE type of 32 bytes.
    fn for_chain(terms: &ListingTerms<AccountId32>) -> ListingTerms<[u8; 32]> {
        ListingTerms {
            x_root: terms.x_root,
            length: terms.length,
            card_root: terms.card_root,
            licence_root: terms.licence_root,
            uses: terms.uses,
            price: terms.price,
            restricted: terms.restricted,
            reveal_window: terms.reveal_window,
            dispute_window: terms.dispute_window,
            samples: terms.samples,
            shares: terms
                .shares
                .iter()
                .map(|share| Share {
                    to: match &share.to {
                        Beneficiary::Account(account) => Beneficiary::Account(account.0),
                        Beneficiary::Pool(pool) => Beneficiary::Pool(*pool),
                    },
                    units: share.units,
                })
                .collect::<Vec<_>>()
                .try_into()
                .unwrap(),
            derive: terms.derive,
            supersedes: terms.supersedes,
        }
    }

    #[test]
    fn terms_encode_as_the_chains_type() {
        let share = |to, units| Share { to, units };
        let terms = ListingTerms {
            x_root: [1; 32],
            length: 1 << 40,
            card_root: [2; 32],
            licence_root: [3; 32],
            uses: UseFlags {
                data_mining: Use::NotAllowed,
                ai_training: Use::Allowed,
                generative_training: Use::Constrained,
                inference: Use::Allowed,
            },
            price: u128::MAX,
            restricted: true,
            reveal_window: 600,
            dispute_window: 7_200,
            samples: 59,
            shares: vec![
                share(Beneficiary::Account(AccountId32([9; 32])), 7_000),
                share(Beneficiary::Pool(PoolId::Listing(4)), 2_000),
                share(Beneficiary::Pool(PoolId::Campaign(5)), 1_000),
            ]
            .try_into()
            .unwrap(),
            derive: Some(500),
            supersedes: None,
        };
        same(ChainTerms::from(&terms), &for_chain(&terms));
    }

    #[test]
    fn evidence_and_reveals_encode_as_the_chains_types() {
        let b = Secret::new([5; 32]);
        same(
            ChainEvidence::from(&Evidence::of_key(&b)),
            &Evidence::of_key(&b),
        );
        let proof = |byte: u8| GroupProof {
            index: 3,
            value: [byte; 32],
            path: vec![[byte; 32]; 26],
        };
        let evidence = Evidence::of_group(&b, vec![7; 16_384], &proof(1), &proof(2)).unwrap();
        same(ChainEvidence::from(&evidence), &evidence);
        let reveal = Reveal {
            order: 7,
            seller_key: [1; 32],
            wrapped: [2; 32],
        };
        same(ChainReveal::from(&reveal), &reveal);
        let beneficiary = Beneficiary::Pool(PoolId::Listing(8));
        same(
            ChainBeneficiary::from(&beneficiary),
            &Beneficiary::<[u8; 32]>::Pool(PoolId::Listing(8)),
        );
        same(ChainPool::from(PoolId::Campaign(1)), &PoolId::Campaign(1));
    }
}
