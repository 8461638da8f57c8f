use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{header, HeaderMap};
use serde::Deserialize;

use crate::Error;

/// Most entries of a token file.
const MOST_TOKENS: usize = 10_000;

/// Shortest secret: shorter ones can be tried out.
const SHORTEST_SECRET: usize = 16;

/// What the bearer of a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Name for logs, metrics and the store's books: 1 to 32 of `a-z 0-9 - _`.
    pub name: String,
    /// Most bytes of all blobs stored with it, outboards and uploads under way included.
    pub bytes: u64,
    /// Most blobs stored with it, uploads under way included.
    pub blobs: u64,
    /// Whether what it stores is read with this token only, and with those that read from it.
    pub private: bool,
    /// Names of other tokens whose private blobs it may read.
    pub reads: Vec<String>,
}

/// The tokens of a store, which may be exchanged while it runs. Secrets are kept as hashes.
#[derive(Clone, Default)]
pub struct Tokens {
    by_hash: Arc<RwLock<HashMap<[u8; 32], Arc<Grant>>>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.grants().iter().map(|grant| &grant.name))
            .finish()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    secret: Option<String>,
    blake3: Option<String>,
    #[serde(default)]
    bytes: Size,
    #[serde(default)]
    blobs: u64,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    reads: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Size {
    #[default]
    Nothing,
    Number(u64),
    Text(String),
}

impl Size {
    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Nothing => Some(0),
            Self::Number(bytes) => Some(*bytes),
            Self::Text(text) => {
                let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0)];
                let (number, shift) = units
                    .iter()
                    .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))?;
                let number: u64 = number.trim_end().parse().ok()?;
                number.checked_mul(1u64 << shift)
            }
        }
    }
}

