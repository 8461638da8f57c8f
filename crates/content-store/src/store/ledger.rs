use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::incoming::sync_folder;
use super::{entries, scan_names};
use crate::{root_hex, Error, Root};

/// What the blobs stored with one token come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Bytes, with outboards and uploads under way.
    pub bytes: u64,
    /// Blobs, with uploads under way.
    pub blobs: u64,
}

/// A token as the books know it, and what it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) blobs: u64,
    pub(crate) private: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    name: String,
    bytes: u64,
    private: bool,
    /// Whether it brought the blob, not its outboard alone: the outboard of what is private may be
    /// public, so it gives no right to read.
    whole: bool,
}

/// Who is left when a token gives up a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Others who brought the blob.
    Holders,
    /// Others who brought the outboard alone.
    Outboard,
    Nobody,
}

/// Who stored what. Kept in a file for each blob, `owners/<2 digits>/<64 digits>`, which is there
/// before the blob is: what is private is so from its first moment.
#[derive(Debug)]
pub(crate) struct Ledger {
    folder: PathBuf,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    blobs: HashMap<Root, Vec<Holder>>,
    /// Uploads in parts: root and length.
    uploads: HashMap<(Root, u64), Vec<Holder>>,
    held: BTreeMap<String, Held>,
}

impl Books {
    fn add(&mut self, name: &str, more: Held) {
        let held = self.held.entry(name.to_owned()).or_default();
        held.bytes = held.bytes.saturating_add(more.bytes);
        held.blobs = held.blobs.saturating_add(more.blobs);
    }

    fn subtract(&mut self, name: &str, less: Held) {
        if let Some(held) = self.held.get_mut(name) {
            held.bytes = held.bytes.saturating_sub(less.bytes);
            held.blobs = held.blobs.saturating_sub(less.blobs);
            if *held == Held::default() {
                self.held.remove(name);
            }
        }
    }

    fn check(&self, account: &Account, more: Held) -> Result<(), Error> {
        let Held { bytes, blobs } = more;
        let held = self.held.get(&account.name).copied().unwrap_or_default();
        if held.blobs.saturating_add(blobs) > account.blobs {
            return Err(Error::TokenBlobs {
                limit: account.blobs,
            });
        }
        if held
            .bytes
            .checked_add(bytes)
            .is_none_or(|sum| sum > account.bytes)
        {
            return Err(Error::TokenBytes {
                limit: account.bytes,
                held: held.bytes,
                needed: bytes,
            });
        }
        Ok(())
    }
}

/// Room that a token holds for a blob on its way; given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    ledger: Arc<Ledger>,
    account: Account,
    root: Root,
    /// What is set aside.
    room: Held,
    /// Bytes it had under this root already.
    before: Option<u64>,
}

impl Charge {
    /// Writes down that the token holds the blob, or of it the outboard alone, of which `bytes` came.
    /// To be called before it can be seen.
    pub(crate) fn keep(mut self, bytes: u64, whole: bool) -> Result<(), Error> {
        let mut books = self.ledger.books();
        let mut holders = books.blobs.get(&self.root).cloned().unwrap_or_default();
        let at = holders.iter().position(|h| h.name == self.account.name);
        let now = at.and_then(|at| holders.get(at)).map(|holder| holder.bytes);
        if now != self.before {
            // The same came twice at once, and is counted once.
            return Ok(());
        }
        match at.and_then(|at| holders.get_mut(at)) {
            Some(holder) => {
                holder.bytes = holder.bytes.saturating_add(bytes);
                holder.whole |= whole;
            }
            None => holders.push(Holder {
                name: self.account.name.clone(),
                bytes,
                private: self.account.private,
                whole,
            }),
        }
        self.ledger.write(&self.root, &holders)?;
        books.blobs.insert(self.root, holders);
        let unused = self.room.bytes.saturating_sub(bytes);
        books.subtract(
            &self.account.name,
            Held {
                bytes: unused,
                blobs: 0,
            },
        );
        drop(books);
        self.room = Held::default();
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.room != Held::default() {
            self.ledger.books().subtract(&self.account.name, self.room);
        }
    }
}

