//! The binary as scripts see it: exit codes, what goes to standard output and
//! what to standard error. Nothing here needs a node.

use std::{
    path::Path,
    process::{Command, Output},
};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

/// A port nothing listens on.
const NOWHERE: &str = "127.0.0.1:1";

fn athanor(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_athanor"));
    command.args(args).env("HOME", home);
    for name in [
        "ATHANOR_NODE",
        "ATHANOR_STORE",
        "ATHANOR_STORE_TOKEN_FILE",
        "ATHANOR_SURI",
        "ATHANOR_KEY",
        "ATHANOR_OUTPUT",
        "ATHANOR_CONFIG",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
    ] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    for (args, text) in [
        (&["frobnicate"][..], "unrecognized"),
        (
            &["account", "transfer", "--to", "//Bob", "--amount", "5"],
            "no unit",
        ),
        (
            &["account", "transfer", "--to", "//Bob", "--amount", "1 AUR"],
            "--suri",
        ),
        (
            &[
                "account", "transfer", "--to", "Bob", "--amount", "1 AUR", "--suri", "//Alice",
            ],
            "no account",
        ),
        (
            &["account", "balance", "//Alice", "--node", "http://x"],
            "ws://",
        ),
        (
            &["keys", "show", "--suri", "//Alice", "--key", "x"],
            "not both",
        ),
        (&["store", "get", "0x12", "--out", "x"], "no root"),
        (
            &[
                "job",
                "create",
                "--model",
                "0",
                "--max-pay",
                "1 AUR",
                "--suri",
                "//Alice",
            ],
            "--input",
        ),
        (&["provider", "offer", "--suri", "//Alice"], "--minimum"),
        (
            &["provider", "earnings", "//Alice", "--blocks", "0"],
            "--blocks",
        ),
        (&["provider", "status"], "--suri"),
        (&["job", "list", "--mine"], "--suri"),
        (
            &["job", "list", "--mine", "--requester", "//Alice"],
            "cannot be used with",
        ),
        (
            &[
                "job",
                "create",
                "--model",
                "0",
                "--max-pay",
                "1 AUR",
                "--input",
                "x",
                "--from-provider",
            ],
            "--out",
        ),
        (&["job", "deliver", "7", "--out", "x"], "--suri"),
        (&["job", "deliver", "7", "--suri", "//Alice"], "--out"),
    ] {
        let output = athanor(home.path(), args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(text),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn help_and_version_end_with_0() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["--help"][..],
        &["job", "create", "--help"],
        &["--version"],
    ] {
        let output = athanor(home.path(), args);
        assert_eq!(code(&output), 0);
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_node_or_store_that_is_not_there_ends_with_4() {
    let home = tempfile::tempdir().unwrap();
    let node = format!("ws://{NOWHERE}");
    let output = athanor(
        home.path(),
        &["account", "balance", "//Alice", "--node", &node],
    );
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("--node URL"),
        "{}",
        stderr(&output)
    );

    for args in [
        &["job", "watch"][..],
        &["job", "list"],
        &["provider", "status", "//Alice"],
        &["provider", "earnings", "//Alice"],
    ] {
        let output = athanor(home.path(), &[args, &["--node", &node]].concat());
        assert_eq!(code(&output), 4, "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    let state = home.path().join(".local");
    assert!(
        !state.exists(),
        "nothing was created, so nothing is remembered"
    );

    let store = format!("http://{NOWHERE}");
    let root = "ab".repeat(32);
    let output = athanor(home.path(), &["store", "has", &root, "--store", &store]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("--store URL"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn keys_are_made_shown_and_protected() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("key");
    let path = file.to_str().unwrap();

    let made = athanor(
        home.path(),
        &["keys", "new", "--out", path, "--output", "json"],
    );
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let made = json(&made);
    assert!(
        made.get("mnemonic").is_none(),
        "the secret is in the file only"
    );
    let shown = json(&athanor(
        home.path(),
        &["keys", "show", "--key", path, "--output", "json"],
    ));
    assert_eq!(shown, made);

    let again = athanor(home.path(), &["keys", "new", "--out", path]);
    assert_eq!(code(&again), 1);
    assert!(
        stderr(&again).contains("never overwritten"),
        "{}",
        stderr(&again)
    );

    let alice = athanor(
        home.path(),
        &["keys", "address", "--suri", "//Alice", "--output", "json"],
    );
    assert_eq!(json(&alice)["address"], ALICE);
    assert_eq!(json(&alice)["public_key"].as_str().unwrap().len(), 66);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = athanor(home.path(), &["keys", "show", "--key", path]);
        assert_eq!(code(&open), 1);
        assert!(stderr(&open).contains("chmod 600"), "{}", stderr(&open));
    }
}

#[test]
fn a_root_is_computed_without_a_store() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("blob");
    std::fs::write(&file, b"athanor").unwrap();
    let output = athanor(
        home.path(),
        &["store", "put", file.to_str().unwrap(), "--output", "json"],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let value = json(&output);
    let root = athanor_content_tree::root(b"athanor");
    assert_eq!(value["root"], athanor_primitives::ticket::to_hex(&root));
    assert_eq!(value["bytes"], 7);
    assert_eq!(value["uploaded"], false);
    assert!(stderr(&output).contains("nothing was uploaded"));

    let empty = Command::new(env!("CARGO_BIN_EXE_athanor"))
        .args(["store", "put", file.to_str().unwrap()])
        .env("HOME", home.path())
        .env("ATHANOR_STORE", "")
        .output()
        .unwrap();
    assert_eq!(code(&empty), 0, "{}", stderr(&empty));
}

#[test]
fn the_configuration_file_is_read_and_a_malformed_one_named() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/athanor");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("config.toml");

    std::fs::write(&file, "output = 'json'\n").unwrap();
    let output = athanor(home.path(), &["keys", "address", "//Alice"]);
    assert_eq!(json(&output)["address"], ALICE);

    std::fs::write(&file, "nodes = 'ws://x'\n").unwrap();
    let output = athanor(home.path(), &["keys", "address", "//Alice"]);
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("config.toml"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_file_that_is_no_program_is_refused_before_a_node_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("program.bin");
    std::fs::write(&file, [0xff; 99]).unwrap();
    let path = file.to_str().unwrap();
    for args in [
        &["program", "inspect", path][..],
        &["program", "register", path, "--suri", "//Alice"],
    ] {
        let output = athanor(home.path(), args);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert!(
            stderr(&output).contains("no valid program"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_quantised_model_is_imported_without_a_node() {
    let home = tempfile::tempdir().unwrap();
    let models = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/onnx-import/tests/models/"
    );
    let (model, samples) = (
        format!("{models}conv_u8s8.onnx"),
        format!("{models}conv_u8s8.npz"),
    );
    let out = home.path().join("conv");
    let out = out.to_str().unwrap();
    let args = [
        "model",
        "import",
        &model,
        "--out",
        out,
        "--samples",
        &samples,
        "--output",
        "json",
    ];
    let output = athanor(home.path(), &args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(report["inputs"][0]["name"], "x");
    assert!(
        report["accuracy"][0]["to_model"]["mean_cosine"]
            .as_f64()
            .unwrap()
            > 0.999
    );
    let program = format!("{out}/program.bin");
    let output = athanor(
        home.path(),
        &["program", "inspect", &program, "--output", "json"],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));

    let output = athanor(home.path(), &["model", "import", &samples, "--out", out]);
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("no ONNX model"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_file_of_tasks_is_checked_without_a_node() {
    let home = tempfile::tempdir().unwrap();
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/word-senses/pairs.jsonl");
    let pairs = pairs.display().to_string();
    let check = ["label", "check", &pairs, "--type", "preference"];
    let args = [&check[..], &["--gold-column", "truth", "--output", "json"]].concat();
    let output = athanor(home.path(), &args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = json(&output);
    assert_eq!(
        (&found["pages"], &found["page_gold"]),
        (&8.into(), &4.into())
    );
    assert_eq!(found["gold_answers"]["A"], 128);
    // Without gold there is too little of it, and the file says so by name.
    let output = athanor(home.path(), &check);
    assert_eq!(code(&output), 1);
    let said = stderr(&output);
    assert!(
        said.contains("pairs.jsonl") && said.contains("gold answers"),
        "{said}"
    );
}

#[test]
fn a_crowd_is_simulated_without_a_node() {
    let home = tempfile::tempdir().unwrap();
    let plot = home.path().join("pay.svg");
    let args = [
        "label",
        "simulate",
        "--crowd",
        "honest@0.9=12,constant=2,random=2",
        "--batches",
        "20",
        "--seed",
        "3",
        "--plot",
        plot.to_str().unwrap(),
        "--output",
        "json",
    ];
    let output = athanor(home.path(), &args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let value = json(&output);
    let groups = value["report"]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 3);
    assert_eq!(groups[0]["kind"], "honest");
    assert!(groups[0]["share"].as_f64().unwrap() > 0.9);
    assert_eq!(groups[1]["share"], 0.0);
    assert!(
        value["cost_of_a_label"]
            .as_str()
            .unwrap()
            .parse::<u128>()
            .unwrap()
            > 0
    );
    assert!(std::fs::read_to_string(&plot).unwrap().starts_with("<svg"));
    let again = athanor(home.path(), &args);
    assert_eq!(output.stdout, again.stdout);

    let truth = home.path().join("truth.txt");
    std::fs::write(&truth, "0\n1\n7\n").unwrap();
    let output = athanor(
        home.path(),
        &["label", "simulate", "--truth", truth.to_str().unwrap()],
    );
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("line 3"), "{}", stderr(&output));

    let output = athanor(home.path(), &["label", "simulate", "--panel", "12"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("1 to 9 workers"));
}
