//! Faults made on purpose, to see them found out or overcome.

use crate::{
    backend::{Backend, BackendError, Control, Run, Trace, Value},
    part::{alias, Part},
};
use athanor_tensor_program::{Operand, Validated, MAX_NODES};
use std::{fmt, str::FromStr};

/// A fault made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Flip the last byte of the last node's output before it is hashed.
    WrongOutput,
    /// Flip one bit of the middle element of this node's output, or of the last
    /// node's if the program has fewer, and go on from there: everything behind it
    /// follows from the wrong element, and demands are answered.
    WrongElement(u16),
    /// As [`WrongElement`](Fault::WrongElement), and answer no demand.
    HiddenElement(u16),
    /// Claim a root of garbage for this node's output, or for the last node's if the
    /// program has fewer. Demands for it can't be answered.
    WrongRoot(u16),
    /// Answer no demand.
    Withhold,
    /// Fetch nothing: stay there until stopped or killed.
    HoldFetch,
    /// Stay in the run.
    HoldRun,
    /// Stay where the output is stored and the receipt is not.
    HoldStore,
    /// Stay where the receipt is kept and nobody knows.
    HoldReceipt,
}

/// The faults without a node, and their names.
const PLAIN: [(Fault, &str); 6] = [
    (Fault::WrongOutput, "wrong-output"),
    (Fault::Withhold, "withhold"),
    (Fault::HoldFetch, "hold-fetch"),
    (Fault::HoldRun, "hold-run"),
    (Fault::HoldStore, "hold-store"),
    (Fault::HoldReceipt, "hold-receipt"),
];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::WrongElement(node) => write!(f, "wrong-element={node}"),
            Fault::HiddenElement(node) => write!(f, "hidden-element={node}"),
            Fault::WrongRoot(node) => write!(f, "wrong-root={node}"),
            plain => {
                let name = PLAIN.iter().find(|(fault, _)| fault == plain);
                f.write_str(name.map_or("fault", |(_, name)| name))
            }
        }
    }
}

/// The text names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such fault: wrong-output, wrong-element=NODE, hidden-element=NODE, wrong-root=NODE, \
     withhold, hold-fetch, hold-run, hold-store and hold-receipt are, NODE from 0 to {}",
    MAX_NODES - 1
)]
pub struct NoSuchFault;

impl FromStr for Fault {
    type Err = NoSuchFault;

    fn from_str(text: &str) -> Result<Self, NoSuchFault> {
        if let Some((name, node)) = text.split_once('=') {
            let node: u16 = node.parse().map_err(|_| NoSuchFault)?;
            return match name {
                _ if usize::from(node) >= MAX_NODES => Err(NoSuchFault),
                "wrong-element" => Ok(Fault::WrongElement(node)),
                "hidden-element" => Ok(Fault::HiddenElement(node)),
                "wrong-root" => Ok(Fault::WrongRoot(node)),
                _ => Err(NoSuchFault),
            };
        }
        let plain = PLAIN.iter().find(|(_, name)| *name == text);
        plain.map(|(fault, _)| *fault).ok_or(NoSuchFault)
    }
}

impl Fault {
    /// Whether results are wrong.
    pub fn lies(self) -> bool {
        matches!(
            self,
            Fault::WrongOutput
                | Fault::WrongElement(_)
                | Fault::HiddenElement(_)
                | Fault::WrongRoot(_)
        )
    }

    /// Whether no demand is answered, though it could be.
    pub fn withholds(self) -> bool {
        matches!(self, Fault::Withhold | Fault::HiddenElement(_))
    }

    /// The fault as far as results go.
    fn made(self) -> Self {
        match self {
            Fault::HiddenElement(node) => Fault::WrongElement(node),
            other => other,
        }
    }

    /// The node of `program` whose output is another than it should be, with all
    /// that follows from it.
    fn corrupts(self, program: &Validated) -> Option<u16> {
        let last = u16::try_from(program.node_count().checked_sub(1)?).ok()?;
        match self.made() {
            Fault::WrongOutput => Some(last),
            Fault::WrongElement(node) => Some(node.min(last)),
            _ => None,
        }
    }

    /// Spoils the output of the node this fault corrupts.
    fn spoil(self, width: usize, bytes: &mut [u8]) {
        let at = match self.made() {
            Fault::WrongElement(_) => {
                let element = (bytes.len() / 2).checked_div(width).unwrap_or(0);
                element.saturating_mul(width)
            }
            _ => bytes.len().saturating_sub(1),
        };
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= match self.made() {
                Fault::WrongElement(_) => 1,
                _ => 0xFF,
            };
        }
    }
}

