//! Runs a program on samples and compares it with floats.

use crate::{
    error::{Error, Result},
    graph::Graph,
    report::{Accuracy, Closeness, Port, Report},
    tensor::{Data, Tensor},
    Options,
};
use athanor_tensor_program::{interpret, DType, Validated};

impl Port {
    /// The bytes of an input, any number of samples: real values are quantised,
    /// integers moved by the zero point.
    pub fn encode(&self, tensor: &Tensor) -> Vec<u8> {
        let (lo, hi) = (f64::from(self.dtype.min()), f64::from(self.dtype.max()));
        let stored = |real: f64| {
            // Files hold floats: the nearest one is what the model divides by.
            let scale = f64::from(self.step() as f32);
            let q = (real / scale).round_ties_even() + f64::from(self.zero_point);
            q.clamp(lo, hi) as i32
        };
        let values: Vec<i32> = match &tensor.data {
            Data::F(values) => values.iter().map(|v| stored(f64::from(*v))).collect(),
            Data::I(values) => values.iter().map(|v| stored(f64::from(*v))).collect(),
        };
        match self.dtype {
            DType::I8 => values.iter().map(|v| *v as i8 as u8).collect(),
            DType::I16 => values
                .iter()
                .flat_map(|v| (*v as i16).to_le_bytes())
                .collect(),
            DType::I32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }

    /// Real value of one step, 1 for integers.
    pub fn step(&self) -> f64 {
        self.scale.unwrap_or(1.0)
    }

    /// The stored integers of an output.
    pub fn integers(&self, bytes: &[u8]) -> Vec<i32> {
        match self.dtype {
            DType::I8 => bytes.iter().map(|b| i32::from(*b as i8)).collect(),
            DType::I16 => bytes
                .chunks_exact(2)
                .map(|b| i32::from(i16::from_le_bytes(crate::wire::array(b))))
                .collect(),
            DType::I32 => bytes
                .chunks_exact(4)
                .map(|b| i32::from_le_bytes(crate::wire::array(b)))
                .collect(),
        }
    }

    /// The real values of an output.
    pub fn decode(&self, bytes: &[u8]) -> Vec<f64> {
        self.integers(bytes)
            .iter()
            .map(|q| (f64::from(*q) - f64::from(self.zero_point)) * self.step())
            .collect()
    }

    /// Bytes of one sample.
    pub fn sample_bytes(&self) -> usize {
        self.shape.iter().map(|n| *n as usize).product::<usize>() * self.dtype.width() as usize
    }
}

#[derive(Default)]
struct Sums {
    samples: usize,
    elements: usize,
    max: f64,
    sum: f64,
    cosine: f64,
    same: usize,
    beyond: usize,
}

impl Sums {
    fn add(&mut self, got: &[f64], want: &[f32], step: f64) {
        let (mut dot, mut a2, mut b2) = (0f64, 0f64, 0f64);
        for (a, b) in got.iter().zip(want) {
            let b = f64::from(*b);
            let difference = (a - b).abs();
            self.max = self.max.max(difference);
            self.sum += difference;
            // Half a step for what the float itself was rounded by.
            self.beyond += usize::from(difference > 1.5 * step);
            dot += a * b;
            a2 += a * a;
            b2 += b * b;
        }
        let norm = (a2 * b2).sqrt();
        self.cosine += match (norm > 0.0, a2 == b2) {
            (true, _) => dot / norm,
            (false, true) => 1.0,
            (false, false) => 0.0,
        };
        let best = |value: &dyn Fn(usize) -> f64| {
            (1..got.len()).fold(0, |best, i| if value(i) > value(best) { i } else { best })
        };
        let same = best(&|i| got[i]) == best(&|i| want.get(i).copied().map_or(0.0, f64::from));
        self.same += usize::from(same);
        self.samples += 1;
        self.elements += got.len();
    }

    fn finish(&self) -> Closeness {
        let (n, elements) = (self.samples.max(1) as f64, self.elements.max(1) as f64);
        Closeness {
            max_difference: self.max,
            mean_difference: self.sum / elements,
            mean_cosine: self.cosine / n,
            same_largest: self.same as f64 / n,
            beyond_one_step: self.beyond as f64 / elements,
        }
    }
}

pub(crate) fn accuracy(
    graph: &Graph<'_>,
    program: &Validated,
    weights: &[Vec<u8>],
    report: &Report,
    samples: &[(Vec<Tensor>, Vec<Tensor>)],
    options: &Options,
    say: &dyn Fn(&str, usize, usize),
) -> Result<Vec<Accuracy>> {
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let outputs = report.outputs.len();
    let mut model: Vec<Sums> = (0..outputs).map(|_| Sums::default()).collect();
    let mut reference: Vec<Sums> = (0..outputs).map(|_| Sums::default()).collect();
    for (index, (inputs, expected)) in samples.iter().enumerate() {
        say("running the program", index, samples.len());
        let mut blob = Vec::new();
        for port in &report.inputs {
            let at = graph
                .inputs
                .iter()
                .position(|id| graph.values[*id].name == port.name);
            if let Some(tensor) = at.and_then(|at| inputs.get(at)) {
                blob.extend(port.encode(tensor));
            }
        }
        let run = interpret(program, 1, &blob, &weights).map_err(|error| Error::Samples {
            reason: format!("the program did not run on sample {index}: {error}"),
        })?;
        let joined = run.output();
        let mut rest = joined.as_slice();
        for (at, port) in report.outputs.iter().enumerate() {
            let (own, after) = rest.split_at(port.sample_bytes().min(rest.len()));
            rest = after;
            let got = port.decode(own);
            if let Some(want) = expected.get(at) {
                model[at].add(&got, &want.to_floats(), port.step());
            }
            if let Some(array) = options.samples.get(&port.name) {
                let part = index * got.len()..(index + 1) * got.len();
                if let Some(want) = array.to_floats().get(part) {
                    reference[at].add(&got, want, port.step());
                }
            }
        }
    }
    Ok(report
        .outputs
        .iter()
        .zip(model.iter().zip(&reference))
        .map(|(port, (model, reference))| Accuracy {
            output: port.name.clone(),
            samples: model.samples,
            to_model: model.finish(),
            to_reference: (reference.samples > 0).then(|| reference.finish()),
        })
        .collect())
}
