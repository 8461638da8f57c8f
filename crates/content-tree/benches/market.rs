//! Outboards, seals and opening beside plain BLAKE3 of the same bytes:
//! `cargo bench -p athanor-content-tree --bench market -- [MIB [THREADS…]]`.
//!
//! Everything is measured in turns within one run, the median of seven; ratios are what to compare.
//! `memory` reads and writes memory; its baseline is hashing. `files` goes from files to files in
//! the temporary folder, unsynced; its baseline is hashing a file and copying it.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{sink, Cursor, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use athanor_content_tree::market::{
    buyer_secret, public_key, Cipher, Context, Evidence, Sale, Secret,
};
use athanor_content_tree::{stream, Groups, Root, GROUP};
use blake3::hazmat::HasherExt;
use codec::Encode;
use rayon::prelude::*;

const RUNS: usize = 7;
const MIB: usize = 1 << 20;

/// Medians of several kinds of work, done in turns.
fn timed(works: &mut [(&str, Box<dyn FnMut() + '_>)]) -> Vec<Duration> {
    let mut times = vec![Vec::new(); works.len()];
    for run in 0..=RUNS {
        for ((_, work), times) in works.iter_mut().zip(&mut times) {
            let started = Instant::now();
            work();
            // The first round warms up.
            if run > 0 {
                times.push(started.elapsed());
            }
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort();
            times[RUNS / 2]
        })
        .collect()
}

/// Prints a line for each kind of work; the first `base` together are the baseline.
fn report(title: &str, len: usize, base: usize, mut works: Vec<(&str, Box<dyn FnMut() + '_>)>) {
    let times = timed(&mut works);
    let baseline: Duration = times[..base].iter().sum();
    for ((name, _), time) in works.iter().zip(&times) {
        let speed = len as f64 / time.as_secs_f64() / 1e9;
        let ratio = baseline.as_secs_f64() / time.as_secs_f64();
        println!("{title:<22} {name:<18} {speed:>7.2} GB/s  {ratio:>5.2}");
    }
}

/// The chaining values of 1 MiB each on all threads: what `b3sum` does, but for the last merges.
fn hash(bytes: &[u8]) {
    let values: Vec<_> = bytes
        .par_chunks(MIB)
        .enumerate()
        .map(|(i, chunk)| {
            let mut hasher = blake3::Hasher::new();
            hasher.set_input_offset((i * MIB) as u64);
            hasher.update(chunk).finalize_non_root()
        })
        .collect();
    black_box(values);
}

struct Set {
    len: u64,
    cipher: Cipher,
    x_root: Root,
    x_outboard: Vec<u8>,
}

fn in_memory(title: &str, set: &Set, x: &[u8], z: &[u8]) {
    let mut out = Vec::with_capacity(x.len());
    let mut copy = Vec::with_capacity(x.len());
    let mut plain = Vec::with_capacity(x.len());
    let Set {
        len,
        cipher,
        x_root,
        x_outboard,
    } = set;
    let made = || Cursor::new(Vec::with_capacity(x_outboard.len()));
    report(
        title,
        x.len(),
        1,
        vec![
            ("hash", Box::new(|| hash(x))),
            (
                "groups alone",
                Box::new(|| {
                    let groups = Groups::new(*len).unwrap();
                    let node = |(i, group): (usize, &[u8])| groups.node(i as u64, group).unwrap();
                    black_box(
                        x.par_chunks(GROUP)
                            .enumerate()
                            .map(node)
                            .collect::<Vec<_>>(),
                    );
                }),
            ),
            (
                "outboard",
                Box::new(|| {
                    black_box(stream::encode(*len, x, made()).unwrap());
                }),
            ),
            (
                "verify",
                Box::new(|| stream::verify(x_root, *len, &x_outboard[..], x, sink()).unwrap()),
            ),
            (
                "cipher alone",
                Box::new(|| {
                    plain.clear();
                    plain.extend_from_slice(x);
                    plain
                        .par_chunks_mut(GROUP)
                        .enumerate()
                        .for_each(|(i, group)| cipher.apply(i as u64, group));
                }),
            ),
            (
                "seal",
                Box::new(|| {
                    out.clear();
                    let (x_outboard, made) = (&x_outboard[..], made());
                    stream::seal(cipher, x_root, *len, x_outboard, x, &mut out, made).unwrap();
                }),
            ),
            (
                "decrypt and verify",
                Box::new(|| {
                    copy.clear();
                    stream::open(cipher, x_root, *len, &x_outboard[..], z, &mut copy).unwrap();
                }),
            ),
        ],
    );
}

fn hash_file(path: &Path) {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 8 * MIB];
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]).unwrap() {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            break;
        }
        hash(&buffer[..filled]);
    }
}

fn copy_file(from: &Path, to: &Path) {
    // `fs::copy` may only share blocks.
    let mut file = File::create(to).unwrap();
    let mut buffer = vec![0; MIB];
    let mut source = File::open(from).unwrap();
    loop {
        match source.read(&mut buffer).unwrap() {
            0 => break,
            count => file.write_all(&buffer[..count]).unwrap(),
        }
    }
}

