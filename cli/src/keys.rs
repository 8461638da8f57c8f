//! Keys: secrets on the command line and in key files, and the addresses that
//! follow from them.

use crate::error::{Error, Result};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};
use subxt::utils::AccountId32;
use subxt_signer::{bip39::Mnemonic, sr25519::Keypair, SecretUri};

/// Longest key file that is read, in bytes.
const MAX_KEY_FILE: u64 = 1_024;

/// Where the secret of a signing account comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A secret URI, given directly.
    Suri(String),
    /// A file that holds one.
    File(PathBuf),
}

impl Source {
    /// The key pair.
    pub fn load(&self) -> Result<Keypair> {
        match self {
            Self::Suri(suri) => from_suri(suri),
            Self::File(path) => from_file(path),
        }
    }
}

/// Derives a key pair from a secret URI: a mnemonic or `0x` seed, with optional
/// derivation path and password, or a development key such as `//Alice`.
pub fn from_suri(suri: &str) -> Result<Keypair> {
    let suri = suri.trim();
    if suri.is_empty() {
        // The empty URI would be the development phrase itself, known to everybody.
        return Err(Error::BadSecret("it is empty".into()));
    }
    let uri = SecretUri::from_str(suri).map_err(|error| Error::BadSecret(error.to_string()))?;
    Keypair::from_uri(&uri).map_err(|error| Error::BadSecret(error.to_string()))
}

/// Reads a key file: one line with a secret URI, readable by its owner only.
pub fn from_file(path: &Path) -> Result<Keypair> {
    let read = |source| Error::File {
        action: "read the key file",
        path: path.into(),
        source,
    };
    let metadata = fs::metadata(path).map_err(read)?;
    let bad = |reason: &str| Error::BadFile {
        path: path.into(),
        reason: reason.into(),
    };
    if !metadata.is_file() {
        return Err(bad("this is no file"));
    }
    check_mode(path, &metadata)?;
    if metadata.len() > MAX_KEY_FILE {
        return Err(bad(
            "a key file holds one line with a secret, this is far longer",
        ));
    }
    let text = fs::read_to_string(path).map_err(read)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secret = lines.next().ok_or_else(|| bad("the key file is empty"))?;
    if lines.next().is_some() {
        return Err(bad("a key file holds one line, this one has several"));
    }
    from_suri(secret)
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::KeyFileMode {
            path: path.into(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<()> {
    Ok(())
}

/// Makes a new 12-word mnemonic.
pub fn generate() -> Result<Mnemonic> {
    let mut entropy = [0u8; 16];
    getrandom::fill(&mut entropy)
        .map_err(|error| Error::BadSecret(format!("the system gives no randomness: {error}")))?;
    Mnemonic::from_entropy(&entropy).map_err(|error| Error::BadSecret(error.to_string()))
}

/// Writes a secret to a new file that only its owner can read. An existing file
/// is never overwritten.
pub fn write_new(path: &Path, secret: &str) -> Result<()> {
    let failed = |source| Error::File {
        action: "write the key file",
        path: path.into(),
        source,
    };
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(failed)?;
    writeln!(file, "{secret}")
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// The account of a key pair.
pub fn account(pair: &Keypair) -> AccountId32 {
    pair.public_key().to_account_id()
}

/// Reads an account: an SS58 address, `0x` and 64 hex digits, or a secret URI
/// such as `//Alice`.
pub fn parse_account(text: &str) -> Result<AccountId32> {
    let text = text.trim();
    if let Ok(account) = AccountId32::from_str(text) {
        return Ok(account);
    }
    if let Some(bytes) = athanor_primitives::ticket::root_from_hex(text) {
        return Ok(AccountId32(bytes));
    }
    if text.starts_with("//") || text.contains(' ') {
        return from_suri(text).map(|pair| account(&pair));
    }
    Err(Error::Usage(format!(
        "'{text}' is no account: give an SS58 address, 0x and 64 hex digits, or a key like //Alice"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    fn address(suri: &str) -> String {
        account(&from_suri(suri).unwrap()).to_string()
    }

    #[test]
    fn development_keys_mnemonics_and_seeds_are_secrets() {
        assert_eq!(address("//Alice"), ALICE);
        assert_eq!(address(&format!("{PHRASE}//Alice")), ALICE);
        let seed = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
        assert_eq!(address(seed), ALICE);
        assert_ne!(address("//Alice//stash"), ALICE);
    }

    #[test]
    fn malformed_secrets_are_refused_without_being_repeated() {
        let long = format!("{PHRASE} walk");
        for suri in [
            "",
            "  ",
            "bottom drive",
            "0x1234",
            &long,
            "what is this, then?",
        ] {
            let error = from_suri(suri).unwrap_err();
            assert!(matches!(error, Error::BadSecret(_)), "{suri}");
            assert!(!error.to_string().contains("bottom"), "{error}");
        }
    }

    #[test]
    fn a_new_mnemonic_makes_a_key_and_no_two_are_equal() {
        let one = generate().unwrap().to_string();
        let two = generate().unwrap().to_string();
        assert_ne!(one, two);
        assert_eq!(one.split(' ').count(), 12);
        assert!(from_suri(&one).is_ok());
    }

    #[test]
    fn a_written_key_file_can_be_read_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/key");
        write_new(&path, "//Alice").unwrap();
        assert_eq!(account(&from_file(&path).unwrap()).to_string(), ALICE);
        assert!(matches!(write_new(&path, "//Bob"), Err(Error::File { .. })));
        assert_eq!(account(&from_file(&path).unwrap()).to_string(), ALICE);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_others_can_read_is_refused_with_the_cure() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_new(&path, "//Alice").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = from_file(&path).unwrap_err();
        assert!(matches!(error, Error::KeyFileMode { mode: 0o640, .. }));
        assert!(error.render().contains("chmod 600"));
    }

    #[test]
    fn files_that_are_no_key_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            write_new(&path, text).unwrap();
            path
        };
        assert!(matches!(
            from_file(&path("a", "")),
            Err(Error::BadFile { .. })
        ));
        assert!(matches!(
            from_file(&path("b", "//Alice\n//Bob")),
            Err(Error::BadFile { .. })
        ));
        assert!(matches!(
            from_file(&path("c", &"x".repeat(5_000))),
            Err(Error::BadFile { .. })
        ));
        assert!(matches!(
            from_file(&path("d", "no secret")),
            Err(Error::BadSecret(_))
        ));
        assert!(matches!(
            from_file(&folder.path().join("none")),
            Err(Error::File { .. })
        ));
        assert!(matches!(
            from_file(folder.path()),
            Err(Error::BadFile { .. })
        ));
    }

    #[test]
    fn accounts_are_addresses_public_keys_or_development_keys() {
        let alice = parse_account("//Alice").unwrap();
        assert_eq!(parse_account(ALICE).unwrap(), alice);
        assert_eq!(parse_account(&crate::scale::hex(&alice.0)).unwrap(), alice);
        for text in [
            "",
            "Alice",
            "0x12",
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ",
        ] {
            assert!(
                matches!(parse_account(text), Err(Error::Usage(_))),
                "{text}"
            );
        }
    }
}
