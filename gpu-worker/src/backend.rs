//! What runs programs.
//!
//! A backend may tile, split and reorder as it likes, but it gives the
//! reference interpreter's bytes, bit for bit: see `athanor_tensor_program`.

pub mod cpu;
pub mod cuda;

use crate::{commands::selftest::convince, cuda::Probe};
use athanor_primitives::Root;
use athanor_tensor_program::{Op, Validated};
use clap::ValueEnum;
use serde::Deserialize;
use std::sync::{
    atomic::{AtomicBool, Ordering},
    Arc,
};

/// What a backend runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `cpu` or `cuda`.
    pub backend: &'static str,
    /// Name of the device, for people.
    pub name: String,
    /// Bytes of memory it has.
    pub memory: u64,
}

/// One run: a program, a batch, and the bytes of its input and weights.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The program.
    pub program: &'a Validated,
    /// Samples in the input.
    pub batch: u32,
    /// All inputs joined.
    pub input: &'a [u8],
    /// The bytes of each `Root` constant, in order.
    pub weights: &'a [&'a [u8]],
    /// The roots of `weights`, if the caller knows that they are theirs: a backend may
    /// keep under them what it makes of the weights, for later runs. Empty if not.
    pub roots: &'a [Root],
}

/// What the caller of a run may do while it goes on.
pub trait Control: Sync {
    /// Called as parts of the run are done, from any thread.
    fn progress(&self, done: u64, total: u64);

    /// Whether to stop as soon as possible.
    fn stopped(&self) -> bool;
}

/// A [`Control`] that only stops.
impl Control for AtomicBool {
    fn progress(&self, _done: u64, _total: u64) {}

    fn stopped(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// Output of one node, all samples joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Its bytes.
    Own(Vec<u8>),
    /// The bytes of an earlier node, as after a `Reshape`.
    Same(usize),
    /// Hashed and not kept: nothing reads it any more, and it is no output.
    Dropped,
}

/// Every node's output, in node order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    nodes: Vec<Value>,
    /// Empty if the roots are still to be made.
    roots: Vec<Root>,
}

impl Trace {
    /// A trace of these node outputs, none of them dropped.
    pub fn new(nodes: Vec<Value>) -> Self {
        Trace {
            nodes,
            roots: Vec::new(),
        }
    }

    /// A trace whose roots, one a node, were made during the run.
    pub fn hashed(nodes: Vec<Value>, roots: Vec<Root>) -> Self {
        Trace { nodes, roots }
    }

    /// The node that has the bytes of node `index`.
    pub fn owner(&self, index: usize) -> Option<usize> {
        let mut index = index;
        loop {
            match self.nodes.get(index)? {
                Value::Own(_) | Value::Dropped => return Some(index),
                Value::Same(earlier) if *earlier < index => index = *earlier,
                Value::Same(_) => return None,
            }
        }
    }

    /// Output of node `index`. `None` if it does not exist or was dropped.
    pub fn node(&self, index: usize) -> Option<&[u8]> {
        match self.nodes.get(self.owner(index)?)? {
            Value::Own(bytes) => Some(bytes),
            Value::Same(_) | Value::Dropped => None,
        }
    }

    /// Appends the output of the next node, hashed when the roots are asked for.
    pub(crate) fn push(&mut self, value: Value) {
        self.nodes.push(value);
    }

    /// The bytes of a value that is about to become the next node's.
    pub(crate) fn node_of<'a>(&'a self, value: &'a Value) -> Option<&'a [u8]> {
        match value {
            Value::Own(bytes) => Some(bytes),
            Value::Same(earlier) => self.node(*earlier),
            Value::Dropped => None,
        }
    }

    /// Gives these nodes one root that nobody has the bytes of: a lie made on
    /// purpose.
    pub(crate) fn forge(&mut self, indices: &[usize]) {
        let mut roots = self.roots();
        let first = indices.first().and_then(|first| roots.get(*first));
        let Some(first) = first else { return };
        let garbage = *blake3::hash(&[b"forged".as_slice(), first].concat()).as_bytes();
        for index in indices {
            if let Some(root) = roots.get_mut(*index) {
                *root = garbage;
            }
        }
        self.roots = roots;
    }

    /// Flips the last byte of the last node's output: a wrong result, made on
    /// purpose to see it found out.
    pub fn spoil(&mut self) {
        let Some(last) = self.nodes.len().checked_sub(1) else {
            return;
        };
        let mut bytes = self.node(last).unwrap_or_default().to_vec();
        if let Some(byte) = bytes.last_mut() {
            *byte ^= 0xFF;
        }
        if let Some(root) = self.roots.last_mut() {
            *root = *blake3::hash(&bytes).as_bytes();
        }
        if let Some(value) = self.nodes.last_mut() {
            *value = Value::Own(bytes);
        }
    }

