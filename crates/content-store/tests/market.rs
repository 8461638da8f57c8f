//! A store as sellers and buyers use it: tokens, private blobs, limits, a deny list, and blobs
//! fetched in ranges from several sources, some of which cheat.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use athanor_content_store::{
    fetch, fetch_outboard, fetch_sample, root_hex, router, serve, Access, Bucket, Client,
    ClientOptions, Connections, DenyList, Error, FetchOptions, Limits, Metrics, Reload, Root,
    Sample, Store, Tokens,
};
use athanor_content_tree::{stream, Groups, GROUP};
use bytes::Bytes;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const ALICE: &str = "alice-secret-0123456789";
const BOB: &str = "bob-secret-0123456789";
const EVE: &str = "eve-secret-0123456789";

fn tokens() -> Tokens {
    let entry = |name: &str, secret: &str, rest: &str| {
        format!("[[token]]\nname = \"{name}\"\nsecret = \"{secret}\"\n{rest}\n")
    };
    let text = [
        entry(
            "alice",
            ALICE,
            "bytes = 40000000\nblobs = 3\nprivate = true",
        ),
        entry(
            "bob",
            BOB,
            "bytes = 1000000\nblobs = 2\nreads = [\"alice\"]",
        ),
        entry("eve", EVE, "bytes = 1000000\nblobs = 9"),
    ];
    Tokens::parse(&text.concat()).unwrap()
}

fn content(len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(len as u64).to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes.into()
}

fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

fn outboard(bytes: &[u8]) -> Vec<u8> {
    let mut made = std::io::Cursor::new(Vec::new());
    stream::encode(bytes.len() as u64, bytes, &mut made).unwrap();
    made.into_inner()
}

struct Served {
    dir: tempfile::TempDir,
    store: Store,
    base: String,
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

async fn served_with(
    store: Store,
    dir: tempfile::TempDir,
    access: Access,
    c: Connections,
) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let app = router(store.clone(), access);
    tokio::spawn(async move {
        serve(listener, app, c, async { drop(stopped.await) })
            .await
            .unwrap();
    });
    Served {
        dir,
        store,
        base: format!("http://{address}"),
        address,
        _stop: stop,
    }
}

async fn served(access: Access) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("store"), Limits::default())
        .await
        .unwrap();
    served_with(store, dir, access, Connections::default()).await
}

fn market() -> Access {
    Access {
        tokens: tokens(),
        uploads: true,
        ..Access::default()
    }
}

fn options() -> ClientOptions {
    ClientOptions {
        idle: Duration::from_secs(5),
        pause: Duration::from_millis(5),
        attempts: 2,
        ..ClientOptions::default()
    }
}

fn client(base: &str, token: Option<&str>) -> Client {
    Client::with_options(base, token.map(str::to_owned), options()).unwrap()
}

fn reader(base: &str, token: &str) -> Client {
    let options = ClientOptions {
        private: true,
        ..options()
    };
    Client::with_options(base, Some(token.to_owned()), options).unwrap()
}

fn quiet(_: u64, _: u64) {}

fn held(store: &Store, name: &str) -> (u64, u64) {
    let all = store.held_by_tokens();
    let held = all.iter().find(|(other, _)| other == name);
    held.map_or((0, 0), |(_, held)| (held.bytes, held.blobs))
}

