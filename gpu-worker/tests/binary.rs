//! The `gpu-worker` binary: offline runs, help, start and stop.

use athanor_tensor_program::{
    interpret, load, ops::Clamp, trace_root, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

fn worker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-worker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GPU_WORKER_") {
            command.env_remove(name);
        }
    }
    command
}

fn program() -> Vec<u8> {
    Program {
        version: 1,
        max_batch: 8,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([4]),
        }],
        constants: vec![],
        nodes: vec![Node {
            op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
            operands: vec![Operand::Input(0)],
        }],
        outputs: vec![0],
    }
    .encoded()
}

fn run(dir: &Path, input: &[u8], more: &[&str]) -> Output {
    std::fs::write(dir.join("program.bin"), program()).unwrap();
    std::fs::write(dir.join("input.bin"), input).unwrap();
    worker()
        .current_dir(dir)
        .args([
            "run",
            "program.bin",
            "--input",
            "input.bin",
            "--output",
            "output.bin",
        ])
        .args(more)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_offline_run_prints_the_receipt_and_writes_the_output() {
    let dir = TempDir::new().unwrap();
    let input = [9, 3, 0xFF, 0, 5, 6, 7, 8];
    let output = run(dir.path(), &input, &["--format", "json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let reference = interpret(&load(&program()).unwrap(), 2, &input, &[]).unwrap();
    let hex = |root: [u8; 32]| athanor_primitives::ticket::to_hex(&root);
    assert_eq!(json["trace_root"], hex(trace_root(&reference.trace())));
    assert_eq!(json["output_root"], hex(reference.trace()[0]));
    assert_eq!(json["batch"], 2);
    assert!(json["units"].as_u64().unwrap() > 0);
    assert_eq!(
        std::fs::read(dir.path().join("output.bin")).unwrap(),
        reference.output()
    );
    let table = run(dir.path(), &input, &["--batch", "2"]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains(&hex(reference.trace()[0])), "{text}");
}

#[test]
fn an_offline_run_with_wrong_files_says_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    for (input, more, expected) in [
        (&[1u8; 8][..], &["--batch", "3"][..], "a batch of 3 has 12"),
        (&[1; 7], &[], "no whole number of samples"),
        (&[1; 40], &[], "outside 1..=8"),
        (
            &[1; 8],
            &["--weights", "input.bin"],
            "the program has 0 weights",
        ),
        (&[1; 8], &["--memory", "1"], "a smaller --batch"),
        (&[1; 8], &["--backend", "cuda"], "--backend cuda"),
    ] {
        let output = run(dir.path(), input, more);
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    std::fs::write(dir.path().join("other.bin"), "no program").unwrap();
    let output = worker()
        .current_dir(dir.path())
        .args(["run", "other.bin", "--input", "input.bin"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("not a valid program"),
        "{}",
        stderr(&output)
    );
    let output = worker().args(["run", "--batch", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_digits_model_gives_the_roots_its_makers_published() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits");
    let model: serde_json::Value =
        serde_json::from_slice(&std::fs::read(digits.join("model.json")).unwrap()).unwrap();
    let weights = model["weights"].as_array().unwrap();
    let output = worker()
        .current_dir(&digits)
        .args([
            "run",
            "program.bin",
            "--input",
            "digits.bin",
            "--format",
            "json",
            "--weights",
        ])
        .args(
            weights
                .iter()
                .map(|weight| weight["file"].as_str().unwrap()),
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let published = |value: &serde_json::Value| format!("0x{}", value.as_str().unwrap());
    assert_eq!(json["trace_root"], published(&model["trace_root"]));
    assert_eq!(json["output_root"], published(&model["output"]["root"]));
    assert_eq!(json["input_root"], published(&model["input"]["root"]));
}

#[test]
fn doctor_says_in_json_and_by_exit_code_whether_serve_can_run() {
    let dir = TempDir::new().unwrap();
    let doctor = |listen: &str| {
        worker()
            .args(["doctor", "--format", "json", "--listen", listen, "--store"])
            .arg(dir.path())
            .output()
            .unwrap()
    };
    let output = doctor("127.0.0.1:0");
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ok"], true);
    let output = doctor("0.0.0.0:0");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("--token-file"), "{text}");
}

/// Starts a daemon and waits until it says where it listens.
fn serve(dir: &Path) -> (Child, String) {
    let mut child = worker()
        .args([
            "--log-format",
            "json",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
        ])
        .arg(dir)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for line in BufReader::new(child.stderr.as_mut().unwrap()).lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(at) = line["listen"].as_str() {
            return (child, at.to_owned());
        }
    }
    panic!("the daemon ended: {:?}", child.wait());
}

#[cfg(unix)]
#[test]
fn a_daemon_serves_until_sigterm_and_locks_its_store() {
    let dir = TempDir::new().unwrap();
    let (mut child, at) = serve(dir.path());
    std::net::TcpStream::connect(&at).unwrap();
    let second = worker()
        .args(["serve", "--listen", "127.0.0.1:0", "--store"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        stderr(&second).contains("another gpu-worker"),
        "{}",
        stderr(&second)
    );
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let (mut child, _) = serve(dir.path());
    child.kill().unwrap();
    child.wait().unwrap();
}