    /// Root of every node's output, in node order.
    pub fn roots(&self) -> Vec<Root> {
        if self.roots.len() == self.nodes.len() {
            return self.roots.clone();
        }
        let mut roots: Vec<Root> = Vec::with_capacity(self.nodes.len());
        for value in &self.nodes {
            roots.push(match value {
                Value::Own(bytes) => *blake3::hash(bytes).as_bytes(),
                Value::Same(earlier) => roots.get(*earlier).copied().unwrap_or_default(),
                Value::Dropped => Root::default(),
            });
        }
        roots
    }

    /// The outputs of the nodes `outputs`, joined. `None` if one does not exist.
    pub fn joined(&self, outputs: &[u16]) -> Option<Vec<u8>> {
        let mut joined = Vec::new();
        for output in outputs {
            joined.extend_from_slice(self.node(usize::from(*output))?);
        }
        Some(joined)
    }

    /// Takes the bytes of node `owner` out of the trace. `None` if it has none
    /// of its own.
    pub fn take(&mut self, owner: usize) -> Option<Vec<u8>> {
        match self.nodes.get_mut(owner)? {
            Value::Own(bytes) => Some(std::mem::take(bytes)),
            Value::Same(_) | Value::Dropped => None,
        }
    }
}

/// A run came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
    /// Input, weights or batch do not fit the program.
    #[error("{0}")]
    Run(#[from] athanor_tensor_program::RunError),
    /// The batch is outside the program's range.
    #[error("batch {batch} is outside 1..={max} of the program")]
    Batch {
        /// The batch asked for.
        batch: u32,
        /// The program's largest.
        max: u32,
    },
    /// The memory was not there after all.
    #[error("node {node} ({op}) needs {bytes} bytes, which this machine did not give")]
    OutOfMemory {
        /// The node.
        node: usize,
        /// Its operator.
        op: String,
        /// Bytes of its output.
        bytes: u64,
    },
    /// The device has less memory free than the run takes.
    #[error("the run takes {bytes} bytes of the device's memory, {free} are free")]
    DeviceMemory {
        /// What it takes.
        bytes: u64,
        /// What is free.
        free: u64,
    },
    /// The device or its driver failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// A bug in a backend.
    #[error("backend bug: {0}")]
    Bug(String),
}

/// Something that runs programs.
pub trait Backend: Send + Sync {
    /// What it runs on.
    fn device(&self) -> &Device;

    /// Most bytes a run holds at a time, its input and weights counted. `None` if
    /// `batch` is 0 or above the program's `max_batch`. A job that needs more than
    /// it may use is refused before anything is allocated for it.
    fn plan_bytes(&self, program: &Validated, batch: u32) -> Option<u64> {
        program.memory(batch)
    }

    /// Bytes free now in the memory of the device's own. `None`: runs use this machine's.
    fn own_memory(&self) -> Option<u64> {
        None
    }

    /// Sets the bytes of memory that a run and what is kept for later ones may take
    /// together: before a run, as much of it is forgotten as the run needs.
    fn bound(&self, bytes: u64) {
        let _ = bytes;
    }

    /// Runs a program. Blocks; not for an async thread.
    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError>;
}

/// Name of an operator, for messages.
pub(crate) fn op_name(op: &Op) -> String {
    let text = format!("{op:?}");
    text.split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("operator")
        .to_owned()
}

/// Which backend to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// CUDA if it can be used, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA, or an error that says why not.
    Cuda,
}

/// The backend that was asked for can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// No CUDA here.
    #[error("--backend cuda: {0}; install the NVIDIA driver, or use --backend cpu")]
    NoCuda(String),
    /// CUDA is here, and the backend can't use it.
    #[error("--backend cuda: {device}: {why}; use --backend cpu")]
    Unusable {
        /// The first device.
        device: String,
        /// Why not.
        why: String,
    },
}

/// Makes the backend of `choice`, with `threads` threads on the CPU (0 = one
/// per core), and says in one line why it is this one. A device is used only
/// after a short selftest.
pub fn choose(
    choice: Choice,
    threads: usize,
    probe: impl FnOnce() -> Probe,
) -> Result<(Arc<dyn Backend>, String), ChoiceError> {
    choose_by(choice, threads, probe, || {
        let cuda = cuda::Cuda::open().map_err(|error| error.to_string())?;
        convince(&cuda)?;
        Ok(Arc::new(cuda) as Arc<dyn Backend>)
    })
}

