//! The store over a bucket that speaks S3. `scripts/test-store-s3` starts a server on this machine
//! and runs these; alone they have nobody to ask.

use std::time::Duration;

use athanor_content_store::{
    fetch, root_hex, router, serve, Access, Bucket, Client, ClientOptions, Connections, Error,
    FetchOptions, Limits, Root, Store, Tokens,
};
use bytes::Bytes;
use tokio::net::TcpListener;

const SECRET: &str = "alice-secret-0123456789";

fn content(len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"s3").update(&len.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes.into()
}

fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

fn bucket(prefix: &str) -> Bucket {
    let endpoint = std::env::var("ATHANOR_TEST_S3").expect("set by scripts/test-store-s3");
    Bucket::new(&format!("s3://goods/{prefix}"), Some(&endpoint)).unwrap()
}

async fn serve_store(store: Store) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let quotas = format!(
        "[[token]]\nname = \"alice\"\nsecret = \"{SECRET}\"\nbytes = \"1GiB\"\nblobs = 9\n"
    );
    let access = Access {
        tokens: Tokens::parse(&quotas).unwrap(),
        uploads: true,
        ..Access::default()
    };
    let app = router(store, access);
    tokio::spawn(async move {
        serve(
            listener,
            app,
            Connections::default(),
            std::future::pending(),
        )
        .await
    });
    base
}

fn client(base: &str) -> Client {
    let options = ClientOptions {
        idle: Duration::from_secs(30),
        ..ClientOptions::default()
    };
    Client::with_options(base, Some(SECRET.to_owned()), options).unwrap()
}

fn quiet(_: u64, _: u64) {}

#[tokio::test]
#[ignore = "scripts/test-store-s3 runs it"]
async fn blobs_and_outboards_lie_in_the_bucket_and_come_back_in_ranges() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let store = Store::open_bucket(dir.path(), bucket("one"), limits)
        .await
        .unwrap();
    let base = serve_store(store.clone()).await;
    let alice = client(&base);
    let (large, small, empty) = (content(20_000_001), content(1_000), content(0));
    alice
        .put_in_parts(&root(&large), large.clone(), quiet)
        .await
        .unwrap();
    alice
        .put_in_parts(&root(&small), small.clone(), quiet)
        .await
        .unwrap();
    alice
        .put(&root(&empty), empty.clone(), quiet)
        .await
        .unwrap();
    // Whole, and in several parts of the bucket.
    let whole = content(18_000_000);
    alice
        .put(&root(&whole), whole.clone(), quiet)
        .await
        .unwrap();
    for bytes in [&large, &small, &empty, &whole] {
        let got = alice.get(&root(bytes), None, 1 << 30, quiet).await.unwrap();
        assert!(got == *bytes);
    }
    let (z, obao) = (dir.path().join("z"), dir.path().join("z.obao"));
    let (len, how) = (large.len() as u64, FetchOptions::default());
    fetch(
        std::slice::from_ref(&alice),
        &root(&large),
        len,
        &z,
        &obao,
        how,
        quiet,
    )
    .await
    .unwrap();
    assert!(std::fs::read(&z).unwrap() == large);
    let names: Vec<Root> = store
        .list()
        .await
        .unwrap()
        .iter()
        .map(|blob| blob.root)
        .collect();
    assert_eq!(names.len(), 4);

    let used = store.used();
    let again = Store::open_bucket(dir.path(), bucket("one"), limits)
        .await
        .unwrap();
    assert_eq!(
        (again.used(), again.held_by_tokens()),
        (used, store.held_by_tokens())
    );
    assert!(alice.give_up(&root(&large)).await.unwrap());
    assert_eq!(alice.head(&root(&large)).await.unwrap(), None);
    assert_eq!(alice.head_outboard(&root(&large)).await.unwrap(), None);
}

#[tokio::test]
#[ignore = "scripts/test-store-s3 runs it"]
async fn an_upload_goes_on_after_a_restart_and_nothing_false_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let bytes = content(30_000_000);
    let (name, len) = (root(&bytes), bytes.len() as u64);
    let mut nodes = std::io::Cursor::new(Vec::new());
    athanor_content_tree::stream::encode(len, &bytes[..], &mut nodes).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = |base: &str, rest: &str, body: Bytes| {
        let url = format!("{base}/uploads/{}/{len}{rest}", root_hex(&name));
        let method = if rest.is_empty() { "POST" } else { "PUT" };
        let request = http.request(method.parse().unwrap(), url);
        let request = request.bearer_auth(SECRET).body(body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let first = Store::open_bucket(dir.path(), bucket("two"), limits)
        .await
        .unwrap();
    let base = serve_store(first).await;
    assert_eq!(put(&base, "", Bytes::new()).await, 200);
    assert_eq!(
        put(&base, "/outboard", nodes.into_inner().into()).await,
        200
    );
    let part = 8 << 20;
    assert_eq!(
        put(&base, "/parts/2", bytes.slice(2 * part..3 * part)).await,
        200
    );
    assert_eq!(
        put(&base, "/parts/1", bytes.slice(2 * part..3 * part)).await,
        422
    );
    assert_eq!(client(&base).head(&name).await.unwrap(), None);

    let second = Store::open_bucket(dir.path(), bucket("two"), limits)
        .await
        .unwrap();
    let base = serve_store(second).await;
    let mut sent = Vec::new();
    let told = |done, _| sent.push(done);
    client(&base)
        .put_in_parts(&name, bytes.clone(), told)
        .await
        .unwrap();
    assert_eq!(sent[0], part as u64, "part 2 was there: {sent:?}");
    let got = client(&base)
        .get(&name, Some(len), len, quiet)
        .await
        .unwrap();
    assert!(got == bytes);
}

#[tokio::test]
#[ignore = "scripts/test-store-s3 runs it"]
async fn a_bucket_that_is_not_there_is_an_error() {
    let endpoint = std::env::var("ATHANOR_TEST_S3").unwrap();
    let absent = Bucket::new("s3://no-such-bucket", Some(&endpoint)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let opened = Store::open_bucket(dir.path(), absent, Limits::default()).await;
    assert!(matches!(opened, Err(Error::Bucket { .. })), "{opened:?}");
}
