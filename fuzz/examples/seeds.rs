//! Writes the seeds that follow from code into `corpus/`: a program and a proof
//! for each operator, and a page of sheets of each type of labels. Run it when operators or their numbers change:
//! `cargo run --release --example seeds`, then remove what went stale.

use athanor_label_math::{pack, Answer, LabelType, Span};
use athanor_tensor_program::testing::{random_program_with, OPERATORS};
use codec::Encode;
use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (operator, name) in OPERATORS.iter().enumerate() {
        for seed in 0..3 {
            let program = random_program_with(operator, seed).encoded();
            fs::write(corpus.join(format!("program/{name}-{seed}")), program)?;
        }
    }
    for (name, proof) in OPERATORS.iter().zip(athanor_fuzz::proofs()) {
        fs::write(corpus.join(format!("proof/{name}")), proof)?;
    }
    for (name, page) in pages() {
        fs::write(corpus.join(format!("sheet/{name}")), page)?;
    }
    Ok(())
}

/// Pages of three equal sheets, which end in gold for task 0.
fn pages() -> Vec<(&'static str, Vec<u8>)> {
    let code = |codes: [u32; 4]| codes.map(Answer::Code).to_vec();
    let span = |start| Span {
        label: 1,
        start,
        len: 2,
    };
    let spans = |starts: &[u16]| Answer::Spans(starts.iter().copied().map(span).collect());
    let safety = LabelType::Safety {
        weights: [4, 2, 1, 0, 0, 0, 0, 0],
        quorum: 2,
    };
    [
        (
            "classification",
            LabelType::Classification { classes: 5 },
            code([4, 0, 2, 1]),
        ),
        ("preference", LabelType::Preference, code([0, 1, 2, 3])),
        ("rating", LabelType::Rating { steps: 7 }, code([6, 0, 3, 1])),
        (
            "multi-label",
            LabelType::MultiLabel { flags: 6 },
            code([0, 63, 5, 1]),
        ),
        ("safety", safety, code([0, 63, 9, 1])),
        (
            "ranking",
            LabelType::Ranking { items: 4 },
            vec![Answer::ranking(&[2, 0, 3, 1]); 4],
        ),
        (
            "span",
            LabelType::Span { tokens: 300 },
            vec![spans(&[0, 7]), spans(&[]), spans(&[298]), spans(&[3])],
        ),
    ]
    .into_iter()
    .map(|(name, ty, answers)| {
        let sheet = pack(&ty, &answers).expect("answers of the type");
        let gold = pack(&ty, &answers[..1]).expect("answers of the type");
        let mut page = ty.encode();
        page.extend([4, 3, 0]);
        page.extend((sheet.len() as u16).to_le_bytes());
        for _ in 0..3 {
            page.extend_from_slice(&sheet);
        }
        page.extend_from_slice(&gold);
        (name, page)
    })
    .collect()
}
