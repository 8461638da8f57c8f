//! Sales played through, honest and not, and everything a liar may send to the judge.

use std::io::{sink, Cursor, Read, Write};

use athanor_content_tree::market::{
    buyer_secret, container_len, draw, payload_len, public_key, Cipher, Context, Evidence, Fault,
    Header, JudgeError, Sale, Salts, Secret, Wrapped, HEADER_LEN,
};
use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{root, Error, Groups, Root, GROUP, MAX_CONTENT};
use codec::{Decode, DecodeAll, Encode, MaxEncodedLen};
use proptest::prelude::*;

fn content(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&[seed])
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn outboard(bytes: &[u8]) -> (Root, Vec<u8>) {
    let mut made = Cursor::new(Vec::new());
    let root = stream::encode(bytes.len() as u64, bytes, &mut made).unwrap();
    (root, made.into_inner())
}

/// One sale with all that seller and buyer hold.
struct World {
    sale: Sale,
    z: Vec<u8>,
    z_outboard: Vec<u8>,
    x_outboard: Vec<u8>,
    cipher: Cipher,
    b: Secret,
}

impl World {
    /// The seller names `x`, and may spoil `z` before he hands it out.
    fn new(x: &[u8], spoil: impl FnOnce(&mut Vec<u8>)) -> Self {
        let (x_root, x_outboard) = outboard(x);
        let len = x.len() as u64;
        let context = Context::new(&[1; 32], &[2; 32], &x_root, len, &[3; 16]);
        let key = context.key(&Secret::new([4; 32]));
        let cipher = context.cipher(&key);
        let (mut z, mut made) = (Vec::new(), Cursor::new(Vec::new()));
        let honest_root =
            stream::seal(&cipher, &x_root, len, &x_outboard[..], x, &mut z, &mut made).unwrap();
        assert_eq!((honest_root, made.into_inner()), outboard(&z));
        spoil(&mut z);
        let (z_root, z_outboard) = outboard(&z);
        let b = buyer_secret(&Secret::new([5; 32]), &[1; 32], 9, &[6; 16]);
        let buyer = public_key(&b);
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
        Self {
            sale,
            z,
            z_outboard,
            x_outboard,
            cipher,
            b,
        }
    }

    fn honest(x: &[u8]) -> Self {
        Self::new(x, |_| {})
    }

    fn evidence(&self, index: u64) -> Evidence {
        let groups = Groups::new(self.sale.len).unwrap();
        let proof = |root: &Root, outboard: &[u8]| {
            groups
                .prove(root, index, |at, node| {
                    node.copy_from_slice(&outboard[at as usize..][..64]);
                    Ok::<_, ()>(())
                })
                .unwrap()
        };
        let at = index as usize * GROUP;
        let group = self.z[at..self.z.len().min(at + GROUP)].to_vec();
        Evidence::of_group(
            &self.b,
            group,
            &proof(&self.sale.z_root, &self.z_outboard),
            &proof(&self.sale.x_root, &self.x_outboard),
        )
        .unwrap()
    }

    fn open(&self) -> Result<Vec<u8>, StreamError> {
        let key = self
            .sale
            .context
            .unwrap(&self.sale.wrapped, self.sale.order, &self.b);
        assert_eq!(self.sale.context.commit(&key), self.sale.commitment);
        let cipher = self.sale.context.cipher(&key);
        let mut x = Vec::new();
        let (sale, z) = (&self.sale, &self.z[..]);
        stream::open(
            &cipher,
            &sale.x_root,
            sale.len,
            &self.x_outboard[..],
            z,
            &mut x,
        )?;
        Ok(x)
    }
}

#[test]
fn an_honest_sale_opens_and_nothing_is_proven_of_any_group() {
    for len in [1, GROUP - 1, GROUP, GROUP + 1, 5 * GROUP + 77, 300 * GROUP] {
        let x = content(len, 1);
        let world = World::honest(&x);
        assert_ne!(world.z, x);
        assert_eq!(world.open().unwrap(), x);
        let last = (len as u64 - 1) / GROUP as u64;
        for index in [0, last / 2, last] {
            assert_eq!(
                world.sale.judge(&world.evidence(index)),
                Err(JudgeError::NotProven)
            );
        }
        assert_eq!(
            world.sale.judge(&Evidence::of_key(&world.b)),
            Err(JudgeError::NotProven)
        );
    }
}