/// The node that has the bytes of node `index` as a daemon with `fault` makes them:
/// itself, unless it repeats another's.
pub fn owner(program: &Validated, index: u16, fault: Option<Fault>) -> u16 {
    let spoilt = fault.and_then(|fault| fault.corrupts(program));
    let mut index = index;
    while Some(index) != spoilt {
        let node = program.program().nodes.get(usize::from(index));
        match node.and_then(alias) {
            Some(earlier) if earlier < index => index = earlier,
            _ => break,
        }
    }
    index
}

/// Node `node`, or the last if there are fewer, and those that repeat its bytes.
fn repeats(program: &Validated, node: u16) -> Vec<usize> {
    let nodes = &program.program().nodes;
    let first = usize::from(node).min(nodes.len().saturating_sub(1));
    let mut found = vec![first];
    for (index, node) in nodes.iter().enumerate().skip(first + 1) {
        if alias(node).is_some_and(|earlier| found.contains(&usize::from(earlier))) {
            found.push(index);
        }
    }
    found
}

/// Runs a job, with `fault` if there is one.
///
/// # Errors
///
/// As [`Backend::run`].
pub fn run(
    backend: &dyn Backend,
    run: Run<'_>,
    fault: Option<Fault>,
    control: &dyn Control,
) -> Result<Trace, BackendError> {
    match fault.map(Fault::made) {
        Some(fault @ Fault::WrongElement(_)) => {
            let last = run.program.node_count().saturating_sub(1);
            stepwise(backend, run, Some(fault), last, control)
        }
        Some(Fault::WrongRoot(node)) => {
            let mut trace = backend.run(run, control)?;
            trace.forge(&repeats(run.program, node));
            Ok(trace)
        }
        Some(Fault::WrongOutput) => {
            let mut trace = backend.run(run, control)?;
            trace.spoil();
            Ok(trace)
        }
        _ => backend.run(run, control),
    }
}

/// As [`run`], node by node with every value kept. Takes longer, and the memory of
/// [`whole_bytes`].
///
/// # Errors
///
/// As [`Backend::run`].
pub fn run_whole(
    backend: &dyn Backend,
    run: Run<'_>,
    fault: Option<Fault>,
    control: &dyn Control,
) -> Result<Trace, BackendError> {
    let program = run.program;
    let made = fault.map(Fault::made);
    let on_the_way = made.filter(|fault| matches!(fault, Fault::WrongElement(_)));
    let last = program.node_count().saturating_sub(1);
    let mut trace = stepwise(backend, run, on_the_way, last, control)?;
    match made {
        Some(Fault::WrongRoot(node)) => trace.forge(&repeats(program, node)),
        Some(Fault::WrongOutput) => trace.spoil(),
        _ => {}
    }
    Ok(trace)
}

/// Most bytes that [`run_whole`] holds at a time, `None` if they can't be told.
pub fn whole_bytes(program: &Validated, batch: u32) -> Option<u64> {
    // The lone node's input is a copy of values.
    program.memory(batch)?.checked_mul(2)
}

/// Runs node by node up to `last`, with every value kept, and spoils one on the
/// way if that is the fault. Takes the memory of the whole trace.
fn stepwise(
    backend: &dyn Backend,
    run: Run<'_>,
    fault: Option<Fault>,
    last: usize,
    control: &dyn Control,
) -> Result<Trace, BackendError> {
    let (program, batch) = (run.program, run.batch);
    let bug = |what: &str| BackendError::Bug(what.to_owned());
    let target = fault
        .and_then(|fault| fault.corrupts(program))
        .map(usize::from);
    let mut trace = Trace::new(Vec::new());
    for (index, node) in program.program().nodes.iter().enumerate().take(last + 1) {
        if control.stopped() {
            return Err(BackendError::Stopped);
        }
        let mut value = match alias(node) {
            Some(earlier) => Value::Same(usize::from(earlier)),
            None => Value::Own(alone(backend, &run, &trace, index, control)?),
        };
        if let Some(fault) = fault.filter(|_| target == Some(index)) {
            let mut bytes = match value {
                Value::Own(bytes) => bytes,
                _ => trace
                    .node_of(&value)
                    .ok_or_else(|| bug("no value"))?
                    .to_vec(),
            };
            let ty = program.node_type(index).ok_or_else(|| bug("no type"))?;
            let width = usize::try_from(ty.dtype.width()).unwrap_or(1);
            fault.spoil(width, &mut bytes);
            value = Value::Own(bytes);
        }
        let expected = program.node_len(index, batch);
        if let Value::Own(bytes) = &value {
            if Some(bytes.len() as u64) != expected {
                return Err(bug("a value of another length"));
            }
        }
        trace.push(value);
        control.progress(index as u64 + 1, last as u64 + 1);
    }
    Ok(trace)
}

