//! What a keyed Freivalds check of a product costs beside the product itself:
//! `cargo bench -p gpu-worker --bench freivalds`.
//!
//! The layers of a transformer of GPT-2's size over 1,024 tokens, exact i32 sums, on
//! one thread. Medians of nine runs after one that warms up; every figure of one call is
//! of one machine.

use athanor_freivalds::{multiplications, Check, Key, Right, ZeroPoint};
use athanor_tensor_program::{
    load,
    ops::{Epilogue, MatMul, ZeroPoint as Zero},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use gpu_worker::backend::{
    cpu::{
        measure::{median, noise},
        Cpu, Settings,
    },
    Backend, Run,
};
use std::{
    hint::black_box,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

const TOKENS: u32 = 1_024;
const RUNS: usize = 9;

fn timed<T>(mut work: impl FnMut() -> T) -> Duration {
    black_box(work());
    let times = (0..RUNS).map(|_| {
        let started = Instant::now();
        black_box(work());
        started.elapsed()
    });
    median(times.collect())
}

fn main() {
    let cpu = |hash| {
        Cpu::with(Settings {
            threads: 1,
            hash,
            ..Settings::default()
        })
    };
    let (plain, hashing) = (cpu(false), cpu(true));
    println!("{}", plain.device().name);
    println!("layer         run      run+root  check    prepare  rows     run/check  run+root/check  multiplications");
    for (k, n) in [(768u32, 3_072u32), (768, 2_304), (768, 768), (3_072, 768)] {
        let program = Program {
            version: 1,
            max_batch: TOKENS,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([k]),
            }],
            constants: vec![Constant::Root {
                ty: TensorType {
                    dtype: DType::I8,
                    shape: Shape::from([n, k]),
                },
            }],
            nodes: vec![Node {
                op: Op::MatMul(MatMul {
                    za: 3,
                    zb: Zero::Tensor(0),
                    params: false,
                    epilogue: Epilogue::Raw,
                }),
                operands: vec![Operand::Input(0), Operand::Const(0)],
            }],
            outputs: vec![0],
        };
        let program = load(&program.encoded()).expect("a valid program");
        let input = noise((TOKENS * k) as usize);
        let weight = noise((n * k) as usize);
        let run = Run {
            program: &program,
            batch: TOKENS,
            input: &input,
            weights: &[&weight],
            roots: &[],
        };
        let never = AtomicBool::new(false);
        let execute = |cpu: &Cpu| cpu.run(run, &never).expect("a run");
        let trace = execute(&plain);
        let output = trace.node(0).expect("an output");
        let c: Vec<i32> = output
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| i32::from_le_bytes(*word))
            .collect();
        let signed = |bytes: &[u8]| bytes.iter().map(|b| *b as i8).collect::<Vec<i8>>();
        let (a, b) = (signed(&input), signed(&weight));
        let key = Key::new([7; 32]);
        let prepare = || {
            let right = Right::new(&b, k as usize, 3, ZeroPoint::All(0), None);
            Check::new(&key, b"bench", &right.expect("a product"))
        };
        let check = prepare();
        assert_eq!(check.first_wrong_row(&a, &c), Ok(None));
        let run = timed(|| execute(&plain));
        let rooted = timed(|| execute(&hashing));
        let once = timed(prepare);
        let rows = timed(|| check.first_wrong_row(&a, &c));
        let both = once + rows;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let (tokens, n64, k64) = (u64::from(TOKENS), u64::from(n), u64::from(k));
        println!(
            "{:<13} {:<8.2} {:<9.2} {:<8.2} {:<8.2} {:<8.2} {:<10.1} {:<15.1} {}x fewer",
            format!("{k} to {n}"),
            ms(run),
            ms(rooted),
            ms(both),
            ms(once),
            ms(rows),
            ms(run) / ms(both),
            ms(rooted) / ms(both),
            tokens * n64 * k64 / multiplications(tokens, n64, k64),
        );
    }
    println!("times in ms");
}
