//! Parts of programs that are programs themselves.
//!
//! Execution is exact, so any value of a run can be made again from the job's
//! bytes. A part has just the nodes that this takes, and every backend runs it as
//! it runs anything else: nothing has to be kept, and no backend has to hand out
//! what it would rather forget.

use athanor_tensor_program::{
    validate, Constant, Node, Op, Operand, Program, TensorType, Validated, MAX_OUTPUTS,
};

/// Nodes of a program with what they read.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part as a program.
    pub program: Validated,
    /// For each of its nodes, the index in the whole program, ascending.
    pub nodes: Vec<u16>,
    /// For each of its root constants, the index among the whole program's.
    pub weights: Vec<usize>,
    /// For each of its inputs, where it comes from in the whole program.
    pub inputs: Vec<Operand>,
}

impl Part {
    /// The part that makes the outputs of the nodes `wanted`. Its input is the
    /// whole program's. `None` if a node does not exist, or if there are none or
    /// more than a program may put out.
    pub fn leading_to(program: &Validated, wanted: &[u16]) -> Option<Part> {
        if wanted.is_empty() || wanted.len() > MAX_OUTPUTS {
            return None;
        }
        let all = &program.program().nodes;
        let mut needed = vec![false; all.len()];
        for node in wanted {
            *needed.get_mut(usize::from(*node))? = true;
        }
        for index in (0..all.len()).rev() {
            if *needed.get(index)? {
                for operand in &all.get(index)?.operands {
                    if let Operand::Node(earlier) = operand {
                        *needed.get_mut(usize::from(*earlier))? = true;
                    }
                }
            }
        }
        let nodes: Vec<u16> = (0u16..)
            .zip(needed)
            .filter_map(|(index, needed)| needed.then_some(index))
            .collect();
        let inputs = (0u16..)
            .take(program.program().inputs.len())
            .map(Operand::Input)
            .collect();
        let mut outputs = wanted.to_vec();
        outputs.sort_unstable();
        outputs.dedup();
        make(program, nodes, inputs, &outputs)
    }

    /// Node `index` alone. What it reads of inputs and other nodes are the part's
    /// inputs. `None` if there is no such node, or if it is one that repeats
    /// another's bytes.
    pub fn alone(program: &Validated, index: u16) -> Option<Part> {
        let node = program.program().nodes.get(usize::from(index))?;
        if alias(node).is_some() {
            return None;
        }
        let mut inputs: Vec<Operand> = Vec::new();
        for operand in &node.operands {
            if !matches!(operand, Operand::Const(_)) && !inputs.contains(operand) {
                inputs.push(*operand);
            }
        }
        let mut widths: Vec<(u64, Operand)> = inputs
            .into_iter()
            .map(|operand| Some((program.operand_type(operand)?.dtype.width(), operand)))
            .collect::<Option<_>>()?;
        // Inputs go from the widest type to the narrowest.
        widths.sort_by_key(|(width, _)| std::cmp::Reverse(*width));
        let inputs = widths.into_iter().map(|(_, operand)| operand).collect();
        make(program, vec![index], inputs, &[index])
    }

    /// The index in the part of the whole program's node `node`.
    pub fn index_of(&self, node: u16) -> Option<u16> {
        u16::try_from(self.nodes.binary_search(&node).ok()?).ok()
    }
}

/// The node whose bytes `node` repeats, if it does.
pub fn alias(node: &Node) -> Option<u16> {
    match (&node.op, node.operands.first()) {
        (Op::Reshape(_), Some(Operand::Node(earlier))) => Some(*earlier),
        _ => None,
    }
}

