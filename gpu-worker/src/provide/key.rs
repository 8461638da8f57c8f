//! Key files, as `athanor keys` writes them: one line with a secret, readable by its
//! owner only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};
use subxt_signer::{sr25519::Keypair, SecretUri};

/// Longest key file that is read, in bytes.
const MAX_KEY_FILE: u64 = 1_024;

/// A key file that is of no use. The secret is never part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It can't be read.
    #[error("the key file {path} can't be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "the key file {path} can be read by others (mode {mode:03o}): run `chmod 600 {path}`, and \
         think of the key as known to them"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not one line with a secret.
    #[error("the key file {path} is none: {reason}; `athanor keys new --out FILE` makes one")]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Reads the key file `path`.
pub fn read(path: &Path) -> Result<Keypair, KeyError> {
    let read = |source| KeyError::Read {
        path: path.into(),
        source,
    };
    let bad = |reason| KeyError::Bad {
        path: path.into(),
        reason,
    };
    let metadata = fs::metadata(path).map_err(read)?;
    if !metadata.is_file() {
        return Err(bad("it is no file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Mode {
                path: path.into(),
                mode,
            });
        }
    }
    if metadata.len() > MAX_KEY_FILE {
        return Err(bad("it is far longer than one line with a secret"));
    }
    let text = fs::read_to_string(path).map_err(read)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secret = lines.next().ok_or_else(|| bad("it is empty"))?;
    if lines.next().is_some() {
        return Err(bad("it has several lines"));
    }
    // The errors of these two may repeat what they were given.
    let uri = SecretUri::from_str(secret).map_err(|_| bad("its line is no secret"))?;
    Keypair::from_uri(&uri).map_err(|_| bad("its line is no secret"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dir: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        path
    }

    #[test]
    fn a_line_with_a_secret_is_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let key = read(&file(dir.path(), "a", "//Alice\n", 0o600)).unwrap();
        assert_eq!(
            key.public_key().to_account_id().to_string(),
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_cure() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o640, 0o604, 0o660] {
            let error = read(&file(dir.path(), "a", "//Alice\n", mode))
                .err()
                .unwrap();
            assert!(matches!(error, KeyError::Mode { .. }));
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn other_files_are_refused_and_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "",
            "\n",
            "//Alice\n//Bob",
            "bottom drive obey",
            &"x".repeat(2_000),
        ] {
            let error = read(&file(dir.path(), "a", text, 0o600)).err().unwrap();
            assert!(matches!(error, KeyError::Bad { .. }), "{text:.20}");
            assert!(!error.to_string().contains("bottom"));
        }
        assert!(matches!(
            read(dir.path()),
            Err(KeyError::Bad { .. } | KeyError::Mode { .. })
        ));
        assert!(matches!(
            read(&dir.path().join("none")),
            Err(KeyError::Read { .. })
        ));
    }
}