#[test]
fn a_garbled_group_is_proven_first_middle_last_and_only() {
    for (len, index) in [
        (6 * GROUP + 5, 0),
        (6 * GROUP + 5, 3),
        (6 * GROUP + 5, 6),
        (100, 0),
        (GROUP, 0),
    ] {
        let x = content(len, 2);
        let world = World::new(&x, |z| z[index * GROUP + 1] ^= 0x80);
        let found = world.open();
        assert!(matches!(found, Err(StreamError::BadGroup { index: i }) if i == index as u64));
        let evidence = world.evidence(index as u64);
        assert_eq!(world.sale.judge(&evidence), Ok(Fault::BadGroup));
        // The other groups are right and prove nothing.
        if len > GROUP {
            let other = if index == 0 { 1 } else { index - 1 };
            assert_eq!(
                world.sale.judge(&world.evidence(other as u64)),
                Err(JudgeError::NotProven)
            );
        }
    }
}

#[test]
fn a_bad_wrap_and_a_wrong_key_are_proven_by_the_scalar_alone() {
    let x = content(3 * GROUP, 3);
    let world = World::honest(&x);
    let evidence = Evidence::of_key(&world.b);
    let with = |wrapped: Wrapped| Sale {
        wrapped,
        ..world.sale
    };

    let mut spoilt = world.sale.wrapped;
    spoilt.key[31] ^= 1;
    assert_eq!(with(spoilt).judge(&evidence), Ok(Fault::BadKey));
    // Twisted and low-order points harm only the seller.
    for public in [[0; 32], [0xFF; 32], [1; 32]] {
        let wrapped = Wrapped {
            public,
            ..world.sale.wrapped
        };
        assert_eq!(with(wrapped).judge(&evidence), Ok(Fault::BadKey));
    }
    // The right key, wrapped for another order.
    let key = world.sale.context.unwrap(&world.sale.wrapped, 11, &world.b);
    let e = Secret::new([7; 32]);
    let other = world.sale.context.wrap(&key, 12, &world.sale.buyer, &e);
    assert_eq!(with(other).judge(&evidence), Ok(Fault::BadKey));
    let mine = world.sale.context.wrap(&key, 11, &world.sale.buyer, &e);
    assert_eq!(with(mine).judge(&evidence), Err(JudgeError::NotProven));
    // Another key than the one committed to.
    let wrong = world
        .sale
        .context
        .wrap(&Secret::new([8; 32]), 11, &world.sale.buyer, &e);
    assert_eq!(with(wrong).judge(&evidence), Ok(Fault::BadKey));
}

#[test]
fn a_scalar_of_another_order_is_refused_before_anything_else() {
    let world = World::new(&content(3 * GROUP, 4), |z| z[5] ^= 1);
    let mut evidence = world.evidence(0);
    assert_eq!(world.sale.judge(&evidence), Ok(Fault::BadGroup));
    evidence.b[10] ^= 1;
    assert_eq!(
        world.sale.judge(&evidence),
        Err(JudgeError::NotThisOrdersKey)
    );
    // Clamping: these bits of a scalar do not count, so B is the same, and so is the key.
    let mut same = world.evidence(0);
    same.b[0] ^= 7;
    assert_eq!(world.sale.judge(&same), Ok(Fault::BadGroup));
    let elsewhere = Sale {
        buyer: [9; 32],
        ..world.sale
    };
    assert_eq!(
        elsewhere.judge(&world.evidence(0)),
        Err(JudgeError::NotThisOrdersKey)
    );
}

#[test]
fn malformed_evidence_gets_its_own_error() {
    let len = 5 * GROUP + 9;
    let world = World::new(&content(len, 5), |z| z[4 * GROUP] ^= 1);
    let spoilt = |change: &dyn Fn(&mut Evidence)| {
        let mut evidence = world.evidence(4);
        assert_eq!(world.sale.judge(&evidence), Ok(Fault::BadGroup));
        change(&mut evidence);
        world.sale.judge(&evidence).unwrap_err()
    };
    let malformed = JudgeError::Malformed;
    for index in [6, u64::MAX] {
        assert_eq!(
            spoilt(&|e| e.group.as_mut().unwrap().index = index),
            malformed(Error::GroupBeyondEnd { index, count: 6 })
        );
    }
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().z_group.truncate(GROUP - 1)),
        malformed(Error::WrongGroupLength {
            expected: 16384,
            actual: 16383
        })
    );
    // A full group where the last one is short.
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().index = 5),
        malformed(Error::WrongGroupLength {
            expected: 9,
            actual: 16384
        })
    );
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().z_path.truncate(1)),
        malformed(Error::WrongPathLength {
            expected: 2,
            actual: 1
        })
    );
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().x_path.try_push([0; 32]).unwrap()),
        malformed(Error::WrongPathLength {
            expected: 2,
            actual: 3
        })
    );
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().z_group[3] ^= 1),
        JudgeError::NotOfCiphertext
    );
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().z_path[1][3] ^= 1),
        JudgeError::NotOfCiphertext
    );
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().x_cv[0] ^= 1),
        JudgeError::NotOfGoods
    );
    assert_eq!(
        spoilt(&|e| e.group.as_mut().unwrap().x_path[0][0] ^= 1),
        JudgeError::NotOfGoods
    );
    assert_eq!(spoilt(&|e| e.group = None), JudgeError::NotProven);
    for len in [0, MAX_CONTENT + 1] {
        let sale = Sale { len, ..world.sale };
        assert_eq!(
            sale.judge(&world.evidence(4)),
            Err(malformed(Error::BadContentLength(len)))
        );
    }
}

