//! What checking costs: sealed goods are fetched over loopback with every group checked, as a buyer
//! does it, and as one plain HTTP download of the same file, in turn. Both write to disk and sync.
//! Then the rest of what a buyer's computer does with them is timed as well: the goods' outboard, the
//! check of everything before an order, and decrypting into another file.
//!
//! Usage: bench-store MIB ROUNDS [LEAST]; with LEAST it fails when the checked fetch has less than
//! that share of the plain speed. Prints one line of JSON at the end. Four times MIB must fit into
//! the temporary folder.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use athanor_content_store::{
    fetch, fetch_outboard, root_hex, router, serve, Access, Client, Connections, FetchOptions,
    Limits, Root, Store,
};
use athanor_content_tree::market::{buyer_secret, public_key, Sale, Secret};
use athanor_market_client::card::{self, Description};
use athanor_market_client::open::{self, Files};
use athanor_market_client::seal::{self, Request, Sealed};
use athanor_market_client::{pack, Progress};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn make(path: &Path, len: u64) -> Result<()> {
    let mut stream = blake3::Hasher::new().update(b"bench-store").finalize_xof();
    let mut file = std::fs::File::create(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut left = len;
    while left > 0 {
        let size = usize::try_from(left.min(1 << 20))?;
        stream.fill(&mut buffer[..size]);
        std::io::Write::write_all(&mut file, &buffer[..size])?;
        left -= size as u64;
    }
    Ok(file.sync_all()?)
}

async fn plain(base: &str, root: &Root, dest: &Path) -> Result<Duration> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let from = Instant::now();
    let url = format!("{base}/blobs/{}", root_hex(root));
    let mut response = http.get(url).send().await?.error_for_status()?;
    let mut file = tokio::fs::File::create(dest).await?;
    while let Some(piece) = response.chunk().await? {
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    file.sync_all().await?;
    Ok(from.elapsed())
}

const QUIET: Progress<'_> = &|_| true;
const GENESIS: [u8; 32] = [1; 32];
const SELLER: [u8; 32] = [2; 32];

/// Goods of so many bytes, sealed; of the folder `seal` all is left that a seller publishes.
fn sell(folder: &Path, len: u64) -> Result<(Sealed, Sale, Secret)> {
    let at = |name: &str| folder.join(name);
    make(&at("file"), len)?;
    let goods = pack::pack_raw(&at("file"), &at("goods"), QUIET)?;
    std::fs::remove_file(at("file"))?;
    let description = Description {
        name: "Bench".into(),
        description: "Random bytes.".into(),
        version: "1.0.0".into(),
        published: "2026-11-22".into(),
        spdx: "MIT".into(),
        ..Description::default()
    };
    std::fs::write(at("card"), card::make(&goods, &SELLER, &description)?)?;
    std::fs::write(at("licence"), "MIT\n")?;
    let request = Request {
        goods: at("goods"),
        genesis: GENESIS,
        seller: SELLER,
        seed: Secret::new([3; 32]),
        nonce: None,
        card: at("card"),
        licence: at("licence"),
    };
    let sealed = seal::seal(&request, &at("seal"), QUIET)?;
    std::fs::remove_dir_all(at("goods"))?;
    let b = buyer_secret(&Secret::new([5; 32]), &GENESIS, 3, &[6; 16]);
    let buyer = public_key(&b);
    let (context, key) = (sealed.context(), sealed.key(&request.seed)?);
    let e = context.wrap_secret(&request.seed, 11, &buyer);
    let sale = Sale {
        context,
        order: 11,
        len: sealed.length,
        x_root: sealed.x_root,
        z_root: sealed.z_root,
        commitment: sealed.h_k,
        buyer,
        wrapped: context.wrap(&key, 11, &buyer, &e),
    };
    Ok((sealed, sale, b))
}

/// Seconds of the fetch alone, and of all that a buyer's computer does.
async fn bought(base: &str, sale: &Sale, b: &Secret, folder: &Path) -> Result<[Duration; 2]> {
    let sources = [Client::new(base, None)?];
    let [z, z_nodes, x_nodes, x] = ["z", "z.obao", "x.obao", "x"].map(|name| folder.join(name));
    let from = Instant::now();
    let how = FetchOptions::default();
    fetch(
        &sources,
        &sale.z_root,
        sale.len,
        &z,
        &z_nodes,
        how,
        |_, _| (),
    )
    .await?;
    let fetched = from.elapsed();
    fetch_outboard(&sources, &sale.x_root, sale.len, &x_nodes).await?;
    let files = Files {
        z: &z,
        z_outboard: &z_nodes,
        x_outboard: &x_nodes,
    };
    tokio::task::block_in_place(|| {
        open::check_before_order(&sale.x_root, &sale.z_root, sale.len, files, QUIET)?;
        open::open_to_file(sale, b, files, &x, QUIET)
    })?;
    Ok([fetched, from.elapsed()])
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let len = next("2048").parse::<u64>()? << 20;
    let rounds: usize = next("3").parse()?;
    let least: f64 = next("0").parse()?;
    let dir = tempfile::tempdir()?;
    let (sealed, sale, b) = tokio::task::block_in_place(|| sell(dir.path(), len))?;
    let published = |name: &str| -> PathBuf { dir.path().join("seal").join(name) };
    let store = Store::open(dir.path().join("store"), Limits::default()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let access = Access {
        uploads: true,
        ..Access::default()
    };
    let app = router(store, access);
    let service = serve(
        listener,
        app,
        Connections::default(),
        std::future::pending(),
    );
    tokio::spawn(service);
    let client = Client::new(&base, None)?;
    let root = sealed.z_root;
    let from = Instant::now();
    let source = athanor_content_store::Source::from(published("z").as_path());
    client.put_in_parts(&root, source, |_, _| ()).await?;
    let up = from.elapsed().as_secs_f64();
    let nodes = athanor_content_store::Source::from(published("x.obao").as_path());
    client
        .put_outboard(&sealed.x_root, len, nodes, |_, _| ())
        .await?;
    std::fs::remove_dir_all(dir.path().join("seal"))?;

    let rate = |seconds: f64| len as f64 / seconds / f64::from(1 << 20);
    let (mut plains, mut checks, mut buys) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds.max(1) {
        let folder = dir.path().join(round.to_string());
        std::fs::create_dir(&folder)?;
        // Each first in turn: pages just freed are written faster than others.
        for first in [true, false] {
            if first == (round % 2 == 0) {
                plains.push(plain(&base, &root, &folder.join("plain")).await?);
            } else {
                let [fetched, whole] = bought(&base, &sale, &b, &folder).await?;
                checks.push(fetched);
                buys.push(whole);
            }
            std::fs::remove_dir_all(&folder)?;
            std::fs::create_dir(&folder)?;
        }
        println!(
            "round {}: plain {:.0} MiB/s, checked {:.0} MiB/s, bought {:.0} MiB/s",
            round + 1,
            rate(plains[round].as_secs_f64()),
            rate(checks[round].as_secs_f64()),
            rate(buys[round].as_secs_f64())
        );
    }
    let (plain, checked, bought) = (median(plains), median(checks), median(buys));
    let (ratio, whole) = (plain / checked, plain / bought);
    println!(
        "{} MiB uploaded in checked parts at {:.0} MiB/s; a checked fetch has {:.0} % of the speed of a plain download, with checking again, decrypting and writing the goods {:.0} % (median of {rounds})",
        len >> 20,
        rate(up),
        ratio * 100.0,
        whole * 100.0
    );
    println!(
        "{{\"bytes\":{len},\"rounds\":{rounds},\"plain_seconds\":{plain:.3},\"checked_seconds\":{checked:.3},\"upload_seconds\":{up:.3},\"ratio\":{ratio:.3},\"bought_seconds\":{bought:.3},\"bought_ratio\":{whole:.3}}}"
    );
    if ratio < least {
        return Err(format!("the ratio {ratio:.3} is below {least}").into());
    }
    Ok(())
}