impl Ledger {
    /// Reads the books in `folder`. What is neither stored nor on its way is struck out.
    pub(super) fn open(
        folder: PathBuf,
        stored: impl Fn(&Root) -> bool,
        uploads: impl Iterator<Item = (Root, u64, PathBuf)>,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let mut books = Books::default();
        for (root, path) in scan_names(&folder)? {
            if !stored(&root) {
                std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                continue;
            }
            let holders = read(&path)?;
            for holder in &holders {
                books.add(&holder.name, one(holder.bytes));
            }
            books.blobs.insert(root, holders);
        }
        for (root, len, path) in uploads {
            if path.is_file() {
                // A crash after it was stored leaves its folder.
                let stored = books.blobs.get(&root).cloned().unwrap_or_default();
                let mut holders = read(&path)?;
                holders.retain(|holder| stored.iter().all(|other| other.name != holder.name));
                for holder in &holders {
                    books.add(&holder.name, one(holder.bytes));
                }
                books.uploads.insert((root, len), holders);
            }
        }
        Ok(Self {
            folder,
            books: Mutex::new(books),
        })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, root: &Root) -> PathBuf {
        let name = root_hex(root);
        let shard = name.get(..2).unwrap_or_default();
        self.folder.join(shard).join(&name)
    }

    fn write(&self, root: &Root, holders: &[Holder]) -> Result<(), Error> {
        let path = self.path(root);
        if holders.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::io("remove", &path)(error))
                }
                _ => Ok(()),
            };
        }
        write(&path, holders)
    }

    /// What each token holds.
    pub(super) fn held(&self) -> Vec<(String, Held)> {
        let books = self.books();
        books
            .held
            .iter()
            .map(|(name, held)| (name.clone(), *held))
            .collect()
    }

    /// Who alone may read what is under a root; `None`: anybody.
    pub(crate) fn readers(&self, root: &Root) -> Option<Vec<String>> {
        let books = self.books();
        let holders = books.blobs.get(root)?;
        let any_whole = holders.iter().any(|holder| holder.whole);
        let mut of_weight = holders.iter().filter(|holder| holder.whole == any_whole);
        if holders.is_empty() || !of_weight.clone().all(|holder| holder.private) {
            return None;
        }
        Some(
            of_weight
                .by_ref()
                .map(|holder| holder.name.clone())
                .collect(),
        )
    }

    /// Whether a token brought the blob or its outboard.
    pub(crate) fn has_part(&self, root: &Root, name: &str) -> bool {
        let books = self.books();
        let holders = books.blobs.get(root);
        holders.is_some_and(|all| all.iter().any(|holder| holder.name == name))
    }

    /// Whether a token brought the blob.
    pub(crate) fn holds(&self, root: &Root, name: &str) -> bool {
        let books = self.books();
        let holders = books.blobs.get(root);
        holders.is_some_and(|all| all.iter().any(|holder| holder.whole && holder.name == name))
    }

    /// Sets room aside for `bytes` under a root.
    pub(crate) fn charge(
        self: &Arc<Self>,
        account: &Account,
        root: &Root,
        bytes: u64,
    ) -> Result<Charge, Error> {
        let mut books = self.books();
        let known = books.blobs.get(root).into_iter().flatten();
        let before = known
            .filter(|holder| holder.name == account.name)
            .map(|holder| holder.bytes)
            .next();
        let blobs = u64::from(before.is_none());
        let room = Held { bytes, blobs };
        books.check(account, room)?;
        books.add(&account.name, room);
        drop(books);
        Ok(Charge {
            ledger: self.clone(),
            account: account.clone(),
            root: *root,
            room,
            before,
        })
    }

    /// Sets room aside for an upload in parts, and writes that down at `path` once `make` has made
    /// its folder.
    pub(super) fn charge_upload(
        &self,
        account: &Account,
        key: (Root, u64),
        bytes: u64,
        most: usize,
        path: &Path,
        make: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        {
            let mut books = self.books();
            let holders = books.uploads.get(&key);
            if holders.is_some_and(|all| all.iter().any(|h| h.name == account.name)) {
                drop(books);
                return make();
            }
            let own = books.uploads.values().flatten();
            if own.filter(|holder| holder.name == account.name).count() >= most {
                return Err(Error::TooManyUploads { limit: most });
            }
            books.check(account, one(bytes))?;
            books.add(&account.name, one(bytes));
        }
        let holder = Holder {
            name: account.name.clone(),
            bytes,
            private: account.private,
            whole: true,
        };
        let made = make().and_then(|()| {
            let mut books = self.books();
            let mut holders = books.uploads.get(&key).cloned().unwrap_or_default();
            holders.push(holder);
            write(path, &holders)?;
            books.uploads.insert(key, holders);
            Ok(())
        });
        if made.is_err() {
            self.books().subtract(&account.name, one(bytes));
        }
        made
    }

    /// The blob of an upload is about to be seen: who held room for it holds the blob.
    pub(super) fn settle_upload(&self, key: (Root, u64)) -> Result<(), Error> {
        let mut books = self.books();
        let Some(new) = books.uploads.get(&key).cloned() else {
            return Ok(());
        };
        let mut holders = books.blobs.get(&key.0).cloned().unwrap_or_default();
        let mut twice = Vec::new();
        for holder in new {
            match holders.iter_mut().find(|other| other.name == holder.name) {
                Some(other) => {
                    twice.push((holder.name, holder.bytes.min(other.bytes)));
                    other.bytes = holder.bytes.max(other.bytes);
                    other.whole = true;
                }
                None => holders.push(holder),
            }
        }
        self.write(&key.0, &holders)?;
        books.blobs.insert(key.0, holders);
        books.uploads.remove(&key);
        for (name, bytes) in twice {
            books.subtract(&name, one(bytes));
        }
        Ok(())
    }

    /// An upload was given up.
    pub(super) fn forget_upload(&self, key: (Root, u64)) {
        let mut books = self.books();
        for holder in books.uploads.remove(&key).unwrap_or_default() {
            books.subtract(&holder.name, one(holder.bytes));
        }
    }

    /// Who would be left without a token; `None` when it holds nothing here.
    pub(super) fn without(&self, root: &Root, name: &str) -> Option<Left> {
        let books = self.books();
        let holders = books.blobs.get(root)?;
        if !holders.iter().any(|holder| holder.name == name) {
            return None;
        }
        let mut others = holders.iter().filter(|holder| holder.name != name);
        Some(
            match (others.clone().next(), others.any(|other| other.whole)) {
                (None, _) => Left::Nobody,
                (_, true) => Left::Holders,
                _ => Left::Outboard,
            },
        )
    }

    /// A token gave up what it held.
    pub(super) fn strike(&self, root: &Root, name: &str) -> Result<(), Error> {
        let mut books = self.books();
        let mut holders = books.blobs.get(root).cloned().unwrap_or_default();
        let Some(at) = holders.iter().position(|holder| holder.name == name) else {
            return Ok(());
        };
        let holder = holders.remove(at);
        self.write(root, &holders)?;
        if holders.is_empty() {
            books.blobs.remove(root);
        } else {
            books.blobs.insert(*root, holders);
        }
        books.subtract(&holder.name, one(holder.bytes));
        Ok(())
    }

    /// A blob is gone.
    pub(super) fn forget(&self, root: &Root) -> Result<(), Error> {
        let mut books = self.books();
        let Some(holders) = books.blobs.remove(root) else {
            return Ok(());
        };
        for holder in holders {
            books.subtract(&holder.name, one(holder.bytes));
        }
        self.write(root, &[])
    }
}

