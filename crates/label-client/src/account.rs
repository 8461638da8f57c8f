//! Accounts and their signatures, as the chain's `MultiSignature` has them.

use crate::error::{Error, Result};
use codec::{Decode, Encode};
use sp_core::{ecdsa, ed25519, sr25519, Pair};
use sp_crypto_hashing::blake2_256;

/// 32 bytes of an account.
pub type AccountId = [u8; 32];

/// A signature in the SCALE form of `MultiSignature`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Signature {
    /// Ed25519.
    #[codec(index = 0)]
    Ed25519([u8; 64]),
    /// Schnorrkel with Substrate's context.
    #[codec(index = 1)]
    Sr25519([u8; 64]),
    /// ECDSA over secp256k1 of the text's BLAKE2b-256 hash; the account is the hash of the
    /// compressed public key.
    #[codec(index = 2)]
    Ecdsa([u8; 65]),
}

impl Signature {
    /// Reads `0x` hex of the SCALE form.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`].
    pub fn from_hex(text: &str) -> Result<Self> {
        let bad = || Error::malformed("signature", "it is not 0x and the hex of 65 or 66 bytes");
        let digits = text.strip_prefix("0x").ok_or_else(bad)?;
        if digits.len() > 132 {
            return Err(bad());
        }
        let bytes = hex::decode(digits).map_err(|_| bad())?;
        let mut rest = bytes.as_slice();
        match Self::decode(&mut rest) {
            Ok(signature) if rest.is_empty() => Ok(signature),
            _ => Err(bad()),
        }
    }

    /// The SCALE form as `0x` hex.
    pub fn to_hex(&self) -> String {
        format!("0x{}", hex::encode(self.encode()))
    }

    /// Whether the account signed these bytes.
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`].
    pub fn verify(&self, account: &AccountId, message: &[u8]) -> Result<()> {
        let good = match self {
            Self::Ed25519(bytes) => ed25519::Pair::verify(
                &ed25519::Signature::from_raw(*bytes),
                message,
                &ed25519::Public::from_raw(*account),
            ),
            Self::Sr25519(bytes) => sr25519::Pair::verify(
                &sr25519::Signature::from_raw(*bytes),
                message,
                &sr25519::Public::from_raw(*account),
            ),
            Self::Ecdsa(bytes) => ecdsa::Signature::from_raw(*bytes)
                .recover_prehashed(&blake2_256(message))
                .is_some_and(|key| blake2_256(&key.0) == *account),
        };
        if good {
            Ok(())
        } else {
            Err(Error::BadSignature {
                account: to_hex(account),
            })
        }
    }
}

/// An account as `0x` hex.
pub fn to_hex(account: &AccountId) -> String {
    format!("0x{}", hex::encode(account))
}

/// Reads an account as `0x` hex.
///
/// # Errors
///
/// [`Error::Malformed`].
pub fn from_hex(text: &str) -> Result<AccountId> {
    let mut bytes = [0; 32];
    text.strip_prefix("0x")
        .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
        .ok_or_else(|| Error::malformed("account", "it is not 0x and 64 hex digits"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_signature_is_verified_and_bound_to_its_account() {
        let message = b"<Bytes>athanor labels</Bytes>";
        let sr = sr25519::Pair::from_seed(&[1; 32]);
        let ed = ed25519::Pair::from_seed(&[2; 32]);
        let ec = ecdsa::Pair::from_seed(&[3; 32]);
        let cases = [
            (sr.public().0, Signature::Sr25519(sr.sign(message).0)),
            (ed.public().0, Signature::Ed25519(ed.sign(message).0)),
            (
                blake2_256(&ec.public().0),
                Signature::Ecdsa(ec.sign(message).0),
            ),
        ];
        for (account, signature) in &cases {
            signature.verify(account, message).unwrap();
            let error = signature.verify(account, b"another text").unwrap_err();
            assert!(error.to_string().contains(&to_hex(account)), "{error}");
            assert!(signature.verify(&[9; 32], message).is_err());
            let text = signature.to_hex();
            assert_eq!(Signature::from_hex(&text).unwrap(), *signature);
            assert!(Signature::from_hex(&text[..text.len() - 2]).is_err());
            assert!(Signature::from_hex(&format!("{text}00")).is_err());
        }
        for text in ["", "0x", "0x03", "xyz", "0xzz"] {
            assert!(Signature::from_hex(text).is_err(), "{text}");
        }
    }

    #[test]
    fn accounts_are_hex() {
        assert_eq!(from_hex(&to_hex(&[7; 32])).unwrap(), [7; 32]);
        for text in ["", "0x07", "07", "0xzz"] {
            assert!(from_hex(text).is_err(), "{text}");
        }
    }
}
