//! What is sold: scikit-learn's digits as files, and sets made on the spot.

use crate::digits::Digits;
use anyhow::{ensure, Context, Result};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

/// Bytes of a digit: 8 × 8 pixels.
const PIXELS: usize = 64;

/// Writes every digit as a grey image in the folder of its class. Answers how many.
pub(crate) fn digits(digits: &Digits, dir: &Path) -> Result<usize> {
    let count = digits.batch()?;
    let pixels = digits.input(count)?;
    let (images, rest) = pixels.as_chunks::<PIXELS>();
    ensure!(rest.is_empty(), "digits of another size");
    let mut table = String::from("file,digit\n");
    for (number, (image, label)) in images.iter().zip(digits.labels()).enumerate() {
        let name = format!("{label}/{number:04}.pgm");
        // Stored as pixel − 128, of 0 … 16.
        let mut bytes = b"P5 8 8 16\n".to_vec();
        bytes.extend(image.iter().map(|pixel| pixel.wrapping_add(128)));
        write(&dir.join(&name), &bytes)?;
        table += &format!("{name},{label}\n");
    }
    write(&dir.join("labels.csv"), table.as_bytes())?;
    Ok(images.len())
}

/// Writes `bytes` bytes of rows that nobody has elsewhere, in files of at most 64 MiB.
pub(crate) fn rows(seed: u64, bytes: u64, dir: &Path) -> Result<usize> {
    const MOST: u64 = 64 << 20;
    let mut state = seed;
    let mut left = bytes;
    let mut files = 0;
    while left > 0 {
        let path = dir.join(format!("rows-{files:03}.jsonl"));
        let mut file = BufWriter::with_capacity(1 << 20, create(&path)?);
        let mut room = left.min(MOST);
        left -= room;
        while room > 0 {
            let (a, b) = (next(&mut state), next(&mut state));
            let row = format!(
                "{{\"id\":{},\"a\":\"{a:016x}\",\"b\":\"{b:016x}\"}}\n",
                a >> 40
            );
            let take = room.min(row.len() as u64);
            let part = row
                .as_bytes()
                .get(..usize::try_from(take)?)
                .context("a row")?;
            file.write_all(part)
                .with_context(|| format!("cannot write {}", path.display()))?;
            room -= take;
        }
        file.flush()
            .with_context(|| format!("cannot write {}", path.display()))?;
        files += 1;
    }
    Ok(files)
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Checks that two folders hold the same files with the same bytes. Answers how many.
pub(crate) fn ensure_equal(one: &Path, other: &Path) -> Result<usize> {
    let (mut left, mut right) = (files(one)?, files(other)?);
    left.sort();
    right.sort();
    ensure!(
        left == right,
        "{} has {} files and {} has {}",
        one.display(),
        left.len(),
        other.display(),
        right.len()
    );
    for name in &left {
        ensure!(
            read(&one.join(name))? == read(&other.join(name))?,
            "{} came out otherwise",
            name.display()
        );
    }
    Ok(left.len())
}

/// Paths of all files below a folder, from it on.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = dir.join(&folder);
        let entries =
            fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for entry in entries {
            let entry = entry.context("an entry of a folder")?;
            let name = folder.join(entry.file_name());
            if entry.file_type().context("an entry of a folder")?.is_dir() {
                folders.push(name);
            } else {
                found.push(name);
            }
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn create(path: &Path) -> Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)
            .with_context(|| format!("cannot make the folder {}", dir.display()))?;
    }
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    create(path)?
        .write_all(bytes)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_an_image_in_the_folder_of_its_class() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(digits(&Digits::find().unwrap(), dir.path()).unwrap(), 1_797);
        let zero = read(&dir.path().join("0/0000.pgm")).unwrap();
        assert_eq!(zero.len(), 10 + PIXELS);
        assert!(zero[10..].iter().all(|pixel| *pixel <= 16));
        // The first row of the data set's first digit.
        assert_eq!(zero[10..18], [0, 0, 5, 13, 9, 1, 0, 0]);
        assert_eq!(files(dir.path()).unwrap().len(), 1_798);
    }

    #[test]
    fn rows_have_the_length_asked_for_and_come_out_equal_or_not() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(rows(1, 100_001, one.path()).unwrap(), 1);
        assert_eq!(rows(1, 100_001, other.path()).unwrap(), 1);
        let file = one.path().join("rows-000.jsonl");
        assert_eq!(read(&file).unwrap().len(), 100_001);
        assert_eq!(ensure_equal(one.path(), other.path()).unwrap(), 1);
        rows(2, 100_001, other.path()).unwrap();
        let error = ensure_equal(one.path(), other.path()).unwrap_err();
        assert!(error.to_string().contains("came out otherwise"), "{error}");
        write(&other.path().join("more"), b"").unwrap();
        let error = ensure_equal(one.path(), other.path()).unwrap_err();
        assert!(error.to_string().contains("has 1 files"), "{error}");
    }
}