#[test]
fn a_false_length_ends_in_a_proof_or_in_an_outboard_that_does_not_check() {
    // The chain knows a length that is not the one of the bytes with these roots.
    let x = content(5 * GROUP + 9, 6);
    let world = World::honest(&x);
    for len in [
        4 * GROUP,
        5 * GROUP,
        5 * GROUP + 8,
        5 * GROUP + 10,
        6 * GROUP + 1,
    ] {
        let checked = stream::check_outboard(&world.sale.x_root, len as u64, &world.x_outboard[..]);
        let verified = stream::verify(
            &world.sale.x_root,
            len as u64,
            &world.x_outboard[..],
            &x[..],
            sink(),
        );
        assert!(verified.is_err(), "{len}");
        // Within the same number of groups the nodes are the same; then it is the last group that
        // has too many bytes or too few.
        assert_eq!(checked.is_ok(), len.div_ceil(GROUP) == 6, "{len}");
        if checked.is_ok() {
            // The seller pads or cuts z to the length he claims: its last group is then wrong.
            let mut lie = World::honest(&x);
            lie.z.resize(len, 0);
            (lie.sale.z_root, lie.z_outboard) = outboard(&lie.z);
            lie.sale.len = len as u64;
            assert_eq!(
                lie.sale.judge(&lie.evidence(5)),
                Ok(Fault::BadGroup),
                "{len}"
            );
        }
    }
}

#[test]
fn a_root_without_data_behind_it_is_proven_too() {
    // Values somebody made up, and a ciphertext that is noise.
    let groups = Groups::new(2 * GROUP as u64).unwrap();
    let values = [[1; 32], [2; 32]];
    let x_root = groups.fold(0, values[0], &values[1..]).unwrap();
    let mut world = World::honest(&content(2 * GROUP, 7));
    world.sale.x_root = x_root;
    world.x_outboard = values.concat();
    stream::check_outboard(&x_root, 2 * GROUP as u64, &world.x_outboard[..]).unwrap();
    assert!(matches!(
        world.open(),
        Err(StreamError::BadGroup { index: 0 })
    ));
    assert_eq!(world.sale.judge(&world.evidence(0)), Ok(Fault::BadGroup));
    assert_eq!(world.sale.judge(&world.evidence(1)), Ok(Fault::BadGroup));
}

#[test]
fn another_seal_has_another_context_key_and_id() {
    let new = |genesis: u8, seller: u8, x: u8, len, nonce: u8| {
        Context::new(&[genesis; 32], &[seller; 32], &[x; 32], len, &[nonce; 16])
    };
    let base = new(1, 2, 3, 4, 5);
    let seed = Secret::new([6; 32]);
    let key = base.key(&seed);
    for other in [
        new(0, 2, 3, 4, 5),
        new(1, 0, 3, 4, 5),
        new(1, 2, 0, 4, 5),
        new(1, 2, 3, 0, 5),
        new(1, 2, 3, 4, 0),
    ] {
        assert_ne!(other, base);
        assert_ne!(other.key(&seed), key);
        assert_ne!(other.commit(&key), base.commit(&key));
        assert_ne!(
            other.seal_id(&[0; 32], &[0; 32]),
            base.seal_id(&[0; 32], &[0; 32])
        );
        let (mut a, mut b) = ([0; 64], [0; 64]);
        other.cipher(&key).apply(0, &mut a);
        base.cipher(&key).apply(0, &mut b);
        assert_ne!(a, b);
    }
    assert_eq!(Context::from_bytes(*base.as_bytes()), base);
    assert_ne!(
        base.wrap_secret(&seed, 1, &[1; 32]),
        base.wrap_secret(&seed, 2, &[1; 32])
    );
    assert_ne!(
        base.wrap_secret(&seed, 1, &[1; 32]),
        base.wrap_secret(&seed, 1, &[2; 32])
    );
}

