//! Groups and their streams, against the `blake3` and `bao-tree` crates.

use std::io::{self, sink, Cursor, Read};

use athanor_content_tree::stream::{self, StreamError};
use athanor_content_tree::{
    Error, Groups, Outboard, ProveError, Root, GROUP, GROUP_LOG, MAX_CONTENT, MAX_PATH,
};
use bao_tree::io::outboard::PreOrderMemOutboard;
use bao_tree::BlockSize;
use proptest::prelude::*;

const MIB: usize = 1 << 20;

fn content(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn encode(bytes: &[u8]) -> (Root, Vec<u8>) {
    let mut outboard = Cursor::new(Vec::new());
    let root = stream::encode(bytes.len() as u64, bytes, &mut outboard).unwrap();
    (root, outboard.into_inner())
}

fn bao(bytes: &[u8]) -> (Root, Vec<u8>) {
    let made = PreOrderMemOutboard::create(bytes, BlockSize::from_chunk_log(GROUP_LOG));
    (*made.root.as_bytes(), made.data)
}

/// Every number of groups up to 3 MiB, each with a byte less, none, and one more.
fn borders() -> impl Iterator<Item = usize> {
    (1..=3 * MIB / GROUP)
        .flat_map(|groups| [groups * GROUP - 1, groups * GROUP, groups * GROUP + 1])
}

#[test]
fn outboards_are_those_of_bao_tree_at_every_group_border() {
    let all = content(3 * MIB + 1);
    for len in borders().chain([1, 2, 1023, 1024, 1025]) {
        let bytes = &all[..len];
        let (root, outboard) = encode(bytes);
        assert_eq!(
            (root, &outboard),
            (*blake3::hash(bytes).as_bytes(), &bao(bytes).1),
            "{len}"
        );
        let groups = Groups::new(len as u64).unwrap();
        assert_eq!(groups.outboard_len(), outboard.len() as u64, "{len}");
        let other = Outboard::of(bytes, GROUP_LOG).unwrap();
        assert_eq!((other.root(), other.encode()), (root, outboard), "{len}");
    }
}

#[test]
fn outboards_of_several_windows_are_those_of_bao_tree() {
    let all = content(70 * MIB + 1);
    for len in [
        8 * MIB,
        33 * MIB + 1,
        64 * MIB - 1,
        64 * MIB + 5,
        70 * MIB + 1,
    ] {
        let (root, outboard) = bao(&all[..len]);
        assert!(encode(&all[..len]) == (root, outboard), "{len}");
    }
}

/// Every group of a content folds to its root, and does so from no other place and with no other
/// siblings.
#[test]
fn every_group_folds_to_the_root_at_every_border() {
    let all = content(3 * MIB + 1);
    for len in borders() {
        let bytes = &all[..len];
        let (root, outboard) = encode(bytes);
        let groups = Groups::new(len as u64).unwrap();
        assert_eq!(groups.count(), len.div_ceil(GROUP) as u64);
        let last = groups.count() - 1;
        for index in [0, 1, last / 2, last.saturating_sub(1), last] {
            if index > last {
                continue;
            }
            let at = index as usize * GROUP;
            let group = &bytes[at..len.min(at + GROUP)];
            assert_eq!(groups.group_len(index).unwrap(), group.len());
            let proof = groups
                .prove(&root, index, |at, node| {
                    node.copy_from_slice(&outboard[at as usize..][..64]);
                    Ok::<_, ()>(())
                })
                .unwrap();
            assert_eq!(
                groups.node(index, group).unwrap(),
                proof.value,
                "{len} {index}"
            );
            assert_eq!(groups.fold(index, proof.value, &proof.path).unwrap(), root);
            assert!(proof.path.len() <= MAX_PATH);

            let mut longer = proof.path.clone();
            longer.push([0; 32]);
            let expected = proof.path.len() as u64;
            assert_eq!(
                groups.fold(index, proof.value, &longer),
                Err(Error::WrongPathLength {
                    expected,
                    actual: expected + 1
                })
            );
            let mut spoilt = proof.path.clone();
            if let Some(sibling) = spoilt.last_mut() {
                sibling[31] ^= 1;
                assert_ne!(groups.fold(index, proof.value, &spoilt), Ok(root));
            }
            if last > 0 {
                let other = if index == 0 { 1 } else { index - 1 };
                assert_ne!(groups.fold(other, proof.value, &proof.path), Ok(root));
            }
        }
    }
}

#[test]
fn the_longest_path_has_26_siblings() {
    let groups = Groups::new(MAX_CONTENT).unwrap();
    assert_eq!(groups.count(), 1 << 26);
    for index in [0, 12_345_678, (1 << 26) - 1] {
        assert_eq!(groups.turns(index).unwrap().count(), MAX_PATH);
        assert!(groups.fold(index, [1; 32], &[[2; 32]; MAX_PATH]).is_ok());
    }
    let uneven = Groups::new(MAX_CONTENT - GROUP as u64).unwrap();
    assert_eq!(uneven.turns(0).unwrap().count(), MAX_PATH);
    assert_eq!(uneven.turns((1 << 26) - 2).unwrap().count(), 25);
}

#[test]
fn lengths_indices_and_group_lengths_out_of_bounds_are_refused() {
    for len in [0, MAX_CONTENT + 1, u64::MAX] {
        assert_eq!(Groups::new(len), Err(Error::BadContentLength(len)));
    }
    let groups = Groups::new(GROUP as u64 + 5).unwrap();
    let beyond = Error::GroupBeyondEnd { index: 2, count: 2 };
    assert_eq!(groups.group_len(2), Err(beyond));
    assert_eq!(groups.node(2, b"12345"), Err(beyond));
    assert_eq!(groups.fold(2, [0; 32], &[[0; 32]]), Err(beyond));
    assert_eq!(groups.turns(u64::MAX).err().map(|_| ()), Some(()));
    for bytes in [&b""[..], b"1234", b"123456"] {
        assert_eq!(
            groups.node(1, bytes),
            Err(Error::WrongGroupLength {
                expected: 5,
                actual: bytes.len() as u64
            })
        );
    }
    assert!(groups.node(1, b"12345").is_ok());
    assert_eq!(
        groups.prove(&[7; 32], 0, |_, _| Ok::<_, ()>(())),
        Err(ProveError::Tree(Error::RootMismatch))
    );
    assert_eq!(
        groups.prove(&[7; 32], 0, |_, _| Err("disk")),
        Err(ProveError::Read("disk"))
    );
}

/// A reader that gives what there is in pieces of a few sizes.
struct Crumbs<'a>(&'a [u8], usize);

