//! Demands: opening a root piece by piece, and ending in a slice proof.

use athanor_content_tree::{
    chunk_count, prove, root, verify, Chunks, Error, Outboard, ProveError, Shape, Step, Subtree,
    Trail, ANSWER_CHUNKS, ANSWER_GROUPS, CHUNK,
};
use proptest::prelude::*;

fn content(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn bytes_of<'a>(bytes: &'a [u8], subtree: &Subtree) -> &'a [u8] {
    let start = subtree.start() as usize * CHUNK;
    &bytes[start..bytes.len().min(start + subtree.count() as usize * CHUNK)]
}

fn from(bytes: &[u8]) -> impl FnMut(u64, &mut [u8]) -> Result<(), ()> + '_ {
    |at, buffer| {
        buffer.copy_from_slice(&bytes[at as usize..][..buffer.len()]);
        Ok(())
    }
}

/// The group of `subtree` that holds `chunk`.
fn group_of(subtree: &Subtree, chunk: u64) -> Option<u64> {
    match subtree.shape() {
        Shape::Groups { chunks, .. } => Some((chunk - subtree.start()) / chunks),
        Shape::Bytes(_) => None,
    }
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..200 * CHUNK,
        1000 * CHUNK..1100 * CHUNK,
        2040 * CHUNK..2060 * CHUNK,
        (
            prop::sample::select(vec![1, 2, 31, 32, 33, 64, 1023, 1024, 1025, 2048]),
            0..3usize
        )
            .prop_map(|(chunks, past)| chunks * CHUNK + past - 1),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn demands_lead_to_any_chunk_and_to_its_slice_proof(
        len in lengths(),
        place in any::<prop::sample::Index>(),
        group_log in 0..7u8,
    ) {
        let bytes = content(len);
        let len = len as u64;
        let chunk = place.index(chunk_count(len) as usize) as u64;
        let outboard = Outboard::of(&bytes, group_log).unwrap();

        let mut trail = Trail::new(root(&bytes), len);
        let mut judged = Subtree::whole(root(&bytes), len);
        let mut answers = 0;
        let last = loop {
            let answer = judged.answer(bytes_of(&bytes, &judged)).unwrap();
            prop_assert_eq!(&answer, &judged.answer_with(&outboard, from(&bytes)).unwrap());
            prop_assert_eq!(answer.len() as u64, judged.answer_len());
            prop_assert!(answer.len() <= 32 * 1024);
            judged.check(&answer).unwrap();
            answers += 1;
            let Some(group) = group_of(&judged, chunk) else { break answer };
            let step = trail.descend(&answer, group).unwrap();
            prop_assert!(step.siblings.len() <= 10);
            judged = judged.descend(&step).unwrap();
            prop_assert_eq!(trail.current(), &judged);
            let same = Subtree::new(len, judged.start(), judged.count(), judged.value());
            prop_assert_eq!(same, Ok(judged));
        };
        prop_assert!(answers <= 3);

        let first = judged.start();
        for wanted in [vec![chunk], vec![first, chunk], (first..first + judged.count()).collect()] {
            let chunks = Chunks::from_indices(len, wanted).unwrap();
            let proof = trail.prove(&last, &chunks).unwrap();
            prop_assert_eq!(&proof, &prove(&bytes, &chunks).unwrap());
            verify(&root(&bytes), len, &chunks, &proof).unwrap();
        }
    }

    #[test]
    fn a_false_answer_or_step_is_refused(
        len in lengths(),
        place in any::<prop::sample::Index>(),
        damage in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let bytes = content(len);
        let len = len as u64;
        let whole = Subtree::whole(root(&bytes), len);
        let answer = whole.answer(&bytes).unwrap();
        let (expected, actual) = (answer.len() as u64, answer.len() as u64 + 1);
        let longer = [&answer[..], &[0]].concat();
        let refused = Err(Error::WrongAnswerLength { expected, actual });
        prop_assert_eq!(whole.check(&longer), refused);
        if answer.is_empty() {
            return Ok(());
        }
        let mut wrong = answer.clone();
        wrong[damage.index(answer.len())] ^= 1 << bit;
        prop_assert_eq!(whole.check(&wrong), Err(Error::RootMismatch));
        prop_assert!(whole.check(&answer[1..]).is_err());

        let chunk = place.index(chunk_count(len) as usize) as u64;
        let Some(group) = group_of(&whole, chunk) else {
            prop_assert_eq!(whole.step(&answer, 0), Err(Error::NoSuchGroup { group: 0, count: 0 }));
            return Ok(());
        };
        prop_assert_eq!(whole.step(&wrong, group), Err(Error::RootMismatch));
        let step = whole.step(&answer, group).unwrap();
        prop_assert!(whole.descend(&step).is_ok());

        let mut other = step.clone();
        other.value[damage.index(32)] ^= 1 << bit;
        prop_assert_eq!(whole.descend(&other), Err(Error::RootMismatch));
        let mut other = step.clone();
        let sibling = damage.index(step.siblings.len());
        other.siblings[sibling][damage.index(32)] ^= 1 << bit;
        prop_assert_eq!(whole.descend(&other), Err(Error::RootMismatch));
        let mut other = step.clone();
        other.siblings.pop();
        prop_assert!(whole.descend(&other).is_err());
        let mut other = step.clone();
        other.siblings.push([0; 32]);
        prop_assert!(whole.descend(&other).is_err());
        let mut other = step;
        other.group ^= 1;
        prop_assert!(whole.descend(&other).is_err());
    }

    #[test]
    fn nothing_malformed_panics(
        len in any::<u64>(),
        start in any::<u64>(),
        count in any::<u64>(),
        value in any::<[u8; 32]>(),
        answer in prop::collection::vec(any::<u8>(), 0..2048),
        group in prop_oneof![0..2000u64, any::<u64>()],
        siblings in prop::collection::vec(any::<[u8; 32]>(), 0..12),
    ) {
        prop_assert!(Subtree::new(len, start, count, value).is_err() || count <= chunk_count(len));
        let whole = Subtree::whole(value, len);
        prop_assert!(whole.answer_len() <= 32 * 1024);
        if let Shape::Groups { count, chunks } = whole.shape() {
            prop_assert!((2..=ANSWER_GROUPS).contains(&count) && chunks.is_power_of_two());
            prop_assert!(chunks == 1 || chunk_count(len).div_ceil(chunks / 2) > ANSWER_GROUPS);
        }
        prop_assert!(whole.check(&answer).is_err());
        prop_assert!(whole.answer(&answer).is_err());
        prop_assert!(whole.step(&answer, group).is_err());
        let step = Step { group, value, siblings };
        prop_assert!(whole.descend(&step).is_err());
        let mut trail = Trail::new(value, len);
        prop_assert!(trail.descend(&answer, group).is_err());
        prop_assert!(trail.prove(&answer, &Chunks::all(len)).is_err());
    }
}