fn refused(answer: Result<impl std::fmt::Debug, Error>) -> u16 {
    match answer {
        Err(Error::Refused { status, .. }) => status,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_tokens_quota_counts_bytes_and_blobs_and_comes_back() {
    let served = served(market()).await;
    let bob = client(&served.base, Some(BOB));
    let (a, b, c) = (content(600_000), content(400_001), content(400_000));
    bob.put(&root(&a), a.clone(), quiet).await.unwrap();
    assert_eq!(held(&served.store, "bob"), (600_000, 1));
    assert_eq!(refused(bob.put(&root(&b), b.clone(), quiet).await), 507);
    assert_eq!(
        refused(bob.put_in_parts(&root(&b), b.clone(), quiet).await),
        507
    );
    bob.put(&root(&c), c.clone(), quiet).await.unwrap();
    bob.put(&root(&a), a.clone(), quiet).await.unwrap();
    assert_eq!(held(&served.store, "bob"), (1_000_000, 2));
    assert_eq!(
        refused(
            bob.put(&root(b"x"), content(1), quiet)
                .await
                .map_err(|_| Error::Refused {
                    url: String::new(),
                    status: 507,
                    message: String::new(),
                })
        ),
        507
    );

    // It is written down.
    let again = Store::open(served.store.dir(), Limits::default())
        .await
        .unwrap();
    assert_eq!(held(&again, "bob"), (1_000_000, 2));
    assert!(bob.give_up(&root(&a)).await.unwrap());
    assert!(!bob.give_up(&root(&a)).await.unwrap());
    assert_eq!(held(&served.store, "bob"), (400_000, 1));
    assert_eq!(bob.head(&root(&a)).await.unwrap(), None);
    bob.put(&root(&b), b, quiet).await.unwrap();

    for stranger in [
        client(&served.base, None),
        client(&served.base, Some("not-a-token-0123")),
    ] {
        let put = stranger.put(&root(&a), a.clone(), quiet).await;
        assert!(matches!(put, Err(Error::Unauthorised { .. })), "{put:?}");
        let gone = stranger.give_up(&root(&c)).await;
        assert!(matches!(gone, Err(Error::Unauthorised { .. })), "{gone:?}");
    }
}

#[tokio::test]
async fn an_upload_that_fails_gives_its_quota_back() {
    let served = served(market()).await;
    let url = format!("{}/blobs/{}", served.base, root_hex(&[1; 32]));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = http
        .put(&url)
        .bearer_auth(BOB)
        .body(vec![0; 1000])
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(held(&served.store, "bob"), (0, 0));
    assert_eq!(served.store.used(), 0);
}

#[tokio::test]
async fn a_blob_goes_with_the_last_token_that_stored_it() {
    let served = served(market()).await;
    let (bob, eve) = (
        client(&served.base, Some(BOB)),
        client(&served.base, Some(EVE)),
    );
    let bytes = content(50_000);
    let name = root(&bytes);
    bob.put(&name, bytes.clone(), quiet).await.unwrap();
    // The client would not send what is there; the store wants to see it.
    let url = format!("{}/blobs/{}", served.base, root_hex(&name));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = http
        .put(&url)
        .bearer_auth(EVE)
        .body(bytes.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::OK);
    assert_eq!(served.store.used(), 50_000);
    assert!(bob.give_up(&name).await.unwrap());
    assert_eq!(eve.head(&name).await.unwrap(), Some(50_000));
    assert!(eve.give_up(&name).await.unwrap());
    assert_eq!(eve.head(&name).await.unwrap(), None);
    assert_eq!(served.store.used(), 0);
    assert_eq!(served.store.held_by_tokens(), []);
}

#[tokio::test]
async fn what_is_private_takes_a_token_to_read() {
    let served = served(market()).await;
    let bytes = content(9_000_000);
    let name = root(&bytes);
    client(&served.base, Some(ALICE))
        .put_in_parts(&name, bytes.clone(), quiet)
        .await
        .unwrap();
    assert_eq!(held(&served.store, "alice"), (9_000_000 + 64 * 549, 1));

    // Nobody learns that it is there, by any of the ways.
    for token in [None, Some(EVE)] {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        for kind in ["blobs", "outboards"] {
            for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
                let url = format!("{}/{kind}/{}", served.base, root_hex(&name));
                let mut request = http.request(method, url);
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                assert_eq!(
                    request.send().await.unwrap().status(),
                    StatusCode::NOT_FOUND
                );
            }
        }
    }
    for token in [ALICE, BOB] {
        let got = reader(&served.base, token)
            .get(&name, None, 10_000_000, quiet)
            .await
            .unwrap();
        assert_eq!(got, bytes);
    }
    // A token that is not sent does not read.
    let silent = client(&served.base, Some(ALICE)).head(&name).await.unwrap();
    assert_eq!(silent, None);
    // To name it is not to have it.
    let eve = client(&served.base, Some(EVE));
    assert_eq!(
        refused(eve.put_in_parts(&name, bytes.clone(), quiet).await),
        409
    );
    let url = format!("{}/blobs/{}", served.base, root_hex(&name));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = http
        .put(&url)
        .bearer_auth(EVE)
        .body(vec![0; 100])
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let nodes = outboard(&bytes);
    assert_eq!(
        refused(eve.put_outboard(&name, 9_000_000, nodes, quiet).await),
        409
    );
    assert_eq!(reader(&served.base, EVE).head(&name).await.unwrap(), None);
}

#[tokio::test]
async fn an_outboard_comes_without_its_blob() {
    let served = served(market()).await;
    let eve = client(&served.base, Some(EVE));
    let bytes = content(3_000_000);
    let (name, nodes) = (root(&bytes), outboard(&bytes));
    let len = nodes.len() as u64;
    eve.put_outboard(&name, 3_000_000, nodes.clone(), quiet)
        .await
        .unwrap();
    eve.put_outboard(&name, 3_000_000, nodes.clone(), quiet)
        .await
        .unwrap();
    assert_eq!(held(&served.store, "eve"), (len, 1));
    assert_eq!(served.store.used(), len);
    assert_eq!(eve.head_outboard(&name).await.unwrap(), Some(len));
    assert_eq!(eve.head(&name).await.unwrap(), None);
    let dest = served.dir.path().join("x.obao");
    let sources = [client(&served.base, None)];
    fetch_outboard(&sources, &name, 3_000_000, &dest)
        .await
        .unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), nodes);
    // Once more: it is there.
    fetch_outboard(&[], &name, 3_000_000, &dest).await.unwrap();

    let mut wrong = nodes.clone();
    wrong[700] ^= 1;
    let other = [9; 32];
    for (root, len, nodes) in [
        (&name, 3_000_000, wrong),
        (&other, 3_000_000, nodes.clone()),
        (&name, 3_100_000, nodes.clone()),
        (&name, 3_000_000, nodes[64..].to_vec()),
        (&name, 3_000_000, [&nodes[..], &[0; 64]].concat()),
        (&name, 0, nodes.clone()),
    ] {
        let status = match eve.put_outboard(root, len, nodes, quiet).await {
            // The same root with what is there already is looked at no further.
            Ok(()) => continue,
            error => refused(error),
        };
        assert_eq!(status, 422, "{len}");
    }
    assert_eq!(held(&served.store, "eve").0, len);
    assert!(eve.give_up(&name).await.unwrap());
    assert_eq!(eve.head_outboard(&name).await.unwrap(), None);
    assert_eq!(served.store.used(), 0);
    let none = fetch_outboard(&sources, &name, 3_000_000, &served.dir.path().join("y")).await;
    assert!(matches!(none, Err(Error::NotFound { .. })), "{none:?}");
}