fn make(
    program: &Validated,
    nodes: Vec<u16>,
    inputs: Vec<Operand>,
    outputs: &[u16],
) -> Option<Part> {
    let whole = program.program();
    let place = |node: &u16| u16::try_from(nodes.binary_search(node).ok()?).ok();
    let mut constants: Vec<Constant> = Vec::new();
    let mut taken: Vec<(u16, u16)> = Vec::new();
    let mut weights = Vec::new();
    let mut part_nodes = Vec::with_capacity(nodes.len());
    for index in &nodes {
        let node = whole.nodes.get(usize::from(*index))?;
        let mut operands = Vec::with_capacity(node.operands.len());
        for operand in &node.operands {
            let input = inputs.iter().position(|input| input == operand);
            operands.push(match (operand, input) {
                (_, Some(input)) => Operand::Input(u16::try_from(input).ok()?),
                (Operand::Input(_), None) => return None,
                (Operand::Node(earlier), None) => Operand::Node(place(earlier)?),
                (Operand::Const(constant), None) => {
                    let known = taken.iter().find(|(from, _)| from == constant);
                    Operand::Const(match known {
                        Some((_, to)) => *to,
                        None => {
                            let from = usize::from(*constant);
                            weights.extend(program.root_constant_index(from));
                            let to = u16::try_from(constants.len()).ok()?;
                            constants.push(whole.constants.get(from)?.clone());
                            taken.push((*constant, to));
                            to
                        }
                    })
                }
            });
        }
        part_nodes.push(Node {
            op: node.op.clone(),
            operands,
        });
    }
    let types: Vec<TensorType> = inputs
        .iter()
        .map(|input| program.operand_type(*input).cloned())
        .collect::<Option<_>>()?;
    let part = Program {
        version: whole.version,
        max_batch: whole.max_batch,
        inputs: types,
        constants,
        nodes: part_nodes,
        outputs: outputs.iter().map(place).collect::<Option<_>>()?,
    };
    Some(Part {
        program: validate(&part).ok()?,
        nodes,
        weights,
        inputs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_tensor_program::{interpret, testing::Job};

    #[test]
    fn a_part_that_leads_to_a_node_makes_its_bytes() {
        for seed in 0..150 {
            let job = Job::random(seed);
            let whole = interpret(&job.program, job.batch, &job.input, &job.weights()).unwrap();
            let last = job.program.node_count() - 1;
            for wanted in [vec![0], vec![last as u16], vec![last as u16, 0]] {
                let part = Part::leading_to(&job.program, &wanted).unwrap();
                let all = job.weights();
                let weights: Vec<&[u8]> = part.weights.iter().map(|index| all[*index]).collect();
                let run = interpret(&part.program, job.batch, &job.input, &weights).unwrap();
                for node in &wanted {
                    let index = part.index_of(*node).unwrap();
                    let (made, true_bytes) =
                        (run.node(index.into()), whole.node(usize::from(*node)));
                    assert!(made == true_bytes, "seed {seed}, node {node}");
                }
            }
        }
    }

    #[test]
    fn every_node_alone_makes_its_bytes_of_its_operands() {
        let (mut alone, mut aliases) = (0, 0);
        for seed in 0..150 {
            let job = Job::random(seed);
            let whole = interpret(&job.program, job.batch, &job.input, &job.weights()).unwrap();
            for index in 0..job.program.node_count() {
                let Some(part) = Part::alone(&job.program, index as u16) else {
                    aliases += 1;
                    continue;
                };
                let all = job.weights();
                let weights: Vec<&[u8]> = part.weights.iter().map(|index| all[*index]).collect();
                let mut input = Vec::new();
                for operand in &part.inputs {
                    input.extend_from_slice(match operand {
                        Operand::Node(node) => whole.node(usize::from(*node)),
                        Operand::Input(input) => {
                            let range = job
                                .program
                                .input_range(usize::from(*input), job.batch)
                                .unwrap();
                            &job.input[range.start as usize..range.end as usize]
                        }
                        Operand::Const(_) => unreachable!("constants are no inputs"),
                    });
                }
                let run = interpret(&part.program, job.batch, &input, &weights).unwrap();
                assert!(
                    run.node(0) == whole.node(index),
                    "seed {seed}, node {index}"
                );
                alone += 1;
            }
        }
        assert!(alone > 300 && aliases > 0, "{alone} {aliases}");
    }

    #[test]
    fn there_is_no_part_without_or_beyond_the_nodes() {
        let program = Job::random(1).program;
        let beyond = program.node_count() as u16;
        assert!(Part::leading_to(&program, &[]).is_none());
        assert!(Part::leading_to(&program, &[beyond]).is_none());
        assert!(Part::leading_to(&program, &[0; MAX_OUTPUTS + 1]).is_none());
        assert!(Part::alone(&program, beyond).is_none());
    }
}
