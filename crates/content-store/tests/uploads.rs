//! Uploads in parts: over loopback HTTP, broken off, resumed, out of order, and false.

use std::fs::{self, File};
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, SystemTime};

use athanor_content_store::{
    root_hex, router, Access, Client, ClientOptions, Error, Limits, Progress, Root, Store, What,
};
use athanor_content_tree::stream::{self, StreamError};
use bytes::Bytes;
use reqwest::{Response, StatusCode};
use tokio::net::TcpListener;

const PART: usize = 8 << 20;

/// Two full parts and a short one whose last group is short.
const LEN: usize = 2 * PART + 3 * 16_384 + 77;

fn content(len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(b"parts")
        .finalize_xof()
        .fill(&mut bytes);
    bytes.into()
}

fn outboard(bytes: &[u8]) -> (Root, Vec<u8>) {
    let mut made = Cursor::new(Vec::new());
    let root = stream::encode(bytes.len() as u64, bytes, &mut made).unwrap();
    (root, made.into_inner())
}

fn part(bytes: &Bytes, index: usize) -> Bytes {
    bytes.slice(index * PART..bytes.len().min((index + 1) * PART))
}

async fn serve(store: &Store, access: Access) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let access = Access {
        uploads: true,
        ..access
    };
    let app = router(store.clone(), access);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    base
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn client(base: &str, token: Option<&str>) -> Client {
    let options = ClientOptions {
        pause: Duration::from_millis(10),
        attempts: 3,
        ..ClientOptions::default()
    };
    Client::with_options(base, token.map(str::to_owned), options).unwrap()
}

struct Raw {
    http: reqwest::Client,
    upload: String,
}

impl Raw {
    fn new(base: &str, root: &Root, len: usize) -> Self {
        Self {
            http: http(),
            upload: format!("{base}/uploads/{}/{len}", root_hex(root)),
        }
    }

    async fn begin(&self) -> Progress {
        let answer = self.http.post(&self.upload).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        progress(answer).await
    }

    async fn put(&self, rest: &str, body: impl Into<reqwest::Body>) -> Response {
        let url = format!("{}/{rest}", self.upload);
        self.http.put(url).body(body).send().await.unwrap()
    }
}