#[test]
fn three_answers_reach_any_chunk_of_32_gib() {
    let len = 32u64 << 30;
    let shape = |count| Subtree::new(len, 0, count, [0; 32]).unwrap().shape();
    assert_eq!(
        shape(1 << 25),
        Shape::Groups {
            count: 1024,
            chunks: 1 << 15
        }
    );
    assert_eq!(
        shape(1 << 15),
        Shape::Groups {
            count: 1024,
            chunks: 32
        }
    );
    assert_eq!(shape(32), Shape::Bytes(32 * 1024));
    let two = Subtree::whole([0; 32], 32 << 20);
    assert_eq!(
        two.shape(),
        Shape::Groups {
            count: 1024,
            chunks: ANSWER_CHUNKS
        }
    );
}

#[test]
fn only_nodes_of_the_tree_are_subtrees() {
    let node = |start, count| Subtree::new(5 * 1024, start, count, [0; 32]).is_ok();
    for (start, count) in [(0, 5), (0, 4), (4, 1), (0, 2), (2, 2), (3, 1)] {
        assert!(node(start, count), "{start} {count}");
    }
    for (start, count) in [
        (0, 0),
        (0, 3),
        (1, 2),
        (2, 3),
        (4, 2),
        (5, 1),
        (0, 6),
        (u64::MAX, 1),
    ] {
        assert!(!node(start, count), "{start} {count}");
    }
}

#[test]
fn a_trail_proves_only_what_it_has_opened() {
    let bytes = content(100 * 1024);
    let len = 100 * 1024;
    let mut trail = Trail::new(root(&bytes), len);
    let answer = trail.current().answer(&bytes).unwrap();
    let early = trail.prove(&answer, &Chunks::from_indices(len, [7]).unwrap());
    assert_eq!(
        early,
        Err(Error::NoSuchSubtree {
            start: 0,
            count: 100
        })
    );
    assert!(trail.descend(&answer, 100).is_err());
    trail.descend(&answer, 7).unwrap();
    let chunk = &bytes[7 * 1024..8 * 1024];
    assert!(trail
        .prove(chunk, &Chunks::from_indices(len, [7]).unwrap())
        .is_ok());
    let beside = trail.prove(chunk, &Chunks::from_indices(len, [7, 8]).unwrap());
    assert_eq!(beside, Err(Error::NoSuchSubtree { start: 7, count: 1 }));
    let other = trail.prove(&bytes[..1024], &Chunks::from_indices(len, [7]).unwrap());
    assert_eq!(other, Err(Error::RootMismatch));
}

#[test]
fn own_data_of_another_content_gives_no_answer() {
    let bytes = content(100 * 1024);
    let subtree = Subtree::whole([1; 32], 100 * 1024);
    assert_eq!(subtree.answer(&bytes), Err(Error::RootMismatch));
    let outboard = Outboard::of(&bytes, 0).unwrap();
    let refused = Err(ProveError::Tree(Error::RootMismatch));
    assert_eq!(subtree.answer_with(&outboard, from(&bytes)), refused);
    let longer = Subtree::whole(root(&bytes), 101 * 1024);
    assert_eq!(longer.answer_with(&outboard, from(&bytes)), refused);
}