impl Tokens {
    /// Reads a token file: TOML, one table `[[token]]` each, with `name`, `secret` (or `blake3`, the
    /// 64 hex digits of its hash), `bytes` (a number, or text such as `"100GiB"`), `blobs`, and if
    /// wanted `private` and `reads`. Without `bytes` and `blobs` it can only read.
    ///
    /// # Errors
    ///
    /// [`Error::BadTokens`] says which entry is wrong, and never holds a secret.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |name: &str, why: &str| Error::BadTokens {
            why: format!("token '{}': {why}", name.escape_default()),
        };
        let file: File = toml::from_str(text).map_err(|error| {
            // Its text would quote the line, and with it maybe a secret.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count());
            Error::BadTokens {
                why: format!("line {} is not understood", line.saturating_add(1)),
            }
        })?;
        if file.token.len() > MOST_TOKENS {
            return Err(Error::BadTokens {
                why: format!("there are more than {MOST_TOKENS} tokens"),
            });
        }
        let names: HashSet<String> = file.token.iter().map(|e| e.name.clone()).collect();
        let mut by_hash = HashMap::new();
        let mut seen = HashSet::new();
        for entry in file.token {
            let name = entry.name;
            let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(&c);
            if name.is_empty() || name.len() > 32 || !name.bytes().all(fits) {
                return Err(bad(&name, "a name has 1 to 32 of a-z, 0-9, - and _"));
            }
            if !seen.insert(name.clone()) {
                return Err(bad(&name, "there is another of this name"));
            }
            let hash = match (entry.secret, entry.blake3) {
                (Some(secret), None) => {
                    let graphic = secret.bytes().all(|c| c.is_ascii_graphic());
                    if secret.len() < SHORTEST_SECRET || secret.len() > 4096 || !graphic {
                        let why = "a secret has 16 to 4,096 printable ASCII characters, no spaces";
                        return Err(bad(&name, why));
                    }
                    *blake3::hash(secret.as_bytes()).as_bytes()
                }
                (None, Some(digits)) => {
                    let mut hash = [0; 32];
                    hex::decode_to_slice(&digits, &mut hash)
                        .map_err(|_| bad(&name, "blake3 has 64 hex digits"))?;
                    hash
                }
                _ => return Err(bad(&name, "give either secret or blake3")),
            };
            if let Some(unknown) = entry.reads.iter().find(|other| !names.contains(*other)) {
                let why = format!(
                    "it reads from '{}', which is not there",
                    unknown.escape_default()
                );
                return Err(bad(&name, &why));
            }
            let bytes = entry.bytes.bytes();
            let bytes = bytes.ok_or_else(|| bad(&name, "bytes is a number, or as \"100GiB\""))?;
            let grant = Grant {
                name: name.clone(),
                bytes,
                blobs: entry.blobs,
                private: entry.private,
                reads: entry.reads,
            };
            if by_hash.insert(hash, Arc::new(grant)).is_some() {
                return Err(bad(&name, "another token has the same secret"));
            }
        }
        Ok(Self {
            by_hash: Arc::new(RwLock::new(by_hash)),
        })
    }

    /// Reads the token file at `path`; see [`parse`](Self::parse).
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::BadTokens`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Self::parse(&text)
    }

    /// Takes over the tokens of `other`: those that are gone are refused from now on.
    pub fn replace(&self, other: &Self) {
        let new = other.read().clone();
        *self.by_hash.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// What each token may do, by name.
    pub fn grants(&self) -> Vec<Arc<Grant>> {
        let sorted: BTreeMap<String, Arc<Grant>> = self
            .read()
            .values()
            .map(|grant| (grant.name.clone(), grant.clone()))
            .collect();
        sorted.into_values().collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<[u8; 32], Arc<Grant>>> {
        self.by_hash.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The grant of the bearer token among `headers`. Looked up by hash, so the time it takes tells
    /// nothing about the secret.
    pub(super) fn grant(&self, headers: &HeaderMap) -> Option<Arc<Grant>> {
        let hash = bearer(headers)?;
        self.read().get(hash.as_bytes()).cloned()
    }
}

/// Hash of the bearer token among `headers`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<blake3::Hash> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
        .map(|(_, token)| blake3::hash(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[token]]
        name = "alice"
        secret = "correct-horse-battery"
        bytes = "100GiB"
        blobs = 1000
        private = true
        [[token]]
        name = "bob"
        blake3 = "abababababababababababababababababababababababababababababababab"
        bytes = 5
        reads = ["alice"]
    "#;

    fn with(token: &str) -> HeaderMap {
        let value = format!("Bearer {token}").parse().unwrap();
        [(header::AUTHORIZATION, value)].into_iter().collect()
    }

    #[test]
    fn tokens_are_read_and_found_by_their_secret() {
        let tokens = Tokens::parse(GOOD).unwrap();
        let grant = tokens.grant(&with("correct-horse-battery")).unwrap();
        assert_eq!((grant.name.as_str(), grant.private), ("alice", true));
        assert_eq!((grant.bytes, grant.blobs), (100 << 30, 1000));
        assert!(tokens.grant(&with("correct-horse-batterz")).is_none());
        assert!(tokens.grant(&HeaderMap::new()).is_none());
        let names: Vec<_> = tokens.grants().iter().map(|g| g.name.clone()).collect();
        assert_eq!(names, ["alice", "bob"]);
        assert!(!format!("{tokens:?}").contains("horse"));
        tokens.replace(&Tokens::default());
        assert!(tokens.grant(&with("correct-horse-battery")).is_none());
    }

    proptest::proptest! {
        #[test]
        fn a_mutated_file_is_taken_or_refused_without_its_secrets(
            changes in proptest::collection::vec((0..GOOD.len(), proptest::char::any()), 0..9),
            cut in 0..GOOD.len(),
        ) {
            let mut text: Vec<char> = GOOD.chars().collect();
            for (at, new) in changes {
                text[at] = new;
            }
            let text: String = text.into_iter().take(GOOD.len() - cut / 4).collect();
            match Tokens::parse(&text) {
                Ok(tokens) => {
                    for grant in tokens.grants() {
                        proptest::prop_assert!((1..=32).contains(&grant.name.len()));
                    }
                }
                Err(Error::BadTokens { why }) => {
                    proptest::prop_assert!(!why.contains("horse"), "{why}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_wrong_file_is_refused_without_its_secrets() {
        for (wrong, why) in [
            (
                GOOD.replace("name = \"bob\"", "name = \"alice\""),
                "another of this name",
            ),
            (GOOD.replace("100GiB", "100 cows"), "bytes is a number"),
            (
                GOOD.replace("100GiB", "99999999999TiB"),
                "bytes is a number",
            ),
            (GOOD.replace("[\"alice\"]", "[\"carol\"]"), "not there"),
            (
                GOOD.replace("blake3 = \"ab", "blake3 = \"a"),
                "64 hex digits",
            ),
            (
                GOOD.replace("correct-horse-battery", "correct-horse"),
                "16 to 4,096",
            ),
            (
                GOOD.replace("name = \"bob\"", "name = \"../bob\""),
                "1 to 32",
            ),
            (GOOD.replace("blobs = 1000", "blobs = -1"), ""),
            (
                GOOD.replace("private = true", "secret = \"correct-horse-battery\""),
                "",
            ),
            (GOOD.replace("private = true", "colour = 1"), "line"),
        ] {
            let Err(error @ Error::BadTokens { .. }) = Tokens::parse(&wrong) else {
                panic!("{wrong} was taken");
            };
            let text = format!("{error} {error:?}");
            assert!(text.contains(why), "{text}");
            assert!(!text.contains("horse"), "{text}");
        }
        assert!(Tokens::parse("").unwrap().is_empty());
    }
}
