//! The kernels as a program for the CPU, and the pipe to it: see `kernels/shim/main.cpp`.

use gpu_worker::backend::cuda::{
    kernels::{Kernel, MODULES},
    schedule::{Buf, Products, Step},
};
use std::{
    collections::HashMap,
    fs,
    io::{BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
};

/// How products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Products8 {
    /// As on devices with tensor cores.
    Mma,
    /// As on older ones.
    Dp4a,
}

pub(crate) struct Shim {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    index: HashMap<&'static str, u64>,
    /// Launches of each kernel.
    pub(crate) launches: HashMap<Kernel, u64>,
    /// Products cuBLASLt would have done.
    pub(crate) products: u64,
}

/// Compiles the kernels unless that was done before, and gives the program.
fn build(how: Products8) -> PathBuf {
    static BUILT: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    BUILT[how as usize].get_or_init(|| compiled(how)).clone()
}

fn compiled(how: Products8) -> PathBuf {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let mut hasher = blake3::Hasher::new();
    let mut add = |path: &Path| {
        hasher.update(&fs::read(path).unwrap());
    };
    for name in [
        "shim/main.cpp",
        "shim/shim.h",
        "platform.cuh",
        "element.cuh",
        "linear.cuh",
    ] {
        add(&kernels.join(name));
    }
    for module in MODULES {
        add(&kernels.join(module.name).with_extension("cu"));
    }
    let hash = hasher.finalize().to_hex();
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{how:?}-{}", &hash[..16]));
    let program = folder.join("shim");
    if program.exists() {
        return program;
    }
    let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let compile = |source: PathBuf, name: &str| {
        let mut command = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()));
        command
            .args([
                "-std=c++17",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Wno-unknown-pragmas",
            ])
            .args([
                "-fsanitize=undefined",
                "-fno-sanitize-recover=all",
                "-DATHANOR_SHIM",
            ])
            .args((how == Products8::Dp4a).then_some("-DATHANOR_DP4A"))
            .arg("-I")
            .arg(&kernels)
            .args(["-x", "c++", "-c"])
            .arg(source)
            .arg("-o")
            .arg(made.path().join(name).with_extension("o"));
        let done = command.output().expect("a C++ compiler: CXX, or c++");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    std::thread::scope(|scope| {
        scope.spawn(|| compile(kernels.join("shim/main.cpp"), "main"));
        for module in MODULES {
            let compile = &compile;
            let kernels = &kernels;
            scope.spawn(move || {
                compile(kernels.join(module.name).with_extension("cu"), module.name)
            });
        }
    });
    let objects = MODULES.iter().map(|module| module.name).chain(["main"]);
    let done = Command::new(std::env::var_os("CXX").unwrap_or_else(|| "c++".into()))
        .arg("-fsanitize=undefined")
        .args(objects.map(|name| made.path().join(name).with_extension("o")))
        .arg("-o")
        .arg(made.path().join("shim"))
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    // Somebody else may have made the same in the meantime.
    let _ = fs::rename(made.keep(), &folder);
    program
}

impl Shim {
    pub(crate) fn start(how: Products8) -> Shim {
        let mut child = Command::new(build(how))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shim = Shim {
            child,
            to,
            from: BufReader::new(from),
            index: HashMap::new(),
            launches: HashMap::new(),
            products: 0,
        };
        shim.learn();
        shim
    }

    /// Checks that the shim has the kernels of the Rust side, with parameters of the same size.
    fn learn(&mut self) {
        self.send(b'K', &[]);
        for index in 0..self.number() {
            let mut name = vec![0; self.number() as usize];
            self.from.read_exact(&mut name).unwrap();
            let (size, threads) = (self.number(), self.number());
            let name = String::from_utf8(name).unwrap();
            let kernel = Kernel::ALL.iter().find(|kernel| kernel.name() == name);
            let kernel = kernel.unwrap_or_else(|| panic!("{name} is not known to the Rust side"));
            assert_eq!(
                kernel.size() as u64,
                size,
                "bytes of the parameters of {name}"
            );
            assert_eq!(u64::from(kernel.threads()), threads, "threads of {name}");
            self.index.insert(kernel.name(), index);
        }
        assert_eq!(self.index.len(), Kernel::ALL.len());
    }

    fn send(&mut self, command: u8, numbers: &[u64]) {
        let mut bytes = vec![command];
        bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        self.to.write_all(&bytes).unwrap();
        self.to.flush().unwrap();
    }

    fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        if self.from.read_exact(&mut bytes).is_err() {
            panic!("the shim died: {:?}", self.child.wait());
        }
        u64::from_le_bytes(bytes)
    }

    pub(crate) fn allocate(&mut self, bytes: u64) -> u64 {
        self.send(b'A', &[bytes]);
        self.number()
    }

    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        self.send(b'W', &[at, bytes.len() as u64]);
        self.to.write_all(bytes).unwrap();
        self.to.flush().unwrap();
    }

    pub(crate) fn read(&mut self, at: u64, bytes: u64) -> Vec<u8> {
        self.send(b'R', &[at, bytes]);
        let mut data = vec![0; bytes as usize];
        self.from.read_exact(&mut data).unwrap();
        data
    }

    pub(crate) fn free(&mut self) {
        self.send(b'F', &[]);
    }

    pub(crate) fn step(&mut self, step: &Step, address: impl Fn(Buf) -> u64) {
        match step {
            Step::Launch(launch) => {
                let params = launch.bound(address);
                let numbers = [
                    self.index[launch.kernel.name()],
                    launch.blocks.into(),
                    launch.threads.into(),
                    launch.shared.into(),
                    params.len() as u64,
                ];
                self.send(b'L', &numbers);
                self.to.write_all(&params).unwrap();
                self.to.flush().unwrap();
                assert_eq!(self.number(), 1);
                *self.launches.entry(launch.kernel).or_default() += 1;
            }
            Step::Products(Products {
                a,
                b,
                c,
                batches,
                m,
                n,
                k,
                a_stride,
                b_stride,
            }) => {
                let [a, b, c] = [a, b, c].map(|at| address(at.buf) + at.offset);
                self.send(
                    b'G',
                    &[a, b, c, *batches, *m, *n, *k, *a_stride, *b_stride, m * n],
                );
                assert_eq!(self.number(), 1);
                self.products += 1;
            }
        }
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
