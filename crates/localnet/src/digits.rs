//! The digits example: an int8 network and 1,797 handwritten digits to run it on.

use anyhow::{bail, ensure, Context, Result};
use athanor_tensor_program::{interpret, load, Validated};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Classes a digit may have.
const CLASSES: usize = 10;

/// The example's files, read and checked.
#[derive(Debug)]
pub struct Digits {
    dir: PathBuf,
    program: Validated,
    weights: Vec<(PathBuf, Vec<u8>)>,
    input: Vec<u8>,
    labels: Vec<u8>,
}

impl Digits {
    /// The example of this checkout: `examples/digits` in the working folder, else where this
    /// program was built from.
    ///
    /// # Errors
    ///
    /// As [`Digits::read`].
    pub fn find() -> Result<Self> {
        let here = PathBuf::from("examples/digits");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits");
        Self::read(if here.is_dir() { &here } else { &source })
    }

    /// Reads the example from `dir`.
    ///
    /// # Errors
    ///
    /// If a file is missing, or they do not fit together.
    pub fn read(dir: &Path) -> Result<Self> {
        let read = |path: &Path| {
            fs::read(path).with_context(|| {
                format!(
                    "cannot read {}: run this in the repository's root",
                    path.display()
                )
            })
        };
        let program = load(&read(&dir.join("program.bin"))?)
            .with_context(|| format!("{} holds no valid program", dir.display()))?;
        let mut weights = Vec::new();
        for (index, length) in program.root_constants().enumerate() {
            let path = dir.join("weights").join(format!("{index}.bin"));
            let bytes = read(&path)?;
            ensure!(
                bytes.len() as u64 == length,
                "{} has {} bytes, the program asks for {length}",
                path.display(),
                bytes.len()
            );
            weights.push((path, bytes));
        }
        let digits = Self {
            input: read(&dir.join("digits.bin"))?,
            labels: read(&dir.join("labels.bin"))?,
            dir: dir.into(),
            program,
            weights,
        };
        let batch = digits.batch()?;
        ensure!(
            Some(digits.input.len() as u64) == digits.program.input_len(batch),
            "the input does not have {batch} samples, as many as there are labels"
        );
        Ok(digits)
    }

    /// The program.
    pub fn program(&self) -> &Validated {
        &self.program
    }

    /// The program's file.
    pub fn program_file(&self) -> PathBuf {
        self.dir.join("program.bin")
    }

    /// The file of all digits.
    pub fn input_file(&self) -> PathBuf {
        self.dir.join("digits.bin")
    }

    /// Files of the weights, in the program's order.
    pub fn weight_files(&self) -> impl Iterator<Item = &Path> {
        self.weights.iter().map(|(path, _)| path.as_path())
    }

    /// Number of digits.
    ///
    /// # Errors
    ///
    /// If they are too many to count.
    pub fn batch(&self) -> Result<u32> {
        u32::try_from(self.labels.len()).context("too many labels")
    }

    /// The input blob of the first `batch` digits.
    ///
    /// # Errors
    ///
    /// If there are fewer.
    pub fn input(&self, batch: u32) -> Result<&[u8]> {
        self.program
            .input_len(batch)
            .and_then(|length| self.input.get(..usize::try_from(length).ok()?))
            .with_context(|| format!("the example has no {batch} digits"))
    }

    /// The class of each digit.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// What the reference interpreter makes of the first `batch` digits.
    ///
    /// # Errors
    ///
    /// If it refuses.
    pub fn reference(&self, batch: u32) -> Result<Vec<u8>> {
        let weights: Vec<&[u8]> = self.weights.iter().map(|(_, b)| b.as_slice()).collect();
        let run = interpret(&self.program, batch, self.input(batch)?, &weights)
            .context("the reference interpreter refuses the example")?;
        Ok(run.output())
    }

    /// How many of the first `batch` digits an output names rightly.
    ///
    /// # Errors
    ///
    /// If the output is not one class, or one score per class, for each digit.
    pub fn right(&self, output: &[u8], batch: u32) -> Result<usize> {
        let count = usize::try_from(batch).context("too many digits")?;
        ensure!(
            count > 0 && output.len().is_multiple_of(count),
            "an output of a broken length"
        );
        let width = output.len() / count;
        let classes = output
            .chunks_exact(width.max(1))
            .map(class)
            .collect::<Result<Vec<_>>>()?;
        ensure!(
            classes.len() == count,
            "the output does not have {count} classes"
        );
        Ok(classes
            .iter()
            .zip(&self.labels)
            .filter(|(class, label)| class == label)
            .count())
    }
}

/// The class in one sample's output: an index of one, two or four bytes, or the largest of ten
/// scores of one or four bytes.
fn class(bytes: &[u8]) -> Result<u8> {
    const WIDE: usize = 4 * CLASSES;
    let scores: Vec<i32> = match bytes.len() {
        1 | 2 | 4 => {
            let (low, high) = bytes.split_at(1);
            ensure!(high.iter().all(|byte| *byte == 0), "a class is no digit");
            return low.first().copied().context("an empty class");
        }
        CLASSES => bytes.iter().map(|byte| i32::from(*byte as i8)).collect(),
        WIDE => bytes
            .chunks_exact(4)
            .map(|word| {
                word.try_into()
                    .map(i32::from_le_bytes)
                    .context("a broken score")
            })
            .collect::<Result<_>>()?,
        length => bail!("an output of {length} bytes a digit is neither a class nor scores"),
    };
    // The first of equal scores wins, as in ArgMax.
    let best = scores
        .iter()
        .enumerate()
        .rev()
        .max_by_key(|(_, score)| **score);
    best.and_then(|(index, _)| u8::try_from(index).ok())
        .context("no scores")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_an_index_or_the_first_of_the_largest_scores() {
        assert_eq!(class(&[7]).unwrap(), 7);
        assert_eq!(class(&[7, 0, 0, 0]).unwrap(), 7);
        assert_eq!(class(&[0xFF, 3, 9, 1, 9, 0, 0, 0, 0, 0]).unwrap(), 2);
        let mut wide = [0u8; 40];
        wide[4 * 5..4 * 6].copy_from_slice(&1_000i32.to_le_bytes());
        assert_eq!(class(&wide).unwrap(), 5);
    }

    #[test]
    fn other_outputs_are_refused() {
        assert!(class(&[1, 1]).is_err());
        assert!(class(&[0; 3]).is_err());
        assert!(class(&[]).is_err());
    }

    #[test]
    fn a_missing_example_is_named() {
        let error = Digits::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/program.bin"), "{error}");
    }

    #[test]
    fn the_example_fits_together_and_names_most_digits_rightly() {
        let digits = Digits::find().unwrap();
        let batch = digits.batch().unwrap();
        assert_eq!(batch, 1_797);
        let output = digits.reference(batch).unwrap();
        let right = digits.right(&output, batch).unwrap();
        assert!(right > 1_600, "{right} of {batch}");
    }
}