/// The sample file of these goods, by the letter of its format.
fn sample_of(bytes: &[u8], sample: &Sample) -> Vec<u8> {
    let groups = Groups::new(sample.len).unwrap();
    let nodes = outboard(bytes);
    let mut file = Vec::new();
    for index in sample.indices().unwrap() {
        let at = index as usize * GROUP;
        file.extend_from_slice(&index.to_le_bytes());
        file.extend_from_slice(&bytes[at..at + groups.group_len(index).unwrap()]);
        let read = |at: u64, node: &mut [u8; 64]| -> Result<(), ()> {
            node.copy_from_slice(&nodes[at as usize..at as usize + 64]);
            Ok(())
        };
        let proof = groups.prove(&sample.root, index, read).unwrap();
        file.extend_from_slice(proof.path.as_flattened());
    }
    file
}

#[tokio::test]
async fn a_sample_comes_without_its_goods_and_is_checked_on_both_ways() {
    let served = served(market()).await;
    let eve = client(&served.base, Some(EVE));
    let bytes = content(1_000_000);
    let sample = Sample {
        seed: [7; 32],
        root: root(&bytes),
        len: 1_000_000,
        groups: 3,
    };
    let file = sample_of(&bytes, &sample);
    let len = file.len() as u64;
    eve.put_sample(&sample, file.clone(), quiet).await.unwrap();
    eve.put_sample(&sample, file.clone(), quiet).await.unwrap();
    assert_eq!(held(&served.store, "eve"), (len, 1));
    assert_eq!(eve.head_sample(&sample.seed).await.unwrap(), Some(len));
    assert_eq!(eve.head(&sample.root).await.unwrap(), None);
    let dest = served.dir.path().join("sample");
    let sources = [client(&served.base, None)];
    fetch_sample(&sources, &sample, &dest).await.unwrap();
    assert_eq!(std::fs::read(&dest).unwrap(), file);
    fetch_sample(&[], &sample, &dest).await.unwrap();

    let mut wrong = file.clone();
    wrong[100] ^= 1;
    let with = |seed: u8, groups: u32| Sample {
        seed: [seed; 32],
        groups,
        ..sample
    };
    for (sample, file) in [
        (with(8, 3), file.clone()),
        (with(8, 3), wrong.clone()),
        (with(8, 3), file[1..].to_vec()),
        (with(8, 4), file.clone()),
        (with(8, 2), file.clone()),
    ] {
        let status = refused(eve.put_sample(&sample, file, quiet).await);
        assert_eq!(status, 422, "{sample:?}");
    }
    let huge = Sample {
        len: 1 << 40,
        ..with(8, u32::MAX)
    };
    assert_eq!(
        refused(eve.put_sample(&huge, file.clone(), quiet).await),
        413
    );
    let nobody = client(&served.base, None);
    let none = nobody.put_sample(&with(8, 3), file.clone(), quiet).await;
    assert!(matches!(none, Err(Error::Unauthorised { .. })), "{none:?}");
    assert_eq!(held(&served.store, "eve"), (len, 1));

    // A store that lies is found out.
    let base = liar(move |_, range| {
        let (first, last) = range.unwrap();
        let body = Bytes::copy_from_slice(&wrong[first as usize..=last as usize]);
        partial(first, last, wrong.len() as u64, body)
    })
    .await;
    let dest = served.dir.path().join("false");
    let lied = fetch_sample(&[client(&base, None)], &sample, &dest).await;
    assert!(matches!(lied, Err(Error::BadContent(_))), "{lied:?}");
    assert!(!dest.exists());

    // It is there after the store was opened again, and goes with its token.
    let again = Store::open(served.store.dir(), Limits::default())
        .await
        .unwrap();
    assert_eq!(again.used(), len);
    assert_eq!(held(&again, "eve"), (len, 1));
    assert!(eve.give_up(&sample.seed).await.unwrap());
    assert_eq!(eve.head_sample(&sample.seed).await.unwrap(), None);
    assert_eq!(served.store.used(), 0);
}

