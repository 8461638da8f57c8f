//! Containers: what is packed comes back, and whatever is against the rules leaves nothing behind.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use athanor_content_tree::market::{container_len, Header, Salts, Secret};
use athanor_content_tree::stream::{Salted, Unsalted};
use athanor_market_client::goods::Goods;
use athanor_market_client::{pack, unpack, Entry, Error, Manifest, MAX_FILES, MAX_MANIFEST};
use proptest::prelude::*;
use tempfile::TempDir;

const QUIET: athanor_market_client::Progress<'_> = &|_| true;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Everything in it, but the container that was given.
    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "x")
            .collect();
        names.sort();
        names
    }
}

fn tree(place: &Place, files: &[(&str, &[u8])]) -> PathBuf {
    let root = place.at("in");
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    root
}

fn packed(input: &Path, dest: &Path) -> Goods {
    pack::plan(input, QUIET).unwrap().pack(dest, QUIET).unwrap()
}

fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.push((name.to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The container with this payload.
fn container(payload: &[u8]) -> Vec<u8> {
    let mut container = Vec::new();
    let salts = Salts::new(Secret::new([7; 32]));
    Salted::new(payload, salts)
        .read_to_end(&mut container)
        .unwrap();
    assert_eq!(
        container.len() as u64,
        container_len(payload.len() as u64).unwrap()
    );
    container
}

fn payload_of(container: &[u8]) -> Vec<u8> {
    let mut payload = Unsalted::new(Vec::new());
    payload.write_all(container).unwrap();
    payload.into_inner()
}

/// Header and tar.
fn with_header(files: u32, tar: &[u8]) -> Vec<u8> {
    let header = Header {
        files,
        tar_len: tar.len() as u64,
    };
    let mut payload = header.encode().to_vec();
    payload.extend(tar);
    payload
}

fn unpacked(place: &Place, container: &[u8]) -> Result<Manifest, Error> {
    let x = place.at("x");
    fs::write(&x, container).unwrap();
    unpack::unpack(&x, &place.at("out"), QUIET)
}

/// Unpacks what must be refused, and looks that nothing is left of it anywhere.
fn refused(payload: &[u8]) -> Error {
    let place = Place::new();
    let outside = place.0.path().parent().unwrap().join("athanor-escaped");
    let error = unpacked(&place, &container(payload)).unwrap_err();
    assert_eq!(place.left(), Vec::<String>::new(), "{error}");
    assert!(!outside.exists());
    error
}

fn entry(path: &str, bytes: &[u8]) -> Entry {
    Entry {
        path: path.into(),
        length: bytes.len() as u64,
        blake3: *blake3::hash(bytes).as_bytes(),
    }
}

/// A tar as `tar` writes it: the manifest, then entries of any kind.
fn tar_of(manifest: &[u8], entries: &[(tar::EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let all = std::iter::once((tar::EntryType::Regular, "athanor.json", manifest));
    for (kind, name, bytes) in all.chain(entries.iter().copied()) {
        let mut header = tar::Header::new_ustar();
        let ustar = header.as_ustar_mut().unwrap();
        ustar.name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        header.set_entry_type(kind);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header
                .set_link_name_literal("../../athanor-escaped")
                .unwrap();
        }
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

const FILE: tar::EntryType = tar::EntryType::Regular;

#[test]
fn files_come_back_as_they_were() {
    let place = Place::new();
    let big: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let long = format!("{}/{}", "d".repeat(200), "ä".repeat(100));
    let files: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("a/b/c.txt", b"hello"),
        ("a.txt", b"between a and a/b in bytes"),
        ("big.bin", &big),
        ("block", &[1; 512]),
        (&long, b"long"),
    ];
    let input = tree(&place, files);
    let goods = packed(&input, &place.at("goods"));
    let x = fs::read(place.at("goods/x")).unwrap();
    assert_eq!(goods.x_root, *blake3::hash(&x).as_bytes());
    assert_eq!(goods.length, x.len() as u64);
    assert_eq!(Goods::read(&place.at("goods")).unwrap(), goods);

    let out = place.at("out");
    let manifest = unpack::unpack(&place.at("goods/x"), &out, QUIET).unwrap();
    assert_eq!(manifest.files.len(), files.len());
    assert_eq!(files_below(&out), files_below(&input));
}

#[test]
fn a_single_file_is_packed_under_its_name() {
    let place = Place::new();
    let input = tree(&place, &[("one.csv", b"a,b\n")]).join("one.csv");
    packed(&input, &place.at("goods"));
    unpack::unpack(&place.at("goods/x"), &place.at("out"), QUIET).unwrap();
    let expected = [("one.csv".to_owned(), b"a,b\n".to_vec())];
    assert_eq!(files_below(&place.at("out")), expected);
}

#[test]
fn the_payload_is_a_tar_that_others_read_and_the_same_each_time() {
    let place = Place::new();
    let long = format!("{}/x", "n".repeat(120));
    let input = tree(
        &place,
        &[("b", b"2"), ("a", b"1"), (&long, b"3"), ("é", b"4")],
    );
    packed(&input, &place.at("one"));
    packed(&input, &place.at("two"));
    let x = |name: &str| fs::read(place.at(name).join("x")).unwrap();
    assert_ne!(x("one"), x("two"), "each has salts of its own");
    let payload = payload_of(&x("one"));
    assert_eq!(payload, payload_of(&x("two")));
    let mut archive = tar::Archive::new(&payload[32..]);
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o644);
        assert_eq!(entry.header().mtime().unwrap(), 0);
        names.push(entry.path().unwrap().to_str().unwrap().to_owned());
        entry.read_to_end(&mut Vec::new()).unwrap();
    }
    assert_eq!(names, ["athanor.json", "a", "b", &long, "é"]);
}

#[test]
fn only_files_are_packed() {
    let place = Place::new();
    let input = tree(&place, &[("a", b"1")]);
    std::os::unix::fs::symlink("/etc/passwd", input.join("link")).unwrap();
    assert!(matches!(
        pack::plan(&input, QUIET),
        Err(Error::Unfit { .. })
    ));
    fs::remove_file(input.join("link")).unwrap();
    std::os::unix::fs::symlink("a", place.at("linked")).unwrap();
    assert!(matches!(
        pack::plan(&place.at("linked"), QUIET),
        Err(Error::Unfit { .. })
    ));
    let _socket = std::os::unix::net::UnixListener::bind(input.join("socket")).unwrap();
    assert!(matches!(
        pack::plan(&input, QUIET),
        Err(Error::Unfit { .. })
    ));
    fs::remove_file(input.join("socket")).unwrap();
    fs::create_dir_all(input.join("nothing")).unwrap();
    assert_eq!(pack::plan(&input, QUIET).unwrap().empty_folders(), 1);
}

#[test]
fn names_that_clash_elsewhere_are_not_packed() {
    for names in [
        ["Readme", "README"],
        ["caf\u{e9}", "cafe\u{301}"],
        ["athanor.JSON", "b"],
    ] {
        let place = Place::new();
        let input = tree(&place, &names.map(|name| (name, &b"1"[..])));
        assert!(
            matches!(pack::plan(&input, QUIET), Err(Error::Clash { .. })),
            "{names:?}"
        );
    }
    let place = Place::new();
    let input = tree(&place, &[("bad\u{1b}name", b"1")]);
    assert!(matches!(pack::plan(&input, QUIET), Err(Error::Path { .. })));
    fs::remove_dir_all(&input).unwrap();
    fs::create_dir(&input).unwrap();
    assert!(
        pack::plan(&input, QUIET).is_err(),
        "there is nothing to pack"
    );
}

#[test]
fn a_file_that_changes_between_hashing_and_packing_is_noticed() {
    let place = Place::new();
    let input = tree(&place, &[("a", b"one"), ("b", b"two")]);
    for change in [&b"three"[..], b"t", b"owt"] {
        fs::write(input.join("b"), b"two").unwrap();
        let plan = pack::plan(&input, QUIET).unwrap();
        fs::write(input.join("b"), change).unwrap();
        let error = plan.pack(&place.at("goods"), QUIET).unwrap_err();
        assert!(matches!(error, Error::Changed(_)), "{error}");
        assert_eq!(place.left(), ["in"]);
    }
}

#[test]
fn raw_goods_are_the_file_itself() {
    let place = Place::new();
    let bytes = vec![5; 50_000];
    let input = tree(&place, &[("model.bin", &bytes), ("nothing", b"")]);
    let goods = pack::pack_raw(&input.join("model.bin"), &place.at("goods"), QUIET).unwrap();
    assert_eq!(goods.x_root, *blake3::hash(&bytes).as_bytes());
    assert_eq!(fs::read(place.at("goods/x")).unwrap(), bytes);
    assert!(pack::pack_raw(&input.join("nothing"), &place.at("empty"), QUIET).is_err());
    assert!(pack::pack_raw(&input, &place.at("folder"), QUIET).is_err());
    assert_eq!(place.left(), ["goods", "in"]);
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    let input = tree(&place, &[("a", b"1")]);
    packed(&input, &place.at("goods"));
    let plan = pack::plan(&input, QUIET).unwrap();
    assert!(matches!(
        plan.pack(&place.at("goods"), QUIET),
        Err(Error::Exists(_))
    ));
    fs::create_dir(place.at("out")).unwrap();
    let again = unpack::unpack(&place.at("goods/x"), &place.at("out"), QUIET);
    assert!(matches!(again, Err(Error::Exists(_))));
    std::os::unix::fs::symlink(place.at("nowhere"), place.at("dangling")).unwrap();
    let through = unpack::unpack(&place.at("goods/x"), &place.at("dangling"), QUIET);
    assert!(matches!(through, Err(Error::Exists(_))));
}

#[test]
fn whoever_stops_it_leaves_nothing() {
    let place = Place::new();
    let input = tree(&place, &[("a", &[1; 200_000])]);
    packed(&input, &place.at("goods"));
    let plan = pack::plan(&input, QUIET).unwrap();
    let stop: athanor_market_client::Progress<'_> = &|_| false;
    assert!(matches!(
        plan.pack(&place.at("two"), stop),
        Err(Error::Cancelled)
    ));
    let stopped = unpack::unpack(&place.at("goods/x"), &place.at("out"), stop);
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert_eq!(place.left(), ["goods", "in"]);
}

#[test]
fn links_devices_and_folders_in_a_tar_are_refused_by_name() {
    let manifest = Manifest::new(vec![entry("a", b"1")])
        .unwrap()
        .encode()
        .unwrap();
    for (kind, word) in [
        (tar::EntryType::Symlink, "symbolic link"),
        (tar::EntryType::Link, "hard link"),
        (tar::EntryType::Char, "device"),
        (tar::EntryType::Block, "device"),
        (tar::EntryType::Fifo, "pipe"),
        (tar::EntryType::Directory, "folder"),
        (tar::EntryType::XGlobalHeader, "global header"),
        (tar::EntryType::GNULongName, "GNU"),
        (tar::EntryType::GNUSparse, "GNU"),
        (tar::EntryType::Continuous, "unknown kind"),
    ] {
        let tar = tar_of(&manifest, &[(kind, "a", b"1")]);
        let error = refused(&with_header(1, &tar)).to_string();
        assert!(error.contains(word), "{kind:?}: {error}");
        // Beside a plain file, where the lengths do not fit.
        let tar = tar_of(&manifest, &[(FILE, "a", b"1"), (kind, "b", b"")]);
        refused(&with_header(1, &tar));
    }
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in [
        "../athanor-escaped",
        "/tmp/athanor-escaped",
        "a/../../athanor-escaped",
        "./a",
        "a//b",
        "a\\b",
        "a\0b",
    ] {
        let text = serde_json::json!({"athanor": 1, "files": [
            {"path": path, "length": 1, "blake3": blake3::hash(b"1").to_hex().to_string()},
        ]});
        let tar = tar_of(&serde_json::to_vec(&text).unwrap(), &[(FILE, path, b"1")]);
        let error = refused(&with_header(1, &tar));
        assert!(matches!(error, Error::Path { .. }), "{path}: {error}");
    }
    // A good manifest with a tar that says otherwise.
    let manifest = Manifest::new(vec![entry("a", b"1")])
        .unwrap()
        .encode()
        .unwrap();
    let tar = tar_of(&manifest, &[(FILE, "../athanor-escaped", b"1")]);
    refused(&with_header(1, &tar));
}

#[test]
fn duplicates_after_folding_are_refused() {
    for (first, second) in [
        ("A", "a"),
        ("a", "a"),
        ("cafe\u{301}", "caf\u{e9}"),
        ("a", "a/b"),
    ] {
        let file = |path: &str| serde_json::json!({"path": path, "length": 1, "blake3": blake3::hash(b"1").to_hex().to_string()});
        let text = serde_json::json!({"athanor": 1, "files": [file(first), file(second)]});
        let text = serde_json::to_string(&text).unwrap();
        let tar = tar_of(
            text.as_bytes(),
            &[(FILE, first, b"1"), (FILE, second, b"1")],
        );
        let error = refused(&with_header(2, &tar));
        assert!(
            matches!(error, Error::Clash { .. }),
            "{first} {second}: {error}"
        );
    }
}

#[test]
fn counts_and_lengths_that_lie_are_refused_before_anything_is_made_of_them() {
    let manifest = Manifest::new(vec![entry("a", b"1")]).unwrap();
    let encoded = manifest.encode().unwrap();
    let tar = tar_of(&encoded, &[(FILE, "a", b"1")]);
    for files in [0, 2, u32::MAX] {
        refused(&with_header(files, &tar));
    }
    let most = u32::try_from(MAX_FILES).unwrap();
    assert!(matches!(
        refused(&with_header(most + 1, &tar)),
        Error::TooLarge { .. }
    ));
    // The length of the tar is that of the payload, or it is no header.
    let mut payload = with_header(1, &tar);
    payload[16] ^= 1;
    refused(&payload);
    for length in [0, 2, 1 << 40, u64::MAX] {
        let mut lying = manifest.clone();
        lying.files[0].length = length;
        let tar = tar_of(&lying.encode().unwrap(), &[(FILE, "a", b"1")]);
        refused(&with_header(1, &tar));
    }
    // A manifest that would fill the memory.
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..12].copy_from_slice(b"athanor.json");
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(MAX_MANIFEST + 1);
    header.set_entry_type(FILE);
    header.set_cksum();
    let error = refused(&with_header(1, header.as_bytes()));
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[test]
fn contents_other_than_the_manifest_says_are_refused() {
    let manifest = Manifest::new(vec![entry("a", b"12")])
        .unwrap()
        .encode()
        .unwrap();
    let good = with_header(1, &tar_of(&manifest, &[(FILE, "a", b"12")]));
    let place = Place::new();
    unpacked(&place, &container(&good)).unwrap();
    assert_eq!(fs::read(place.at("out/a")).unwrap(), b"12");
    refused(&with_header(1, &tar_of(&manifest, &[(FILE, "a", b"13")])));
    // Padding, end, another order, another mode.
    for at in [good.len() - 1, good.len() - 1024, good.len() - 1024 - 500] {
        let mut bad = good.clone();
        bad[at] = 1;
        refused(&bad);
    }
    let mut bad = good.clone();
    let mode = bad
        .windows(7)
        .rposition(|bytes| bytes == b"0000644")
        .unwrap();
    bad[mode + 3] = b'4';
    refused(&bad);
    let two = Manifest::new(vec![entry("a", b"1"), entry("b", b"1")]).unwrap();
    let swapped = tar_of(
        &two.encode().unwrap(),
        &[(FILE, "b", b"1"), (FILE, "a", b"1")],
    );
    refused(&with_header(2, &swapped));
    // athanor.json must come first.
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_path("a").unwrap();
    header.set_size(2);
    header.set_cksum();
    builder.append(&header, &b"12"[..]).unwrap();
    refused(&with_header(1, &builder.into_inner().unwrap()));
}

#[test]
fn every_cut_and_every_longer_container_is_refused() {
    let manifest = Manifest::new(vec![entry("a", &[3; 600]), entry("d/b", b"")]).unwrap();
    let tar = tar_of(
        &manifest.encode().unwrap(),
        &[(FILE, "a", &[3; 600]), (FILE, "d/b", b"")],
    );
    let payload = with_header(2, &tar);
    let good = container(&payload);
    unpacked(&Place::new(), &good).unwrap();
    for len in (0..good.len()).step_by(41).chain([good.len() - 1]) {
        let place = Place::new();
        unpacked(&place, &good[..len]).unwrap_err();
        assert_eq!(place.left(), Vec::<String>::new(), "{len}");
    }
    // With a header that fits the cut.
    for cut in (0..tar.len()).step_by(37) {
        refused(&with_header(2, &tar[..cut]));
    }
    let mut longer = tar.clone();
    longer.extend([0; 512]);
    refused(&with_header(2, &longer));
    let place = Place::new();
    let mut longer = good;
    longer.push(0);
    unpacked(&place, &longer).unwrap_err();
}

#[test]
fn what_is_no_file_is_not_read() {
    let place = Place::new();
    let out = place.at("out");
    assert!(unpack::unpack(Path::new("/dev/zero"), &out, QUIET).is_err());
    assert!(unpack::unpack(&place.at("none"), &out, QUIET).is_err());
    File::create(place.at("x")).unwrap();
    assert!(unpack::unpack(&place.at("x"), &out, QUIET).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_comes_back(
        files in proptest::collection::btree_map("[a-c]{1,3}(/[d-fä]{1,40}){0,4}", proptest::collection::vec(any::<u8>(), 0..40_000), 1..8)
    ) {
        let place = Place::new();
        let names: Vec<&String> = files.keys().collect();
        let clash = names.iter().any(|a| names.iter().any(|b| b.starts_with(&format!("{a}/"))));
        prop_assume!(!clash);
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let input = tree(&place, &files);
        packed(&input, &place.at("goods"));
        unpack::unpack(&place.at("goods/x"), &place.at("out"), QUIET).unwrap();
        prop_assert_eq!(files_below(&place.at("out")), files_below(&input));
    }

    #[test]
    fn a_changed_byte_never_comes_through(at in any::<prop::sample::Index>(), by in 1u8..) {
        let manifest = Manifest::new(vec![entry("a", &[3; 600]), entry("b", b"12")]).unwrap();
        let tar = tar_of(&manifest.encode().unwrap(), &[(FILE, "a", &[3; 600]), (FILE, "b", b"12")]);
        let mut payload = with_header(2, &tar);
        let at = at.index(payload.len());
        payload[at] ^= by;
        refused(&payload);
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 1..40_000)) {
        let place = Place::new();
        prop_assert!(unpacked(&place, &bytes).is_err());
        prop_assert_eq!(place.left(), Vec::<String>::new());
    }
}
