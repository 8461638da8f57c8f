//! Service and client over loopback HTTP.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use athanor_content_store::{
    root_hex, router, Access, Client, ClientOptions, Error, Limits, Root, Store,
};
use bytes::Bytes;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

fn content(len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(b"content")
        .finalize_xof()
        .fill(&mut bytes);
    bytes.into()
}

struct Served {
    _dir: tempfile::TempDir,
    store: Store,
    address: SocketAddr,
}

impl Served {
    async fn with(limits: Limits, access: Access) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), limits).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(store.clone(), access);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            _dir: dir,
            store,
            address,
        }
    }

    async fn new() -> Self {
        Self::with(Limits::default(), Access::default()).await
    }

    fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    fn url(&self, root: &Root) -> String {
        format!("{}/blobs/{}", self.base(), root_hex(root))
    }

    fn client(&self) -> Client {
        client(&self.base(), None)
    }

    async fn held(&self) -> usize {
        self.store.list().await.unwrap().len()
    }
}

fn client(base: &str, token: Option<&str>) -> Client {
    let options = ClientOptions {
        idle: Duration::from_secs(10),
        pause: Duration::from_millis(10),
        attempts: 3,
        ..ClientOptions::default()
    };
    Client::with_options(base, token.map(str::to_owned), options).unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Answers the first requests with these bytes, one connection each, and gives their heads.
async fn scripted(answers: Vec<Vec<u8>>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            heads.push(read_head(&mut stream).await);
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
        heads
    });
    (base, serving)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

#[tokio::test]
async fn a_blob_goes_there_and_back() {
    let served = Served::new().await;
    let client = served.client();
    for len in [0, 1, 1024, 300_000, 3_000_000] {
        let bytes = content(len);
        let name = root(&bytes);
        assert_eq!(client.head(&name).await.unwrap(), None);

        let mut steps = Vec::new();
        client
            .put(&name, bytes.clone(), |done, total| {
                steps.push((done, total))
            })
            .await
            .unwrap();
        assert_eq!(steps.last(), Some(&(len as u64, len as u64)));
        assert!(steps.windows(2).all(|pair| pair[0].0 <= pair[1].0));

        assert_eq!(client.head(&name).await.unwrap(), Some(len as u64));
        steps.clear();
        let got = client
            .get(&name, Some(len as u64), len as u64, |done, total| {
                steps.push((done, total))
            })
            .await
            .unwrap();
        assert_eq!(got, bytes);
        assert_eq!(steps.last(), Some(&(len as u64, len as u64)));
        assert_eq!(
            served.store.read(&name, len as u64).await.unwrap(),
            Some(bytes)
        );
    }
}

#[tokio::test]
async fn a_file_goes_there_and_back() {
    let served = Served::new().await;
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let bytes = content(2_500_000);
    fs::write(&from, &bytes).unwrap();
    let name = root(&bytes);
    let client = served.client();
    client.put(&name, from.as_path(), |_, _| {}).await.unwrap();
    let len = client
        .get_to_file(&name, &to, 2_500_000, |_, _| {})
        .await
        .unwrap();
    assert_eq!(len, 2_500_000);
    assert_eq!(fs::read(&to).unwrap(), bytes);
    assert!(!dir.path().join("to.part").exists());

    // A second time nothing has to come.
    served.store.remove(&name).await.unwrap();
    assert_eq!(
        client
            .get_to_file(&name, &to, 2_500_000, |_, _| {})
            .await
            .unwrap(),
        2_500_000
    );
}

