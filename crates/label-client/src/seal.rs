//! HPKE (RFC 9180) in base mode, X25519-HKDF-SHA256 with ChaCha20-Poly1305: openings that
//! workers seal to the requester, and page keys that the requester wraps for workers.

use crate::{
    error::{Error, Result},
    private::PageKey,
};
use athanor_primitives::labels;
use hpke::{
    aead::ChaCha20Poly1305,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{CryptoRng, RngCore},
    Deserializable, Kem, OpModeR, OpModeS, Serializable,
};
use zeroize::Zeroizing;

type X25519 = X25519HkdfSha256;

/// A public X25519 key.
pub type PublicKey = [u8; 32];

/// The page, and whose lease on it a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Genesis hash of the chain.
    pub genesis: [u8; 32],
    /// The batch.
    pub batch: u64,
    /// The page.
    pub page: u32,
    /// The worker's account.
    pub worker: [u8; 32],
}

/// An X25519 key pair. Its secret is wiped when it is dropped.
#[derive(Clone)]
pub struct SealKey {
    secret: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealKey")
            .field("public", &hex::encode(self.public))
            .finish_non_exhaustive()
    }
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(bytes)
}

/// The system's generator; whether it failed is asked afterwards.
#[derive(Default)]
struct System {
    failed: bool,
}

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.failed |= getrandom::fill(bytes).is_err();
    }
}

impl CryptoRng for System {}

impl SealKey {
    /// A new random key.
    pub fn generate() -> Result<Self> {
        Ok(Self::derive(&Zeroizing::new(random::<32>()?)))
    }

    /// The key that follows from 32 secret bytes by RFC 9180's `DeriveKeyPair`.
    pub fn derive(ikm: &[u8; 32]) -> Self {
        let (secret, public) = X25519::derive_keypair(ikm);
        Self {
            secret: Zeroizing::new(secret.to_bytes().into()),
            public: public.to_bytes().into(),
        }
    }

    /// The public half, which goes into a campaign's terms or a key request.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    fn open(&self, message: &[u8], info: &[u8], aad: &[u8], what: &'static str) -> Result<Vec<u8>> {
        let unopenable = || Error::Unopenable { what };
        let (encapsulated, text) = message.split_at_checked(32).ok_or_else(unopenable)?;
        let secret = <X25519 as Kem>::PrivateKey::from_bytes(self.secret.as_slice())
            .map_err(|_| unopenable())?;
        let encapsulated =
            <X25519 as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| unopenable())?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            info,
            text,
            aad,
        )
        .map_err(|_| unopenable())
    }
}

fn seal(to: &PublicKey, info: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut system = System::default();
    let bad_key = |_| Error::malformed("seal key", "these 32 bytes are no usable X25519 key");
    let to = <X25519 as Kem>::PublicKey::from_bytes(to).map_err(bad_key)?;
    let (encapsulated, text) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519, _>(
        &OpModeS::Base,
        &to,
        info,
        plaintext,
        aad,
        &mut system,
    )
    .map_err(bad_key)?;
    if system.failed {
        return Err(Error::NoRandomness);
    }
    let mut message = encapsulated.to_bytes().to_vec();
    message.extend_from_slice(&text);
    Ok(message)
}

fn key_info(slot: &Slot) -> Vec<u8> {
    let mut info = b"athanor/page-key/v1".to_vec();
    info.extend_from_slice(&slot.genesis);
    info.extend_from_slice(&slot.batch.to_le_bytes());
    info.extend_from_slice(&slot.page.to_le_bytes());
    info.extend_from_slice(&slot.worker);
    info
}

/// Wraps a page's key for a worker, to the key he asked with.
///
/// The same suite as a sealed opening, info `"athanor/page-key/v1" ‖ G ‖ batch ‖ page ‖
/// worker32`, no associated data; 80 bytes.
pub fn wrap_page_key(key: &PageKey, slot: &Slot, to: &PublicKey) -> Result<Vec<u8>> {
    seal(to, &key_info(slot), &[], key.as_bytes())
}

/// Opens a wrapped page key.
///
/// # Errors
///
/// [`Error::Unopenable`] when it is not for this key and slot.
pub fn unwrap_page_key(wrapped: &[u8], slot: &Slot, own: &SealKey) -> Result<PageKey> {
    const WHAT: &str = "the page key";
    let opened = Zeroizing::new(own.open(wrapped, &key_info(slot), &[], WHAT)?);
    let bytes: [u8; 32] = opened
        .as_slice()
        .try_into()
        .map_err(|_| Error::Unopenable { what: WHAT })?;
    Ok(PageKey::from(bytes))
}

/// Seals an opening (sheet and salt) to the campaign's seal key, for `commit`'s calldata.
///
/// # Errors
///
/// [`Error::Malformed`] when the terms' seal key is no X25519 key.
pub fn seal_opening(
    sheet: &[u8],
    salt: &[u8; 32],
    commitment: &[u8; 32],
    slot: &Slot,
    to: &PublicKey,
) -> Result<Vec<u8>> {
    let plaintext = Zeroizing::new(labels::sealed_plaintext(sheet, salt));
    let info = labels::sealed_info(&slot.genesis, slot.batch, slot.page, &slot.worker);
    seal(to, &info, commitment, &plaintext)
}

