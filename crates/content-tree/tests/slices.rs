//! Slice proofs against the `blake3` crate, and against everything a liar may send.

use std::ops::Range;

use athanor_content_tree::{
    chunk_count, chunk_len, proof_len, prove, root, verify, Chunks, Error, CHUNK,
};
use proptest::prelude::*;

fn content(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&[seed])
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// A content and a set of chunks of it: single chunks, runs and everything.
fn content_and_chunks(most: usize) -> impl Strategy<Value = (Vec<u8>, Chunks)> {
    let length = prop_oneof![
        0..most,
        (0..=most / CHUNK, -1isize..=1)
            .prop_map(move |(c, d)| (c * CHUNK).saturating_add_signed(d).min(most)),
    ];
    (length, any::<u8>()).prop_flat_map(|(len, seed)| {
        let count = chunk_count(len as u64);
        let sets = prop_oneof![
            1 => Just(Chunks::all(len as u64)),
            4 => prop::collection::vec(0..count, 0..6)
                .prop_map(move |list| Chunks::from_indices(len as u64, list).unwrap()),
            4 => prop::collection::vec((0..=len as u64, 0..=len as u64), 0..5).prop_map(
                move |list| {
                    let ranges = list.into_iter().map(|(a, b)| a.min(b)..a.max(b));
                    Chunks::from_ranges(len as u64, ranges).unwrap()
                }
            ),
        ];
        (Just(content(len, seed)), sets)
    })
}

