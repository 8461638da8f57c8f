//! What judging one element costs for each byte of its proof.
//!
//! The runtime weighs a challenge by the length of its proof alone, which holds as
//! long as no operator needs much more time a byte than hashing the proof does. Prints
//! for proofs at the limits of every operator with more than a few steps: length of
//! the proof, time to judge it, and both times a byte against BLAKE3 of as many bytes.
//!
//! ```sh
//! cargo run --release -p athanor-tensor-program --example judge_work
//! ```

use athanor_content_tree::root;
use athanor_tensor_program::{
    interpret,
    judge::{judge, prove_element, Claim, Data, Verdict},
    testing::{largest, Largest, LARGEST},
    Root,
};
use codec::Encode;
use std::{hint::black_box, time::Instant};

fn median(mut once: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            let mut runs = 0u32;
            while start.elapsed().as_millis() < 10 {
                once();
                runs += 1;
            }
            start.elapsed().as_secs_f64() / f64::from(runs)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("case proof_bytes judge_us judge_ns_per_byte blake3_ns_per_byte ratio");
    for case in 0..LARGEST {
        let Largest { name, job, element } = largest(case);
        let node = job.program.program().nodes.len() - 1;
        let weights = job.weights();
        let roots: Vec<Root> = weights.iter().map(|bytes| root(bytes)).collect();
        let run = interpret(&job.program, 1, &job.input, &weights)?;
        let data = Data::new(&job.program, 1, &job.input, &weights, &run)?;
        let proof = prove_element(&data, node as u16, element, run.node(node))?;
        let trace = run.trace();
        let claim = Claim {
            batch: 1,
            input: &root(&job.input),
            weights: &roots,
            trace: &trace,
        };
        let verdict = judge(&job.program, &claim, &proof)?;
        assert_eq!(verdict, Verdict::Upheld);
        let bytes = proof.encode();
        let judging = median(|| {
            let _ = black_box(judge(&job.program, black_box(&claim), &proof));
        });
        let hashing = median(|| {
            black_box(root(black_box(&bytes)));
        });
        let len = bytes.len() as f64;
        println!(
            "{name} {} {:.1} {:.2} {:.2} {:.1}",
            bytes.len(),
            judging * 1e6,
            judging * 1e9 / len,
            hashing * 1e9 / len,
            judging / hashing
        );
    }
    Ok(())
}