#[tokio::test]
async fn a_mark_that_outlived_its_bytes_is_no_mark() {
    let one = served(open()).await;
    let goods = goods(20_000_000);
    goods.at(&one).await;
    let dir = tempfile::tempdir().unwrap();
    // As a machine may leave it that went down: marks written, bytes not.
    let head = [
        b"athanor fetch 1 ".as_slice(),
        &goods.root,
        &goods.len.to_le_bytes(),
    ]
    .concat();
    let marks = [head.as_slice(), &[1, 1, 0]].concat();
    std::fs::write(dir.path().join("z.marks"), marks).unwrap();
    let mut part = goods.bytes.to_vec();
    part[9 << 20] ^= 1;
    part[17 << 20..].fill(0);
    std::fs::write(dir.path().join("z.part"), part).unwrap();
    let (dest, nodes) = (dir.path().join("z"), dir.path().join("z.obao"));
    let mut firsts = Vec::new();
    let sources = [client(&one.base, None)];
    let how = FetchOptions::default();
    fetch(
        &sources,
        &goods.root,
        goods.len,
        &dest,
        &nodes,
        how,
        |done, _| {
            firsts.push(done);
        },
    )
    .await
    .unwrap();
    assert_eq!(firsts[0], 8 << 20);
    assert!(std::fs::read(&dest).unwrap() == goods.bytes);
}

#[tokio::test]
async fn what_is_denied_is_neither_taken_nor_given() {
    let access = Access {
        uploads: true,
        ..Access::default()
    };
    let deny = access.deny.clone();
    let served = served(access).await;
    let bytes = content(100_000);
    let name = root(&bytes);
    let anybody = client(&served.base, None);
    anybody
        .put_in_parts(&name, bytes.clone(), quiet)
        .await
        .unwrap();

    let list = served.dir.path().join("deny.txt");
    let reload = Reload {
        deny: Some(list.clone()),
        ..Reload::default()
    };
    std::fs::write(&list, format!("{} # by court order\n", root_hex(&name))).unwrap();
    let following = tokio::spawn(reload.follow(deny.clone(), Tokens::default()));
    let from = Instant::now();
    while !deny.contains(&name) {
        assert!(from.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let blob = format!("{}/blobs/{}", served.base, root_hex(&name));
    let upload = format!("{}/uploads/{}/100000", served.base, root_hex(&name));
    let part = format!("{upload}/parts/0");
    let nodes = format!("{}/outboards/{}", served.base, root_hex(&name));
    let alone = format!("{nodes}/100000");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, url) in [
        ("GET", &blob),
        ("HEAD", &blob),
        ("PUT", &blob),
        ("GET", &nodes),
        ("PUT", &alone),
        ("POST", &upload),
        ("PUT", &part),
    ] {
        let request = http.request(method.parse().unwrap(), url).body("x");
        let status = request.send().await.unwrap().status();
        assert_eq!(
            status,
            StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            "{method} {url}"
        );
    }
    // A list that cannot be used changes nothing.
    std::fs::write(&list, "nonsense\n").unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(deny.contains(&name));
    std::fs::write(&list, "").unwrap();
    while deny.contains(&name) {
        assert!(from.elapsed() < Duration::from_secs(40));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(anybody.head(&name).await.unwrap(), Some(100_000));
    following.abort();
    assert!(DenyList::load(&served.dir.path().join("absent")).is_err());
}

async fn raw(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let reading = stream.read_to_end(&mut text);
    let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
    // A reset ends it as well as a close.
    let _ = read.expect("the store closes the connection");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn heads_that_dawdle_or_have_no_end_are_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let connections = Connections {
        header: Duration::from_millis(300),
        ..Connections::default()
    };
    let served = served_with(store, dir, Access::default(), connections).await;
    let from = Instant::now();
    assert_eq!(
        answer(raw(served.address, "GET /healthz HT").await).await,
        ""
    );
    // Also between two requests.
    let idle = raw(served.address, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer(idle).await.starts_with("HTTP/1.1 200"));
    assert!(from.elapsed() < Duration::from_secs(10));

    let many: String = (0..100).map(|i| format!("x-{i}: y\r\n")).collect();
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    assert!(answer(raw(served.address, &head).await)
        .await
        .contains(" 431 "));
    let mut endless = raw(served.address, "GET /healthz HTTP/1.1\r\nx: ").await;
    let mut sent = 0usize;
    while sent < 64 << 20 && endless.write_all(&[b'y'; 65536]).await.is_ok() {
        sent += 65536;
    }
    assert!(sent < 16 << 20, "{sent} bytes of a head were taken");
}

#[tokio::test]
async fn one_peer_cannot_have_all_connections() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let (metrics, page) = Metrics::alone(store.clone(), DenyList::default()).unwrap();
    let connections = Connections {
        most_per_peer: 2,
        metrics: Some(metrics.clone()),
        ..Connections::default()
    };
    let access = Access {
        metrics: Some(metrics),
        ..Access::default()
    };
    let served = served_with(store, dir, access, connections).await;
    let ask = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = raw(served.address, ask).await;
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        held.push(stream);
    }
    assert_eq!(answer(raw(served.address, ask).await).await, "");
    drop(held);
    let from = Instant::now();
    loop {
        let mut stream = raw(served.address, ask).await;
        if stream.read(&mut [0]).await.unwrap_or(0) == 1 {
            break;
        }
        assert!(from.elapsed() < Duration::from_secs(10));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, page).await });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = http
        .get(format!("http://{at}/metrics"))
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    for line in [
        "athanor_store_connections_refused_total 1",
        "athanor_store_requests_total{method=\"GET\",status=\"200\"}",
        "athanor_store_used_bytes 0",
        "athanor_store_limit_bytes 1099511627776",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn behind_a_proxy_each_of_its_clients_has_its_share() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let name = store.put_bytes(content(64 << 20)).await.unwrap();
    let connections = Connections {
        most_per_peer: 1,
        forwarded: true,
        ..Connections::default()
    };
    let access = Access {
        transfers_per_peer: 1,
        ..Access::default()
    };
    let served = served_with(store, dir, access, connections).await;
    let ask = |forwarded: &str| {
        let name = root_hex(&name);
        format!("GET /blobs/{name} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\n\r\n")
    };
    let status = |request: String| async move {
        let mut stream = raw(served.address, &request).await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        (stream, String::from_utf8_lossy(&head[9..]).into_owned())
    };
    let (_held, first) = status(ask("9.9.9.9, 10.0.0.1")).await;
    assert_eq!(first, "200");
    // What the client itself wrote, in front, makes no other peer of it.
    assert_eq!(status(ask("8.8.8.8, 10.0.0.1")).await.1, "503");
    assert_eq!(status(ask("9.9.9.9, 10.0.0.2")).await.1, "200");
}

