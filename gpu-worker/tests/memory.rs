//! A run takes no more memory than was planned for it. Alone in its program, so that
//! no other test's memory is counted.

#![cfg(target_os = "linux")]

use athanor_tensor_program::{
    ops::{Epilogue, MatMul, Scale, ZeroPoint},
    validate, Constant, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use gpu_worker::backend::{cpu::Cpu, Backend, Run};
use std::sync::atomic::AtomicBool;

/// A line of `/proc/self/status`, in bytes.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1_024
}

#[test]
fn the_peak_is_within_five_per_cent_of_the_plan() {
    const WIDTH: u32 = 1_024;
    const LAYERS: u16 = 12;
    let ty = |dtype, axes: &[u32]| TensorType {
        dtype,
        shape: Shape(axes.to_vec()),
    };
    let program = Program {
        version: 1,
        max_batch: 16_384,
        inputs: vec![ty(DType::I8, &[WIDTH])],
        constants: vec![
            Constant::Root {
                ty: ty(DType::I8, &[WIDTH, WIDTH])
            };
            LAYERS.into()
        ],
        nodes: (0..LAYERS)
            .map(|layer| Node {
                op: Op::MatMul(MatMul {
                    za: 0,
                    zb: ZeroPoint::Tensor(0),
                    params: false,
                    epilogue: Epilogue::Requant {
                        scale: Scale::Tensor { m: 20_000, s: 26 },
                        z: 0,
                        lo: -128,
                        hi: 127,
                        out: DType::I8,
                        lut: false,
                    },
                }),
                operands: vec![
                    match layer.checked_sub(1) {
                        None => Operand::Input(0),
                        Some(before) => Operand::Node(before),
                    },
                    Operand::Const(layer),
                ],
            })
            .collect(),
        outputs: vec![LAYERS - 1],
    };
    let program = validate(&program).unwrap();
    let batch = 16_384;
    let cpu = Cpu::new(2);
    let before = status("VmRSS:");
    let input = vec![3u8; program.input_len(batch).unwrap() as usize];
    let weights = vec![vec![5u8; (WIDTH * WIDTH) as usize]; LAYERS.into()];
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let run = Run {
        program: &program,
        batch,
        input: &input,
        weights: &weights,
        roots: &[],
    };
    cpu.run(run, &AtomicBool::new(false)).unwrap();
    let (peak, planned) = (
        status("VmHWM:") - before,
        cpu.plan_bytes(&program, batch).unwrap(),
    );
    assert!(
        peak <= planned + planned / 20,
        "{peak} bytes at the peak, {planned} planned"
    );
    // Every layer's output at once, which the plan spares, would be far more.
    assert!(
        planned < program.memory(batch).unwrap() / 2,
        "{planned} planned"
    );
}