/// Runs one node over the values of a trace.
fn alone(
    backend: &dyn Backend,
    run: &Run<'_>,
    trace: &Trace,
    index: usize,
    control: &dyn Control,
) -> Result<Vec<u8>, BackendError> {
    let bug = || BackendError::Bug(format!("node {index} can't be run alone"));
    let index16 = u16::try_from(index).map_err(|_| bug())?;
    let part = Part::alone(run.program, index16).ok_or_else(bug)?;
    let mut input = Vec::new();
    for operand in &part.inputs {
        let bytes = match operand {
            Operand::Node(node) => trace.node(usize::from(*node)),
            Operand::Input(input) => run
                .program
                .input_range(usize::from(*input), run.batch)
                .and_then(|range| {
                    let range =
                        usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
                    run.input.get(range)
                }),
            Operand::Const(_) => None,
        };
        input.extend_from_slice(bytes.ok_or_else(bug)?);
    }
    let weights: Vec<&[u8]> = part
        .weights
        .iter()
        .map(|weight| run.weights.get(*weight).copied())
        .collect::<Option<_>>()
        .ok_or_else(bug)?;
    struct Quiet<'a>(&'a dyn Control);
    impl Control for Quiet<'_> {
        fn progress(&self, _: u64, _: u64) {}
        fn stopped(&self) -> bool {
            self.0.stopped()
        }
    }
    let run = Run {
        program: &part.program,
        batch: run.batch,
        input: &input,
        weights: &weights,
        roots: &[],
    };
    backend.run(run, &Quiet(control))?.take(0).ok_or_else(bug)
}

/// What [`values`] runs for these nodes: most bytes it holds at a time.
pub fn values_bytes(
    backend: &dyn Backend,
    program: &Validated,
    batch: u32,
    wanted: &[u16],
    fault: Option<Fault>,
) -> Option<u64> {
    if let Some(Fault::WrongElement(_)) = fault.map(Fault::made) {
        return whole_bytes(program, batch);
    }
    let part = Part::leading_to(program, wanted)?.program;
    backend
        .plan_bytes(&part, batch)
        .or_else(|| part.memory(batch))
}

/// The root constants that [`values`] reads for these nodes, by index.
pub fn values_weights(
    program: &Validated,
    wanted: &[u16],
    fault: Option<Fault>,
) -> Option<Vec<usize>> {
    match fault.map(Fault::made) {
        Some(Fault::WrongElement(_)) => Some((0..program.root_constant_count()).collect()),
        _ => Some(Part::leading_to(program, wanted)?.weights),
    }
}