#[test]
fn secrets_do_not_show() {
    let secret = Secret::new([0xAB; 32]);
    let context = Context::from_bytes([0; 32]);
    assert_eq!(
        format!("{secret:?} {:?}", context.cipher(&secret)),
        "Secret(…) Cipher(…)"
    );
}

#[test]
fn public_keys_are_those_of_rfc_7748() {
    let bytes = |text: &str| -> [u8; 32] {
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    };
    // Section 5.2, once iterated; section 6.1, Bob's.
    for (secret, public) in [
        (
            "0900000000000000000000000000000000000000000000000000000000000000",
            "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        ),
    ] {
        assert_eq!(public_key(&Secret::new(bytes(secret))), bytes(public));
    }
}

#[test]
fn evidence_is_at_most_17_7_kib_and_has_one_encoding() {
    assert_eq!(Evidence::max_encoded_len(), 18_127);
    let evidence = World::new(&content(2 * GROUP, 8), |z| z[0] ^= 1).evidence(0);
    let encoded = evidence.encode();
    assert_eq!(encoded.len(), 32 + 1 + 8 + 4 + GROUP + 33 + 32 + 33);
    for cut in [0, 31, 32, 40, 44, encoded.len() - 1] {
        assert!(Evidence::decode(&mut &encoded[..cut]).is_err(), "{cut}");
    }
    assert!(Evidence::decode_all(&mut &[&encoded[..], &[0]].concat()[..]).is_err());
    // One byte more than a group, 27 siblings: refused while decoding.
    let long = (evidence.b, 1u8, 0u64, vec![0u8; GROUP + 1]).encode();
    assert!(Evidence::decode(&mut &long[..]).is_err());
    let (no_path, cv) = (Vec::<[u8; 32]>::new(), [0u8; 32]);
    let path = |count| vec![[0u8; 32]; count];
    let with = |count: usize| {
        (
            evidence.b,
            1u8,
            0u64,
            vec![0u8; 1],
            path(count),
            cv,
            no_path.clone(),
        )
            .encode()
    };
    assert!(Evidence::decode(&mut &with(26)[..]).is_ok());
    assert!(Evidence::decode(&mut &with(27)[..]).is_err());
}

#[test]
fn containers_have_only_lengths_that_salts_allow() {
    for payload in [1, 16_351, 16_352, 16_353, 1 << 30] {
        let len = container_len(payload).unwrap();
        assert_eq!(payload_len(len), Ok(payload));
        assert_eq!(len.div_ceil(GROUP as u64), payload.div_ceil(16_352));
    }
    for len in [0, 1, 32, 16_384 + 1, 16_384 + 32, MAX_CONTENT + 1, u64::MAX] {
        assert_eq!(payload_len(len), Err(Error::BadContentLength(len)));
    }
    assert_eq!(container_len(0), Err(Error::BadContentLength(0)));
    assert!(container_len(u64::MAX).is_err());
    assert_eq!(payload_len(MAX_CONTENT), Ok(MAX_CONTENT - (32 << 26)));
}

#[test]
fn a_header_has_one_encoding_and_fills_its_container() {
    let header = Header {
        files: 3,
        tar_len: 10_240,
    };
    let len = container_len(HEADER_LEN as u64 + 10_240).unwrap();
    let encoded = header.encode();
    assert_eq!(Header::decode(len, &encoded), Ok(header));
    for at in (0..12).chain(16..32) {
        let mut spoilt = encoded;
        spoilt[at] ^= 1;
        assert_eq!(Header::decode(len, &spoilt), Err(Error::BadHeader), "{at}");
    }
    assert_eq!(Header::decode(len + 1, &encoded), Err(Error::BadHeader));
    assert_eq!(Header::decode(40, &encoded), Err(Error::BadHeader));
    assert_eq!(Header::decode(0, &encoded), Err(Error::BadContentLength(0)));
}

#[test]
fn a_sample_has_as_many_groups_as_wanted_and_depends_on_the_seed() {
    let groups = Groups::new(1000 * GROUP as u64).unwrap();
    let sample = draw(&[1; 32], &groups, 59);
    assert_eq!(sample.len(), 59);
    assert!(sample.iter().all(|index| *index < 1000));
    assert_ne!(draw(&[2; 32], &groups, 59), sample);
    assert!(draw(&[1; 32], &groups, 0).is_empty());
    let all = draw(&[1; 32], &groups, u32::MAX);
    assert!(all.into_iter().eq(0..1000));
    // Every fifth group is junk: of 2,000 samples of 13 about 5.5 % miss all of it.
    let missed = (0..2000u16).filter(|i| {
        let sample = draw(&root(&i.to_le_bytes()), &groups, 13);
        sample.iter().all(|index| index % 5 != 0)
    });
    let missed = missed.count();
    assert!((60..160).contains(&missed), "{missed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Completeness and soundness at once: whatever bytes the seller changes, opening either gives
    /// the goods or names a group that the judge convicts; every other group convicts nobody.
    #[test]
    fn what_does_not_open_is_proven_and_what_opens_is_not(
        groups in 1..40usize,
        offset in 0..3usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..2u8), 0..3),
        look in any::<prop::sample::Index>(),
    ) {
        let x = content(groups * GROUP + offset - 1, 9);
        let mut bad = std::collections::BTreeSet::new();
        let honest = World::honest(&x);
        let world = World::new(&x, |z| {
            for (place, by) in &changes {
                let at = place.index(z.len());
                z[at] ^= by;
                if z[at] == honest.z[at] {
                    bad.remove(&at);
                } else {
                    bad.insert(at);
                }
            }
        });
        let bad: std::collections::BTreeSet<u64> =
            bad.into_iter().map(|at| (at / GROUP) as u64).collect();
        match world.open() {
            Ok(opened) => {
                prop_assert!(bad.is_empty());
                prop_assert!(opened == x);
            }
            Err(StreamError::BadGroup { index }) => prop_assert_eq!(Some(&index), bad.first()),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
        let index = look.index(x.len().div_ceil(GROUP)) as u64;
        let expected = if bad.contains(&index) {
            Ok(Fault::BadGroup)
        } else {
            Err(JudgeError::NotProven)
        };
        prop_assert_eq!(world.sale.judge(&world.evidence(index)), expected);
    }

    #[test]
    fn a_container_is_read_and_taken_apart_in_any_pieces(
        groups in 0..6usize,
        offset in -40..40isize,
        pieces in prop::collection::vec(1..40_000usize, 1..6),
        seed in any::<u8>(),
    ) {
        let len = (groups * 16_352).saturating_add_signed(offset).max(1);
        let payload = content(len, 12);
        let salts = Salts::new(Secret::new([seed; 32]));
        let mut container = Vec::new();
        stream::Salted::new(&payload[..], salts.clone()).read_to_end(&mut container).unwrap();
        prop_assert_eq!(container_len(len as u64), Ok(container.len() as u64));
        for (index, group) in container.chunks(GROUP).enumerate() {
            prop_assert_eq!(&group[..32], &salts.salt(index as u64));
            prop_assert!(group[32..] == payload[index * 16_352..][..group.len() - 32]);
        }

        let mut pieces = pieces.iter().cycle();
        let mut source = stream::Salted::new(&payload[..], salts);
        let mut taken = stream::Unsalted::new(Vec::new());
        loop {
            let mut piece = vec![0; *pieces.next().unwrap()];
            let count = source.read(&mut piece).unwrap();
            if count == 0 {
                break;
            }
            taken.write_all(&piece[..count]).unwrap();
        }
        prop_assert!(taken.into_inner() == payload);
    }

    /// No change of honest evidence convicts an honest seller.
    #[test]
    fn no_changed_evidence_convicts_an_honest_seller(
        groups in 1..9usize,
        look in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let x = content(groups * GROUP - 5, 10);
        let world = World::honest(&x);
        let mut encoded = world.evidence(look.index(groups) as u64).encode();
        for (place, by) in flips {
            let at = place.index(encoded.len());
            encoded[at] ^= by;
        }
        if let Ok(evidence) = Evidence::decode(&mut &encoded[..]) {
            prop_assert!(world.sale.judge(&evidence).is_err());
        }
    }

    #[test]
    fn sealing_needs_the_goods_that_were_named(
        groups in 1..200usize,
        place in any::<prop::sample::Index>(),
    ) {
        let mut x = content(groups * GROUP - 1, 11);
        let world = World::honest(&x);
        let at = place.index(x.len());
        x[at] ^= 1;
        let sealed = stream::seal(
            &world.cipher,
            &world.sale.x_root,
            world.sale.len,
            &world.x_outboard[..],
            &x[..],
            sink(),
            Cursor::new(Vec::new()),
        );
        let index = (at / GROUP) as u64;
        prop_assert!(
            matches!(sealed, Err(StreamError::BadGroup { index: i }) if i == index),
            "{sealed:?}"
        );
    }
}