#[tokio::test]
async fn a_body_needs_a_length_and_no_more_than_it_is_read() {
    let served = served(Access::default()).await;
    let bytes = content(1000);
    let url = format!("/blobs/{}", root_hex(&root(&bytes)));
    let chunked = format!("PUT {url} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut endless = raw(served.address, &chunked).await;
    let mut sent = 0usize;
    while sent < 64 << 20 {
        let chunk = [b"10000\r\n".as_slice(), &[7; 65536], b"\r\n"].concat();
        if endless.write_all(&chunk).await.is_err() {
            break;
        }
        sent += 65536;
    }
    assert!(sent < 32 << 20, "{sent} bytes without a length were taken");
    assert_eq!(served.store.used(), 0);

    let head = format!("PUT {url} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
    let mut stream = raw(served.address, &head).await;
    let more = [
        &bytes[..],
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ];
    stream.write_all(&more.concat()).await.unwrap();
    let both = answer(stream).await;
    assert!(both.starts_with("HTTP/1.1 201"), "{both}");
    assert!(
        both.contains("HTTP/1.1 200"),
        "what follows is another request: {both}"
    );
    assert_eq!(
        served
            .store
            .read(&root(&bytes), 1000)
            .await
            .unwrap()
            .unwrap(),
        bytes
    );
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Limits::default()).await.unwrap();
    let name = store.put_bytes(content(64 << 20)).await.unwrap();
    let access = Access {
        idle: Duration::from_millis(300),
        transfers: 1,
        ..Access::default()
    };
    let connections = Connections {
        idle: Duration::from_millis(600),
        ..Connections::default()
    };
    let served = served_with(store, dir, access, connections).await;
    let ask = format!("GET /blobs/{} HTTP/1.1\r\nhost: x\r\n\r\n", root_hex(&name));
    let mut slow = raw(served.address, &ask).await;
    let mut byte = [0];
    slow.read_exact(&mut byte).await.unwrap();
    let quick = client(&served.base, None);
    let got = async {
        loop {
            if let Ok(got) = quick.get(&name, None, 64 << 20, quiet).await {
                return got;
            }
        }
    };
    let got = tokio::time::timeout(Duration::from_secs(20), got)
        .await
        .unwrap();
    assert_eq!(got.len(), 64 << 20);
    let rest = answer(slow).await;
    assert!(rest.len() < 64 << 20, "the rest came all the same");
}

#[tokio::test]
async fn bytes_go_no_faster_than_the_peers_rate() {
    let access = Access {
        rate_per_peer: 2 << 20,
        idle: Duration::from_millis(200),
        ..Access::default()
    };
    let served = served(access).await;
    let name = served.store.put_bytes(content(3 << 20)).await.unwrap();
    let from = Instant::now();
    let got = client(&served.base, None)
        .get(&name, None, 3 << 20, quiet)
        .await
        .unwrap();
    assert_eq!(got.len(), 3 << 20);
    // Less a quarter of a second that is allowed at once.
    assert!(
        from.elapsed() >= Duration::from_millis(1_200),
        "{:?}",
        from.elapsed()
    );
}

struct Goods {
    bytes: Bytes,
    root: Root,
    len: u64,
}

fn goods(len: usize) -> Goods {
    let bytes = content(len);
    Goods {
        root: root(&bytes),
        len: len as u64,
        bytes,
    }
}

impl Goods {
    async fn at(&self, store: &Served) {
        let client = client(&store.base, None);
        client
            .put_in_parts(&self.root, self.bytes.clone(), quiet)
            .await
            .unwrap();
    }

    async fn fetch(&self, sources: &[Client], folder: &Path) -> Result<(), Error> {
        let (dest, nodes) = (folder.join("z"), folder.join("z.obao"));
        let how = FetchOptions::default();
        fetch(sources, &self.root, self.len, &dest, &nodes, how, quiet).await?;
        assert!(std::fs::read(&dest).unwrap() == self.bytes, "other bytes");
        assert_eq!(std::fs::read(&nodes).unwrap(), outboard(&self.bytes));
        assert!(!folder.join("z.part").exists() && !folder.join("z.marks").exists());
        Ok(())
    }
}

fn open() -> Access {
    Access {
        uploads: true,
        ..Access::default()
    }
}

#[tokio::test]
async fn a_blob_is_fetched_from_several_sources_at_once() {
    let (one, two) = (served(open()).await, served(open()).await);
    let dir = tempfile::tempdir().unwrap();
    for len in [1, 16_384, 16_385, 8 << 20, (8 << 20) + 1, 50_000_000] {
        let goods = goods(len);
        goods.at(&one).await;
        goods.at(&two).await;
        let sources = [client(&one.base, None), client(&two.base, None)];
        let folder = dir.path().join(len.to_string());
        std::fs::create_dir(&folder).unwrap();
        goods.fetch(&sources, &folder).await.unwrap();
        // What is there is checked and not fetched again.
        goods.fetch(&[], &folder).await.unwrap();
    }
}

#[tokio::test]
async fn a_fetch_goes_on_where_it_was_broken_off() {
    let one = served(open()).await;
    let goods = goods(60_000_000);
    goods.at(&one).await;
    let dir = tempfile::tempdir().unwrap();
    let sources = [client(&one.base, None)];
    let (dest, nodes) = (dir.path().join("z"), dir.path().join("z.obao"));
    let how = FetchOptions { parallel: 1 };
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    let first = fetch(
        &sources,
        &goods.root,
        goods.len,
        &dest,
        &nodes,
        how,
        |done, _| {
            if done >= 20_000_000 {
                tell.take().map(|tell| tell.send(done));
            }
        },
    );
    tokio::select! {
        _ = first => panic!("it ended before it was broken off"),
        _ = told => {}
    }
    let mut firsts = Vec::new();
    fetch(
        &sources,
        &goods.root,
        goods.len,
        &dest,
        &nodes,
        how,
        |done, _| firsts.push(done),
    )
    .await
    .unwrap();
    assert!(firsts[0] >= 16 << 20, "{firsts:?}");
    assert!(std::fs::read(&dest).unwrap() == goods.bytes);

    // Marks of another blob are no marks of this one.
    let other = super_goods();
    other.at(&one).await;
    std::fs::write(dir.path().join("z.part"), vec![1; other.bytes.len()]).unwrap();
    std::fs::write(dir.path().join("z.marks"), vec![1; 100]).unwrap();
    other.fetch(&sources, dir.path()).await.unwrap();
}

fn super_goods() -> Goods {
    goods(9_000_000)
}

/// A server of its own kind: `answer(path, range)` gives status line, headers and body, whatever the
/// request.
async fn liar(
    answer: impl Fn(&str, Option<(u64, u64)>) -> (String, Bytes) + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer = std::sync::Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let head = String::from_utf8(head).unwrap().to_lowercase();
                let range = head.lines().find_map(|line| {
                    let (first, last) = line.strip_prefix("range: bytes=")?.split_once('-')?;
                    Some((first.parse().ok()?, last.parse().ok()?))
                });
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (said, body) = answer(path, range);
                let head = format!("HTTP/1.1 {said}\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    base
}

fn partial(first: u64, last: u64, len: u64, body: Bytes) -> (String, Bytes) {
    let size = body.len();
    let said = format!(
        "206 Partial Content\r\ncontent-range: bytes {first}-{last}/{len}\r\ncontent-length: {size}"
    );
    (said, body)
}

#[tokio::test]
async fn a_source_that_cheats_is_left_and_the_others_go_on() {
    let honest = served(open()).await;
    let goods = goods(40_000_000);
    goods.at(&honest).await;
    let (bytes, nodes, len) = (
        goods.bytes.clone(),
        Bytes::from(outboard(&goods.bytes)),
        goods.len,
    );
    let object = move |path: &str| match path.starts_with("/outboards") {
        true => nodes.clone(),
        false => bytes.clone(),
    };
    let slice = |whole: &Bytes, first: u64, last: u64| whole.slice(first as usize..=last as usize);
    let o = object.clone();
    let one_bit = liar(move |path, range| {
        let (first, last) = range.unwrap();
        let whole = o(path);
        let mut part = slice(&whole, first, last).to_vec();
        let at = part.len() / 2;
        part[at] ^= 1;
        partial(first, last, whole.len() as u64, part.into())
    })
    .await;
    let o = object.clone();
    let too_long = liar(move |path, range| {
        let (first, last) = range.unwrap();
        let whole = o(path);
        let (said, body) = partial(first, last, whole.len() as u64, slice(&whole, first, last));
        let said = said.replace(&format!("content-length: {}", body.len()), "x: y");
        (said, [&body[..], &[0; 1000]].concat().into())
    })
    .await;
    let o = object.clone();
    let elsewhere = liar(move |path, range| {
        let (first, last) = range.unwrap();
        let whole = o(path);
        partial(
            first + 1,
            last + 1,
            whole.len() as u64,
            slice(&whole, first, last),
        )
    })
    .await;
    let o = object.clone();
    let no_ranges = liar(move |path, _| {
        let whole = o(path);
        (format!("200 OK\r\ncontent-length: {}", whole.len()), whole)
    })
    .await;
    let other_length = liar(move |path, range| {
        let (first, last) = range.unwrap();
        let whole = object(path);
        partial(first, last, len + 1, slice(&whole, first, last))
    })
    .await;
    let nothing = liar(|_, _| ("404 Not Found\r\ncontent-length: 0".into(), Bytes::new())).await;
    for cheat in [
        &one_bit,
        &too_long,
        &elsewhere,
        &no_ranges,
        &other_length,
        &nothing,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let alone = [client(cheat, None)];
        let failed = goods.fetch(&alone, dir.path()).await.unwrap_err();
        assert!(
            matches!(
                failed,
                Error::BadContent(_) | Error::BadAnswer { .. } | Error::NotFound { .. }
            ),
            "{failed:?}"
        );
        assert!(!dir.path().join("z").exists());
        let both = [client(cheat, None), client(&honest.base, None)];
        goods.fetch(&both, dir.path()).await.unwrap();
    }
}

#[tokio::test]
async fn a_source_that_stalls_or_never_ends_is_left() {
    let honest = served(open()).await;
    let goods = goods(20_000_000);
    goods.at(&honest).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let endless_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endless = format!("http://{}", endless_listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = endless_listener.accept().await.unwrap();
            tokio::spawn(async move {
                let head =
                    "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-8388607/20000000\
                            \r\nconnection: close\r\n\r\n";
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(&[0; 65536]).await.is_ok() {}
            });
        }
    });
    let quick = ClientOptions {
        idle: Duration::from_millis(300),
        attempts: 1,
        ..ClientOptions::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let of = |base: &str| Client::with_options(base, None, quick).unwrap();
    let failed = goods.fetch(&[of(&silent)], dir.path()).await.unwrap_err();
    assert!(matches!(failed, Error::TooSlow { .. }), "{failed:?}");
    let failed = goods.fetch(&[of(&endless)], dir.path()).await.unwrap_err();
    assert!(matches!(failed, Error::BadAnswer { .. }), "{failed:?}");
    let all = [of(&silent), of(&endless), client(&honest.base, None)];
    goods.fetch(&all, dir.path()).await.unwrap();
    drop(listener);
}

#[tokio::test]
async fn redirects_are_followed_twice_and_looked_at() {
    let honest = served(open()).await;
    let goods = goods(100_000);
    goods.at(&honest).await;
    let to = |base: String| async move {
        liar(move |path, _| {
            let said = format!("302 Found\r\nlocation: {base}{path}\r\ncontent-length: 0");
            (said, Bytes::new())
        })
        .await
    };
    let first = to(honest.base.clone()).await;
    let second = to(first.clone()).await;
    let third = to(second.clone()).await;
    let strangers = |allow| ClientOptions {
        attempts: 1,
        ..ClientOptions::of_strangers(allow)
    };
    let get = |base: String, options| async move {
        let client = Client::with_options(&base, None, options)?;
        client.get(&goods.root, None, 100_000, quiet).await
    };
    assert_eq!(
        get(second.clone(), strangers(true)).await.unwrap().len(),
        100_000
    );
    let often = get(third, strangers(true)).await.unwrap_err();
    assert!(
        chain(&often).contains("redirects too often"),
        "{}",
        chain(&often)
    );
    assert!(matches!(
        get(second, strangers(false)).await,
        Err(Error::BadUrl { .. })
    ));
    for location in ["file:///etc/passwd", "ftp://127.0.0.1/x"] {
        let base = liar(move |_, _| {
            let said = format!("302 Found\r\nlocation: {location}\r\ncontent-length: 0");
            (said, Bytes::new())
        })
        .await;
        let error = get(base, strangers(true)).await.unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 302, .. })
                || chain(&error).contains("neither http nor https"),
            "{error:?}"
        );
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn a_token_does_not_follow_a_redirect_to_another_host() {
    let (tell, told) = std::sync::mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let thief = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let size = stream.read(&mut head).await.unwrap();
        tell.send(String::from_utf8_lossy(&head[..size]).to_lowercase())
            .unwrap();
    });
    let base = liar(move |path, _| {
        let said = format!(
            "302 Found\r\nlocation: http://localhost:{}{path}\r\ncontent-length: 0",
            thief.port()
        );
        (said, Bytes::new())
    })
    .await;
    let options = ClientOptions {
        private: true,
        attempts: 1,
        ..ClientOptions::of_strangers(true)
    };
    let client = Client::with_options(&base, Some(ALICE.to_owned()), options).unwrap();
    let _ = client.head(&[1; 32]).await;
    let head = told.recv().unwrap();
    assert!(head.contains("head /blobs/"), "{head}");
    assert!(
        !head.contains("authorization") && !head.contains("alice"),
        "{head}"
    );
}

