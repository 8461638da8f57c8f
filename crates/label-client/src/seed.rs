//! The secret from which a worker's salts follow, and its backup file.
//!
//! Who loses the seed can't open what he committed to, and loses his stake; so a client
//! that makes one at random offers a backup. The seed opens answers, it moves no money.

use crate::{
    error::{Error, Result},
    seal::random,
};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use athanor_primitives::labels;
use chacha20poly1305::{
    aead::{Aead, Payload},
    Key, KeyInit, XChaCha20Poly1305, XNonce,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Longest backup file, in bytes.
pub const MAX_BACKUP: usize = 4_096;

/// Argon2id's memory in KiB and its passes: RFC 9106's second recommendation.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;

/// Largest costs of a backup that is opened.
const MAX_MEMORY: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;

const WARNING: &str = "NOT ENCRYPTED. Whoever reads this file can open this account's answers \
                       before they are revealed. Keep it where you keep your keys.";

/// 32 secret bytes of a worker. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl Seed {
    /// A new random seed.
    pub fn generate() -> Result<Self> {
        Ok(Self::from_bytes(random()?))
    }

    /// The seed with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The salt of a page's commitment.
    pub fn salt(&self, batch: u64, page: u32) -> [u8; 32] {
        labels::answer_salt(&self.0, batch, page)
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    athanor_labels_backup: u32,
    account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encrypted: Option<Encrypted>,
}

#[derive(Serialize, Deserialize)]
struct Encrypted {
    kdf: String,
    memory: u32,
    passes: u32,
    salt: String,
    nonce: String,
    text: String,
}

/// A backup file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Whose seed it is, as the file says.
    pub account: String,
    /// The seed.
    pub seed: Seed,
}

fn cipher(passphrase: &str, salt: &[u8], memory: u32, passes: u32) -> Result<XChaCha20Poly1305> {
    let bad = |error: argon2::Error| Error::malformed("backup", error);
    let params = Params::new(memory, passes, 1, Some(32)).map_err(bad)?;
    let mut key = Zeroizing::new([0u8; 32]);
    let mut blocks = vec![Block::default(); params.block_count()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.as_bytes(),
            salt,
            key.as_mut_slice(),
            &mut blocks,
        )
        .map_err(bad)?;
    Ok(XChaCha20Poly1305::new(Key::from_slice(key.as_slice())))
}

/// The backup file of an account's seed: Argon2id and XChaCha20-Poly1305 with a passphrase,
/// plain with a warning in it without one.
///
/// # Errors
///
/// [`Error::NoRandomness`]; [`Error::Malformed`] for an empty passphrase.
pub fn backup(account: &str, seed: &Seed, passphrase: Option<&str>) -> Result<String> {
    let mut file = File {
        athanor_labels_backup: 1,
        account: account.into(),
        warning: None,
        seed: None,
        encrypted: None,
    };
    match passphrase {
        None => {
            file.warning = Some(WARNING.into());
            file.seed = Some(hex::encode(seed.0.as_slice()));
        }
        Some("") => return Err(Error::malformed("backup", "the passphrase is empty")),
        Some(passphrase) => {
            let (salt, nonce) = (random::<16>()?, random::<24>()?);
            let payload = Payload {
                msg: seed.0.as_slice(),
                aad: account.as_bytes(),
            };
            let text = cipher(passphrase, &salt, MEMORY, PASSES)?
                .encrypt(&XNonce::from(nonce), payload)
                .map_err(|_| Error::malformed("backup", "it cannot be encrypted"))?;
            file.encrypted = Some(Encrypted {
                kdf: "argon2id".into(),
                memory: MEMORY,
                passes: PASSES,
                salt: hex::encode(salt),
                nonce: hex::encode(nonce),
                text: hex::encode(text),
            });
        }
    }
    let mut text =
        serde_json::to_string_pretty(&file).map_err(|error| Error::malformed("backup", error))?;
    text.push('\n');
    Ok(text)
}

/// Whether reading this backup takes a passphrase.
///
/// # Errors
///
/// [`Error::TooLarge`], [`Error::Malformed`].
pub fn is_encrypted(bytes: &[u8]) -> Result<bool> {
    Ok(parse(bytes)?.encrypted.is_some())
}

fn parse(bytes: &[u8]) -> Result<File> {
    if bytes.len() > MAX_BACKUP {
        return Err(Error::TooLarge {
            what: "a backup",
            most: MAX_BACKUP as u64,
            found: bytes.len() as u64,
            unit: "bytes",
        });
    }
    let file: File =
        serde_json::from_slice(bytes).map_err(|error| Error::malformed("backup", error))?;
    if file.athanor_labels_backup != 1 {
        return Err(Error::malformed(
            "backup",
            "it is of a version this client does not know",
        ));
    }
    Ok(file)
}

