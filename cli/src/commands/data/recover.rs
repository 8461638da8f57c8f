//! A purchase whose folder was lost: what chain and seed still tell of it.

use super::shared::hex;
use crate::{
    chain::Chain,
    commands::Context,
    error::{Error, Result},
    market::{
        buyer::{order_key, Began, Entry},
        view,
    },
};
use athanor_content_tree::market::{Context as SealContext, Secret, Wrapped};
use athanor_primitives::market::Right;
use subxt::utils::AccountId32;

/// Keys that are tried to find that of an order again, the newest first.
const MOST_KEYS: u64 = 1_000_000;

/// What makes the key of an order fresh: how many transactions its account had sent.
pub(super) fn order_nonce(transactions: u64) -> [u8; 16] {
    u128::from(transactions).to_le_bytes()
}

/// What the account bought of the listing already, or ordered, in a folder that was lost: the first
/// notes of a journal. Empty if there is nothing.
pub(super) async fn recover(
    listing: u64,
    context: &Context,
    chain: &Chain,
    account: &AccountId32,
    seed: &Secret,
) -> Result<Vec<Entry>> {
    let state = chain.best().await?;
    let Some(right) = view::right(&state, listing, account).await? else {
        return Ok(Vec::new());
    };
    let genesis = chain.genesis().0;
    let known = view::listing(&state, listing).await?;
    let (order, found, test): (u64, Option<Began>, Test) = match right {
        Right::Pending(id) => {
            let order = view::order(&state, id)
                .await?
                .ok_or_else(|| Error::protocol("a right", "its order is missing"))?;
            let began = Began {
                genesis: hex(&genesis),
                listing,
                buyer: account.to_string(),
                nonce: String::new(),
                buyer_key: hex(&order.buyer_key),
                max_price: order.price.to_string(),
                watch: order.watch.map(|watch| watch.to_string()),
                seller: order.seller.to_string(),
                x_root: hex(&order.x_root),
                length: order.length,
                seal_nonce: hex(&order.nonce),
                z_root: hex(&order.z_root),
                h_k: hex(&order.h_k),
                seal_id: hex(&order.seal_id),
            };
            (id, Some(began), Test::Key(order.buyer_key))
        }
        Right::Granted(granted) => {
            let context = SealContext::from_bytes(granted.context);
            let sealed = known.iter().find_map(|known| {
                let seal = known.seals.iter().find(|seal| {
                    let of = SealContext::new(
                        &genesis,
                        &known.seller.0,
                        &known.x_root,
                        known.length,
                        &seal.nonce,
                    );
                    of == context
                })?;
                let began = Began {
                    genesis: hex(&genesis),
                    listing,
                    buyer: account.to_string(),
                    nonce: String::new(),
                    buyer_key: String::new(),
                    max_price: "0".into(),
                    watch: None,
                    seller: known.seller.to_string(),
                    x_root: hex(&known.x_root),
                    length: known.length,
                    seal_nonce: hex(&seal.nonce),
                    z_root: hex(&seal.z_root),
                    h_k: hex(&seal.h_k),
                    seal_id: hex(&seal.seal_id),
                };
                Some((began, seal.h_k))
            });
            let wrapped = Wrapped {
                public: granted.seller_key,
                key: granted.wrapped,
            };
            let (began, commitment) = sealed.unzip();
            let test = Test::Wrapped(context, wrapped, commitment.unwrap_or_default());
            (granted.order, began, test)
        }
    };
    let Some(mut began) = found else {
        return Err(Error::Refused(format!(
            "you bought this (order {order}), but the listing has no longer the seal it was bought \
             with: find its ciphertext elsewhere"
        )));
    };
    let sent = state.nonce(account).await?;
    let seed = seed.clone();
    let searching = context
        .output
        .spinner(format!("finding the key of order {order} again"));
    let nonce = tokio::task::spawn_blocking(move || {
        (sent.saturating_sub(MOST_KEYS)..=sent)
            .rev()
            .map(order_nonce)
            .find(|nonce| {
                let (secret, public) = order_key(&seed, &genesis, listing, nonce);
                test.fits(order, &secret, &public)
            })
            .map(|nonce| (nonce, order_key(&seed, &genesis, listing, &nonce).1))
    })
    .await
    .map_err(|error| Error::Refused(format!("the search was cut short: {error}")))?;
    drop(searching);
    let (nonce, buyer_key) = nonce.ok_or_else(|| {
        Error::Refused(format!(
            "{account} has order {order} of this listing, which was made with another seed, or in \
             another way: only the folder it was made in goes on"
        ))
    })?;
    began.nonce = hex(&nonce);
    began.buyer_key = hex(&buyer_key);
    context
        .output
        .note(format!("step: order {order} is taken up again"));
    Ok(vec![
        Entry::Began(Box::new(began)),
        Entry::Ordered { order },
    ])
}

/// How a key is known to be an order's.
enum Test {
    /// By the public key.
    Key([u8; 32]),
    /// By what was wrapped for it, and the commitment to that.
    Wrapped(SealContext, Wrapped, [u8; 32]),
}

impl Test {
    fn fits(&self, order: u64, secret: &Secret, public: &[u8; 32]) -> bool {
        match self {
            Self::Key(key) => key == public,
            Self::Wrapped(context, wrapped, commitment) => {
                context.commit(&context.unwrap(wrapped, order, secret)) == *commitment
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_lost_purchase_is_found_by_trying() {
        let seed = Secret::new([8; 32]);
        let (genesis, listing, order) = ([1; 32], 4, 70);
        let (secret, public) = order_key(&seed, &genesis, listing, &order_nonce(12));
        let context = SealContext::new(&genesis, &[2; 32], &[3; 32], 100_000, &[4; 16]);
        let key = context.key(&Secret::new([9; 32]));
        let e = context.wrap_secret(&Secret::new([9; 32]), order, &public);
        let wrapped = context.wrap(&key, order, &public, &e);
        for test in [
            Test::Key(public),
            Test::Wrapped(context, wrapped, context.commit(&key)),
        ] {
            let found: Vec<u64> = (0..20)
                .filter(|sent| {
                    let (secret, public) = order_key(&seed, &genesis, listing, &order_nonce(*sent));
                    test.fits(order, &secret, &public)
                })
                .collect();
            assert_eq!(found, [12]);
        }
        assert!(!Test::Key([0; 32]).fits(order, &secret, &public));
    }
}
