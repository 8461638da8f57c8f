//! The row "guessing by outboard, hashes in a card, neighbours of a sample" of the specification's
//! attacks: somebody knows the goods but for one bit, and wants to know that bit without buying.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use athanor_content_tree::market::Secret;
use athanor_content_tree::stream::{self, Unsalted};
use athanor_content_tree::{Groups, GROUP};
use athanor_market_client::card::{self, Description};
use athanor_market_client::goods::Goods;
use athanor_market_client::seal::{self, Request};
use athanor_market_client::{pack, sample, Progress};
use blake3::hazmat::HasherExt;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const QUIET: Progress<'_> = &|_| true;
const SALT: usize = 32;
const CHUNK: usize = 1024;

type Values = HashSet<[u8; 32]>;

/// What everybody knows, with the secret bit so or so.
fn guess(bit: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..100_000).map(|i| (i % 13) as u8).collect();
    bytes[50_000] = u8::from(bit);
    bytes
}

struct Shop {
    folder: TempDir,
    goods: Goods,
}

impl Shop {
    fn new(bytes: &[u8], raw: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("answers.csv"), bytes).unwrap();
        let goods = if raw {
            pack::pack_raw(&at("answers.csv"), &at("goods"), QUIET)
        } else {
            let plan = pack::plan(&at("answers.csv"), QUIET).unwrap();
            plan.pack(&at("goods"), QUIET)
        };
        let goods = goods.unwrap();
        Self { folder, goods }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn x(&self) -> Vec<u8> {
        fs::read(self.at("goods/x")).unwrap()
    }

    fn card(&self) -> Vec<u8> {
        let description = Description {
            name: "Answers".into(),
            description: "All answers.".into(),
            version: "1.0.0".into(),
            published: "2026-11-22".into(),
            spdx: "MIT".into(),
            ..Description::default()
        };
        card::make(&self.goods, &[2; 32], &description).unwrap()
    }

    /// Every chaining value that a seller publishes.
    fn published(&self) -> Values {
        fs::write(self.at("card"), self.card()).unwrap();
        fs::write(self.at("licence"), "As you like.\n").unwrap();
        let request = Request {
            goods: self.at("goods"),
            genesis: [1; 32],
            seller: [2; 32],
            seed: Secret::new([3; 32]),
            nonce: None,
            card: self.at("card"),
            licence: self.at("licence"),
        };
        let sealed = seal::seal(&request, &self.at("seal"), QUIET).unwrap();
        let mut values: Values = [sealed.x_root, sealed.z_root].into();
        for name in ["seal/x.obao", "seal/z.obao"] {
            values.extend(entries(&fs::read(self.at(name)).unwrap()));
        }
        values
    }
}

fn entries(outboard: &[u8]) -> Vec<[u8; 32]> {
    outboard.as_chunks().0.to_vec()
}

/// All values of the tree of `bytes`: root, nodes, groups, and the chunks that no salt is in.
fn tree(bytes: &[u8]) -> Values {
    let mut nodes = Cursor::new(Vec::new());
    let root = stream::encode(bytes.len() as u64, bytes, &mut nodes).unwrap();
    let mut values: Values = [root].into();
    values.extend(entries(nodes.get_ref()));
    for (i, chunk) in bytes.chunks(CHUNK).enumerate() {
        if i % (GROUP / CHUNK) != 0 {
            let mut hasher = blake3::Hasher::new();
            hasher.set_input_offset((i * CHUNK) as u64);
            values.insert(hasher.update(chunk).finalize_non_root());
        }
    }
    values
}

fn payload(container: &[u8]) -> Vec<u8> {
    let mut payload = Unsalted::new(Vec::new());
    payload.write_all(container).unwrap();
    payload.into_inner()
}

/// The container of a payload with these salts.
fn salted(payload: &[u8], salt: impl Fn(usize) -> [u8; SALT]) -> Vec<u8> {
    let groups = payload.chunks(GROUP - SALT).enumerate();
    let groups = groups.flat_map(|(i, part)| [&salt(i)[..], part].concat());
    groups.collect()
}

fn salts_of(container: &[u8]) -> impl Fn(usize) -> [u8; SALT] + '_ {
    |i| container[i * GROUP..][..SALT].try_into().unwrap()
}

