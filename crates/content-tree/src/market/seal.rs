use core::fmt;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use curve25519_dalek::constants::X25519_BASEPOINT;
use curve25519_dalek::MontgomeryPoint;
use scale_info::TypeInfo;

use crate::{Root, GROUP};

/// `D(label, m)`: BLAKE3's `derive_key` with the context `athanor/data-market/v1/` and the label.
macro_rules! derive {
    ($label:literal, $($part:expr),+ $(,)?) => {{
        let mut hasher =
            blake3::Hasher::new_derive_key(concat!("athanor/data-market/v1/", $label));
        $(hasher.update($part);)+
        *hasher.finalize().as_bytes()
    }};
}
pub(super) use derive;

/// 32 secret bytes: a seed, a seal's key, an X25519 scalar.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// These bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for whoever stores or publishes them.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `X25519(secret, 9)`.
pub fn public_key(secret: &Secret) -> [u8; 32] {
    X25519_BASEPOINT.mul_clamped(secret.0).0
}

fn shared(secret: &Secret, public: &[u8; 32]) -> [u8; 32] {
    MontgomeryPoint(*public).mul_clamped(secret.0).0
}

/// A buyer's scalar `b` for one order, out of his seed. `nonce` makes it fresh.
pub fn buyer_secret(
    buyer_seed: &Secret,
    genesis: &[u8; 32],
    listing: u64,
    nonce: &[u8; 16],
) -> Secret {
    Secret(derive!(
        "buyer-key",
        &buyer_seed.0,
        genesis,
        &listing.to_le_bytes(),
        nonce,
    ))
}

/// `ctx`: what a seal is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context([u8; 32]);

impl Context {
    /// The context of one seal by `seller`, on the chain with that genesis block, of goods with
    /// `x_root` and `len` bytes. `nonce` is random for every seal.
    pub fn new(
        genesis: &[u8; 32],
        seller: &[u8; 32],
        x_root: &Root,
        len: u64,
        nonce: &[u8; 16],
    ) -> Self {
        Self(derive!(
            "seal",
            genesis,
            seller,
            x_root,
            &len.to_le_bytes(),
            nonce,
        ))
    }

    /// The context with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `k`: the seal's key, out of the seller's seed.
    pub fn key(&self, seller_seed: &Secret) -> Secret {
        Secret(derive!("seal-key", &seller_seed.0, &self.0))
    }

    /// `h_k`: the commitment to the key.
    pub fn commit(&self, key: &Secret) -> [u8; 32] {
        derive!("commit", &self.0, &key.0)
    }

    /// The cipher between `x` and `z`.
    pub fn cipher(&self, key: &Secret) -> Cipher {
        Cipher {
            key: derive!("cipher", &self.0, &key.0),
        }
    }

    /// The seal's id: binds chain, seller, `x`, its length, `z` and the key.
    pub fn seal_id(&self, z_root: &Root, commitment: &[u8; 32]) -> [u8; 32] {
        derive!("seal-id", &self.0, z_root, commitment)
    }

    /// `e`: the seller's scalar for one order, out of his seed. A repeat is identical.
    pub fn wrap_secret(&self, seller_seed: &Secret, order: u64, buyer: &[u8; 32]) -> Secret {
        Secret(derive!(
            "wrap-key",
            &seller_seed.0,
            &self.0,
            &order.to_le_bytes(),
            buyer,
        ))
    }

    fn mask(&self, order: u64, buyer: &[u8; 32], seller: &[u8; 32], shared: &[u8; 32]) -> [u8; 32] {
        derive!("wrap", &self.0, &order.to_le_bytes(), buyer, seller, shared,)
    }

    /// The key `k` for the buyer with public key `buyer`; `secret` is the seller's scalar `e`.
    pub fn wrap(&self, key: &Secret, order: u64, buyer: &[u8; 32], secret: &Secret) -> Wrapped {
        let public = public_key(secret);
        let mask = self.mask(order, buyer, &public, &shared(secret, buyer));
        Wrapped {
            public,
            key: xor(&key.0, &mask),
        }
    }

    /// The key that `wrapped` holds for the buyer with scalar `secret`: `k` if the seller is
    /// honest, which [`commit`](Self::commit) tells, else anything.
    pub fn unwrap(&self, wrapped: &Wrapped, order: u64, secret: &Secret) -> Secret {
        self.unwrap_for(wrapped, order, secret, &public_key(secret))
    }

    /// As [`unwrap`](Self::unwrap), with the public key of `secret` at hand.
    pub(super) fn unwrap_for(
        &self,
        wrapped: &Wrapped,
        order: u64,
        secret: &Secret,
        buyer: &[u8; 32],
    ) -> Secret {
        let shared = shared(secret, &wrapped.public);
        let mask = self.mask(order, buyer, &wrapped.public, &shared);
        Secret(xor(&wrapped.key, &mask))
    }
}

fn xor(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out ^= b;
    }
    out
}

/// A seal's key under an order's shared secret: what `reveal` puts on chain.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Wrapped {
    /// `E`: the seller's public key for this order.
    pub public: [u8; 32],
    /// `c`: the key, masked.
    pub key: [u8; 32],
}

/// The cipher of one seal: group i is masked by the output of BLAKE3, keyed for this seal, over i.
#[derive(Clone)]
pub struct Cipher {
    key: [u8; 32],
}

impl Cipher {
    /// Turns the bytes of group `index` of `x` into those of `z`, and back. At most [`GROUP`] bytes
    /// are touched.
    pub fn apply(&self, index: u64, bytes: &mut [u8]) {
        let mut stream = [0; GROUP];
        let Some(stream) = stream.get_mut(..bytes.len().min(GROUP)) else {
            return;
        };
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&index.to_le_bytes());
        hasher.finalize_xof().fill(stream);
        for (byte, mask) in bytes.iter_mut().zip(stream.iter()) {
            *byte ^= mask;
        }
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(…)")
    }
}
