//! The frozen vectors in `vectors/slices.txt`, made by a second implementation.

use athanor_content_tree::{prove, prove_with, root, verify, Chunks, Outboard};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn proof_bytes<'a>(content: &[u8], tokens: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut proof = Vec::new();
    for token in tokens {
        match token.split_at(1) {
            ("v", value) => proof.extend(hex(value)),
            ("c", index) => {
                let chunk: usize = index.parse().unwrap();
                let end = content.len().min((chunk + 1) * 1024);
                proof.extend(&content[chunk * 1024..end]);
            }
            _ => panic!("{token}"),
        }
    }
    proof
}

#[test]
fn every_frozen_vector_holds() {
    let mut content = Vec::new();
    let mut name = [0; 32];
    let (mut slices, mut outboards) = (0, 0);
    for line in include_str!("../vectors/slices.txt").lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("length") => {
                let len: usize = words.next().unwrap().parse().unwrap();
                content = (0..len).map(|i| (i % 251) as u8).collect();
                name = root(&content);
                assert_eq!(name.to_vec(), hex(words.next().unwrap()), "{line}");
            }
            Some("slice") => {
                let len = content.len() as u64;
                let wanted = words.next().unwrap();
                let indices = wanted
                    .split(',')
                    .filter(|w| *w != "-")
                    .map(|w| w.parse::<u64>().unwrap());
                let chunks = Chunks::from_indices(len, indices).unwrap();
                let expected = proof_bytes(&content, words);
                assert_eq!(prove(&content, &chunks).unwrap(), expected, "{line}");
                for group_log in [0, 1, 3, 16] {
                    let outboard = Outboard::of(&content, group_log).unwrap();
                    let read = |at: u64, buffer: &mut [u8]| {
                        buffer.copy_from_slice(&content[at as usize..][..buffer.len()]);
                        Ok::<_, ()>(())
                    };
                    assert_eq!(
                        prove_with(&outboard, &chunks, read).unwrap(),
                        expected,
                        "{line}"
                    );
                }
                verify(&name, len, &chunks, &expected).unwrap();
                slices += 1;
            }
            Some("outboard") => {
                let group_log = words.next().unwrap().parse().unwrap();
                let encoded = Outboard::of(&content, group_log).unwrap().encode();
                assert_eq!(
                    root(&encoded).to_vec(),
                    hex(words.next().unwrap()),
                    "{line}"
                );
                outboards += 1;
            }
            _ => {}
        }
    }
    assert!(slices > 100 && outboards > 100);
}
