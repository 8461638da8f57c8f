//! Packing, sealing and opening files beside hashing and copying them:
//! `cargo bench -p athanor-market-client --bench files -- [MIB [RUNS [THREADS…]]]`, by default 2,048
//! MiB, 3 runs, all threads.
//!
//! Everything is done in turns within one run; the median counts. The baseline is hashing the file
//! on all threads, as `b3sum` does, plus copying it with a sync at the end, for all of ours sync
//! what they write. `peak` is the process's largest resident memory during the work, by `VmHWM`.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use athanor_content_tree::market::{buyer_secret, public_key, Sale, Secret};
use athanor_market_client::card::{self, Description};
use athanor_market_client::open::{self, Files};
use athanor_market_client::seal::{self, Request};
use athanor_market_client::{pack, unpack, Progress};
use blake3::hazmat::HasherExt;
use rayon::prelude::*;

const MIB: usize = 1 << 20;
const QUIET: Progress<'_> = &|_| true;

fn hash(path: &Path) {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 16 * MIB];
    let mut at = 0;
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]).unwrap() {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return;
        }
        let values: Vec<_> = buffer[..filled]
            .par_chunks(MIB)
            .enumerate()
            .map(|(i, chunk)| {
                let mut hasher = blake3::Hasher::new();
                hasher.set_input_offset((at + i * MIB) as u64);
                hasher.update(chunk).finalize_non_root()
            })
            .collect();
        black_box(values);
        at += filled;
    }
}

fn copy(from: &Path, to: &Path) {
    // `fs::copy` may only share blocks.
    let mut source = File::open(from).unwrap();
    let mut sink = File::create(to).unwrap();
    let mut buffer = vec![0; MIB];
    loop {
        match source.read(&mut buffer).unwrap() {
            0 => break,
            count => sink.write_all(&buffer[..count]).unwrap(),
        }
    }
    sink.sync_all().unwrap();
}

/// Largest resident memory since the last call, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    // 5 resets the mark.
    let _ = fs::write("/proc/self/clear_refs", "5");
    kib.unwrap_or(0) / 1024
}

fn gone(path: &Path) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else if path.exists() {
        fs::remove_file(path).unwrap();
    }
}

fn bench(folder: &Path, mib: usize, runs: usize) {
    let at = |name: &str| folder.join(name);
    let data = at("data");
    let plan = || pack::plan(&data, QUIET).unwrap();
    let goods = plan().pack(&at("goods"), QUIET).unwrap();
    let description = Description {
        name: "Bench".into(),
        description: "Random bytes.".into(),
        version: "1.0.0".into(),
        published: "2026-11-22".into(),
        spdx: "MIT".into(),
        ..Description::default()
    };
    fs::write(
        at("card"),
        card::make(&goods, &[2; 32], &description).unwrap(),
    )
    .unwrap();
    fs::write(at("licence"), "MIT\n").unwrap();
    let request = Request {
        goods: at("goods"),
        genesis: [1; 32],
        seller: [2; 32],
        seed: Secret::new([3; 32]),
        nonce: Some([4; 16]),
        card: at("card"),
        licence: at("licence"),
    };
    let sealed = seal::seal(&request, &at("seal"), QUIET).unwrap();
    let b = buyer_secret(&Secret::new([5; 32]), &[1; 32], 3, &[6; 16]);
    let buyer = public_key(&b);
    let (context, key) = (sealed.context(), sealed.key(&request.seed).unwrap());
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
    let [z, z_outboard, x_outboard] = ["z", "z.obao", "x.obao"].map(|name| at("seal").join(name));
    let files = Files {
        z: &z,
        z_outboard: &z_outboard,
        x_outboard: &x_outboard,
    };
    let out = at("out");
    let x = at("goods").join("x");
    let mut works: Vec<(&str, Box<dyn FnMut() + '_>)> = vec![
        ("hash", Box::new(|| hash(&x))),
        ("copy", Box::new(|| copy(&x, &out))),
        ("plan (hash files)", Box::new(|| drop(plan()))),
        (
            "pack, with plan",
            Box::new(|| drop(plan().pack(&out, QUIET).unwrap())),
        ),
        (
            "pack --raw",
            Box::new(|| drop(pack::pack_raw(&x, &out, QUIET).unwrap())),
        ),
        (
            "seal, with check",
            Box::new(|| drop(seal::seal(&request, &out, QUIET).unwrap())),
        ),
        (
            "decrypt and verify",
            Box::new(|| open::open_to_file(&sale, &b, files, &out, QUIET).unwrap()),
        ),
        (
            "decrypt and unpack",
            Box::new(|| drop(open::open_and_unpack(&sale, &b, files, &out, QUIET).unwrap())),
        ),
        (
            "unpack",
            Box::new(|| drop(unpack::unpack(&x, &out, QUIET).unwrap())),
        ),
    ];
    let mut times = vec![Vec::new(); works.len()];
    let mut peaks = vec![0; works.len()];
    for run in 0..=runs {
        for (at, (_, work)) in works.iter_mut().enumerate() {
            gone(&out);
            peak();
            let started = Instant::now();
            work();
            // The first round warms up.
            if run > 0 {
                times[at].push(started.elapsed());
            }
            peaks[at] = peak().max(peaks[at]);
        }
    }
    let medians: Vec<Duration> = times
        .into_iter()
        .map(|mut times| {
            times.sort();
            times[runs / 2]
        })
        .collect();
    let baseline: Duration = medians[..2].iter().sum();
    for (((name, _), time), peak) in works.iter().zip(&medians).zip(&peaks) {
        let speed = (mib * MIB) as f64 / time.as_secs_f64() / 1e9;
        let ratio = baseline.as_secs_f64() / time.as_secs_f64();
        println!("{name:<20} {speed:>6.2} GB/s  {ratio:>5.2} of hash + copy  peak {peak:>4} MiB");
    }
}

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|word| word.parse().ok())
        .collect();
    let (mib, runs) = match numbers.as_slice() {
        [] => (2_048, 3),
        [mib] => (*mib, 3),
        [mib, runs, ..] => (*mib, (*runs).max(1)),
    };
    let all = std::thread::available_parallelism().map_or(1, |count| count.get());
    let threads = match numbers.get(2..) {
        Some(threads) if !threads.is_empty() => threads.to_vec(),
        _ => vec![all],
    };
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    // One large file and some small ones, of bytes that nothing compresses.
    let mut bytes = vec![0; MIB];
    let small = mib.min(64);
    let mut stream = blake3::Hasher::new().finalize_xof();
    let mut large = File::create(folder.path().join("data/large.bin")).unwrap();
    for _ in 0..mib - small / 2 {
        stream.fill(&mut bytes);
        large.write_all(&bytes).unwrap();
    }
    for number in 0..small / 2 {
        stream.fill(&mut bytes);
        fs::write(folder.path().join(format!("data/{number}.bin")), &bytes).unwrap();
    }
    println!("{mib} MiB, median of {runs}");
    for count in threads {
        println!("{count} threads:");
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build()
            .unwrap();
        pool.install(|| bench(folder.path(), mib, runs));
        for name in ["goods", "seal", "card", "licence", "out"] {
            gone(&folder.path().join(name));
        }
    }
}
