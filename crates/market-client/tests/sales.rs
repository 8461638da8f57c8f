//! From goods to what the buyer holds: seals, opening, evidence, samples.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use athanor_content_tree::market::{buyer_secret, public_key, Fault, Sale, Secret, SAMPLE_BLOCKS};
use athanor_content_tree::{Groups, GROUP};
use athanor_market_client::card::{self, Description};
use athanor_market_client::goods::{Goods, Packing};
use athanor_market_client::open::{self, Files};
use athanor_market_client::seal::{self, Request, Sealed};
use athanor_market_client::{pack, sample, seed, Error, Progress};
use proptest::prelude::*;
use tempfile::TempDir;

const QUIET: Progress<'_> = &|_| true;
const GENESIS: [u8; 32] = [1; 32];
const SELLER: [u8; 32] = [2; 32];

struct Shop {
    folder: TempDir,
    seed: Secret,
    goods: Goods,
}

fn describe() -> Description {
    Description {
        name: "Things".into(),
        description: "Some things.".into(),
        version: "1.0.0".into(),
        published: "2026-11-22".into(),
        spdx: "MIT".into(),
        ..Description::default()
    }
}

impl Shop {
    /// Goods of one file of `len` bytes, raw or in a container.
    fn new(len: usize, raw: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
        fs::write(at("data.jsonl"), bytes).unwrap();
        let goods = if raw {
            pack::pack_raw(&at("data.jsonl"), &at("goods"), QUIET).unwrap()
        } else {
            let plan = pack::plan(&at("data.jsonl"), QUIET).unwrap();
            plan.pack(&at("goods"), QUIET).unwrap()
        };
        fs::write(
            at("card"),
            card::make(&goods, &SELLER, &describe()).unwrap(),
        )
        .unwrap();
        fs::write(at("licence"), "As you like.\n").unwrap();
        let seed = seed::create(&at("seed")).unwrap();
        Self {
            folder,
            seed,
            goods,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn request(&self) -> Request {
        Request {
            goods: self.at("goods"),
            genesis: GENESIS,
            seller: SELLER,
            seed: self.seed.clone(),
            nonce: None,
            card: self.at("card"),
            licence: self.at("licence"),
        }
    }

    fn sealed(&self) -> Sealed {
        seal::seal(&self.request(), &self.at("seal"), QUIET).unwrap()
    }

    fn b(&self) -> Secret {
        buyer_secret(&Secret::new([5; 32]), &GENESIS, 3, &[6; 16])
    }

    fn sale(&self, sealed: &Sealed) -> Sale {
        let (context, key) = (sealed.context(), sealed.key(&self.seed).unwrap());
        let buyer = public_key(&self.b());
        let e = context.wrap_secret(&self.seed, 11, &buyer);
        Sale {
            context,
            order: 11,
            len: sealed.length,
            x_root: sealed.x_root,
            z_root: sealed.z_root,
            commitment: sealed.h_k,
            buyer,
            wrapped: context.wrap(&key, 11, &buyer, &e),
        }
    }

    fn paths(&self) -> [PathBuf; 3] {
        ["z", "z.obao", "x.obao"].map(|name| self.at("seal").join(name))
    }

    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn files(paths: &[PathBuf; 3]) -> Files<'_> {
    let [z, z_outboard, x_outboard] = paths;
    Files {
        z,
        z_outboard,
        x_outboard,
    }
}

fn flip(path: &Path, at: u64) {
    let bytes = fs::read(path).unwrap();
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[bytes[at as usize] ^ 1]).unwrap();
}

#[test]
fn a_sale_from_end_to_end() {
    for (len, raw) in [
        (1, true),
        (GROUP, true),
        (GROUP + 1, true),
        (300_000, false),
    ] {
        let shop = Shop::new(len, raw);
        let sealed = shop.sealed();
        assert_eq!(Sealed::read(&shop.at("seal")).unwrap(), sealed);
        assert_eq!(
            seal::verify(&shop.at("seal"), Some(&shop.seed), QUIET).unwrap(),
            sealed
        );
        assert_eq!(
            seal::verify_goods(&shop.at("goods"), QUIET).unwrap(),
            shop.goods
        );
        let paths = shop.paths();
        let (sale, b) = (shop.sale(&sealed), shop.b());
        open::check_before_order(
            &sealed.x_root,
            &sealed.z_root,
            sealed.length,
            files(&paths),
            QUIET,
        )
        .unwrap();
        open::open_to_file(&sale, &b, files(&paths), &shop.at("x"), QUIET).unwrap();
        assert_eq!(
            fs::read(shop.at("x")).unwrap(),
            fs::read(shop.at("goods/x")).unwrap()
        );
        assert!(open::find_fault(&sale, &b, files(&paths), QUIET)
            .unwrap()
            .is_none());
        if !raw {
            let manifest =
                open::open_and_unpack(&sale, &b, files(&paths), &shop.at("out"), QUIET).unwrap();
            assert_eq!(manifest.files.len(), 1);
            assert_eq!(
                fs::read(shop.at("out/data.jsonl")).unwrap(),
                fs::read(shop.at("data.jsonl")).unwrap()
            );
        }
    }
}

#[test]
fn goods_that_are_no_container_do_not_unpack() {
    let shop = Shop::new(50_000, true);
    let sealed = shop.sealed();
    let paths = shop.paths();
    let before = shop.left();
    open::open_and_unpack(
        &shop.sale(&sealed),
        &shop.b(),
        files(&paths),
        &shop.at("out"),
        QUIET,
    )
    .unwrap_err();
    assert_eq!(shop.left(), before);
}

#[test]
fn no_two_seals_of_the_same_goods_are_alike() {
    let shop = Shop::new(50_000, false);
    let one = shop.sealed();
    let two = seal::seal(&shop.request(), &shop.at("two"), QUIET).unwrap();
    assert_ne!(
        (one.nonce, one.z_root, one.h_k),
        (two.nonce, two.z_root, two.h_k)
    );
    let fixed = Request {
        nonce: Some(one.nonce),
        ..shop.request()
    };
    let again = seal::seal(&fixed, &shop.at("again"), QUIET).unwrap();
    assert_eq!(again, one);
    let other = Secret::new([9; 32]);
    assert!(matches!(one.key(&other), Err(Error::WrongRoot { .. })));
    assert!(seal::verify(&shop.at("seal"), Some(&other), QUIET).is_err());
}

#[test]
fn goods_or_cards_of_somebody_else_are_not_sealed() {
    let shop = Shop::new(50_000, false);
    let before = shop.left();
    let other = Request {
        seller: [3; 32],
        ..shop.request()
    };
    let error = seal::seal(&other, &shop.at("seal"), QUIET).unwrap_err();
    assert!(
        matches!(
            error,
            Error::CardMismatch {
                field: "seller",
                ..
            }
        ),
        "{error}"
    );
    flip(&shop.at("goods/x"), 20_000);
    let error = seal::seal(&shop.request(), &shop.at("seal"), QUIET).unwrap_err();
    assert!(matches!(error, Error::Stream(_)), "{error}");
    assert!(seal::verify_goods(&shop.at("goods"), QUIET).is_err());
    assert_eq!(shop.left(), before);
}

#[test]
fn what_was_published_is_checked_in_every_part() {
    let shop = Shop::new(100_000, false);
    shop.sealed();
    let folder = shop.at("seal");
    seal::verify(&folder, None, QUIET).unwrap();
    for name in [
        "z",
        "z.obao",
        "x.obao",
        "card.json",
        "licence.txt",
        "seal.json",
    ] {
        let path = folder.join(name);
        let good = fs::read(&path).unwrap();
        flip(&path, good.len() as u64 / 2);
        seal::verify(&folder, None, QUIET).unwrap_err();
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        if !matches!(name, "seal.json" | "card.json") {
            seal::verify(&folder, None, QUIET).unwrap_err();
        }
        fs::write(&path, good).unwrap();
    }
    seal::verify(&folder, None, QUIET).unwrap();
}

/// A seller who publishes a ciphertext with a wrong group, and its true root.
fn garbled(shop: &Shop, index: u64) -> Sealed {
    let mut sealed = shop.sealed();
    let [z, z_outboard, _] = shop.paths();
    flip(&z, index * GROUP as u64);
    let bytes = fs::read(&z).unwrap();
    let mut outboard = std::io::Cursor::new(Vec::new());
    sealed.z_root =
        athanor_content_tree::stream::encode(sealed.length, bytes.as_slice(), &mut outboard)
            .unwrap();
    fs::write(z_outboard, outboard.into_inner()).unwrap();
    sealed
}

#[test]
fn a_garbled_group_first_middle_or_last_is_found_and_proven() {
    for (len, index) in [
        (500, 0),
        (100_000, 0),
        (100_000, 3),
        (100_000, 6),
        (3_000_000, 183),
    ] {
        let shop = Shop::new(len, true);
        let sealed = garbled(&shop, index);
        let (sale, b, paths) = (shop.sale(&sealed), shop.b(), shop.paths());
        let before = shop.left();
        open::open_to_file(&sale, &b, files(&paths), &shop.at("x"), QUIET).unwrap_err();
        assert_eq!(shop.left(), before);
        let (evidence, fault) = open::find_fault(&sale, &b, files(&paths), QUIET)
            .unwrap()
            .unwrap();
        assert_eq!(fault, Fault::BadGroup);
        assert_eq!(evidence.group.as_ref().unwrap().index, index);
        assert_eq!(sale.judge(&evidence), Ok(Fault::BadGroup));
    }
}

#[test]
fn a_wrong_key_or_wrap_is_proven_without_a_group() {
    let shop = Shop::new(50_000, true);
    let sealed = shop.sealed();
    let mut sale = shop.sale(&sealed);
    sale.wrapped.key[0] ^= 1;
    let paths = shop.paths();
    let error = open::open_to_file(&sale, &shop.b(), files(&paths), &shop.at("x"), QUIET);
    assert!(matches!(error, Err(Error::WrongRoot { .. })));
    let found = open::find_fault(&sale, &shop.b(), files(&paths), QUIET).unwrap();
    let (evidence, fault) = found.unwrap();
    assert_eq!((fault, evidence.group), (Fault::BadKey, None));
}

#[test]
fn a_buyer_whose_own_disk_is_wrong_sends_nothing() {
    let shop = Shop::new(50_000, true);
    let sealed = shop.sealed();
    let paths = shop.paths();
    flip(&paths[0], 20_000);
    let error = open::find_fault(&shop.sale(&sealed), &shop.b(), files(&paths), QUIET).unwrap_err();
    assert!(
        matches!(error, Error::WrongRoot { .. } | Error::NotProven(_)),
        "{error}"
    );
    flip(&paths[0], 20_000);
    // The key of another order.
    let error = open::find_fault(
        &shop.sale(&sealed),
        &Secret::new([8; 32]),
        files(&paths),
        QUIET,
    )
    .unwrap_err();
    assert!(matches!(error, Error::NotProven(_)), "{error}");
}

#[test]
fn a_false_length_is_noticed_before_paying() {
    let shop = Shop::new(50_000, true);
    let sealed = shop.sealed();
    let paths = shop.paths();
    for length in [49_999, 50_001, 16_384, 1] {
        open::check_before_order(&sealed.x_root, &sealed.z_root, length, files(&paths), QUIET)
            .unwrap_err();
    }
}

fn draws(shop: &Shop, promised: u32) -> std::collections::BTreeSet<u64> {
    let vrfs = [[4; 32]; SAMPLE_BLOCKS];
    sample::indices(&vrfs, &shop.goods.x_root, shop.goods.length, promised).unwrap()
}

#[test]
fn a_sample_is_of_the_groups_drawn_and_no_others() {
    let shop = Shop::new(700_000, false);
    let (x, outboard) = (shop.at("goods/x"), shop.at("goods/x.obao"));
    let (root, len) = (&shop.goods.x_root, shop.goods.length);
    let groups = Groups::new(len).unwrap();
    for promised in [0, 1, 2, 7, u32::MAX] {
        let drawn = draws(&shop, promised);
        assert_eq!(drawn.len() as u64, u64::from(promised).min(groups.count()));
        let path = shop.at(&format!("sample-{promised}"));
        sample::write(&x, &outboard, root, len, &drawn, &path, QUIET).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, sample::file_len(len, &drawn).unwrap());
        let mut seen = Vec::new();
        sample::verify_file(&path, root, len, &drawn, |index, bytes| {
            seen.push((index, bytes.len()));
            Ok(())
        })
        .unwrap();
        let expected: Vec<_> = drawn
            .iter()
            .map(|index| (*index, groups.group_len(*index).unwrap()))
            .collect();
        assert_eq!(seen, expected);
        let nothing = |_: u64, _: &[u8]| Ok(());
        let other = draws(&shop, promised.wrapping_add(1));
        if other != drawn {
            sample::verify(bytes.as_slice(), root, len, &other, nothing).unwrap_err();
        }
        for at in (0..bytes.len()).step_by(4_001) {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            sample::verify(bad.as_slice(), root, len, &drawn, nothing).unwrap_err();
            sample::verify(&bytes[..at], root, len, &drawn, nothing).unwrap_err();
        }
        let mut long = bytes;
        long.push(0);
        sample::verify(long.as_slice(), root, len, &drawn, nothing).unwrap_err();
    }
    assert_eq!(sample::most(len).unwrap(), (groups.count() / 20) as u32);
}

#[test]
fn a_sample_of_other_bytes_is_not_written() {
    let shop = Shop::new(100_000, true);
    flip(&shop.at("goods/x"), 1);
    let drawn = std::iter::once(0).collect();
    let before = shop.left();
    let written = sample::write(
        &shop.at("goods/x"),
        &shop.at("goods/x.obao"),
        &shop.goods.x_root,
        shop.goods.length,
        &drawn,
        &shop.at("sample"),
        QUIET,
    );
    assert!(matches!(written, Err(Error::WrongRoot { .. })));
    assert_eq!(shop.left(), before);
    assert!(matches!(shop.goods.packing, Packing::Raw { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_garbled_group_is_proven(len in 1usize..200_000, at in any::<prop::sample::Index>()) {
        let shop = Shop::new(len, true);
        let count = Groups::new(len as u64).unwrap().count();
        let index = at.index(count as usize) as u64;
        let sealed = garbled(&shop, index);
        let paths = shop.paths();
        let found = open::find_fault(&shop.sale(&sealed), &shop.b(), files(&paths), QUIET).unwrap();
        prop_assert_eq!(found.unwrap().1, Fault::BadGroup);
    }
}