#[tokio::test]
async fn a_blob_goes_from_store_to_store() {
    let served = Served::new().await;
    let bytes = content(500_000);
    let name = served.store.put_bytes(bytes.clone()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        max_blob: 600_000,
        max_total: 600_000,
    };
    let store = Store::open(dir.path(), limits).await.unwrap();
    let client = served.client();
    let expected = Some(500_000);
    for _ in 0..2 {
        let len = client
            .get_to_store(&name, &store, expected, u64::MAX, |_, _| {})
            .await
            .unwrap();
        assert_eq!(len, 500_000);
    }
    assert_eq!(store.read(&name, 500_000).await.unwrap(), Some(bytes));
    let wrong = client
        .get_to_store(&name, &store, Some(1), u64::MAX, |_, _| {})
        .await;
    assert!(matches!(
        wrong,
        Err(Error::LengthMismatch {
            expected: 1,
            actual: 500_000
        })
    ));

    let other = served.store.put_bytes(content(200_000)).await.unwrap();
    let full = client
        .get_to_store(&other, &store, None, u64::MAX, |_, _| {})
        .await;
    assert!(matches!(full, Err(Error::Quota { limit: 600_000, .. })));
    assert_eq!(store.used(), 500_000);
}

#[tokio::test]
async fn bytes_with_another_root_are_refused_422() {
    let served = Served::new().await;
    let bytes = content(5000);
    let answer = http()
        .put(served.url(&root(b"x")))
        .body(bytes.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer
        .text()
        .await
        .unwrap()
        .contains(&root_hex(&root(&bytes))));
    assert_eq!(served.held().await, 0);
    assert_eq!(served.store.used(), 0);

    let refused = served.client().put(&root(b"x"), bytes, |_, _| {}).await;
    assert!(matches!(refused, Err(Error::RootMismatch { .. })));
}

#[tokio::test]
async fn a_new_blob_is_201_and_a_known_one_200() {
    let served = Served::new().await;
    let url = served.url(&root(b"abc"));
    let first = http().put(&url).body("abc").send().await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let second = http().put(&url).body("abc").send().await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
    assert_eq!(served.held().await, 1);
}

#[tokio::test]
async fn too_large_a_blob_is_refused_413() {
    let served = Served::with(
        Limits {
            max_blob: 1000,
            max_total: 5000,
        },
        Access::default(),
    )
    .await;
    let fits = content(1000);
    let url = served.url(&root(&fits));
    let answer = http().put(&url).body(fits).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);

    let too_large = content(1001);
    let name = root(&too_large);
    let answer = http()
        .put(served.url(&name))
        .body(too_large.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // Without an announced length nothing is taken.
    let pieces = futures::stream::iter(vec![Ok::<_, std::io::Error>(too_large.clone())]);
    let body = reqwest::Body::wrap_stream(pieces);
    let answer = http()
        .put(served.url(&name))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::LENGTH_REQUIRED);
    let refused = served.client().put(&name, too_large, |_, _| {}).await;
    assert!(matches!(refused, Err(Error::Refused { status: 413, .. })));
    assert_eq!((served.held().await, served.store.used()), (1, 1000));
}

#[tokio::test]
async fn a_full_store_refuses_507() {
    let served = Served::with(
        Limits {
            max_blob: 1000,
            max_total: 1500,
        },
        Access::default(),
    )
    .await;
    let client = served.client();
    client
        .put(&root(&content(1000)), content(1000), |_, _| {})
        .await
        .unwrap();
    let answer = http()
        .put(served.url(&root(&content(501))))
        .body(content(501))
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), StatusCode::INSUFFICIENT_STORAGE);
    let refused = client
        .put(&root(&content(501)), content(501), |_, _| {})
        .await;
    assert!(matches!(refused, Err(Error::Refused { status: 507, .. })));
    client
        .put(&root(&content(500)), content(500), |_, _| {})
        .await
        .unwrap();
    assert_eq!(served.store.used(), 1500);
}

