//! Private pages: XChaCha20-Poly1305 under a key a page.

use crate::{
    error::{Error, Result},
    page::MAX_PAGE,
    seal::random,
};
use chacha20poly1305::{
    aead::{Aead, Payload},
    Key, KeyInit, XChaCha20Poly1305, XNonce,
};
use zeroize::Zeroizing;

/// What an encrypted page begins with.
const MAGIC: &[u8; 16] = b"athanor/private1";

/// Bytes that encryption adds: tag of the format, nonce, tag of the cipher.
pub const OVERHEAD: usize = 16 + 24 + 16;

/// The key of one private page. Wiped when it is dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PageKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for PageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageKey(…)")
    }
}

impl From<[u8; 32]> for PageKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl PageKey {
    /// A new random key.
    pub fn generate() -> Result<Self> {
        Ok(Self::from(random()?))
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(self.0.as_slice()))
    }

    /// Encrypts page `page`: `"athanor/private1" ‖ nonce24 ‖ ciphertext ‖ tag16`, with the
    /// page's number as associated data.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the page with [`OVERHEAD`] is longer than [`MAX_PAGE`];
    /// [`Error::NoRandomness`].
    pub fn encrypt(&self, page: u32, bytes: &[u8]) -> Result<Vec<u8>> {
        if bytes.len() > MAX_PAGE - OVERHEAD {
            return Err(Error::TooLarge {
                what: "a private page",
                most: (MAX_PAGE - OVERHEAD) as u64,
                found: bytes.len() as u64,
                unit: "bytes",
            });
        }
        let nonce: [u8; 24] = random()?;
        let payload = Payload {
            msg: bytes,
            aad: &page.to_le_bytes(),
        };
        let text = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::malformed("a private page", "it cannot be encrypted"))?;
        let mut out = Vec::with_capacity(bytes.len() + OVERHEAD);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&text);
        Ok(out)
    }

    /// Decrypts page `page`.
    ///
    /// # Errors
    ///
    /// [`Error::Unopenable`] for another key or page, or altered bytes.
    pub fn decrypt(&self, page: u32, bytes: &[u8]) -> Result<Vec<u8>> {
        let unopenable = || Error::Unopenable {
            what: "the private page",
        };
        if bytes.len() > MAX_PAGE {
            return Err(unopenable());
        }
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(unopenable)?;
        let (nonce, text) = rest.split_first_chunk::<24>().ok_or_else(unopenable)?;
        let payload = Payload {
            msg: text,
            aad: &page.to_le_bytes(),
        };
        self.cipher()
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| unopenable())
    }
}

/// Whether these bytes are an encrypted page, for which a key has to be asked.
pub fn is_private(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_page_is_read_with_its_key_only() {
        let key = PageKey::generate().unwrap();
        let sealed = key.encrypt(3, b"a page").unwrap();
        assert!(is_private(&sealed) && !is_private(b"{\"v\":1}"));
        assert_eq!(sealed.len(), 6 + OVERHEAD);
        assert_eq!(key.decrypt(3, &sealed).unwrap(), b"a page");
        assert!(key.decrypt(4, &sealed).is_err(), "another page");
        let other = PageKey::generate().unwrap();
        assert!(other.decrypt(3, &sealed).is_err(), "another key");
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key.decrypt(3, &altered).is_err(), "byte {at}");
            assert!(key.decrypt(3, &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(!format!("{key:?}").contains(&hex::encode(key.as_bytes())[..8]));
    }

    #[test]
    fn an_encrypted_page_is_no_longer_than_a_page() {
        let key = PageKey::generate().unwrap();
        let longest = vec![b'x'; MAX_PAGE - OVERHEAD];
        assert_eq!(key.encrypt(0, &longest).unwrap().len(), MAX_PAGE);
        let longer = vec![b'x'; MAX_PAGE - OVERHEAD + 1];
        assert!(matches!(
            key.encrypt(0, &longer),
            Err(Error::TooLarge { .. })
        ));
    }
}