#[tokio::test]
async fn a_bucket_holds_what_a_folder_holds() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::in_memory();
    let store = Store::open_bucket(dir.path(), bucket.clone(), Limits::default())
        .await
        .unwrap();
    let held_in = store.clone();
    let served = served_with(store, dir, market(), Connections::default()).await;
    let alice = client(&served.base, Some(ALICE));
    let bytes = content(20_000_000);
    let (name, nodes) = (root(&bytes), outboard(&bytes));
    alice
        .put_in_parts(&name, bytes.clone(), quiet)
        .await
        .unwrap();
    let small = content(1_000);
    alice
        .put(&root(&small), small.clone(), quiet)
        .await
        .unwrap();
    let bytes_held = 20_000_000 + nodes.len() as u64 + 1_000;
    assert_eq!(held_in.used(), bytes_held);
    assert_eq!(held(&held_in, "alice"), (bytes_held, 2));
    let read = reader(&served.base, ALICE);
    let got = read.get(&name, None, 20_000_000, quiet).await.unwrap();
    assert_eq!(got, bytes);
    let out = tempfile::tempdir().unwrap();
    let (z, obao) = (out.path().join("z"), out.path().join("z.obao"));
    let how = FetchOptions::default();
    fetch(
        std::slice::from_ref(&read),
        &name,
        20_000_000,
        &z,
        &obao,
        how,
        quiet,
    )
    .await
    .unwrap();
    assert_eq!(std::fs::read(&obao).unwrap(), nodes);
    assert_eq!(client(&served.base, None).head(&name).await.unwrap(), None);

    let again = Store::open_bucket(served.dir.path(), bucket, Limits::default())
        .await
        .unwrap();
    assert_eq!(again.used(), bytes_held);
    assert_eq!(held(&again, "alice"), (bytes_held, 2));
    assert_eq!(again.list().await.unwrap().len(), 2);
    assert_eq!(
        again.read(&root(&small), 1_000).await.unwrap().unwrap(),
        small
    );
    assert!(matches!(again.touch(&name).await, Err(Error::OnlyLocal)));
    assert!(alice.give_up(&name).await.unwrap());
    assert_eq!(held_in.used(), 1_000);
    assert_eq!(held(&held_in, "alice"), (1_000, 1));
    // A false part or blob leaves nothing.
    let eve = client(&served.base, Some(EVE));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/blobs/{}", served.base, root_hex(&[1; 32]));
    let put = http
        .put(url)
        .bearer_auth(EVE)
        .body("false")
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::UNPROCESSABLE_ENTITY);
    eve.put_outboard(&name, 20_000_000, nodes, quiet)
        .await
        .unwrap();
    assert!(eve.head_outboard(&name).await.unwrap().is_some());
}
