//! Outboards: built whole or in pieces, stored, read back, and used to prove.

use std::cell::Cell;

use athanor_content_tree::{
    outboard_len, prove, prove_with, root, verify, Chunks, Error, Outboard, OutboardBuilder,
    ProveError, MAX_GROUP_LOG,
};
use proptest::prelude::*;

fn content(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn from(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) -> Result<(), ()> + '_ {
    |at, buffer| {
        buffer.copy_from_slice(&bytes[at as usize..][..buffer.len()]);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pieces_give_the_same_outboard_as_the_whole(
        len in 0..200 * 1024usize,
        group_log in 0..6u8,
        pieces in prop::collection::vec(1..70_000usize, 1..12),
    ) {
        let bytes = content(len);
        let mut builder = OutboardBuilder::new(group_log).unwrap();
        let mut rest = bytes.as_slice();
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            builder.update(now);
            rest = later;
        }
        let outboard = builder.finish();
        prop_assert_eq!(&outboard, &Outboard::of(&bytes, group_log).unwrap());
        prop_assert_eq!(outboard.root(), root(&bytes));
        prop_assert_eq!(outboard.content_len(), len as u64);
        prop_assert_eq!(outboard.group_log(), group_log);
    }

    #[test]
    fn an_outboard_survives_encoding_and_proves_what_the_bytes_prove(
        len in 0..200 * 1024usize,
        group_log in 0..6u8,
        ranges in prop::collection::vec((any::<prop::sample::Index>(), 0..3000u64), 0..5),
    ) {
        let bytes = content(len);
        let len = len as u64;
        let outboard = Outboard::of(&bytes, group_log).unwrap();
        let encoded = outboard.encode();
        prop_assert_eq!(encoded.len() as u64, outboard_len(len, group_log).unwrap());
        let decoded = Outboard::decode(&root(&bytes), len, group_log, &encoded).unwrap();
        prop_assert_eq!(&decoded, &outboard);

        let ranges = ranges.into_iter().map(|(at, count)| {
            let start = at.index(bytes.len() + 1) as u64;
            start..(start + count).min(len)
        });
        let chunks = Chunks::from_ranges(len, ranges).unwrap();
        let proof = prove_with(&decoded, &chunks, from(&bytes)).unwrap();
        prop_assert_eq!(&proof, &prove(&bytes, &chunks).unwrap());
        prop_assert!(verify(&root(&bytes), len, &chunks, &proof).is_ok());
    }

    #[test]
    fn a_damaged_outboard_is_refused(
        len in 1025..100 * 1024usize,
        group_log in 0..4u8,
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let bytes = content(len);
        let len = len as u64;
        let mut encoded = Outboard::of(&bytes, group_log).unwrap().encode();
        prop_assume!(!encoded.is_empty());
        let expected = encoded.len() as u64;

        let short = Outboard::decode(&root(&bytes), len, group_log, &encoded[1..]);
        let actual = expected - 1;
        prop_assert_eq!(short, Err(Error::WrongOutboardLength { expected, actual }));
        let place = place.index(encoded.len());
        encoded[place] ^= 1 << bit;
        let wrong = Outboard::decode(&root(&bytes), len, group_log, &encoded);
        prop_assert_eq!(wrong, Err(Error::RootMismatch));
    }
}

#[test]
fn a_proof_reads_only_the_groups_it_opens() {
    let bytes = content(1 << 20);
    let outboard = Outboard::of(&bytes, 4).unwrap();
    let chunks = Chunks::from_ranges(1 << 20, [70_000..70_001, 900_000..900_001]).unwrap();
    let read = Cell::new(0);
    let proof = prove_with(&outboard, &chunks, |at, buffer: &mut [u8]| {
        read.set(read.get() + buffer.len());
        from(&bytes)(at, buffer)
    })
    .unwrap();
    assert_eq!(read.get(), 2 * 16 * 1024);
    assert_eq!(proof, prove(&bytes, &chunks).unwrap());
}

#[test]
fn changed_content_gives_no_proof() {
    for (len, at) in [(100, 5), (100_000, 70_001)] {
        let bytes = content(len);
        let outboard = Outboard::of(&bytes, 2).unwrap();
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let chunks =
            Chunks::from_ranges(len as u64, std::iter::once(at as u64..at as u64 + 1)).unwrap();
        assert!(prove_with(&outboard, &chunks, from(&bytes)).is_ok());
        assert_eq!(
            prove_with(&outboard, &chunks, from(&changed)),
            Err(ProveError::Tree(Error::RootMismatch))
        );
    }
}

#[test]
fn a_source_that_fails_hands_its_error_on() {
    let outboard = Outboard::of(&content(5000), 0).unwrap();
    let failed = prove_with(&outboard, &Chunks::all(5000), |_, _| Err("disk"));
    assert_eq!(failed, Err(ProveError::Read("disk")));
}

#[test]
fn an_outboard_of_another_content_or_length_is_refused() {
    let encoded = Outboard::of(&content(5 * 1024), 0).unwrap().encode();
    let name = root(&content(5 * 1024));
    assert!(Outboard::decode(&name, 5 * 1024, 0, &encoded).is_ok());
    assert_eq!(
        Outboard::decode(&[7; 32], 5 * 1024, 0, &encoded),
        Err(Error::RootMismatch)
    );
    assert_eq!(
        Outboard::decode(&name, 6 * 1024, 0, &encoded),
        Err(Error::WrongOutboardLength {
            expected: 320,
            actual: 256
        })
    );
    assert!(Outboard::decode(&name, u64::MAX, 0, &encoded).is_err());
}

#[test]
fn a_group_is_at_most_64_mib() {
    assert!(OutboardBuilder::new(MAX_GROUP_LOG).is_ok());
    assert_eq!(
        Outboard::of(b"", MAX_GROUP_LOG + 1),
        Err(Error::BadGroup(17))
    );
    assert_eq!(outboard_len(1, 255), Err(Error::BadGroup(255)));
    assert_eq!(
        Outboard::decode(&[0; 32], 1, 64, b""),
        Err(Error::BadGroup(64))
    );
}
