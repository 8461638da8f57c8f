//! From files to goods: a container, or one file as it is.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use athanor_content_tree::market::{container_len, Header, Salts, Secret, HEADER_LEN};
use athanor_content_tree::stream::{encode_to, Salted};
use blake3::hazmat::{
    merge_subtrees_non_root, merge_subtrees_root, ChainingValue, HasherExt, Mode,
};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::files::{self, Behind, Metered, NewFolder, Progress};
use crate::goods::{Goods, Kind, Packing, OUTBOARD, RECORD, X};
use crate::layout::{self, Piece};
use crate::manifest::{self, Entry, Manifest};
use crate::path;
use crate::{random, Error, Result};

/// Bytes of a file read at a time.
const READ: usize = 1 << 18;

/// From this length a file is hashed by all threads, below by one.
const LARGE: u64 = 16 << 20;

/// Bytes of a large file that a thread hashes at a time: a power of two, so a subtree of BLAKE3's.
const PIECE: u64 = 1 << 20;

/// Files that are to be packed.
#[derive(Clone, Debug)]
pub struct Plan {
    manifest: Manifest,
    sources: Vec<PathBuf>,
    encoded: Vec<u8>,
    header: Header,
    empty_folders: u64,
}

/// Finds the files below a folder, or takes the one file, and hashes them.
///
/// Links, devices and whatever else is no file or folder are refused, not followed.
///
/// # Errors
///
/// [`Error::Unfit`], [`Error::Path`], [`Error::Clash`], [`Error::TooLarge`], [`Error::File`].
pub fn plan(input: &Path, progress: Progress<'_>) -> Result<Plan> {
    let (mut found, empty_folders) = find(input)?;
    found.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    path::check_all(found.iter().map(|(path, _, _)| path.as_str()))?;
    let large = |len: u64| len >= LARGE;
    let root = |source: &Path, len| match large(len) {
        true => root_of_large(source, len, progress),
        false => root_of_small(source, len, progress),
    };
    let mut roots: Vec<Result<[u8; 32]>> = found
        .par_iter()
        .map(|(_, source, len)| {
            if large(*len) {
                Ok([0; 32])
            } else {
                root(source, *len)
            }
        })
        .collect();
    for ((_, source, len), slot) in found.iter().zip(&mut roots) {
        if large(*len) {
            *slot = root(source, *len);
        }
    }
    let (mut entries, mut sources) = (Vec::new(), Vec::new());
    for ((path, source, length), blake3) in found.into_iter().zip(roots) {
        let blake3 = blake3?;
        entries.push(Entry {
            path,
            length,
            blake3,
        });
        sources.push(source);
    }
    let manifest = Manifest::new(entries)?;
    let encoded = manifest.encode()?;
    let header = Header {
        files: manifest::count(manifest.files.len() as u64)?,
        tar_len: layout::tar_len(&manifest, encoded.len())?,
    };
    let plan = Plan {
        manifest,
        sources,
        encoded,
        header,
        empty_folders,
    };
    container_len(plan.payload())?;
    Ok(plan)
}

type Found = (String, PathBuf, u64);

fn find(input: &Path) -> Result<(Vec<Found>, u64)> {
    let metadata = fs::symlink_metadata(input).map_err(Error::file("read", input))?;
    if metadata.is_file() {
        let name = input.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| unfit(input, "its name is not UTF-8"))?;
        return Ok((vec![(name.into(), input.into(), metadata.len())], 0));
    }
    if !metadata.is_dir() {
        return Err(unfit(input, "only files and folders are packed"));
    }
    let (mut files, mut empty) = (Vec::new(), 0);
    let mut folders = vec![(String::new(), input.to_path_buf())];
    while let Some((prefix, folder)) = folders.pop() {
        let mut nothing = true;
        for entry in fs::read_dir(&folder).map_err(Error::file("read", &folder))? {
            let entry = entry.map_err(Error::file("read", &folder))?;
            nothing = false;
            let source = entry.path();
            let name = entry.file_name();
            let name = name
                .to_str()
                .ok_or_else(|| unfit(&source, "its name is not UTF-8"))?;
            let path = match prefix.as_str() {
                "" => name.to_owned(),
                prefix => format!("{prefix}/{name}"),
            };
            path::check(&path)?;
            let metadata = entry.metadata().map_err(Error::file("read", &source))?;
            if metadata.is_dir() {
                folders.push((path, source));
            } else if metadata.is_file() {
                files.push((path, source, metadata.len()));
                manifest::count(files.len() as u64)?;
            } else if metadata.is_symlink() {
                return Err(unfit(
                    &source,
                    "links are not packed: put the file in its place",
                ));
            } else {
                return Err(unfit(&source, "only files and folders are packed"));
            }
        }
        empty += u64::from(nothing);
    }
    Ok((files, empty))
}