#[tokio::test]
async fn what_is_no_root_is_refused_400() {
    let served = Served::new().await;
    let name = root_hex(&root(b"abc"));
    for wrong in [
        "abc".to_owned(),
        name.to_uppercase(),
        format!("0x{name}"),
        format!("{name}0"),
        format!("..%2f{}", &name[..60]),
        "%00".to_owned(),
    ] {
        let url = format!("{}/blobs/{wrong}", served.base());
        for request in [
            http().get(&url),
            http().head(&url),
            http().put(&url).body("abc"),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        }
    }
    assert_eq!(served.held().await, 0);
    for (url, status) in [
        (format!("{}/blobs", served.base()), StatusCode::NOT_FOUND),
        (format!("{}/blobs/", served.base()), StatusCode::NOT_FOUND),
        (format!("{}/healthz", served.base()), StatusCode::OK),
    ] {
        assert_eq!(
            http().get(&url).send().await.unwrap().status(),
            status,
            "{url}"
        );
    }
    let answer = http()
        .patch(served.url(&root(b"abc")))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn an_absent_blob_is_404() {
    let served = Served::new().await;
    let name = root(b"absent");
    let answer = http().get(served.url(&name)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(served.client().head(&name).await.unwrap(), None);
    let got = served.client().get(&name, None, 10, |_, _| {}).await;
    assert!(matches!(got, Err(Error::NotFound { root, .. }) if root == name));
    let dir = tempfile::tempdir().unwrap();
    let got = served
        .client()
        .get_to_file(&name, &dir.path().join("x"), 10, |_, _| {})
        .await;
    assert!(matches!(got, Err(Error::NotFound { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn ranges_are_served() {
    let served = Served::new().await;
    let bytes = content(200_000);
    let name = served.store.put_bytes(bytes.clone()).await.unwrap();
    let url = served.url(&name);
    let etag = format!("\"{}\"", root_hex(&name));

    let whole = http().get(&url).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(whole.headers()["etag"], etag.as_str());
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert_eq!(whole.headers()["content-type"], "application/octet-stream");
    assert_eq!(whole.headers()["x-content-type-options"], "nosniff");
    assert_eq!(whole.bytes().await.unwrap(), bytes);

    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=70000-199998", 70_000, 199_999),
        ("bytes=199999-", 199_999, 200_000),
        ("bytes=-5", 199_995, 200_000),
    ] {
        let part = http()
            .get(&url)
            .header("range", range)
            .send()
            .await
            .unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        let told = format!("bytes {start}-{}/200000", end - 1);
        assert_eq!(part.headers()["content-range"], told.as_str());
        assert_eq!(
            part.headers()["content-length"],
            (end - start).to_string().as_str()
        );
        assert_eq!(
            part.bytes().await.unwrap(),
            bytes.slice(start..end),
            "{range}"
        );
    }

    let outside = http()
        .get(&url)
        .header("range", "bytes=200000-")
        .send()
        .await
        .unwrap();
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.headers()["content-range"], "bytes */200000");
    let several = http()
        .get(&url)
        .header("range", "bytes=0-1,4-5")
        .send()
        .await
        .unwrap();
    assert_eq!(several.status(), StatusCode::OK);
    for (tag, status) in [(etag.as_str(), 206), ("\"other\"", 200)] {
        let request = http()
            .get(&url)
            .header("range", "bytes=0-1")
            .header("if-range", tag);
        assert_eq!(request.send().await.unwrap().status(), status);
    }

    let head = http().head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "200000");
    let head = http()
        .head(&url)
        .header("range", "bytes=0-9")
        .send()
        .await
        .unwrap();
    assert_eq!(head.headers()["content-length"], "10");
}

#[tokio::test]
async fn writing_needs_the_right_token_and_reading_none() {
    let served = Served::with(Limits::default(), Access::with_write_token("sesame")).await;
    let bytes = content(100_000);
    let name = root(&bytes);
    for token in [None, Some("open"), Some("sesam"), Some("sesame2")] {
        let refused = client(&served.base(), token)
            .put(&name, bytes.clone(), |_, _| {})
            .await;
        assert!(
            matches!(refused, Err(Error::Unauthorised { .. })),
            "{token:?}"
        );
    }
    for header in [
        "sesame",
        "Basic sesame",
        "Bearer",
        "Bearer  sesame",
        "Bearer sesame ",
    ] {
        let request = http()
            .put(served.url(&name))
            .header("authorization", header);
        let answer = request.body(bytes.clone()).send().await.unwrap();
        // HTTP itself cuts spaces at the end of a header.
        let wanted = if header == "Bearer sesame " { 201 } else { 401 };
        assert_eq!(answer.status(), wanted, "{header:?}");
    }
    served.store.remove(&name).await.unwrap();
    let right = client(&served.base(), Some("sesame"));
    right.put(&name, bytes.clone(), |_, _| {}).await.unwrap();
    let got = client(&served.base(), None)
        .get(&name, None, 100_000, |_, _| {})
        .await
        .unwrap();
    assert_eq!(got, bytes);
    assert!(!format!("{:?}", Access::with_write_token("sesame")).contains("sesame"));
}

#[tokio::test]
async fn a_refused_large_upload_still_hears_why() {
    let served = Served::with(Limits::default(), Access::with_write_token("sesame")).await;
    let bytes = content(900_000);
    let refused = client(&served.base(), Some("x"))
        .put(&root(&bytes), bytes, |_, _| {})
        .await;
    assert!(
        matches!(refused, Err(Error::Unauthorised { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn transfers_beyond_the_limit_are_refused_503() {
    let access = Access {
        transfers: 0,
        ..Access::default()
    };
    let served = Served::with(Limits::default(), access).await;
    let name = served.store.put_bytes(content(10)).await.unwrap();
    let busy = served.client().get(&name, None, 10, |_, _| {}).await;
    assert!(
        matches!(busy, Err(Error::Refused { status: 503, .. })),
        "{busy:?}"
    );
    let busy = served
        .client()
        .put(&root(b"abc"), Bytes::from_static(b"abc"), |_, _| {})
        .await;
    assert!(
        matches!(busy, Err(Error::Refused { status: 503, .. })),
        "{busy:?}"
    );
    assert_eq!(served.client().head(&name).await.unwrap(), Some(10));
}

#[tokio::test]
async fn an_upload_that_stalls_or_trickles_is_ended() {
    let access = Access {
        idle: Duration::from_millis(300),
        min_speed: 1 << 20,
        ..Access::default()
    };
    let served = Served::with(Limits::default(), access).await;
    let name = root_hex(&root(b"whatever"));
    for trickle in [false, true] {
        let started = Instant::now();
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head =
            format!("PUT /blobs/{name} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nab");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        if trickle {
            tokio::spawn(async move {
                while writer.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        let mut said = vec![0; 12];
        reader.read_exact(&mut said).await.unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), "HTTP/1.1 408");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
    assert_eq!((served.held().await, served.store.used()), (0, 0));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let served = Served::new().await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let name = root_hex(&root(b"whatever"));
    let head = format!("PUT /blobs/{name} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nab");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..100 {
        if served.store.used() == 1000 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.store.used(), 1000);
    drop(stream);
    for _ in 0..100 {
        if served.store.used() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((served.held().await, served.store.used()), (0, 0));
    assert_eq!(
        fs::read_dir(served.store.dir().join("incoming"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn a_reader_that_does_not_read_gives_its_place_back() {
    let access = Access {
        transfers: 1,
        idle: Duration::from_secs(1),
        ..Access::default()
    };
    let served = Served::with(Limits::default(), access).await;
    let bytes = content(32 << 20);
    let name = served.store.put_bytes(bytes).await.unwrap();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = format!("GET /blobs/{} HTTP/1.1\r\nhost: x\r\n\r\n", root_hex(&name));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    let ask = || async {
        http()
            .get(served.url(&name))
            .header("range", "bytes=0-9")
            .send()
            .await
    };
    let mut busy = 0;
    loop {
        match ask().await.unwrap().status() {
            StatusCode::SERVICE_UNAVAILABLE => busy += 1,
            status => break assert_eq!(status, StatusCode::PARTIAL_CONTENT),
        }
        assert!(busy < 1000);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(busy > 0);
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was() {
    let bytes = content(300_000);
    let name = root(&bytes);
    let rest =
        "206 Partial Content\r\ncontent-length: 200000\r\ncontent-range: bytes 100000-299999/300000";
    let script = || {
        vec![
            answer("200 OK\r\ncontent-length: 300000", &bytes[..100_000]),
            answer(rest, &bytes[100_000..]),
        ]
    };
    let (base, serving) = scripted(script()).await;
    let got = client(&base, None)
        .get(&name, Some(300_000), 300_000, |_, _| {})
        .await
        .unwrap();
    assert_eq!(got, bytes);
    let heads = serving.await.unwrap();
    assert!(!heads[0].to_lowercase().contains("\r\nrange:"));
    assert!(
        heads[1]
            .to_lowercase()
            .contains("\r\nrange: bytes=100000-\r\n"),
        "{}",
        heads[1]
    );

    let dir = tempfile::tempdir().unwrap();
    let (base, _serving) = scripted(script()).await;
    let dest = dir.path().join("blob");
    client(&base, None)
        .get_to_file(&name, &dest, 300_000, |_, _| {})
        .await
        .unwrap();
    assert_eq!(fs::read(&dest).unwrap(), bytes);

    let store = Store::open(dir.path().join("store"), Limits::default())
        .await
        .unwrap();
    let (base, _serving) = scripted(script()).await;
    let fetch = client(&base, None);
    fetch
        .get_to_store(&name, &store, None, 300_000, |_, _| {})
        .await
        .unwrap();
    assert_eq!(
        store.read(&name, 300_000).await.unwrap(),
        Some(bytes.clone())
    );
}

#[tokio::test]
async fn what_an_earlier_run_left_is_continued() {
    let served = Served::new().await;
    let bytes = content(300_000);
    let name = served.store.put_bytes(bytes.clone()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (dest, part) = (dir.path().join("blob"), dir.path().join("blob.part"));
    for kept in [1, 100_000, 299_999, 300_000] {
        fs::write(&part, &bytes[..kept]).unwrap();
        let mut first = None;
        served
            .client()
            .get_to_file(&name, &dest, 300_000, |done, _| {
                first.get_or_insert(done);
            })
            .await
            .unwrap();
        assert_eq!(first, Some(kept as u64));
        assert_eq!(fs::read(&dest).unwrap(), bytes);
        assert!(!part.exists());
        fs::remove_file(&dest).unwrap();
    }
}

#[tokio::test]
async fn a_wrong_or_too_long_leftover_is_replaced() {
    let served = Served::new().await;
    let bytes = content(300_000);
    let name = served.store.put_bytes(bytes.clone()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (dest, part) = (dir.path().join("blob"), dir.path().join("blob.part"));
    for leftover in [vec![9; 5000], vec![9; 300_000], vec![9; 400_000]] {
        fs::write(&part, leftover).unwrap();
        served
            .client()
            .get_to_file(&name, &dest, 500_000, |_, _| {})
            .await
            .unwrap();
        assert_eq!(fs::read(&dest).unwrap(), bytes);
        assert!(!part.exists());
        fs::remove_file(&dest).unwrap();
    }
    fs::write(&part, vec![9; 5000]).unwrap();
    let refused = served
        .client()
        .get_to_file(&name, &dest, 4999, |_, _| {})
        .await;
    assert!(matches!(refused, Err(Error::TooLarge { limit: 4999 })));
    assert!(part.exists() && !dest.exists());
}

#[tokio::test]
async fn a_download_that_failed_is_continued_by_the_next_run() {
    let served = Served::new().await;
    let bytes = content(300_000);
    let name = served.store.put_bytes(bytes.clone()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let dest = dir.path().join("blob");
    let cut = answer("200 OK\r\ncontent-length: 300000", &bytes[..100_000]);
    let broken = answer("500 Oops\r\ncontent-length: 0", b"");
    let (base, _serving) = scripted(vec![cut, broken.clone(), broken]).await;
    let failed = client(&base, None)
        .get_to_file(&name, &dest, 300_000, |_, _| {})
        .await;
    assert!(
        matches!(failed, Err(Error::Refused { status: 500, .. })),
        "{failed:?}"
    );
    assert_eq!(
        fs::read(dir.path().join("blob.part")).unwrap(),
        bytes[..100_000]
    );

    let mut first = None;
    served
        .client()
        .get_to_file(&name, &dest, 300_000, |done, _| {
            first.get_or_insert(done);
        })
        .await
        .unwrap();
    assert_eq!(first, Some(100_000));
    assert_eq!(fs::read(&dest).unwrap(), bytes);
}

#[tokio::test]
async fn false_bytes_are_never_handed_out() {
    let bytes = content(5000);
    let other = vec![1; 5000];
    let lie = || vec![answer("200 OK\r\ncontent-length: 5000", &other)];
    let (base, _serving) = scripted(lie()).await;
    let got = client(&base, None)
        .get(&root(&bytes), Some(5000), 5000, |_, _| {})
        .await;
    assert!(matches!(
        got,
        Err(Error::RootMismatch { expected, actual })
            if expected == root(&bytes) && actual == root(&other)
    ));

    let dir = tempfile::tempdir().unwrap();
    let (base, _serving) = scripted(lie()).await;
    let dest = dir.path().join("blob");
    let got = client(&base, None)
        .get_to_file(&root(&bytes), &dest, 5000, |_, _| {})
        .await;
    assert!(matches!(got, Err(Error::RootMismatch { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_blob_of_another_length_is_refused_at_once() {
    let served = Served::new().await;
    let name = served.store.put_bytes(content(5000)).await.unwrap();
    let got = served
        .client()
        .get(&name, Some(4999), 9000, |_, _| {})
        .await;
    assert!(matches!(
        got,
        Err(Error::LengthMismatch {
            expected: 4999,
            actual: 5000
        })
    ));
    let got = served.client().get(&name, None, 4999, |_, _| {}).await;
    assert!(matches!(got, Err(Error::TooLarge { limit: 4999 })));
    assert!(served
        .client()
        .get(&name, Some(5000), 5000, |_, _| {})
        .await
        .is_ok());
}

#[tokio::test]
async fn an_endless_answer_is_ended_at_the_limit() {
    let endless = vec![0; 1 << 20];
    let unannounced = || vec![answer("200 OK\r\nconnection: close", &endless)];
    let (base, _serving) = scripted(unannounced()).await;
    let got = client(&base, None)
        .get(&root(b"x"), None, 10_000, |_, _| {})
        .await;
    assert!(
        matches!(got, Err(Error::TooLarge { limit: 10_000 })),
        "{got:?}"
    );
    let (base, _serving) = scripted(unannounced()).await;
    let got = client(&base, None)
        .get(&root(b"x"), Some(10_000), 20_000, |_, _| {})
        .await;
    assert!(
        matches!(
            got,
            Err(Error::LengthMismatch {
                expected: 10_000,
                ..
            })
        ),
        "{got:?}"
    );
}

#[tokio::test]
async fn a_silent_or_trickling_store_is_given_up() {
    let options = ClientOptions {
        idle: Duration::from_millis(200),
        min_speed: 1 << 20,
        attempts: 1,
        ..ClientOptions::default()
    };
    for (head, trickle) in [
        ("", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if trickle && stream.write_all(b"x").await.is_err() {
                    break;
                }
            }
        });
        let started = Instant::now();
        let client = Client::with_options(&base, None, options).unwrap();
        let got = client.get(&root(b"x"), None, 1000, |_, _| {}).await;
        assert!(matches!(got, Err(Error::TooSlow { .. })), "{got:?}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn an_upload_nobody_reads_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut head, _) = listener.accept().await.unwrap();
        read_head(&mut head).await;
        let absent = answer(
            "404 Not Found\r\ncontent-length: 0\r\nconnection: close",
            b"",
        );
        head.write_all(&absent).await.unwrap();
        let _silent = listener.accept().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let options = ClientOptions {
        idle: Duration::from_millis(300),
        attempts: 1,
        ..ClientOptions::default()
    };
    let bytes = content(32 << 20);
    let client = Client::with_options(&base, None, options).unwrap();
    let put = client.put(&root(&bytes), bytes, |_, _| {}).await;
    assert!(matches!(put, Err(Error::TooSlow { .. })), "{put:?}");
}

#[tokio::test]
async fn nonsense_answers_are_errors() {
    let name = root(b"abc");
    for (head, body) in [
        ("204 No Content", &b""[..]),
        (
            "206 Partial Content\r\ncontent-length: 3\r\ncontent-range: bytes 0-2/3",
            b"abc",
        ),
        (
            "302 Found\r\nlocation: ftp://a.example/\r\ncontent-length: 0",
            b"",
        ),
        ("404 Not Found\r\ncontent-length: 0", b""),
        ("418 Teapot\r\ncontent-length: 9", b"short\x07 me"),
    ] {
        let (base, _serving) = scripted(vec![answer(head, body)]).await;
        let got = client(&base, None).get(&name, None, 10, |_, _| {}).await;
        let error = got.unwrap_err();
        assert!(!error.is_transient(), "{head}: {error:?}");
        assert!(!error.to_string().contains('\x07'));
    }
    let no_length = answer("200 OK\r\nconnection: close", b"");
    let (base, _serving) = scripted(vec![no_length]).await;
    assert!(matches!(
        client(&base, None).head(&name).await,
        Err(Error::BadAnswer { .. })
    ));
}

#[tokio::test]
async fn a_store_that_is_not_there_is_an_error_after_the_attempts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let got = client(&base, None).head(&root(b"x")).await;
    assert!(matches!(got, Err(Error::Transport { .. })), "{got:?}");
}

#[tokio::test]
async fn a_busy_store_is_asked_again() {
    let busy = answer("503 Busy\r\ncontent-length: 0", b"");
    let (base, _serving) = scripted(vec![
        busy.clone(),
        busy,
        answer("200 OK\r\ncontent-length: 3", b"abc"),
    ])
    .await;
    let got = client(&base, None)
        .get(&root(b"abc"), Some(3), 3, |_, _| {})
        .await
        .unwrap();
    assert_eq!(&got[..], b"abc");
}

#[tokio::test]
async fn transfers_can_run_in_tasks_of_their_own() {
    let served = Served::new().await;
    let bytes = content(100_000);
    let client = served.client();
    let store = served.store.clone();
    let done = tokio::spawn(async move {
        let name = root(&bytes);
        client.put(&name, bytes, |_, _| {}).await.unwrap();
        client.get(&name, None, 100_000, |_, _| {}).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        client
            .get_to_file(&name, &dir.path().join("x"), 100_000, |_, _| {})
            .await
            .unwrap();
        client
            .get_to_store(&name, &store, None, 100_000, |_, _| {})
            .await
            .unwrap()
    });
    assert_eq!(done.await.unwrap(), 100_000);
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let bytes = content(1_000);
    let elsewhere = Served::new().await;
    elsewhere.store.put_bytes(bytes.clone()).await.unwrap();
    let head = format!(
        "302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close",
        elsewhere.url(&root(&bytes))
    );
    let (base, _serving) = scripted(vec![answer(&head, b"")]).await;
    let refused = client(&base, None)
        .get(&root(&bytes), None, 1_000, |_, _| ())
        .await;
    assert!(
        matches!(refused, Err(Error::Refused { status: 302, .. })),
        "{refused:?}"
    );
}
