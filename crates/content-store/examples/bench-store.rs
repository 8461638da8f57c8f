//! What checking costs: a blob is fetched over loopback with every group checked, as a buyer does it,
//! and as one plain HTTP download of the same file, in turn. Both write to disk and sync.
//!
//! Usage: bench-store MIB ROUNDS [LEAST]; with LEAST it fails when the checked fetch has less than
//! that share of the plain speed. Prints one line of JSON at the end.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use athanor_content_store::{
    fetch, root_hex, router, serve, Access, Client, Connections, FetchOptions, Limits, Root, Store,
};
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

async fn checked(base: &str, root: &Root, len: u64, folder: &Path) -> Result<Duration> {
    let sources = [Client::new(base, None)?];
    let (dest, nodes) = (folder.join("z"), folder.join("z.obao"));
    let from = Instant::now();
    let how = FetchOptions::default();
    fetch(&sources, root, len, &dest, &nodes, how, |_, _| ()).await?;
    Ok(from.elapsed())
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
    let file = dir.path().join("file");
    make(&file, len)?;
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
    let source = athanor_content_store::Source::from(file.as_path());
    let root = source.root().await?;
    let from = Instant::now();
    Client::new(&base, None)?
        .put_in_parts(&root, source, |_, _| ())
        .await?;
    let up = from.elapsed().as_secs_f64();
    std::fs::remove_file(&file)?;

    let rate = |seconds: f64| len as f64 / seconds / f64::from(1 << 20);
    let (mut plains, mut checks) = (Vec::new(), Vec::new());
    for round in 0..rounds.max(1) {
        let folder = dir.path().join(round.to_string());
        std::fs::create_dir(&folder)?;
        plains.push(plain(&base, &root, &folder.join("plain")).await?);
        std::fs::remove_file(folder.join("plain"))?;
        checks.push(checked(&base, &root, len, &folder).await?);
        std::fs::remove_dir_all(&folder)?;
        println!(
            "round {}: plain {:.0} MiB/s, checked {:.0} MiB/s",
            round + 1,
            rate(plains[round].as_secs_f64()),
            rate(checks[round].as_secs_f64())
        );
    }
    let (plain, checked) = (median(plains), median(checks));
    let ratio = plain / checked;
    println!(
        "{} MiB uploaded in checked parts at {:.0} MiB/s; a checked fetch has {:.0} % of the speed of a plain download (median of {rounds})",
        len >> 20,
        rate(up),
        ratio * 100.0
    );
    println!(
        "{{\"bytes\":{len},\"rounds\":{rounds},\"plain_seconds\":{plain:.3},\"checked_seconds\":{checked:.3},\"upload_seconds\":{up:.3},\"ratio\":{ratio:.3}}}"
    );
    if ratio < least {
        return Err(format!("the ratio {ratio:.3} is below {least}").into());
    }
    Ok(())
}