async fn progress(answer: Response) -> Progress {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_blob_goes_there_in_parts_with_its_outboard() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let base = serve(&store, Access::with_write_token("t0ken")).await;
    let bytes = content(LEN);
    let (root, nodes) = outboard(&bytes);
    let file = dir.path().join("source");
    fs::write(&file, &bytes).unwrap();

    let mut told = Vec::new();
    let client = client(&base, Some("t0ken"));
    client
        .put_in_parts(&root, file.as_path(), |done, total| {
            told.push((done, total))
        })
        .await
        .unwrap();
    assert_eq!(told.first(), Some(&(0, LEN as u64)));
    assert_eq!(told.last(), Some(&(LEN as u64, LEN as u64)));
    assert!(told.is_sorted());
    assert_eq!(store.read(&root, u64::MAX).await.unwrap().unwrap(), bytes);
    assert_eq!(store.used(), (LEN + nodes.len()) as u64);
    assert_eq!(fs::read_dir(dir.path().join("uploads")).unwrap().count(), 0);
    assert_eq!(
        fs::read_dir(dir.path().join("incoming")).unwrap().count(),
        0
    );

    let http = http();
    let url = format!("{base}/outboards/{}", root_hex(&root));
    let got = http
        .get(&url)
        .header("range", "bytes=64-191")
        .send()
        .await
        .unwrap();
    assert_eq!(got.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(got.bytes().await.unwrap(), nodes[64..192]);
    let got = http.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(got, nodes);
    stream::verify(&root, LEN as u64, &got[..], &bytes[..], std::io::sink()).unwrap();

    // Again: nothing is sent.
    told.clear();
    client
        .put_in_parts(&root, bytes.clone(), |done, total| told.push((done, total)))
        .await
        .unwrap();
    assert!(told.iter().all(|told| *told == (LEN as u64, LEN as u64)));

    // A store that is opened anew counts the same, and removing gives all of it back.
    let again = Store::open(dir.path(), Limits::default()).await.unwrap();
    assert_eq!(again.used(), store.used());
    assert!(store.remove(&root).await.unwrap());
    assert_eq!(store.used(), 0);
    let gone = http.get(&url).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_group_has_an_empty_outboard() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let base = serve(&store, Access::default()).await;
    let bytes = content(16_384);
    let (root, _) = outboard(&bytes);
    client(&base, None)
        .put_in_parts(&root, bytes.clone(), |_, _| ())
        .await
        .unwrap();
    assert_eq!(store.read(&root, 1 << 20).await.unwrap().unwrap(), bytes);
    assert_eq!(store.used(), 16_384);
}

#[tokio::test]
async fn parts_come_in_any_order_and_what_came_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let bytes = content(LEN);
    let (root, nodes) = outboard(&bytes);
    let base = serve(&store, Access::default()).await;
    let raw = Raw::new(&base, &root, LEN);
    let begun = raw.begin().await;
    assert_eq!((begun.parts, begun.part_bytes), (3, PART as u64));
    assert_eq!((begun.outboard, begun.complete), (false, false));
    assert_eq!(begun.missing, [(0, 3)]);
    let reserved = (LEN + nodes.len()) as u64;
    assert_eq!(store.used(), reserved);
    assert_eq!(raw.put("outboard", nodes).await.status(), StatusCode::OK);
    for _ in 0..2 {
        let state = progress(raw.put("parts/1", part(&bytes, 1)).await).await;
        assert_eq!(state.missing, [(0, 1), (2, 3)]);
    }
    assert_eq!(store.has(&root).await.unwrap(), None);
    let hidden = http()
        .get(format!("{base}/blobs/{}", root_hex(&root)))
        .send()
        .await
        .unwrap();
    assert_eq!(hidden.status(), StatusCode::NOT_FOUND);

    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    assert_eq!(store.used(), reserved);
    let raw = Raw::new(&serve(&store, Access::default()).await, &root, LEN);
    let state = raw.begin().await;
    assert_eq!(
        (state.outboard, &state.missing[..]),
        (true, &[(0, 1), (2, 3)][..])
    );
    let state = progress(raw.put("parts/2", part(&bytes, 2)).await).await;
    assert_eq!(state.missing, [(0, 1)]);
    let state = progress(raw.put("parts/0", part(&bytes, 0)).await).await;
    assert!(state.complete);
    assert_eq!(store.read(&root, u64::MAX).await.unwrap().unwrap(), bytes);
    assert_eq!(store.used(), reserved);
    // Late copies of parts change nothing.
    let state = progress(raw.put("parts/0", part(&bytes, 0)).await).await;
    assert!(state.complete);
}

#[tokio::test]
async fn the_client_sends_only_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let bytes = content(LEN);
    let (root, nodes) = outboard(&bytes);
    let base = serve(&store, Access::default()).await;
    let raw = Raw::new(&base, &root, LEN);
    raw.begin().await;
    raw.put("outboard", nodes).await;
    raw.put("parts/0", part(&bytes, 0)).await;
    let mut first = None;
    client(&base, None)
        .put_in_parts(&root, bytes.clone(), |done, _| {
            first.get_or_insert(done);
        })
        .await
        .unwrap();
    assert_eq!(first, Some(PART as u64));
    assert_eq!(store.has(&root).await.unwrap(), Some(LEN as u64));
}