#[test]
fn guessing_by_outboard() {
    let shop = Shop::new(&guess(true), false);
    let published = shop.published();
    let x = shop.x();
    for bit in [false, true] {
        let own = Shop::new(&guess(bit), false).x();
        let known = payload(&own);
        assert_eq!(known == payload(&x), bit, "all of it follows from the bit");
        for made in [&known, &own, &salted(&known, |_| [0; SALT]), &guess(bit)] {
            assert!(published.is_disjoint(&tree(made)));
        }
        // Nothing but the salts was missing.
        let with_salts = tree(&salted(&known, salts_of(&x)));
        assert_eq!(with_salts.contains(&shop.goods.x_root), bit);
        assert!(
            !published.is_disjoint(&with_salts),
            "groups without the bit"
        );
    }

    // A file as it is has none, which the command line says and asks about.
    let shop = Shop::new(&guess(true), true);
    let published = shop.published();
    let groups = Groups::new(100_000).unwrap();
    for bit in [false, true] {
        let part = &guess(bit)[3 * GROUP..4 * GROUP];
        assert_eq!(published.contains(&groups.node(3, part).unwrap()), bit);
    }
}

#[test]
fn guessing_by_hashes_in_a_card() {
    let hashes = |bytes: &[u8]| {
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        [
            hex::encode(sha256),
            blake3::hash(bytes).to_hex().to_string(),
        ]
    };
    let shop = Shop::new(&guess(true), false);
    let card = String::from_utf8(shop.card()).unwrap().to_lowercase();
    assert!(hashes(&shop.x()).iter().all(|hash| card.contains(hash)));
    for bit in [false, true] {
        let own = Shop::new(&guess(bit), false).x();
        let known = payload(&own);
        for made in [&guess(bit)[..], &own, &known, &known[32..]] {
            for hash in hashes(made) {
                assert!(!card.contains(&hash), "{hash}");
            }
        }
    }
    assert!(!card.contains("answers.csv"));

    let shop = Shop::new(&guess(true), true);
    let card = String::from_utf8(shop.card()).unwrap().to_lowercase();
    for bit in [false, true] {
        let found = hashes(&guess(bit)).iter().any(|hash| card.contains(hash));
        assert_eq!(found, bit, "of a file as it is the card confirms guesses");
    }
}

#[test]
fn guessing_the_neighbours_of_a_sample() {
    // Group 2 is shown, 3 has the bit.
    let opened = |shop: &Shop| {
        let (root, len) = (&shop.goods.x_root, shop.goods.length);
        let (x, outboard) = (shop.at("goods/x"), shop.at("goods/x.obao"));
        let file = shop.at("sample");
        let shown = BTreeSet::from([2]);
        sample::write(&x, &outboard, root, len, &shown, &file, QUIET).unwrap();
        let file = fs::read(file).unwrap();
        let (group, path) = file[8..].split_at(GROUP);
        (group.to_vec(), Values::from_iter(entries(path)), file)
    };
    let node = |len: usize, group: &[u8]| Groups::new(len as u64).unwrap().node(3, group);

    let shop = Shop::new(&guess(true), false);
    let x = shop.x();
    let (group, path, file) = opened(&shop);
    assert_eq!(group, &x[2 * GROUP..3 * GROUP]);
    let salt = salts_of(&x);
    assert!(!file.windows(SALT).any(|bytes| bytes == salt(3)));
    for bit in [false, true] {
        let known = payload(&Shop::new(&guess(bit), false).x());
        let value = |salt: [u8; SALT]| {
            let made = salted(&known, |_| salt);
            node(x.len(), &made[3 * GROUP..4 * GROUP]).unwrap()
        };
        let shown: [u8; SALT] = group[..SALT].try_into().unwrap();
        let derived = *blake3::keyed_hash(&shown, &3u64.to_le_bytes()).as_bytes();
        for salt in [[0; SALT], shown, derived] {
            assert!(!path.contains(&value(salt)));
        }
        assert!(path.is_disjoint(&tree(&known)));
        assert_eq!(
            path.contains(&value(salt(3))),
            bit,
            "its own salt was missing"
        );
    }

    let shop = Shop::new(&guess(true), true);
    let (_, path, _) = opened(&shop);
    for bit in [false, true] {
        let value = node(100_000, &guess(bit)[3 * GROUP..4 * GROUP]).unwrap();
        assert_eq!(path.contains(&value), bit, "of a file as it is");
    }
}