/// Reads a backup file.
///
/// # Errors
///
/// [`Error::TooLarge`], [`Error::Malformed`]; [`Error::Unopenable`] for a wrong passphrase.
pub fn restore(bytes: &[u8], passphrase: Option<&str>) -> Result<Restored> {
    let bad = |reason: &str| Error::malformed("backup", reason);
    let file = parse(bytes)?;
    let mut seed = Zeroizing::new([0u8; 32]);
    match (&file.seed, &file.encrypted) {
        (Some(plain), None) => hex::decode_to_slice(plain, seed.as_mut_slice())
            .map_err(|_| bad("its seed is not 64 hex digits"))?,
        (None, Some(encrypted)) => {
            let passphrase = passphrase.ok_or_else(|| bad("it needs its passphrase"))?;
            let (memory, passes) = (encrypted.memory, encrypted.passes);
            if encrypted.kdf != "argon2id" || memory > MAX_MEMORY || passes > MAX_PASSES {
                return Err(bad("its key derivation is none this client accepts"));
            }
            let field = |text: &str| hex::decode(text).map_err(|_| bad("it holds bad hex"));
            let nonce: [u8; 24] = field(&encrypted.nonce)?
                .try_into()
                .map_err(|_| bad("its nonce is not 24 bytes"))?;
            let text = field(&encrypted.text)?;
            let payload = Payload {
                msg: &text,
                aad: file.account.as_bytes(),
            };
            let plain = cipher(passphrase, &field(&encrypted.salt)?, memory, passes)?
                .decrypt(&XNonce::from(nonce), payload)
                .map(Zeroizing::new)
                .map_err(|_| Error::Unopenable { what: "the backup" })?;
            if plain.len() != 32 {
                return Err(bad("its seed is not 32 bytes"));
            }
            seed.copy_from_slice(&plain);
        }
        _ => return Err(bad("it holds no seed, or two")),
    }
    Ok(Restored {
        account: file.account,
        seed: Seed(seed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_backup_needs_its_passphrase() {
        let seed = Seed::generate().unwrap();
        let file = backup("5Grw", &seed, Some("correct horse")).unwrap();
        assert!(is_encrypted(file.as_bytes()).unwrap());
        let secret = hex::encode(seed.0.as_slice());
        assert!(!file.contains(&secret) && !file.contains("warning"));
        let restored = restore(file.as_bytes(), Some("correct horse")).unwrap();
        assert_eq!((restored.account.as_str(), &restored.seed), ("5Grw", &seed));
        let wrong = restore(file.as_bytes(), Some("wrong horse"));
        assert_eq!(wrong, Err(Error::Unopenable { what: "the backup" }));
        let moved = file.replace("5Grw", "5Fxx");
        assert!(restore(moved.as_bytes(), Some("correct horse")).is_err());
        assert!(restore(file.as_bytes(), None).is_err());
    }

    #[test]
    fn a_plain_backup_says_loudly_that_it_is_one() {
        let seed = Seed::from_bytes([5; 32]);
        let file = backup("5Grw", &seed, None).unwrap();
        assert!(file.contains("NOT ENCRYPTED"));
        assert!(!is_encrypted(file.as_bytes()).unwrap());
        let restored = restore(file.as_bytes(), None).unwrap();
        assert_eq!(restored.seed.salt(7, 3), seed.salt(7, 3));
        assert!(backup("5Grw", &seed, Some("")).is_err());
    }

    #[test]
    fn hostile_backups_cost_nothing() {
        let encrypted = |memory: u32, passes: u32| {
            format!(
                "{{\"athanor_labels_backup\":1,\"account\":\"a\",\"encrypted\":{{\
                 \"kdf\":\"argon2id\",\"memory\":{memory},\"passes\":{passes},\
                 \"salt\":\"{0}\",\"nonce\":\"{0}\",\"text\":\"00\"}}}}",
                "00".repeat(24)
            )
        };
        for (memory, passes) in [(MAX_MEMORY + 1, 1), (u32::MAX, 1), (64, MAX_PASSES + 1)] {
            let error = restore(encrypted(memory, passes).as_bytes(), Some("x")).unwrap_err();
            assert!(error.to_string().contains("key derivation"), "{error}");
        }
        for (memory, passes) in [(0, 0), (1, 1), (8, 1)] {
            assert!(restore(encrypted(memory, passes).as_bytes(), Some("x")).is_err());
        }
        for text in [
            "",
            "{}",
            "[]",
            "{\"athanor_labels_backup\":2,\"account\":\"\"}",
        ] {
            assert!(restore(text.as_bytes(), None).is_err(), "{text}");
        }
        assert!(restore(&[b' '; MAX_BACKUP + 1], None).is_err());
    }
}