fn unfit(path: &Path, reason: &'static str) -> Error {
    Error::Unfit {
        path: path.into(),
        reason,
    }
}

fn root_of_small(path: &Path, len: u64, progress: Progress<'_>) -> Result<[u8; 32]> {
    let mut bytes = Vec::new();
    files::open(path)?
        .take(LARGE)
        .read_to_end(&mut bytes)
        .map_err(Error::file("read", path))?;
    if bytes.len() as u64 != len {
        return Err(Error::Changed(path.into()));
    }
    files::advance(progress, len)?;
    Ok(*blake3::hash(&bytes).as_bytes())
}

/// Every thread reads for itself, at a place of its own.
fn root_of_large(path: &Path, len: u64, progress: Progress<'_>) -> Result<[u8; 32]> {
    let pieces = (0..len.div_ceil(PIECE)).into_par_iter();
    let values: Result<Vec<ChainingValue>> = pieces
        .map_init(
            || (None, Vec::new()),
            |(file, buffer), index| {
                let file: &mut File = match file {
                    Some(file) => file,
                    None => file.insert(files::open(path)?),
                };
                let from = index.saturating_mul(PIECE);
                buffer.resize(
                    usize::try_from(len.saturating_sub(from).min(PIECE)).unwrap_or(0),
                    0,
                );
                file.seek(SeekFrom::Start(from))
                    .and_then(|_| file.read_exact(buffer))
                    .map_err(|error| match error.kind() {
                        io::ErrorKind::UnexpectedEof => Error::Changed(path.into()),
                        _ => Error::file("read", path)(error),
                    })?;
                files::advance(progress, buffer.len() as u64)?;
                let mut hasher = blake3::Hasher::new();
                Ok(hasher
                    .set_input_offset(from)
                    .update(buffer)
                    .finalize_non_root())
            },
        )
        .collect();
    let values = values?;
    let (left, right) = values.split_at(left_of(values.len()));
    let root = merge_subtrees_root(&merged(left), &merged(right), Mode::Hash);
    Ok(*root.as_bytes())
}

/// The largest power of two below `count`, which is the pieces of the left part of their tree.
fn left_of(count: usize) -> usize {
    count.div_ceil(2).next_power_of_two().min(count)
}