impl Read for Crumbs<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 40_000 + 977;
        if self.1.is_multiple_of(13) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.1.min(buffer.len());
        self.0.read(&mut buffer[..count])
    }
}

fn verify(bytes: &[u8], root: &Root, len: u64, outboard: &[u8]) -> Result<Vec<u8>, StreamError> {
    let mut copy = Vec::new();
    stream::verify(root, len, Crumbs(outboard, 3), Crumbs(bytes, 1), &mut copy)?;
    Ok(copy)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn one_changed_bit_is_found_in_its_group_or_node(
        groups in 1..700usize,
        offset in 0..3usize,
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let mut bytes = content(groups * GROUP + offset - 1);
        let len = bytes.len() as u64;
        let (root, mut outboard) = encode(&bytes);
        prop_assert!(verify(&bytes, &root, len, &outboard).unwrap() == bytes);
        stream::check_outboard(&root, len, outboard.as_slice()).unwrap();

        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let found = verify(&bytes, &root, len, &outboard);
        prop_assert!(
            matches!(found, Err(StreamError::BadGroup { index }) if index == (at / GROUP) as u64),
            "{found:?}"
        );
        bytes[at] ^= 1 << bit;
        if !outboard.is_empty() {
            let at = place.index(outboard.len());
            outboard[at] ^= 1 << bit;
            let node = (at / 64) as u64;
            let alone = stream::check_outboard(&root, len, outboard.as_slice());
            prop_assert!(
                matches!(alone, Err(StreamError::BadOutboard { node: n }) if n == node),
                "{alone:?} {node}"
            );
            let found = verify(&bytes, &root, len, &outboard);
            prop_assert!(
                matches!(found, Err(StreamError::BadOutboard { node: n }) if n == node),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_range_verifies_alone_and_only_as_itself(
        len in 1..12 * MIB,
        from in any::<prop::sample::Index>(),
        size in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let bytes = content(len);
        let (root, outboard) = encode(&bytes);
        let groups = len.div_ceil(GROUP);
        let from = from.index(groups);
        let to = from + 1 + size.index(groups - from);
        let mut part = bytes[from * GROUP..len.min(to * GROUP)].to_vec();
        let check = |part: &[u8], from: usize, to: usize| {
            let mut copy = Vec::new();
            let range = from as u64..to as u64;
            let read = Cursor::new(&outboard);
            stream::verify_range(&root, len as u64, range, read, Crumbs(part, 1), &mut copy)?;
            Ok::<_, StreamError>(copy)
        };
        prop_assert!(check(&part, from, to).unwrap() == part);
        if to < groups {
            prop_assert!(check(&part, from + 1, to + 1).is_err());
        }
        if to - from > 1 {
            let long = check(&part, from, to - 1);
            prop_assert!(matches!(long, Err(StreamError::Long { .. })), "{long:?}");
        }
        let at = size.index(part.len());
        part[at] ^= 1 << bit;
        let index = (from + at / GROUP) as u64;
        let found = check(&part, from, to);
        prop_assert!(
            matches!(found, Err(StreamError::BadGroup { index: i }) if i == index),
            "{found:?}"
        );
    }
}

#[test]
fn short_and_long_streams_are_told_apart() {
    for len in [1, GROUP, GROUP + 1, 5 * MIB] {
        let bytes = content(len + 1);
        let whole = &bytes[..len];
        let len = len as u64;
        let (root, outboard) = encode(whole);
        let short = verify(&whole[..whole.len() - 1], &root, len, &outboard);
        assert!(
            matches!(short, Err(StreamError::Short { at, len: l }) if at == len - 1 && l == len)
        );
        let long = verify(&bytes, &root, len, &outboard);
        assert!(
            matches!(long, Err(StreamError::Long { len: l }) if l == len),
            "{long:?}"
        );
        assert!(matches!(
            stream::encode(len, &bytes[..], Cursor::new(Vec::new())),
            Err(StreamError::Long { .. })
        ));

        let nodes = groups(len) - 1;
        let more = [&outboard[..], &[0]].concat();
        for found in [
            verify(whole, &root, len, &more).map(|_| ()),
            stream::check_outboard(&root, len, more.as_slice()),
        ] {
            assert!(matches!(found, Err(StreamError::BadOutboard { node }) if node == nodes));
        }
        if !outboard.is_empty() {
            let fewer = &outboard[..outboard.len() - 1];
            let found = verify(whole, &root, len, fewer);
            assert!(
                matches!(found, Err(StreamError::BadOutboard { .. })),
                "{found:?}"
            );
        }
    }
}

fn groups(len: u64) -> u64 {
    Groups::new(len).unwrap().count()
}

#[test]
fn a_wrong_length_is_refused() {
    let bytes = content(3 * GROUP);
    let (root, outboard) = encode(&bytes);
    let len = bytes.len() as u64;
    for wrong in [len - 1, len + 1, len - GROUP as u64, len + GROUP as u64] {
        assert!(verify(&bytes, &root, wrong, &outboard).is_err(), "{wrong}");
    }
    for wrong in [0, MAX_CONTENT + 1] {
        assert!(matches!(
            verify(&bytes, &root, wrong, &outboard),
            Err(StreamError::Tree(Error::BadContentLength(w))) if w == wrong
        ));
    }
    // Nothing is taken for so long a content before bytes come.
    assert!(matches!(
        verify(&bytes, &root, MAX_CONTENT, &outboard),
        Err(StreamError::BadOutboard { .. } | StreamError::Short { .. })
    ));
}

#[test]
fn empty_and_backward_ranges_are_refused() {
    let bytes = content(3 * GROUP);
    let (root, outboard) = encode(&bytes);
    for (from, to) in [(0, 0), (3, 3), (2, 1), (0, 4), (7, 9)] {
        let read = Cursor::new(&outboard);
        #[allow(clippy::reversed_empty_ranges)]
        let found =
            stream::verify_range(&root, 3 * GROUP as u64, from..to, read, &bytes[..], sink());
        assert!(
            matches!(found, Err(StreamError::Tree(Error::GroupBeyondEnd { .. }))),
            "{found:?}"
        );
    }
}

struct Broken(usize);

impl io::Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.min(buffer.len());
        self.0 -= count;
        if count == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(count)
    }
}

#[test]
fn errors_of_disk_and_network_come_back_and_nothing_hangs() {
    let len = 40 * MIB;
    let bytes = content(len);
    let (root, outboard) = encode(&bytes);
    for room in [0, 9 * MIB, 39 * MIB] {
        let full = stream::verify(&root, len as u64, &outboard[..], &bytes[..], Broken(room));
        assert!(
            matches!(&full, Err(StreamError::Write(e)) if e.kind() == io::ErrorKind::StorageFull),
            "{full:?}"
        );
        let cut = stream::encode(len as u64, Broken(room), Cursor::new(Vec::new()));
        assert!(
            matches!(&cut, Err(StreamError::Read(e)) if e.kind() == io::ErrorKind::ConnectionReset),
            "{cut:?}"
        );
        let cut = stream::verify(&root, len as u64, Broken(room / 512), &bytes[..], sink());
        assert!(
            matches!(
                &cut,
                Err(StreamError::ReadOutboard(_) | StreamError::BadOutboard { .. })
            ),
            "{cut:?}"
        );
    }
}
