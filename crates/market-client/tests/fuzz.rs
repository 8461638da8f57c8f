//! What strangers send, mutated, a fixed number of inputs: containers, cards, samples, journals give a
//! value or a specific error, and leave nothing behind where they should not.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;

use athanor_content_tree::market::SAMPLE_BLOCKS;
use athanor_market_client::card::{self, Description};
use athanor_market_client::goods::Goods;
use athanor_market_client::journal::Journal;
use athanor_market_client::unpack::Unpacker;
use athanor_market_client::{licence, pack, path, sample, Manifest, Progress};
use tempfile::TempDir;

// Public where they are a crate's.
#[allow(unreachable_pub)]
#[path = "../../../fuzz/src/mutate.rs"]
mod mutate;

const QUIET: Progress<'_> = &|_| true;

fn run(target: &str, seeds: &[Vec<u8>], inputs: usize, mut check: impl FnMut(&[u8])) {
    let mutations = &mut mutate::Mutations::of(seeds.to_vec());
    let drawn = std::iter::repeat_with(|| mutations.draw()).take(inputs);
    for input in seeds.iter().cloned().chain(drawn) {
        if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
            let hash = blake3::hash(&input).to_hex();
            let path = std::env::temp_dir().join(format!("{target}-{}", &hash[..16]));
            fs::write(&path, &input).unwrap();
            panic!("{target}: {} breaks it", path.display());
        }
    }
}

/// Goods of some files, in folder `goods`.
fn packed(files: &[(&str, usize)]) -> (TempDir, Goods) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for (name, size) in files {
        let path = data.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes: Vec<u8> = (0..*size).map(|i| (i * 31 % 251) as u8).collect();
        fs::write(path, bytes).unwrap();
    }
    let goods = pack::plan(&data, QUIET)
        .unwrap()
        .pack(&dir.path().join("goods"), QUIET)
        .unwrap();
    (dir, goods)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let kind = fs::symlink_metadata(entry.path()).unwrap();
            assert!(kind.is_dir() || kind.is_file(), "no file: {entry:?}");
            match kind.is_dir() {
                true => bytes_below(&entry.path()),
                false => kind.len(),
            }
        })
        .sum()
}

#[test]
fn containers() {
    let seeds: Vec<Vec<u8>> = [
        &[("a.txt", 5usize)][..],
        &[("one/two.csv", 700), ("one/three", 0), ("z.bin", 513)],
        &[
            ("long/".repeat(60).trim_end_matches('/'), 10),
            ("b", 17_000),
        ],
    ]
    .iter()
    .map(|files| {
        let (dir, _) = packed(files);
        fs::read(dir.path().join("goods/x")).unwrap()
    })
    .collect();
    let mut whole = 0;
    run("container", &seeds, 600, |bytes| {
        let place = tempfile::tempdir().unwrap();
        let dest = place.path().join("out");
        let taken = Unpacker::new(bytes.len() as u64, &dest).and_then(|mut unpacker| {
            // In pieces of all sizes.
            for piece in bytes.chunks(1 + bytes.len() % 900) {
                unpacker
                    .write_all(piece)
                    .map_err(|_| athanor_market_client::Error::WrongRoot { what: "a piece" })?;
            }
            unpacker.finish()
        });
        match taken {
            Ok(manifest) => {
                whole += 1;
                assert_eq!(names(place.path()), ["out".to_owned()].into());
                assert_eq!(bytes_below(&dest), manifest.total());
                for file in &manifest.files {
                    path::check(&file.path).unwrap();
                    let root = blake3::hash(&fs::read(dest.join(&file.path)).unwrap());
                    assert_eq!(*root.as_bytes(), file.blake3, "{}", file.path);
                }
            }
            Err(_) => assert_eq!(names(place.path()), BTreeSet::new()),
        }
    });
    assert!(whole >= seeds.len(), "the seeds themselves are containers");
}

#[test]
fn lists_of_files() {
    let entry = |path: &str, length| athanor_market_client::Entry {
        path: path.into(),
        length,
        blake3: [7; 32],
    };
    let files = vec![entry("a/b", 3), entry("a/c", 0), entry("ä", u64::MAX >> 24)];
    let seeds = [Manifest::new(files).unwrap().encode().unwrap()];
    run("manifest", &seeds, 20_000, |bytes| {
        if let Ok(manifest) = Manifest::decode(bytes) {
            assert_eq!(manifest.encode().unwrap(), bytes, "one encoding");
            for file in &manifest.files {
                path::check(&file.path).unwrap();
            }
        }
    });
}

#[test]
fn cards_and_licences() {
    let (_dir, goods) = packed(&[("reviews.csv", 2_000), ("img/a.png", 10)]);
    let description = Description {
        name: "Reviews".into(),
        description: "What people wrote.".into(),
        version: "1.0.0".into(),
        published: "2026-11-22".into(),
        spdx: "CC-BY-4.0 OR MIT".into(),
        ..Description::default()
    };
    let seeds = [card::make(&goods, &[2; 32], &description).unwrap()];
    run("card", &seeds, 5_000, |bytes| {
        if let Ok(card) = card::read(bytes) {
            for text in [&card.name, &card.description, &card.spdx] {
                assert_eq!(card::clean(text), **text, "it is shown to people");
            }
            licence::check_spdx(&card.spdx).unwrap();
        }
    });
    let text = b"Do with it what you like.\n\nNo warranty.\n".to_vec();
    run("licence", &[text], 20_000, |bytes| {
        if let Ok(root) = licence::check(bytes) {
            assert_eq!(root, *blake3::hash(bytes).as_bytes());
            assert!(std::str::from_utf8(bytes).is_ok());
        }
    });
}

#[test]
fn samples() {
    let (dir, goods) = packed(&[("rows", 400_000)]);
    let (root, len) = (goods.x_root, goods.length);
    let drawn = sample::indices(&[[4; 32]; SAMPLE_BLOCKS], &root, len, 3).unwrap();
    let at = |name: &str| dir.path().join(name);
    let file = at("sample");
    let (x, outboard) = (at("goods/x"), at("goods/x.obao"));
    sample::write(&x, &outboard, &root, len, &drawn, &file, QUIET).unwrap();
    let seed = fs::read(&file).unwrap();
    run("sample", std::slice::from_ref(&seed), 2_000, |bytes| {
        let mut seen = 0;
        let checked = sample::verify(bytes, &root, len, &drawn, |_, group| {
            seen += group.len();
            Ok(())
        });
        assert_eq!(checked.is_ok(), bytes == seed.as_slice());
        assert!(seen <= 3 * athanor_content_tree::GROUP);
    });
}

#[test]
fn journals() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let entries = [
        (1u32, "one".to_owned()),
        (2, "two\nlines".into()),
        (3, String::new()),
    ];
    {
        let (mut journal, _) = Journal::<(u32, String)>::open(&path).unwrap();
        for entry in &entries {
            journal.append(entry).unwrap();
        }
    }
    let seed = fs::read(&path).unwrap();
    run("journal", &[seed], 400, |bytes| {
        let path = dir.path().join("mutated");
        fs::write(&path, bytes).unwrap();
        let Ok((mut journal, read)) = Journal::<(u32, String)>::open(&path) else {
            return;
        };
        // What can be read can be written on.
        journal.append(&entries[0]).unwrap();
        drop(journal);
        let (_, again) = Journal::<(u32, String)>::open(&path).unwrap();
        assert_eq!(again.len(), read.len() + 1);
        assert_eq!(again[..read.len()], read[..]);
        assert_eq!(again.last(), Some(&entries[0]));
    });
}
