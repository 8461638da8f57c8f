//! The local store.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use athanor_content_store::{root_hex, Blob, Error, Limits, Root, Store};
use bytes::Bytes;

fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

async fn store(limits: Limits) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("new/folder"), limits)
        .await
        .unwrap();
    (dir, store)
}

fn limits(max_blob: u64, max_total: u64) -> Limits {
    Limits {
        max_blob,
        max_total,
    }
}

fn incoming(store: &Store) -> Vec<PathBuf> {
    fs::read_dir(store.dir().join("incoming"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect()
}

#[tokio::test]
async fn what_is_stored_can_be_read_listed_and_removed() {
    let (_dir, store) = store(Limits::default()).await;
    let bytes = Bytes::from(vec![5; 700_000]);
    let name = store.put_bytes(bytes.clone()).await.unwrap();
    assert_eq!(name, root(&bytes));
    assert_eq!(store.put_bytes(bytes.clone()).await.unwrap(), name);
    let empty = store.put_bytes(Bytes::new()).await.unwrap();

    assert_eq!(store.has(&name).await.unwrap(), Some(700_000));
    assert_eq!(
        store.read(&name, 700_000).await.unwrap(),
        Some(bytes.clone())
    );
    assert_eq!(store.read(&empty, 0).await.unwrap(), Some(Bytes::new()));
    let path = store.path(&name).await.unwrap();
    assert!(path.ends_with(format!(
        "blobs/{}/{}",
        &root_hex(&name)[..2],
        root_hex(&name)
    )));
    assert_eq!(fs::read(path).unwrap(), bytes);
    assert_eq!(store.used(), 700_000);
    let mut all = [
        Blob {
            root: name,
            len: 700_000,
        },
        Blob {
            root: empty,
            len: 0,
        },
    ];
    all.sort_by_key(|blob| blob.root);
    assert_eq!(store.list().await.unwrap(), all);
    assert!(incoming(&store).is_empty());

    assert!(store.remove(&name).await.unwrap());
    assert!(!store.remove(&name).await.unwrap());
    assert_eq!(store.has(&name).await.unwrap(), None);
    assert_eq!(store.read(&name, u64::MAX).await.unwrap(), None);
    assert_eq!(store.path(&name).await, None);
    assert_eq!(store.used(), 0);
}

#[tokio::test]
async fn a_file_is_stored_under_its_root() {
    let (dir, store) = store(limits(1000, 10_000)).await;
    let file = dir.path().join("weights.bin");
    fs::write(&file, vec![1; 1000]).unwrap();
    assert_eq!(
        store.put_file(&file).await.unwrap(),
        (root(&[1; 1000]), 1000)
    );
    assert_eq!(store.used(), 1000);

    fs::write(&file, vec![1; 1001]).unwrap();
    assert!(matches!(
        store.put_file(&file).await,
        Err(Error::TooLarge { limit: 1000 })
    ));
    let absent = store.put_file(&dir.path().join("absent")).await;
    assert!(matches!(absent, Err(Error::Io { action: "open", .. })));
    assert_eq!(store.used(), 1000);
    assert!(incoming(&store).is_empty());
}

#[tokio::test]
async fn a_blob_above_the_limit_of_the_reader_is_not_read() {
    let (_dir, store) = store(Limits::default()).await;
    let name = store.put_bytes(Bytes::from_static(b"four")).await.unwrap();
    assert!(matches!(
        store.read(&name, 3).await,
        Err(Error::TooLarge { limit: 3 })
    ));
    assert!(store.read(&name, 4).await.unwrap().is_some());
}

#[tokio::test]
async fn the_total_counts_uploads_under_way_and_gives_back_what_is_dropped() {
    let (_dir, store) = store(limits(100, 150)).await;
    let mut first = store.begin().await.unwrap();
    first.write(&[1; 90]).await.unwrap();
    let mut second = store.begin().await.unwrap();
    assert!(matches!(
        second.write(&[2; 61]).await,
        Err(Error::Quota {
            limit: 150,
            needed: 61
        })
    ));
    second.reserve(60).unwrap();
    second.write(&[2; 60]).await.unwrap();
    assert_eq!(store.used(), 150);
    assert!(matches!(
        second.write(&[2; 41]).await,
        Err(Error::TooLarge { limit: 100 })
    ));
    drop(first);
    assert_eq!(store.used(), 60);
    let stored = second.finish(None).await.unwrap();
    assert_eq!(
        (stored.root, stored.len, stored.new),
        (root(&[2; 60]), 60, true)
    );
    assert_eq!(store.used(), 60);
    assert!(incoming(&store).is_empty());

    let again = Store::open(store.dir(), limits(100, 150)).await.unwrap();
    assert_eq!(again.used(), 60);
    let mut twice = again.begin().await.unwrap();
    twice.reserve(90).unwrap();
    twice.write(&[2; 60]).await.unwrap();
    assert!(!twice.finish(Some(&root(&[2; 60]))).await.unwrap().new);
    assert_eq!(again.used(), 60);
}

#[tokio::test]
async fn a_false_blob_leaves_nothing() {
    let (_dir, store) = store(Limits::default()).await;
    let mut incoming_blob = store.begin().await.unwrap();
    incoming_blob.write(b"something").await.unwrap();
    let refused = incoming_blob.finish(Some(&root(b"else"))).await;
    assert!(matches!(
        refused,
        Err(Error::RootMismatch { expected, actual })
            if expected == root(b"else") && actual == root(b"something")
    ));
    assert_eq!(store.list().await.unwrap(), []);
    assert_eq!(store.used(), 0);
    assert!(incoming(&store).is_empty());
}

#[tokio::test]
async fn a_damaged_blob_is_moved_aside_and_can_be_stored_again() {
    let (_dir, store) = store(Limits::default()).await;
    let bytes = Bytes::from(vec![7; 5000]);
    let name = store.put_bytes(bytes.clone()).await.unwrap();
    let path = store.path(&name).await.unwrap();
    let mut wrong = bytes.to_vec();
    wrong[4000] = 8;
    fs::write(&path, wrong).unwrap();

    let damaged = store.read(&name, 5000).await;
    assert!(matches!(damaged, Err(Error::Damaged { root }) if root == name));
    assert_eq!(store.has(&name).await.unwrap(), None);
    assert_eq!(store.used(), 0);
    store.put_bytes(bytes.clone()).await.unwrap();
    assert_eq!(store.read(&name, 5000).await.unwrap(), Some(bytes));
}

#[tokio::test]
async fn a_truncated_blob_is_replaced_by_the_whole_one() {
    let (_dir, store) = store(Limits::default()).await;
    let bytes = Bytes::from(vec![7; 5000]);
    let name = store.put_bytes(bytes.clone()).await.unwrap();
    fs::write(store.path(&name).await.unwrap(), [7; 10]).unwrap();
    let store = Store::open(store.dir(), Limits::default()).await.unwrap();
    assert_eq!(store.used(), 10);
    store.put_bytes(bytes.clone()).await.unwrap();
    assert_eq!(store.used(), 5000);
    assert_eq!(store.read(&name, 5000).await.unwrap(), Some(bytes));
}

#[tokio::test]
async fn only_old_unfinished_uploads_are_cleared_away() {
    let (_dir, store) = store(Limits::default()).await;
    let (old, new) = (
        store.dir().join("incoming/old"),
        store.dir().join("incoming/new"),
    );
    fs::write(&old, b"x").unwrap();
    fs::write(&new, b"x").unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(7200);
    fs::File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    Store::open(store.dir(), Limits::default()).await.unwrap();
    assert!(!old.exists() && new.exists());
}

#[tokio::test]
async fn foreign_files_are_no_blobs() {
    let (_dir, store) = store(Limits::default()).await;
    fs::create_dir_all(store.dir().join("blobs/ab")).unwrap();
    fs::write(store.dir().join("blobs/ab/README"), b"x").unwrap();
    fs::write(store.dir().join("blobs/notes.txt"), b"x").unwrap();
    let store = Store::open(store.dir(), Limits::default()).await.unwrap();
    assert_eq!(store.list().await.unwrap(), []);
    assert_eq!(store.used(), 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    let error = Store::open(dir.path().join("file/store"), Limits::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("file/store"), "{error}");
}

#[tokio::test]
async fn many_writers_of_one_blob_store_it_once() {
    let (_dir, store) = store(Limits::default()).await;
    let bytes = Bytes::from(vec![3; 100_000]);
    let writers = (0..16).map(|_| {
        let (store, bytes) = (store.clone(), bytes.clone());
        tokio::spawn(async move { store.put_bytes(bytes).await.unwrap() })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.unwrap(), root(&bytes));
    }
    assert_eq!(store.used(), 100_000);
    assert_eq!(store.list().await.unwrap().len(), 1);
    assert!(incoming(&store).is_empty());
}

#[tokio::test]
async fn an_adopted_file_is_a_blob_and_counts_once() {
    let (dir, store) = store(limits(100, 150)).await;
    let file = |name: &str, byte: u8| {
        let path = dir.path().join(name);
        fs::write(&path, [byte; 100]).unwrap();
        path
    };
    let (first, name) = (file("a", 1), root(&[1; 100]));
    assert_eq!(store.adopt(&name, &first).await.unwrap(), 100);
    assert!(!first.exists());
    assert_eq!(store.read(&name, 100).await.unwrap().unwrap(), [1; 100][..]);
    let again = file("b", 1);
    assert_eq!(store.adopt(&name, &again).await.unwrap(), 100);
    assert!(!again.exists());
    assert_eq!(store.used(), 100);

    let (second, other) = (file("c", 2), root(&[2; 100]));
    let full = store.adopt(&other, &second).await.unwrap_err();
    assert!(matches!(full, Error::Quota { .. }), "{full}");
    assert!(second.exists());
    fs::write(&second, [2; 101]).unwrap();
    let long = store.adopt(&other, &second).await.unwrap_err();
    assert!(matches!(long, Error::TooLarge { .. }), "{long}");
    assert_eq!(store.used(), 100);
    let nothing = dir.path().join("nothing");
    let absent = store.adopt(&other, &nothing).await.unwrap_err();
    assert!(matches!(absent, Error::Io { .. }), "{absent}");
}

#[tokio::test]
async fn a_touched_blob_was_used_last() {
    let (_dir, store) = store(Limits::default()).await;
    let mut names = Vec::new();
    for (age, byte) in [(300, 1u8), (200, 2), (100, 3)] {
        let name = store.put_bytes(Bytes::from(vec![byte])).await.unwrap();
        let path = store.path(&name).await.unwrap();
        let then = SystemTime::now() - Duration::from_secs(age);
        fs::File::open(path).unwrap().set_modified(then).unwrap();
        names.push(name);
    }
    let order = || async {
        let blobs = store.by_last_use().await.unwrap();
        blobs.iter().map(|blob| blob.root).collect::<Vec<_>>()
    };
    assert_eq!(order().await, names);
    store.touch(&names[0]).await.unwrap();
    store.touch(&[9; 32]).await.unwrap();
    assert_eq!(order().await, [names[1], names[2], names[0]]);
}
