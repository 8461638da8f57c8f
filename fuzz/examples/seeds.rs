//! Writes the seeds that follow from code into `corpus/`: a program and a proof
//! for each operator. Run it when operators or their numbers change:
//! `cargo run --release --example seeds`, then remove what went stale.

use athanor_tensor_program::testing::{random_program_with, OPERATORS};
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
    Ok(())
}