/// Opens a sealed opening and checks that it is the one committed to.
///
/// # Errors
///
/// [`Error::Unopenable`] when it is too long, for another key or slot, or opens another
/// commitment.
pub fn open_sealed(
    sealed: &[u8],
    commitment: &[u8; 32],
    slot: &Slot,
    own: &SealKey,
) -> Result<(Vec<u8>, [u8; 32])> {
    const WHAT: &str = "the sealed opening";
    let unopenable = || Error::Unopenable { what: WHAT };
    if sealed.len() > labels::MAX_SEALED as usize {
        return Err(unopenable());
    }
    let info = labels::sealed_info(&slot.genesis, slot.batch, slot.page, &slot.worker);
    let mut sheet = own.open(sealed, &info, commitment, WHAT)?;
    let at = sheet.len().checked_sub(32).ok_or_else(unopenable)?;
    let salt: [u8; 32] = sheet.split_off(at).try_into().map_err(|_| unopenable())?;
    let actual = labels::answer_commitment(
        &slot.genesis,
        slot.batch,
        slot.page,
        &slot.worker,
        &sheet,
        &salt,
    );
    if actual != *commitment {
        return Err(unopenable());
    }
    Ok((sheet, salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = Slot {
        genesis: [1; 32],
        batch: 9,
        page: 4,
        worker: [7; 32],
    };

    fn commitment(sheet: &[u8], salt: &[u8; 32]) -> [u8; 32] {
        labels::answer_commitment(
            &SLOT.genesis,
            SLOT.batch,
            SLOT.page,
            &SLOT.worker,
            sheet,
            salt,
        )
    }

    #[test]
    fn a_sealed_opening_is_opened_by_the_requester_alone() {
        let key = SealKey::generate().unwrap();
        let (sheet, salt) = (vec![1, 2, 3, 4], [5; 32]);
        let c = commitment(&sheet, &salt);
        let sealed = seal_opening(&sheet, &salt, &c, &SLOT, &key.public()).unwrap();
        assert_eq!(sealed.len(), 4 + 32 + 48);
        assert_eq!(
            open_sealed(&sealed, &c, &SLOT, &key).unwrap(),
            (sheet, salt)
        );
        let other = SealKey::generate().unwrap();
        assert!(open_sealed(&sealed, &c, &SLOT, &other).is_err());
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 0x40;
            assert!(open_sealed(&altered, &c, &SLOT, &key).is_err(), "byte {at}");
            assert!(
                open_sealed(&sealed[..at], &c, &SLOT, &key).is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_copied_sealed_opening_opens_in_no_other_slot() {
        let key = SealKey::generate().unwrap();
        let (sheet, salt) = (vec![1, 2], [5; 32]);
        let c = commitment(&sheet, &salt);
        let sealed = seal_opening(&sheet, &salt, &c, &SLOT, &key.public()).unwrap();
        let slots = [
            Slot {
                worker: [8; 32],
                ..SLOT
            },
            Slot { page: 5, ..SLOT },
            Slot { batch: 8, ..SLOT },
            Slot {
                genesis: [2; 32],
                ..SLOT
            },
        ];
        for slot in slots {
            assert!(open_sealed(&sealed, &c, &slot, &key).is_err());
        }
    }

    #[test]
    fn an_opening_of_something_else_than_was_committed_is_refused() {
        let key = SealKey::generate().unwrap();
        let c = commitment(&[1], &[5; 32]);
        let lie = seal_opening(&[2], &[5; 32], &c, &SLOT, &key.public()).unwrap();
        assert!(open_sealed(&lie, &c, &SLOT, &key).is_err());
        let long = vec![0; labels::MAX_SEALED as usize + 1];
        assert!(open_sealed(&long, &c, &SLOT, &key).is_err());
    }

    #[test]
    fn the_longest_sheet_fits() {
        let key = SealKey::generate().unwrap();
        let sheet = vec![3; labels::MAX_SHEET as usize];
        let c = commitment(&sheet, &[5; 32]);
        let sealed = seal_opening(&sheet, &[5; 32], &c, &SLOT, &key.public()).unwrap();
        assert_eq!(sealed.len(), labels::MAX_SEALED as usize);
        assert!(open_sealed(&sealed, &c, &SLOT, &key).is_ok());
    }

    #[test]
    fn a_page_key_is_wrapped_for_one_worker_and_page() {
        let (page_key, own) = (PageKey::generate().unwrap(), SealKey::generate().unwrap());
        let wrapped = wrap_page_key(&page_key, &SLOT, &own.public()).unwrap();
        assert_eq!(wrapped.len(), 80);
        assert_eq!(unwrap_page_key(&wrapped, &SLOT, &own).unwrap(), page_key);
        let elsewhere = Slot { page: 5, ..SLOT };
        assert!(unwrap_page_key(&wrapped, &elsewhere, &own).is_err());
        let other = SealKey::generate().unwrap();
        assert!(unwrap_page_key(&wrapped, &SLOT, &other).is_err());
        assert!(unwrap_page_key(&wrapped[..40], &SLOT, &own).is_err());
    }

    #[test]
    fn keys_follow_from_their_secret_and_stay_hidden() {
        let key = SealKey::derive(&[3; 32]);
        assert_eq!(key.public(), SealKey::derive(&[3; 32]).public());
        let shown = format!("{key:?}");
        assert!(!shown.contains(&hex::encode(key.secret.as_slice())));
    }

    // RFC 9180, A.2.1: DeriveKeyPair of X25519-HKDF-SHA256, the recipient's key.
    #[test]
    fn key_derivation_is_that_of_the_rfc() {
        let mut ikm = [0; 32];
        hex::decode_to_slice(
            "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
            &mut ikm,
        )
        .unwrap();
        assert_eq!(
            hex::encode(SealKey::derive(&ikm).public()),
            "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"
        );
    }
}