/// Verifies under any length; whatever opens must be the content's own bytes.
fn opens_only_the_truth(bytes: &[u8], len: u64, chunks: &Chunks, proof: &[u8]) -> bool {
    match verify(&root(bytes), len, chunks, proof) {
        Ok(slice) => {
            for (at, piece) in slice.pieces() {
                assert_eq!(
                    Some(piece),
                    bytes.get(at as usize..at as usize + piece.len())
                );
            }
            true
        }
        Err(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_proof_verifies_and_reads_back((bytes, chunks) in content_and_chunks(200 * 1024)) {
        let len = bytes.len() as u64;
        let proof = prove(&bytes, &chunks).unwrap();
        prop_assert_eq!(proof.len() as u64, proof_len(len, &chunks).unwrap());
        let slice = verify(blake3::hash(&bytes).as_bytes(), len, &chunks, &proof).unwrap();
        prop_assert_eq!(slice.content_len(), len);

        let mut opened = 0;
        for (at, piece) in slice.pieces() {
            prop_assert_eq!(piece, &bytes[at as usize..at as usize + piece.len()]);
            opened += piece.len() as u64;
        }
        let wanted: u64 = chunks.runs().flatten().map(|chunk| chunk_len(len, chunk)).sum();
        prop_assert_eq!(opened, wanted);
        for chunk in 0..chunk_count(len) {
            let start = chunk * CHUNK as u64;
            let range = start..start + chunk_len(len, chunk);
            let read = slice.read(range.clone());
            if chunks.contains(chunk) || range.is_empty() {
                prop_assert_eq!(read.unwrap(), &bytes[range.start as usize..range.end as usize]);
            } else {
                prop_assert_eq!(
                    read,
                    Err(Error::NotProven { start: range.start, end: range.end })
                );
            }
        }
    }

    #[test]
    fn a_proof_of_any_other_length_is_refused_before_hashing(
        (bytes, chunks) in content_and_chunks(20 * 1024),
        cut in 1..40usize,
    ) {
        let len = bytes.len() as u64;
        let proof = prove(&bytes, &chunks).unwrap();
        let name = root(&bytes);
        let expected = proof.len() as u64;

        let mut longer = proof.clone();
        longer.extend(vec![0; cut]);
        prop_assert_eq!(
            verify(&name, len, &chunks, &longer),
            Err(Error::WrongProofLength { expected, actual: expected + cut as u64 })
        );
        if let Some(shorter) = proof.len().checked_sub(cut) {
            for part in [&proof[..shorter], &proof[cut..]] {
                prop_assert_eq!(
                    verify(&name, len, &chunks, part),
                    Err(Error::WrongProofLength { expected, actual: shorter as u64 })
                );
            }
        }
    }

    #[test]
    fn a_proof_with_any_bit_flipped_is_refused(
        (bytes, chunks) in content_and_chunks(20 * 1024),
        places in prop::collection::vec(any::<prop::sample::Index>(), 16),
        bit in 0..8u32,
    ) {
        let proof = prove(&bytes, &chunks).unwrap();
        for place in places {
            if proof.is_empty() {
                break;
            }
            let mut wrong = proof.clone();
            wrong[place.index(proof.len())] ^= 1 << bit;
            prop_assert_eq!(
                verify(&root(&bytes), bytes.len() as u64, &chunks, &wrong),
                Err(Error::RootMismatch)
            );
        }
    }

    #[test]
    fn a_proof_for_another_set_is_refused(
        (bytes, chunks) in content_and_chunks(20 * 1024),
        others in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let len = bytes.len() as u64;
        let count = chunk_count(len) as usize;
        let others =
            Chunks::from_indices(len, others.into_iter().map(|o| o.index(count) as u64)).unwrap();
        prop_assume!(others != chunks && !others.is_empty() && len > 0);
        let proof = prove(&bytes, &chunks).unwrap();
        prop_assert!(verify(&root(&bytes), len, &others, &proof).is_err());
    }

    #[test]
    fn a_lie_about_the_length_opens_nothing_false(
        (bytes, chunks) in content_and_chunks(20 * 1024),
        lie in 0..24 * 1024u64,
    ) {
        let proof = prove(&bytes, &chunks).unwrap();
        opens_only_the_truth(&bytes, lie, &chunks, &proof);
    }

    #[test]
    fn a_proof_that_opens_the_last_chunk_verifies_under_the_true_length_only(
        (bytes, chunks) in content_and_chunks(20 * 1024),
        lie in 0..24 * 1024u64,
    ) {
        let len = bytes.len() as u64;
        prop_assume!(lie != len);
        // The liar opens, of the true content, what the verifier takes for the last chunk.
        let last = Chunks::from_indices(lie, [chunk_count(lie) - 1]).unwrap();
        if let Ok(proof) = prove(&bytes, &last) {
            prop_assert!(verify(&root(&bytes), lie, &last, &proof).is_err());
        }
        let true_last = Chunks::from_indices(len, [chunk_count(len) - 1]).unwrap();
        let proof = prove(&bytes, &chunks.union(&true_last)).unwrap();
        prop_assert!(verify(&root(&bytes), lie, &last, &proof).is_err());
        prop_assert!(verify(&root(&bytes), lie, &chunks.union(&true_last), &proof).is_err());
    }

    #[test]
    fn nothing_malformed_panics(
        len in any::<u64>(),
        name in any::<[u8; 32]>(),
        ranges in prop::collection::vec((any::<u64>(), any::<u64>()), 0..5),
        indices in prop::collection::vec(any::<u64>(), 0..5),
        proof in prop::collection::vec(any::<u8>(), 0..4096),
    ) {
        let ranges = ranges.into_iter().map(|(start, end)| Range { start, end });
        for chunks in [
            Chunks::from_ranges(len, ranges),
            Chunks::from_indices(u64::MAX, indices),
            Ok(Chunks::all(len)),
        ] {
            let Ok(chunks) = chunks else { continue };
            let _ = proof_len(len, &chunks);
            let _ = prove(&proof, &chunks);
            if let Ok(slice) = verify(&name, len, &chunks, &proof) {
                prop_assert!(chunks.is_empty());
                prop_assert_eq!(slice.pieces().count(), 0);
            }
        }
    }
}

#[test]
fn flipping_any_single_bit_of_small_proofs_is_refused() {
    for (len, wanted) in [(1, 0), (1025, 1), (3073, 2), (5 * 1024, 4)] {
        let bytes = content(len, 1);
        let chunks = Chunks::from_indices(len as u64, [wanted]).unwrap();
        let proof = prove(&bytes, &chunks).unwrap();
        for at in 0..proof.len() {
            for bit in 0..8 {
                let mut wrong = proof.clone();
                wrong[at] ^= 1 << bit;
                let answer = verify(&root(&bytes), len as u64, &chunks, &wrong);
                assert_eq!(answer, Err(Error::RootMismatch));
            }
        }
    }
}

#[test]
fn every_truncation_and_length_lie_of_small_contents_is_refused() {
    for len in [0usize, 1, 1023, 1024, 1025, 2048, 2049, 3073] {
        let bytes = content(len, 2);
        let name = root(&bytes);
        let all = Chunks::all(len as u64);
        let proof = prove(&bytes, &all).unwrap();
        assert_eq!(proof, bytes);
        for shorter in 0..len {
            assert!(verify(&name, len as u64, &all, &proof[..shorter]).is_err());
            let lie = shorter as u64;
            assert!(verify(&name, lie, &Chunks::all(lie), &proof[..shorter]).is_err());
        }
        for longer in [len + 1, len + 1023, len + 1024, 2 * len + 1] {
            let mut padded = proof.clone();
            padded.resize(longer, 0);
            let lie = longer as u64;
            assert!(verify(&name, lie, &Chunks::all(lie), &padded).is_err());
        }
    }
}

#[test]
fn a_chaining_value_is_never_taken_for_a_chunk() {
    // Second preimage by structure: the two values of the top node, offered as 64 bytes of content.
    let bytes = content(2048, 3);
    let chunks = Chunks::from_indices(2048, [0]).unwrap();
    let proof = prove(&bytes, &chunks).unwrap();
    let right = &proof[1024..];
    let left = &prove(&bytes, &Chunks::from_indices(2048, [1]).unwrap()).unwrap()[..32];
    let node = [left, right].concat();
    assert_eq!(
        verify(&root(&bytes), 64, &Chunks::all(64), &node),
        Err(Error::RootMismatch)
    );
}

#[test]
fn an_unproven_byte_is_not_read() {
    let bytes = content(4096, 4);
    let chunks = Chunks::from_ranges(4096, [100..101, 3000..3001]).unwrap();
    let proof = prove(&bytes, &chunks).unwrap();
    let slice = verify(&root(&bytes), 4096, &chunks, &proof).unwrap();

    assert_eq!(slice.read(0..1024).unwrap(), &bytes[..1024]);
    assert_eq!(slice.read(2048..3072).unwrap(), &bytes[2048..3072]);
    assert_eq!(slice.read(1500..1500).unwrap(), b"");
    assert_eq!(
        slice.read(0..1025),
        Err(Error::NotProven {
            start: 0,
            end: 1025
        })
    );
    assert_eq!(
        slice.read(1024..1025),
        Err(Error::NotProven {
            start: 1024,
            end: 1025
        })
    );
    assert_eq!(
        slice.read(1000..2100),
        Err(Error::NotProven {
            start: 1000,
            end: 2100
        })
    );
    assert_eq!(
        slice.read(3072..4097),
        Err(Error::BeyondEnd {
            end: 4097,
            len: 4096
        })
    );
    assert_eq!(
        slice.read(Range { start: 9, end: 8 }),
        Err(Error::BackwardRange { start: 9, end: 8 })
    );
}

#[test]
fn a_set_reaches_no_further_than_the_content() {
    assert_eq!(
        Chunks::from_ranges(10, std::iter::once(3..11)),
        Err(Error::BeyondEnd { end: 11, len: 10 })
    );
    assert_eq!(
        Chunks::from_ranges(10, [Range { start: 3, end: 2 }]),
        Err(Error::BackwardRange { start: 3, end: 2 })
    );
    assert_eq!(
        Chunks::from_indices(1025, [2]),
        Err(Error::NoSuchChunk { chunk: 2, count: 2 })
    );

    let long = Chunks::all(4096);
    let refused = Err(Error::NoSuchChunk { chunk: 3, count: 3 });
    assert_eq!(proof_len(3072, &long), refused);
    assert_eq!(prove(&[0; 3072], &long).map(|_| 0), refused);
    assert_eq!(verify(&[0; 32], 3072, &long, &[]).map(|_| 0), refused);
}

#[test]
fn ranges_that_touch_or_overlap_become_one_run() {
    let chunks = Chunks::from_ranges(1 << 20, [5000..6000, 0..1, 1023..1025, 5500..5600, 7..7]);
    let chunks = chunks.unwrap();
    assert_eq!(chunks.runs().collect::<Vec<_>>(), [0..2, 4..6]);
    assert_eq!(chunks.count(), 4);
    assert!(chunks.contains(5) && !chunks.contains(2) && !chunks.contains(u64::MAX));
    assert_eq!(
        Chunks::from_indices(1 << 20, [5, 0, 1, 4, 4]).unwrap(),
        chunks
    );
}

#[test]
fn the_empty_set_has_the_empty_proof() {
    let chunks = Chunks::from_ranges(5000, std::iter::once(7..7)).unwrap();
    assert_eq!(chunks, Chunks::empty());
    assert_eq!(prove(&content(5000, 5), &chunks).unwrap(), b"");
    let slice = verify(&[9; 32], 5000, &chunks, b"").unwrap();
    assert!(slice.read(0..1).is_err());
    assert!(verify(&[9; 32], 5000, &chunks, b"x").is_err());
}

#[test]
fn the_size_of_a_huge_proof_is_told_without_walking_it() {
    let len = u64::MAX;
    assert_eq!(proof_len(len, &Chunks::all(len)), Ok(len));
    assert_eq!(
        proof_len(len, &Chunks::from_indices(len, [0]).unwrap()),
        Ok(1024 + 32 * 54),
    );
    let both = Chunks::from_ranges(len, [0..1 << 40, 1 << 41..len]).unwrap();
    assert!(proof_len(len, &both).is_ok());
    assert!(matches!(
        verify(&[0; 32], len, &Chunks::all(len), &[0; 100]),
        Err(Error::WrongProofLength {
            expected: u64::MAX,
            actual: 100
        })
    ));
}