fn in_files(title: &str, set: &Set, x: &[u8], z: &[u8]) {
    let folder = std::env::temp_dir().join(format!("athanor-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name);
    fs::write(at("x"), x).unwrap();
    fs::write(at("z"), z).unwrap();
    let Set {
        len,
        cipher,
        x_root,
        x_outboard,
    } = set;
    let read = |name: &str| File::open(at(name)).unwrap();
    let write = |name: &str| File::create(at(name)).unwrap();
    report(
        title,
        x.len(),
        2,
        vec![
            ("hash", Box::new(|| hash_file(&at("x")))),
            ("copy", Box::new(|| copy_file(&at("x"), &at("copy")))),
            (
                "outboard and copy",
                Box::new(|| {
                    stream::encode(*len, read("x"), write("outboard")).unwrap();
                    copy_file(&at("x"), &at("copy"));
                }),
            ),
            (
                "seal",
                Box::new(|| {
                    let (nodes, made) = (&x_outboard[..], write("outboard"));
                    stream::seal(cipher, x_root, *len, nodes, read("x"), write("out"), made)
                        .unwrap();
                }),
            ),
            (
                "decrypt and verify",
                Box::new(|| {
                    let nodes = &x_outboard[..];
                    stream::open(cipher, x_root, *len, nodes, read("z"), write("out")).unwrap();
                }),
            ),
        ],
    );
    fs::remove_dir_all(&folder).unwrap();
}

/// The judge's dearest case: a full group, the longest paths, nothing to convict.
fn judge() {
    let len = 1u64 << 40;
    let groups = Groups::new(len).unwrap();
    let index = groups.count() / 3;
    let b = buyer_secret(&Secret::new([5; 32]), &[1; 32], 9, &[6; 16]);
    let buyer = public_key(&b);
    let path = [[7; 32]; 26];
    let x = vec![0x5A; GROUP];
    let x_cv = groups.node(index, &x).unwrap();
    let x_root = groups.fold(index, x_cv, &path).unwrap();
    let context = Context::new(&[1; 32], &[2; 32], &x_root, len, &[3; 16]);
    let key = context.key(&Secret::new([4; 32]));
    let mut z = x;
    context.cipher(&key).apply(index, &mut z);
    let z_root = groups
        .fold(index, groups.node(index, &z).unwrap(), &path)
        .unwrap();
    let e = context.wrap_secret(&Secret::new([4; 32]), 11, &buyer);
    let sale = Sale {
        context,
        order: 11,
        len,
        x_root,
        z_root,
        commitment: context.commit(&key),
        buyer,
        wrapped: context.wrap(&key, 11, &buyer, &e),
    };
    let proof = |value| athanor_content_tree::GroupProof {
        index,
        value,
        path: path.to_vec(),
    };
    let evidence = Evidence::of_group(&b, z, &proof([0; 32]), &proof(x_cv)).unwrap();
    let mut times: Vec<_> = (0..201)
        .map(|_| {
            let started = Instant::now();
            black_box(sale.judge(black_box(&evidence))).unwrap_err();
            started.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "judge: {} bytes of evidence, {:.1} µs",
        evidence.encoded_size(),
        times[100].as_secs_f64() * 1e6
    );
}

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|word| word.parse().ok())
        .collect();
    let (mib, threads) = match numbers.split_first() {
        Some((mib, threads)) => (*mib, threads.to_vec()),
        None => (256, Vec::new()),
    };
    let all = std::thread::available_parallelism().map_or(1, |count| count.get());
    let threads = if threads.is_empty() {
        vec![1, all]
    } else {
        threads
    };

    let mut x = vec![0; mib * MIB];
    blake3::Hasher::new().finalize_xof().fill(&mut x);
    let len = x.len() as u64;
    let mut made = Cursor::new(Vec::new());
    let x_root = stream::encode(len, &x[..], &mut made).unwrap();
    let context = Context::new(&[1; 32], &[2; 32], &x_root, len, &[3; 16]);
    let key = context.key(&Secret::new([4; 32]));
    let set = Set {
        len,
        cipher: context.cipher(&key),
        x_root,
        x_outboard: made.into_inner(),
    };
    let (mut z, nodes) = (Vec::new(), Cursor::new(Vec::new()));
    stream::seal(
        &set.cipher,
        &x_root,
        len,
        &set.x_outboard[..],
        &x[..],
        &mut z,
        nodes,
    )
    .unwrap();

    println!("{mib} MiB; the last column is the speed beside the baseline");
    judge();
    for count in threads {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .build()
            .unwrap();
        pool.install(|| {
            in_memory(&format!("memory, {count} threads"), &set, &x, &z);
            in_files(&format!("files, {count} threads"), &set, &x, &z);
        });
    }
}