/// The chaining value of some pieces that are next to each other.
fn merged(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [] => [0; 32],
        [value] => *value,
        _ => {
            let (left, right) = values.split_at(left_of(values.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

impl Plan {
    /// What will be packed.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Folders without anything in them, which a container cannot hold.
    pub fn empty_folders(&self) -> u64 {
        self.empty_folders
    }

    /// Bytes of the payload.
    fn payload(&self) -> u64 {
        self.header.tar_len.saturating_add(HEADER_LEN as u64)
    }

    /// Bytes of the container.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`] above 1 TiB.
    pub fn container_len(&self) -> Result<u64> {
        Ok(container_len(self.payload())?)
    }

    /// Writes the goods into the new folder `dest`. The salts' seed is random and forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] when a file is no longer what was planned; [`Error::Exists`],
    /// [`Error::File`], [`Error::NoRandomness`].
    pub fn pack(&self, dest: &Path, progress: Progress<'_>) -> Result<Goods> {
        self.pack_with(&Salts::new(Secret::new(random()?)), dest, progress)
    }

    pub(crate) fn pack_with(
        &self,
        salts: &Salts,
        dest: &Path,
        progress: Progress<'_>,
    ) -> Result<Goods> {
        let payload = Payload::new(self);
        let source = Metered::new(Salted::new(payload, salts.clone()), progress);
        let kinds = Kind::of(&self.manifest);
        let packing = Packing::Container;
        write(self.container_len()?, source, packing, kinds, dest)
    }
}

/// Makes goods of one file as it is, into the new folder `dest`. Its root is the same wherever the
/// file is, and its outboard confirms guesses of its groups: only for what is no secret.
///
/// # Errors
///
/// [`Error::Unfit`], [`Error::Tree`] for a file that is empty or above 1 TiB, [`Error::Changed`],
/// [`Error::Exists`], [`Error::File`].
pub fn pack_raw(input: &Path, dest: &Path, progress: Progress<'_>) -> Result<Goods> {
    let file = files::open(input)?;
    let len = files::len(&file, input)?;
    let name = input.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| unfit(input, "its name is not UTF-8"))?;
    path::check(name)?;
    let kinds = vec![Kind::of_file(name, len)];
    let packing = Packing::Raw { name: name.into() };
    let source = Metered::new(file, progress);
    write(len, source, packing, kinds, dest)
}

fn write(
    len: u64,
    source: impl Read + Send,
    packing: Packing,
    kinds: Vec<Kind>,
    dest: &Path,
) -> Result<Goods> {
    athanor_content_tree::Groups::new(len)?;
    let folder = NewFolder::create(dest)?;
    let at = |name: &str| folder.path().join(name);
    let mut x = Behind::new(files::create(&at(X))?);
    let outboard = files::create(&at(OUTBOARD))?;
    let mut source = Hashing {
        source,
        sha256: Sha256::new(),
    };
    let nodes = io::BufWriter::new(&outboard);
    let x_root = encode_to(len, &mut source, &mut x, nodes)?;
    let goods = Goods {
        version: 1,
        x_root,
        length: len,
        sha256: source.sha256.finalize().into(),
        packing,
        kinds,
    };
    x.finish().map_err(Error::file("write", &at(X)))?;
    let synced = outboard.sync_all();
    synced.map_err(Error::file("write", &at(OUTBOARD)))?;
    files::write_new(&at(RECORD), &goods.encode()?, false)?;
    folder.finish()?;
    Ok(goods)
}

/// Hashes what is read: the thread that reads has more time than the one that writes.
struct Hashing<R> {
    source: R,
    sha256: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.sha256.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Reads the payload of a plan.
struct Payload<'a> {
    plan: &'a Plan,
    pieces: Box<dyn Iterator<Item = Piece> + Send + 'a>,
    now: Now<'a>,
}

enum Now<'a> {
    Bytes(io::Cursor<Vec<u8>>),
    Zeros(u64),
    File(Box<Checked<'a>>),
}

impl<'a> Payload<'a> {
    fn new(plan: &'a Plan) -> Self {
        let len = plan.encoded.len() as u64;
        let mut start = plan.header.encode().to_vec();
        start.extend(layout::head(path::MANIFEST, len));
        start.extend(&plan.encoded);
        start.resize(start.len() + layout::padding(len) as usize, 0);
        Self {
            plan,
            pieces: Box::new(layout::pieces(&plan.manifest.files)),
            now: Now::Bytes(io::Cursor::new(start)),
        }
    }
}

impl Read for Payload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = match &mut self.now {
                Now::Bytes(bytes) => bytes.read(buffer)?,
                Now::Zeros(left) => {
                    let count = io::repeat(0).take(*left).read(buffer)?;
                    *left = left.saturating_sub(count as u64);
                    count
                }
                Now::File(file) => file.read(buffer)?,
            };
            if count > 0 {
                return Ok(count);
            }
            self.now = match self.pieces.next() {
                None => return Ok(0),
                Some(Piece::Bytes(bytes)) => Now::Bytes(io::Cursor::new(bytes)),
                Some(Piece::Zeros(count)) => Now::Zeros(count),
                Some(Piece::File(index)) => {
                    let plan = self.plan;
                    let known = plan.sources.get(index).zip(plan.manifest.files.get(index));
                    let (source, entry) = known.ok_or(io::ErrorKind::NotFound)?;
                    Now::File(Box::new(Checked::open(source, entry)?))
                }
            };
        }
    }
}

