//! Packing, sealing and opening files beside hashing and copying them.
//!
//! Usage: bench-files [MIB [RUNS]] [--threads N]… [--only NAME] [--least RATIO] [--most MIB], by
//! default 2,048 MiB, 3 runs, all threads. With `--least` it fails when pack, seal or decrypt and
//! verify have less than that share of the speed of hash and copy, with `--most` when any work
//! held more memory. `TMPDIR` says where; five times the set must fit there.
//!
//! Everything is done in turns within one run; the median counts. The baseline is hashing the file
//! with all threads, each reading for itself as `b3sum`'s do, plus copying it with a sync at the
//! end, for all of ours sync what they write. `peak` is the process's largest resident memory
//! during the work, by `VmHWM`.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;
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
    let len = fs::metadata(path).unwrap().len() as usize;
    let values: Vec<_> = (0..len.div_ceil(MIB))
        .into_par_iter()
        .map_init(
            || (File::open(path).unwrap(), vec![0; MIB]),
            |(file, buffer), index| {
                let at = index * MIB;
                let part = &mut buffer[..MIB.min(len - at)];
                file.seek(SeekFrom::Start(at as u64)).unwrap();
                file.read_exact(part).unwrap();
                let mut hasher = blake3::Hasher::new();
                hasher.set_input_offset(at as u64);
                hasher.update(part).finalize_non_root()
            },
        )
        .collect();
    black_box(values);
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

/// What must not be slower than `--least`.
const ASKED: [&str; 3] = ["pack, with plan", "seal, with check", "decrypt and verify"];

struct Options {
    mib: usize,
    runs: usize,
    threads: Vec<usize>,
    only: String,
    least: f64,
    most: u64,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            mib: 2_048,
            runs: 3,
            threads: Vec::new(),
            only: String::new(),
            least: 0.0,
            most: u64::MAX,
        };
        let mut words = std::env::args().skip(1);
        let mut place = 0;
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} what?"));
            match word.as_str() {
                "--threads" => options.threads.push(value().parse().unwrap()),
                "--only" => options.only = value(),
                "--least" => options.least = value().parse().unwrap(),
                "--most" => options.most = value().parse().unwrap(),
                number => {
                    let number: usize = number.parse().unwrap();
                    match place {
                        0 => options.mib = number,
                        1 => options.runs = number.max(1),
                        _ => panic!("only MIB and RUNS have no name"),
                    }
                    place += 1;
                }
            }
        }
        if options.threads.is_empty() {
            let all = std::thread::available_parallelism().map_or(1, |count| count.get());
            options.threads.push(all);
        }
        options
    }
}

/// Gives what is against the options.
fn bench(folder: &Path, options: &Options) -> Vec<String> {
    let (mib, runs) = (options.mib, options.runs);
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
    let mut place = 0;
    works.retain(|(name, _)| {
        place += 1;
        place <= 2 || name.contains(&options.only)
    });
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
    let mut wrong = Vec::new();
    for (((name, _), time), peak) in works.iter().zip(&medians).zip(&peaks) {
        let speed = (mib * MIB) as f64 / time.as_secs_f64() / 1e9;
        let ratio = baseline.as_secs_f64() / time.as_secs_f64();
        println!("{name:<20} {speed:>6.2} GB/s  {ratio:>5.2} of hash + copy  peak {peak:>4} MiB");
        if ASKED.contains(name) && ratio < options.least {
            wrong.push(format!("{name}: {ratio:.2} is below {}", options.least));
        }
        if *peak > options.most {
            wrong.push(format!("{name}: {peak} MiB is above {}", options.most));
        }
    }
    wrong
}

fn main() -> ExitCode {
    let options = Options::read();
    let mib = options.mib;
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
    println!("{mib} MiB, median of {}", options.runs);
    let mut wrong = Vec::new();
    for count in &options.threads {
        println!("{count} threads:");
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(*count)
            .build()
            .unwrap();
        wrong.extend(pool.install(|| bench(folder.path(), &options)));
        for name in ["goods", "seal", "card", "licence", "out"] {
            gone(&folder.path().join(name));
        }
    }
    for line in &wrong {
        eprintln!("{line}");
    }
    match wrong.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