/// Makes the outputs of the nodes `wanted` again, as a daemon with `fault` makes
/// them. `weights` are those of [`values_weights`].
///
/// # Errors
///
/// As [`Backend::run`].
pub fn values(
    backend: &dyn Backend,
    run: Run<'_>,
    wanted: &[u16],
    fault: Option<Fault>,
    control: &dyn Control,
) -> Result<Vec<Vec<u8>>, BackendError> {
    let bug = || BackendError::Bug("a value was not made".into());
    if let Some(fault @ Fault::WrongElement(_)) = fault.map(Fault::made) {
        let last = wanted.iter().copied().max().ok_or_else(bug)?;
        let trace = stepwise(backend, run, Some(fault), usize::from(last), control)?;
        return wanted
            .iter()
            .map(|node| trace.node(usize::from(*node)).map(<[u8]>::to_vec))
            .collect::<Option<_>>()
            .ok_or_else(bug);
    }
    let part = Part::leading_to(run.program, wanted).ok_or_else(bug)?;
    let mut trace = backend.run(
        Run {
            program: &part.program,
            ..run
        },
        control,
    )?;
    let mut made = Vec::with_capacity(wanted.len());
    for node in wanted {
        let index = usize::from(part.index_of(*node).ok_or_else(bug)?);
        let owner = trace.owner(index).ok_or_else(bug)?;
        // Two nodes may share their bytes; the last takes them.
        let shared = made.len() + 1 < wanted.len();
        let mut bytes = match shared {
            true => trace.node(index).map(<[u8]>::to_vec),
            false => trace.take(owner),
        }
        .ok_or_else(bug)?;
        if let Some(fault) = fault.filter(|fault| fault.corrupts(run.program) == Some(*node)) {
            fault.spoil(1, &mut bytes);
        }
        made.push(bytes);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;
    use athanor_tensor_program::{interpret, testing::Job};
    use std::sync::atomic::AtomicBool;

    fn jobs() -> impl Iterator<Item = Job> {
        (0..60).map(Job::random)
    }

    fn trace_of(job: &Job, fault: Option<Fault>) -> Trace {
        let weights = job.weights();
        let full = Run {
            program: &job.program,
            batch: job.batch,
            input: &job.input,
            weights: &weights,
            roots: &[],
        };
        run(&Cpu::new(1), full, fault, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn a_whole_run_has_the_same_roots_and_every_value() {
        for job in jobs() {
            let weights = job.weights();
            let full = Run {
                program: &job.program,
                batch: job.batch,
                input: &job.input,
                weights: &weights,
                roots: &[],
            };
            let last = job.program.node_count() - 1;
            for fault in [
                None,
                Some(Fault::WrongOutput),
                Some(Fault::WrongElement(1)),
                Some(Fault::WrongRoot(0)),
            ] {
                let never = AtomicBool::new(false);
                let whole = run_whole(&Cpu::new(1), full, fault, &never).unwrap();
                assert_eq!(whole.roots(), trace_of(&job, fault).roots(), "{fault:?}");
                assert!((0..=last).all(|node| whole.node(node).is_some()));
            }
        }
    }

    #[test]
    fn faults_are_told_apart_by_their_names() {
        for text in [
            "wrong-output",
            "wrong-element=0",
            "wrong-element=1023",
            "hidden-element=1",
            "wrong-root=7",
            "withhold",
            "hold-fetch",
            "hold-run",
            "hold-store",
            "hold-receipt",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "wrong",
            "wrong-element",
            "wrong-root=",
            "withhold=1",
            "wrong-root=1024",
            "wrong-element=-1",
        ] {
            assert_eq!(text.parse::<Fault>(), Err(NoSuchFault), "{text}");
        }
    }

    #[test]
    fn one_wrong_element_goes_on_consistently() {
        let mut followed = 0;
        for job in jobs() {
            let honest = interpret(&job.program, job.batch, &job.input, &job.weights()).unwrap();
            for node in 0..job.program.node_count() {
                let fault = Fault::WrongElement(node as u16);
                let trace = trace_of(&job, Some(fault));
                let roots = trace.roots();
                assert_eq!(roots[..node], honest.trace()[..node]);
                assert_ne!(roots[node], honest.trace()[node]);
                let (ours, wrong) = (honest.node(node), trace.node(node).unwrap());
                let bits: u32 = ours
                    .iter()
                    .zip(wrong)
                    .map(|(a, b)| (a ^ b).count_ones())
                    .sum();
                assert_eq!((ours.len(), bits), (wrong.len(), 1));
                followed += (node + 1..roots.len())
                    .filter(|later| roots[*later] != honest.trace()[*later])
                    .count();
                // What is made again later is what was hashed then.
                for wanted in 0..job.program.node_count() as u16 {
                    let weights = job.weights();
                    let again = Run {
                        program: &job.program,
                        batch: job.batch,
                        input: &job.input,
                        weights: &weights,
                        roots: &[],
                    };
                    let made = values(
                        &Cpu::new(1),
                        again,
                        &[wanted],
                        Some(fault),
                        &AtomicBool::new(false),
                    );
                    assert_eq!(made.unwrap()[0], trace.node(usize::from(wanted)).unwrap());
                }
            }
        }
        assert!(followed > 20, "{followed}");
    }

    #[test]
    fn a_wrong_root_is_no_ones_and_its_repeats_have_it_too() {
        for job in jobs() {
            let honest = interpret(&job.program, job.batch, &job.input, &job.weights())
                .unwrap()
                .trace();
            for node in 0..job.program.node_count() {
                let roots = trace_of(&job, Some(Fault::WrongRoot(node as u16))).roots();
                for (index, (root, honest)) in roots.iter().zip(&honest).enumerate() {
                    let garbage = index >= node && {
                        let mut at = index as u16;
                        while usize::from(at) != node {
                            match alias(&job.program.program().nodes[usize::from(at)]) {
                                Some(earlier) => at = earlier,
                                None => break,
                            }
                        }
                        usize::from(at) == node
                    };
                    assert_eq!(root != honest, garbage, "{node} {index}");
                }
            }
        }
    }

    #[test]
    fn values_made_again_are_those_of_the_run() {
        for job in jobs() {
            for fault in [None, Some(Fault::WrongOutput)] {
                let trace = trace_of(&job, fault);
                let last = job.program.node_count() as u16 - 1;
                for wanted in [vec![0], vec![last], vec![0, last]] {
                    let wanted: Vec<u16> = wanted
                        .into_iter()
                        .map(|node| owner(&job.program, node, fault))
                        .collect();
                    let used = values_weights(&job.program, &wanted, fault).unwrap();
                    let all = job.weights();
                    let weights: Vec<&[u8]> = used.iter().map(|index| all[*index]).collect();
                    let again = Run {
                        program: &job.program,
                        batch: job.batch,
                        input: &job.input,
                        weights: &weights,
                        roots: &[],
                    };
                    let made = values(&Cpu::new(1), again, &wanted, fault, &AtomicBool::new(false))
                        .unwrap();
                    for (node, bytes) in wanted.iter().zip(made) {
                        let roots = trace.roots();
                        assert_eq!(*blake3::hash(&bytes).as_bytes(), roots[usize::from(*node)]);
                    }
                }
            }
        }
    }
}