fn choose_by(
    choice: Choice,
    threads: usize,
    probe: impl FnOnce() -> Probe,
    open: impl FnOnce() -> Result<Arc<dyn Backend>, String>,
) -> Result<(Arc<dyn Backend>, String), ChoiceError> {
    let cpu = || Arc::new(cpu::Cpu::new(threads));
    if choice == Choice::Cpu {
        return Ok((cpu(), "using cpu as asked".into()));
    }
    let devices = match probe() {
        Probe::Present(devices) => devices,
        Probe::Absent(why) if choice == Choice::Auto => {
            return Ok((cpu(), format!("no CUDA device ({why}), using cpu")));
        }
        Probe::Absent(why) => return Err(ChoiceError::NoCuda(why.to_string())),
    };
    let device = devices
        .first()
        .map_or_else(|| "a driver".into(), |device| device.name.clone());
    match open() {
        Ok(backend) => {
            let why = format!("{} found, using cuda", backend.device().name);
            Ok((backend, why))
        }
        Err(why) if choice == Choice::Auto => Ok((
            cpu(),
            format!("{device} found, but it can't be used ({why}), using cpu"),
        )),
        Err(why) => Err(ChoiceError::Unusable { device, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuda::{Absent, CudaDevice};

    fn device() -> Probe {
        Probe::Present(vec![CudaDevice {
            name: "Card".into(),
            memory: 1 << 30,
            capability: (9, 0),
        }])
    }

    #[test]
    fn auto_uses_the_cpu_where_there_is_no_cuda() {
        let (backend, why) = choose(Choice::Auto, 1, || Probe::Absent(Absent::NoLibrary)).unwrap();
        assert_eq!(backend.device().backend, "cpu");
        assert!(
            why.starts_with("no CUDA device") && why.ends_with("using cpu"),
            "{why}"
        );
    }

    #[test]
    fn a_card_that_opens_is_used() {
        let open = || Ok(Arc::new(cpu::Cpu::new(1)) as Arc<dyn Backend>);
        for choice in [Choice::Auto, Choice::Cuda] {
            let (_, why) = choose_by(choice, 1, device, open).unwrap();
            assert!(why.ends_with("using cuda"), "{why}");
        }
    }

    #[test]
    fn auto_says_so_when_a_card_is_there_and_does_not_open() {
        let open = || Err("too old".to_owned());
        let (backend, why) = choose_by(Choice::Auto, 1, device, open).unwrap();
        assert_eq!(backend.device().backend, "cpu");
        assert!(
            why.contains("Card found") && why.contains("too old"),
            "{why}"
        );
    }

    #[test]
    fn cpu_does_not_even_look_for_cuda() {
        choose(Choice::Cpu, 1, || panic!("probed")).unwrap();
    }

    #[test]
    fn cuda_is_a_clear_error_without_driver_and_with_a_card_that_does_not_open() {
        let error = choose(Choice::Cuda, 1, || Probe::Absent(Absent::NoLibrary))
            .err()
            .unwrap();
        assert!(matches!(error, ChoiceError::NoCuda(_)), "{error}");
        let open = || Err("too old".to_owned());
        let error = choose_by(Choice::Cuda, 1, device, open).err().unwrap();
        assert!(matches!(error, ChoiceError::Unusable { .. }), "{error}");
    }

    #[test]
    fn a_spoilt_trace_differs_in_the_last_root_only() {
        for last in [Value::Own(vec![3, 4]), Value::Same(0)] {
            let honest = Trace::new(vec![Value::Own(vec![3, 4]), last]);
            let mut spoilt = honest.clone();
            spoilt.spoil();
            assert_eq!(honest.roots()[0], spoilt.roots()[0]);
            assert_ne!(honest.roots()[1], spoilt.roots()[1]);
            assert_eq!(spoilt.node(1), Some(&[3, !4][..]));
        }
    }

    #[test]
    fn joined_outputs_are_in_the_programs_order() {
        let own = |byte| Value::Own(vec![byte]);
        let trace = Trace::new(vec![own(1), Value::Same(0), own(3)]);
        assert_eq!(trace.joined(&[2, 1, 0]), Some(vec![3, 1, 1]));
        assert_eq!(trace.joined(&[3]), None);
    }

    #[test]
    fn a_value_that_names_itself_or_a_later_one_is_none() {
        let trace = Trace::new(vec![Value::Same(0), Value::Same(2), Value::Own(vec![])]);
        assert_eq!((trace.node(0), trace.node(1)), (None, None));
    }
}
