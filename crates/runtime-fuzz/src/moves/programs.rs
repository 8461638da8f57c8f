//! Programs and models.

use super::{somebody, Act};
use crate::dice::Dice;
use athanor_runtime::{AccountId, Runtime};
use athanor_tensor_program::{
    ops::{Abs, Clamp, Lut8},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType, VERSION,
};
use pallet_programs::{Call, Models, Programs};

/// A chain of `nodes` nodes after `tables` tables that are named by root.
pub fn program(nodes: u16, tables: u16, hi: i32, max_batch: u32) -> Program {
    let before = |i: u16| match i {
        0 => Operand::Input(0),
        _ => Operand::Node(i - 1),
    };
    let lookups = (0..tables).map(|i| Node {
        op: Op::Lut8(Lut8),
        operands: vec![before(i), Operand::Const(i)],
    });
    let rest = (tables..tables + nodes.max(1)).map(|i| Node {
        op: if i == tables {
            Op::Clamp(Clamp { lo: 0, hi })
        } else {
            Op::Abs(Abs)
        },
        operands: vec![before(i)],
    });
    let nodes: Vec<Node> = lookups.chain(rest).collect();
    Program {
        version: VERSION,
        max_batch,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([8]),
        }],
        constants: (0..tables)
            .map(|_| Constant::Root {
                ty: TensorType {
                    dtype: DType::I8,
                    shape: Shape::from([256]),
                },
            })
            .collect(),
        outputs: vec![nodes.len() as u16 - 1],
        nodes,
    }
}

/// Registers a program.
pub fn register(who: &AccountId, program: &Program) -> Option<Act> {
    let bytes = program.encoded().try_into().ok()?;
    Some(Act::signed(who, Call::register_program { bytes }))
}

/// Registers a model of a program.
pub fn model(who: &AccountId, program: [u8; 32], roots: u32, parent: Option<u64>) -> Option<Act> {
    let roots: Vec<_> = (0..roots).map(|i| [i as u8; 32]).collect();
    Some(Act::signed(
        who,
        Call::register_model {
            program_hash: program,
            roots: roots.try_into().ok()?,
            licence: b"Apache-2.0".to_vec().try_into().ok()?,
            card_root: None,
            parent,
        },
    ))
}

/// What happens next.
pub fn next(dice: &mut Dice) -> Vec<Act> {
    let programs: Vec<_> = Programs::<Runtime>::iter().collect();
    let models: Vec<_> = Models::<Runtime>::iter().collect();
    let act = match dice.below(10) {
        0..=2 => {
            let (nodes, tables) = (1 + dice.below(5) as u16, dice.below(3) as u16);
            let program = program(
                nodes,
                tables,
                1 + dice.below(100) as i32,
                1 + dice.below(16),
            );
            register(&somebody(dice), &program)
        }
        3..=6 => dice.pick(&programs).cloned().and_then(|(hash, entry)| {
            let parent = dice
                .pick(&models)
                .map(|(id, _)| *id)
                .filter(|_| dice.one_in(3));
            let wrong = u32::from(dice.one_in(8));
            let roots = entry.terms.root_constants + wrong;
            let roots: Vec<_> = (0..roots).map(|i| [i as u8; 32]).collect();
            Some(Act::signed(
                &somebody(dice),
                Call::register_model {
                    program_hash: hash,
                    roots: roots.try_into().ok()?,
                    licence: b"Apache-2.0".to_vec().try_into().ok()?,
                    card_root: None,
                    parent,
                },
            ))
        }),
        // Some models have to stay for the jobs.
        7 if models.len() > 3 => dice
            .pick(&models)
            .map(|(model, entry)| Act::signed(&entry.owner, Call::retire { model: *model })),
        8 => {
            let retired: Vec<_> = models.iter().filter(|(_, entry)| entry.retired).collect();
            let some = dice.pick(&retired).copied().or(models.first());
            some.map(|(model, entry)| {
                Act::signed(&entry.owner, Call::remove_model { model: *model })
            })
        }
        _ => {
            let unused: Vec<_> = programs
                .iter()
                .filter(|(_, entry)| entry.models == 0)
                .collect();
            let some = dice.pick(&unused).copied().or(programs.first());
            some.map(|(hash, entry)| {
                Act::signed(
                    &entry.owner,
                    Call::remove_program {
                        program_hash: *hash,
                    },
                )
            })
        }
    };
    act.into_iter().collect()
}