/// Reads a file and fails unless it is what its entry says.
struct Checked<'a> {
    source: &'a Path,
    entry: &'a Entry,
    file: File,
    left: u64,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    at: usize,
}

impl<'a> Checked<'a> {
    fn open(source: &'a Path, entry: &'a Entry) -> Result<Self> {
        let file = files::open(source)?;
        if files::len(&file, source)? != entry.length {
            return Err(Error::Changed(source.into()));
        }
        Ok(Self {
            source,
            entry,
            file,
            left: entry.length,
            hasher: blake3::Hasher::new(),
            buffer: Vec::new(),
            at: 0,
        })
    }

    fn fill(&mut self) -> Result<()> {
        let changed = || Error::Changed(self.source.into());
        let count = usize::try_from(self.left).map_or(READ, |left| left.min(READ));
        self.at = 0;
        self.buffer.resize(count, 0);
        self.file
            .read_exact(&mut self.buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => changed(),
                _ => Error::file("read", self.source)(error),
            })?;
        self.hasher.update(&self.buffer);
        self.left = self.left.saturating_sub(count as u64);
        if self.left == 0 && *self.hasher.finalize().as_bytes() != self.entry.blake3 {
            return Err(changed());
        }
        Ok(())
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.fill()?;
        }
        let count = self
            .buffer
            .get(self.at..)
            .unwrap_or_default()
            .read(buffer)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const QUIET: Progress<'_> = &|_| true;
    /// Made by a second implementation.
    const VECTORS: &str = include_str!("../../content-tree/vectors/market.txt");

    fn content(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn every_frozen_container_holds() {
        let mut count = 0;
        let lines = VECTORS
            .lines()
            .filter_map(|line| line.strip_prefix("packed "));
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            let [len, root, files @ ..] = &words[..] else {
                panic!("{line}")
            };
            let folder = tempfile::tempdir().unwrap();
            let input = folder.path().join("in");
            for file in files {
                let (path, len) = file.split_once(':').unwrap();
                let path = input.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content(len.parse().unwrap())).unwrap();
            }
            let plan = plan(&input, QUIET).unwrap();
            let salts = Salts::new(Secret::new([8; 32]));
            let goods = folder.path().join("goods");
            let goods = plan.pack_with(&salts, &goods, QUIET).unwrap();
            assert_eq!(goods.length.to_string(), *len);
            assert_eq!(hex::encode(goods.x_root), *root);
            count += 1;
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn every_frozen_sample_file_holds() {
        let mut count = 0;
        let lines = VECTORS
            .lines()
            .filter_map(|line| line.strip_prefix("sample_file "));
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            let [len, promised, bytes, root] = words[..] else {
                panic!("{line}")
            };
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            fs::write(at("in"), content(len.parse().unwrap())).unwrap();
            let goods = pack_raw(&at("in"), &at("goods"), QUIET).unwrap();
            let outputs = std::array::from_fn(|i| [0x10 + i as u8; 32]);
            let (x_root, len) = (&goods.x_root, goods.length);
            let promised = promised.parse().unwrap();
            let drawn = sample::indices(&outputs, x_root, len, promised).unwrap();
            let (x, nodes) = (at("goods").join(X), at("goods").join(OUTBOARD));
            sample::write(&x, &nodes, x_root, len, &drawn, &at("file"), QUIET).unwrap();
            let file = fs::read(at("file")).unwrap();
            assert_eq!(file.len().to_string(), bytes);
            assert_eq!(blake3::hash(&file).to_hex().to_string(), root);
            count += 1;
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn the_root_of_a_large_file_is_that_of_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (least, piece) = (LARGE as usize, PIECE as usize);
        for len in [least, least + 1, least + piece, 2 * least - 1, 2 * least] {
            let bytes = content(len);
            fs::write(&path, &bytes).unwrap();
            let root = root_of_large(&path, len as u64, QUIET).unwrap();
            assert_eq!(root, *blake3::hash(&bytes).as_bytes(), "{len}");
        }
        let longer = root_of_large(&path, 2 * LARGE + 1, QUIET);
        assert!(matches!(longer, Err(Error::Changed(_))));
        let stopped = root_of_large(&path, LARGE, &|_| false);
        assert!(matches!(stopped, Err(Error::Cancelled)));
    }
}
