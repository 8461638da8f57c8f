//! Seeds: the secrets that keys follow from, in files of their own, and backups of them.
//!
//! Who loses a seller's seed can reveal no key and misses every open order; who loses a buyer's
//! cannot open again what he bought. Both are 32 random bytes in a file that only its owner can
//! read.

use std::path::Path;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use athanor_content_tree::market::Secret;
use chacha20poly1305::{
    aead::{Aead, Payload},
    Key, KeyInit, XChaCha20Poly1305, XNonce,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{files, hex_text, random, to_json, Error, Result};

/// Most bytes of a seed file or a backup.
const MAX_FILE: u64 = 4_096;

/// Argon2id's memory in KiB and its passes: RFC 9106's second recommendation.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;

/// Largest costs of a backup that is opened.
const MAX_MEMORY: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;

/// What a backup is bound to.
const PURPOSE: &[u8] = b"athanor/data-market/seed-backup/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    athanor_market_backup: u32,
    memory: u32,
    passes: u32,
    #[serde(with = "hex_text")]
    salt: [u8; 16],
    #[serde(with = "hex_text")]
    nonce: [u8; 24],
    #[serde(with = "hex_text")]
    text: [u8; 48],
}

/// Reads a seed file: one line, `0x` and 64 hex digits, readable by its owner alone.
///
/// # Errors
///
/// [`Error::Exposed`] when others can read it; [`Error::Malformed`], [`Error::File`].
pub fn load(path: &Path) -> Result<Secret> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path).map_err(Error::file("read", path))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Exposed {
                path: path.into(),
                mode,
            });
        }
    }
    let bytes = Zeroizing::new(files::read(path, MAX_FILE, "a seed file")?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_end();
    text.strip_prefix("0x")
        .and_then(crate::hex_bytes)
        .map(Secret::new)
        .ok_or_else(|| Error::malformed("seed file", "it is not one line of 0x and 64 hex digits"))
}

/// Writes a seed into a new file with mode 0600, synced to the disk.
///
/// # Errors
///
/// [`Error::Exists`], [`Error::File`].
pub fn store(path: &Path, seed: &Secret) -> Result<()> {
    let line = Zeroizing::new(format!("0x{}\n", hex::encode(seed.expose())));
    files::write_new(path, line.as_bytes(), true)
}

/// Makes a random seed and writes it into a new file.
///
/// # Errors
///
/// [`Error::NoRandomness`]; as [`store`].
pub fn create(path: &Path) -> Result<Secret> {
    let seed = Secret::new(random()?);
    store(path, &seed)?;
    Ok(seed)
}

/// The seed in this file, which is made if there is none.
///
/// # Errors
///
/// As [`load`] and [`create`].
pub fn load_or_create(path: &Path) -> Result<Secret> {
    if path.exists() {
        return load(path);
    }
    create(path)
}

fn cipher(passphrase: &str, backup: &Backup) -> Result<XChaCha20Poly1305> {
    let bad = |error: argon2::Error| Error::malformed("backup", error);
    let params = Params::new(backup.memory, backup.passes, 1, Some(32)).map_err(bad)?;
    let mut key = Zeroizing::new([0u8; 32]);
    let mut blocks = vec![Block::default(); params.block_count()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.as_bytes(),
            &backup.salt,
            key.as_mut_slice(),
            &mut blocks,
        )
        .map_err(bad)?;
    Ok(XChaCha20Poly1305::new(Key::from_slice(key.as_slice())))
}

/// A backup of a seed: Argon2id and XChaCha20-Poly1305 with a passphrase.
///
/// # Errors
///
/// [`Error::Malformed`] for an empty passphrase; [`Error::NoRandomness`].
pub fn backup(seed: &Secret, passphrase: &str) -> Result<Vec<u8>> {
    if passphrase.is_empty() {
        return Err(Error::malformed("backup", "the passphrase is empty"));
    }
    let mut backup = Backup {
        athanor_market_backup: 1,
        memory: MEMORY,
        passes: PASSES,
        salt: random()?,
        nonce: random()?,
        text: [0; 48],
    };
    let payload = Payload {
        msg: seed.expose(),
        aad: PURPOSE,
    };
    let text = cipher(passphrase, &backup)?
        .encrypt(&XNonce::from(backup.nonce), payload)
        .map_err(|_| Error::malformed("backup", "it cannot be encrypted"))?;
    backup.text = text
        .try_into()
        .map_err(|_| Error::malformed("backup", "it cannot be encrypted"))?;
    to_json("backup", &backup)
}

/// Reads a backup.
///
/// # Errors
///
/// [`Error::TooLarge`], [`Error::Malformed`]; [`Error::Unopenable`] for a wrong passphrase.
pub fn restore(bytes: &[u8], passphrase: &str) -> Result<Secret> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::TooLarge {
            what: "a backup",
            most: MAX_FILE,
            found: bytes.len() as u64,
            unit: "bytes",
        });
    }
    let backup: Backup =
        serde_json::from_slice(bytes).map_err(|error| Error::malformed("backup", error))?;
    let known = backup.athanor_market_backup == 1
        && backup.memory <= MAX_MEMORY
        && backup.passes <= MAX_PASSES;
    if !known {
        return Err(Error::malformed(
            "backup",
            "its version or its key derivation is none this client accepts",
        ));
    }
    let payload = Payload {
        msg: &backup.text,
        aad: PURPOSE,
    };
    let seed = cipher(passphrase, &backup)?
        .decrypt(&XNonce::from(backup.nonce), payload)
        .map_err(|_| Error::Unopenable)?;
    let seed = Zeroizing::new(seed);
    let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| Error::Unopenable)?;
    Ok(Secret::new(seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_seed_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed");
        let seed = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap(), seed);
        assert!(matches!(create(&path), Err(Error::Exists(_))));
        assert_ne!(create(&folder.path().join("other")).unwrap(), seed);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(
                load(&path),
                Err(Error::Exposed { mode: 0o640, .. })
            ));
        }
    }

    #[test]
    fn other_texts_are_no_seeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed");
        store(&path, &Secret::new([1; 32])).unwrap();
        for text in [
            "",
            "0x01",
            &"0".repeat(64),
            &format!("0x{}", "G".repeat(64)),
        ] {
            fs::write(&path, text).unwrap();
            assert!(load(&path).is_err(), "{text}");
        }
        fs::write(&path, [b'a'; 5_000]).unwrap();
        assert!(matches!(load(&path), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn a_backup_opens_with_its_passphrase_alone() {
        let seed = Secret::new([7; 32]);
        let text = backup(&seed, "correct horse").unwrap();
        assert!(!String::from_utf8_lossy(&text).contains("0707"));
        assert_eq!(restore(&text, "correct horse").unwrap(), seed);
        assert!(matches!(restore(&text, "wrong"), Err(Error::Unopenable)));
        let dear = String::from_utf8(text).unwrap().replace("65536", "4194304");
        assert!(matches!(
            restore(dear.as_bytes(), "correct horse"),
            Err(Error::Malformed { .. })
        ));
        assert!(backup(&seed, "").is_err());
        assert!(restore(b"{}", "x").is_err());
    }
}