#[tokio::test]
async fn false_parts_and_outboards_are_refused_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let bytes = content(LEN);
    let (root, nodes) = outboard(&bytes);
    let base = serve(&store, Access::default()).await;
    let raw = Raw::new(&base, &root, LEN);
    raw.begin().await;

    let early = raw.put("parts/0", part(&bytes, 0)).await;
    assert_eq!(early.status(), StatusCode::CONFLICT);
    for spoilt in [
        nodes[1..].to_vec(),
        [&nodes[..], &[0]].concat(),
        [&[nodes[0] ^ 1], &nodes[1..]].concat(),
    ] {
        let refused = raw.put("outboard", spoilt).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert!(!raw.begin().await.outboard);
    assert_eq!(raw.put("outboard", nodes).await.status(), StatusCode::OK);

    let mut changed = part(&bytes, 1).to_vec();
    changed[PART - 1] ^= 1;
    let refused = raw.put("parts/1", changed).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("group 1023"));
    for (index, body) in [
        (1, part(&bytes, 0)),
        (1, bytes.slice(PART..2 * PART - 1)),
        (2, part(&bytes, 0)),
        (0, bytes.slice(..PART + 1)),
    ] {
        let refused = raw.put(&format!("parts/{index}"), body).await;
        assert_eq!(
            refused.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{index}"
        );
    }
    for name in [
        "parts/3",
        "parts/-1",
        "parts/18446744073709551615",
        "parts/x",
    ] {
        let refused = raw.put(name, "x").await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{name}");
    }
    assert_eq!(raw.begin().await.missing, [(0, 3)]);
    assert_eq!(
        fs::read_dir(dir.path().join("incoming")).unwrap().count(),
        0
    );
    // The bytes of refused groups are nowhere, those of right ones before them may be.
    let data = fs::read_dir(dir.path().join("uploads"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let data = fs::read(data.path().join("data")).unwrap();
    assert_eq!(data.len(), LEN);
    assert!(data.iter().zip(&bytes[..]).all(|(a, b)| a == b || *a == 0));
}

#[tokio::test]
async fn uploads_take_the_token_and_must_be_begun() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let base = serve(&store, Access::with_write_token("t0ken")).await;
    let bytes = content(20_000);
    let (root, nodes) = outboard(&bytes);
    let raw = Raw::new(&base, &root, 20_000);
    let refused = raw.http.post(&raw.upload).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        raw.put("outboard", nodes).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        raw.put("parts/0", bytes.clone()).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let refused = raw.http.get(&raw.upload).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let put = client(&base, Some("wrong"))
        .put_in_parts(&root, bytes.clone(), |_, _| ())
        .await;
    assert!(matches!(put, Err(Error::Unauthorised { .. })), "{put:?}");

    let base = serve(&store, Access::default()).await;
    let raw = Raw::new(&base, &root, 20_000);
    for (method, rest) in [("GET", ""), ("PUT", "/outboard"), ("PUT", "/parts/0")] {
        let method: reqwest::Method = method.parse().unwrap();
        let url = format!("{}{rest}", raw.upload);
        let request = raw.http.request(method, url).body("piece");
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{rest}");
    }
    for (name, status) in [
        (
            format!("{}/0", root_hex(&root)),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (format!("{}/x", root_hex(&root)), StatusCode::NOT_FOUND),
        (
            format!("{}/{}", root_hex(&root), (1u64 << 40) + 1),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            format!("{}/{}", root_hex(&root), 33u64 << 30),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        ("..%2F..%2Fetc/5".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let refused = raw
            .http
            .post(format!("{base}/uploads/{name}"))
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), status, "{name}");
    }
    assert_eq!(store.used(), 0);
}

#[tokio::test]
async fn an_upload_takes_its_room_when_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        max_blob: 1 << 30,
        max_total: 40_000,
    };
    let store = Store::open(dir.path(), limits).await.unwrap();
    let base = serve(&store, Access::default()).await;
    let raw = Raw::new(&base, &[1; 32], 39_000);
    raw.begin().await;
    // Twice the same is one.
    raw.begin().await;
    assert_eq!(store.used(), 39_000 + 2 * 64);
    let full = Raw::new(&base, &[2; 32], 1_000);
    let refused = full.http.post(&full.upload).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert!(store.put_bytes(content(900)).await.is_err());
}