/// One blob of so many bytes.
fn one(bytes: u64) -> Held {
    Held { bytes, blobs: 1 }
}

fn read(path: &Path) -> Result<Vec<Holder>, Error> {
    let text = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&text).map_err(|error| {
        Error::io("understand", path)(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    })
}

fn write(path: &Path, holders: &[Holder]) -> Result<(), Error> {
    let failed = |error| Error::io("write", path)(error);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut file = tempfile::Builder::new()
        .prefix("new-")
        .tempfile_in(folder)
        .map_err(failed)?;
    let text = serde_json::to_vec(holders).map_err(|error| failed(error.into()))?;
    file.write_all(&text).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder)
}

/// Files that a crash left half written.
pub(super) fn clear_unfinished(folder: &Path) -> Result<(), Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    for shard in entries(folder)? {
        if !shard.is_dir() {
            continue;
        }
        for path in entries(&shard)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with("new-")) {
                std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, bytes: u64, blobs: u64) -> Account {
        Account {
            name: name.to_owned(),
            bytes,
            blobs,
            private: name == "secretive",
        }
    }

    fn ledger(folder: &Path) -> Arc<Ledger> {
        Arc::new(Ledger::open(folder.join("owners"), |_| true, std::iter::empty()).unwrap())
    }

    fn held(ledger: &Ledger, name: &str) -> (u64, u64) {
        let all = ledger.held();
        let held = all.iter().find(|(other, _)| other == name);
        held.map_or((0, 0), |(_, held)| (held.bytes, held.blobs))
    }

    fn keep(books: &Arc<Ledger>, account: &Account, root: u8, room: u64, bytes: u64) {
        let charge = books.charge(account, &[root; 32], room).unwrap();
        charge.keep(bytes, true).unwrap();
    }

    #[test]
    fn the_same_twice_at_once_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let books = ledger(dir.path());
        let alice = account("alice", 100, 9);
        let charge = || books.charge(&alice, &[1; 32], 30).unwrap();
        let (first, second) = (charge(), charge());
        assert_eq!(held(&books, "alice"), (60, 2));
        first.keep(30, true).unwrap();
        second.keep(30, true).unwrap();
        assert_eq!(held(&books, "alice"), (30, 1));
    }

    #[test]
    fn an_outboard_counts_and_gives_no_right_to_the_blob() {
        let dir = tempfile::tempdir().unwrap();
        let books = ledger(dir.path());
        let (secretive, open) = (account("secretive", 99, 9), account("open", 99, 9));
        let root = [7; 32];
        books
            .charge(&open, &root, 4)
            .unwrap()
            .keep(4, false)
            .unwrap();
        assert!(!books.holds(&root, "open"));
        assert_eq!(books.readers(&root), None);
        keep(&books, &secretive, 7, 50, 50);
        assert_eq!(books.readers(&root), Some(vec!["secretive".to_owned()]));
        assert_eq!(books.without(&root, "secretive"), Some(Left::Outboard));
        assert_eq!(books.without(&root, "open"), Some(Left::Holders));
        // Its blob on top of its outboard is not free.
        keep(&books, &open, 7, 50, 50);
        assert_eq!(held(&books, "open"), (54, 1));
        assert_eq!(books.readers(&root), None);
    }

    #[test]
    fn room_is_held_and_given_back_and_kept_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let books = ledger(dir.path());
        let alice = account("alice", 100, 2);
        let charge = books.charge(&alice, &[1; 32], 60).unwrap();
        let full = books.charge(&alice, &[2; 32], 41).unwrap_err();
        assert!(matches!(
            full,
            Error::TokenBytes {
                limit: 100,
                held: 60,
                needed: 41
            }
        ));
        drop(charge);
        assert_eq!(held(&books, "alice"), (0, 0));
        keep(&books, &alice, 1, 60, 50);
        keep(&books, &alice, 2, 1, 1);
        let many = books.charge(&alice, &[3; 32], 1).unwrap_err();
        assert!(matches!(many, Error::TokenBlobs { limit: 2 }));
        assert_eq!(held(&books, "alice"), (51, 2));

        let again = ledger(dir.path());
        assert_eq!(held(&again, "alice"), (51, 2));
        assert!(again.holds(&[1; 32], "alice") && !again.holds(&[1; 32], "bob"));
        let stored = |root: &Root| *root == [2; 32];
        let struck = Ledger::open(dir.path().join("owners"), stored, std::iter::empty()).unwrap();
        assert_eq!(held(&struck, "alice"), (1, 1));
    }

    #[test]
    fn a_blob_is_private_while_all_its_holders_want_that() {
        let dir = tempfile::tempdir().unwrap();
        let books = ledger(dir.path());
        let root = [7; 32];
        let (secretive, open) = (account("secretive", 9, 9), account("open", 9, 9));
        assert_eq!(books.readers(&root), None);
        keep(&books, &secretive, 7, 1, 1);
        assert_eq!(books.readers(&root), Some(vec!["secretive".to_owned()]));
        keep(&books, &open, 7, 1, 1);
        assert_eq!(books.readers(&root), None);
        assert_eq!(books.without(&root, "nobody"), None);
        assert_eq!(books.without(&root, "open"), Some(Left::Holders));
        books.strike(&root, "open").unwrap();
        assert_eq!(ledger(dir.path()).readers(&root).unwrap().len(), 1);
        assert_eq!(books.without(&root, "secretive"), Some(Left::Nobody));
        assert!(books.readers(&root).is_some(), "until it is gone");
        books.forget(&root).unwrap();
        assert_eq!(books.held(), []);
        assert_eq!(ledger(dir.path()).held(), []);
    }

    #[test]
    fn an_upload_holds_room_until_it_is_stored_or_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let books = ledger(dir.path());
        let alice = account("alice", 100, 9);
        let path = dir.path().join("holders");
        let begin = |len: u64, most| {
            books.charge_upload(&alice, ([1; 32], len), len, most, &path, || Ok(()))
        };
        begin(40, 2).unwrap();
        begin(40, 2).unwrap();
        assert_eq!(held(&books, "alice"), (40, 1));
        begin(50, 2).unwrap();
        assert!(matches!(
            begin(1, 2),
            Err(Error::TooManyUploads { limit: 2 })
        ));
        assert!(matches!(begin(11, 3), Err(Error::TokenBytes { .. })));
        let failed = || Err(Error::NoUpload);
        let key = ([2; 32], 5);
        assert!(books
            .charge_upload(&alice, key, 5, 9, &path, failed)
            .is_err());
        assert_eq!(held(&books, "alice"), (90, 2));
        books.settle_upload(([1; 32], 40)).unwrap();
        assert!(books.holds(&[1; 32], "alice"));
        // Two of one blob cannot both be right.
        books.settle_upload(([1; 32], 50)).unwrap();
        assert_eq!(held(&books, "alice"), (50, 1));
        begin(7, 9).unwrap();
        books.forget_upload(([1; 32], 7));
        assert_eq!(held(&books, "alice"), (50, 1));
    }
}