#[tokio::test]
async fn there_are_at_most_64_uploads_and_abandoned_ones_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    for i in 0..64 {
        store.upload(&[i; 32], 100).await.unwrap();
    }
    let more = store.upload(&[64; 32], 100).await;
    assert!(
        matches!(more, Err(Error::TooManyUploads { limit: 64 })),
        "{more:?}"
    );
    assert_eq!(store.used(), 6_400);

    let old = dir
        .path()
        .join("uploads")
        .join(format!("{}-100", root_hex(&[7; 32])));
    let day_before = SystemTime::now() - Duration::from_secs(25 * 3600);
    let age = |path: &Path| File::open(path).unwrap().set_modified(day_before).unwrap();
    for name in ["data", "parts", ""] {
        age(&old.join(name));
    }
    let abandoned = store.find_upload(&[7; 32], 100).await.unwrap();
    store.upload(&[64; 32], 100).await.unwrap();
    assert_eq!(store.used(), 6_400);
    assert!(matches!(abandoned.progress().await, Err(Error::NoUpload)));
    assert!(matches!(
        store.find_upload(&[7; 32], 100).await,
        Err(Error::NoUpload)
    ));
}

#[tokio::test]
async fn a_blob_that_came_whole_gets_its_outboard() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let bytes = content(50_000);
    let (root, nodes) = outboard(&bytes);
    store.put_bytes(bytes.clone()).await.unwrap();
    let upload = store.upload(&root, 50_000).await.unwrap();
    assert!(upload.progress().await.unwrap().complete);
    assert_eq!(store.used(), (50_000 + nodes.len()) as u64);
    let base = serve(&store, Access::default()).await;
    let url = format!("{base}/outboards/{}", root_hex(&root));
    assert_eq!(
        http().get(url).send().await.unwrap().bytes().await.unwrap(),
        nodes
    );
    // The same root with another length is another upload.
    let other = store.upload(&root, 50_001).await.unwrap();
    assert!(!other.progress().await.unwrap().complete);
}

#[tokio::test]
async fn a_piece_is_bounded_and_dropped_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let bytes = content(20_000);
    let (root, nodes) = outboard(&bytes);
    let upload = store.upload(&root, 20_000).await.unwrap();
    assert!(matches!(
        upload.piece(What::Part(0)).await,
        Err(Error::NoOutboard)
    ));
    let mut piece = upload.piece(What::Outboard).await.unwrap();
    piece.write(&nodes).await.unwrap();
    let long = piece.write(&[0]).await;
    assert!(matches!(
        long,
        Err(Error::BadContent(StreamError::Long { len: 64 }))
    ));
    assert_eq!(piece.finish().await.unwrap().missing, [(0, 1)]);
    let mut piece = upload.piece(What::Part(0)).await.unwrap();
    piece.write(&bytes[..10]).await.unwrap();
    let short = piece.finish().await;
    assert!(matches!(
        short,
        Err(Error::BadContent(StreamError::Short {
            at: 10,
            len: 20_000
        }))
    ));
    assert!(matches!(
        upload.piece(What::Part(1)).await,
        Err(Error::NoSuchPart { index: 1, count: 1 })
    ));
    drop(upload.piece(What::Part(0)).await.unwrap());
    assert_eq!(
        fs::read_dir(dir.path().join("incoming")).unwrap().count(),
        0
    );
}

#[tokio::test]
async fn bytes_with_another_root_are_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let base = serve(&store, Access::default()).await;
    let put = client(&base, None)
        .put_in_parts(&[1; 32], content(100), |_, _| ())
        .await;
    assert!(matches!(put, Err(Error::RootMismatch { .. })), "{put:?}");
    let empty = client(&base, None)
        .put_in_parts(&[1; 32], Bytes::new(), |_, _| ())
        .await;
    assert!(matches!(empty, Err(Error::BadContent(_))), "{empty:?}");
    assert_eq!(store.used(), 0);
}

#[tokio::test]
async fn without_leave_there_are_no_uploads() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = router(store.clone(), Access::default());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let raw = Raw::new(&base, &[1; 32], 100);
    let refused = raw.http.post(&raw.upload).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    assert_eq!(store.used(), 0);
}
