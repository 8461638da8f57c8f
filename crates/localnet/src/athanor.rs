//! The `athanor` command line, driven as a user would.

use crate::process::{end_with_parent, open_log, Process};
use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

/// Exit code of `job watch` when the job ended otherwise than settled.
const NOT_SETTLED: i32 = 3;

/// Settings the command line takes from the environment.
const SETTINGS: [&str; 7] = [
    "ATHANOR_CONFIG",
    "ATHANOR_KEY",
    "ATHANOR_NODE",
    "ATHANOR_OUTPUT",
    "ATHANOR_STORE",
    "ATHANOR_STORE_TOKEN_FILE",
    "ATHANOR_SURI",
];

/// The command line of one user at one node.
#[derive(Clone, Debug)]
pub struct Athanor {
    program: PathBuf,
    node: String,
    log: PathBuf,
}

impl Athanor {
    /// The command line `program` at the node `node` (`ws://…`). What it says goes to `log` too.
    pub fn new(program: &Path, node: &str, log: &Path) -> Self {
        Self {
            program: program.into(),
            node: node.into(),
            log: log.into(),
        }
    }

    /// Keeps whoever runs this out of a command, and this out of his files.
    fn shelter(&self, command: &mut Command) {
        // The settings of whoever runs this are for other chains.
        for setting in SETTINGS {
            command.env_remove(setting);
        }
        // Neither are the jobs of these chains for it to remember.
        if let Some(folder) = self.log.parent() {
            command.env("XDG_STATE_HOME", folder);
        }
    }

    /// Starts a command that runs on; all it says goes to `log`.
    ///
    /// # Errors
    ///
    /// As [`Process::spawn`].
    pub fn spawn<S: AsRef<str>>(&self, name: &str, args: &[S], log: &Path) -> Result<Process> {
        let fixed = ["--node", &self.node, "--output", "json"];
        let args = fixed.into_iter().chain(args.iter().map(AsRef::as_ref));
        Process::spawn_with(name, &self.program, args, log, |command| {
            self.shelter(command);
        })
    }

    /// Runs a command and answers what it prints.
    ///
    /// # Errors
    ///
    /// If it fails; the message has the command and what it said.
    pub async fn run<S: AsRef<str>>(&self, args: &[S]) -> Result<Value> {
        self.run_watched(args, |_| {}).await
    }

    /// Runs a command, hands on every line of its progress, and answers what it prints. A job that
    /// ended otherwise than settled is an answer, too.
    ///
    /// # Errors
    ///
    /// As [`Athanor::run`].
    pub async fn run_watched<S: AsRef<str>>(
        &self,
        args: &[S],
        mut line: impl FnMut(&str),
    ) -> Result<Value> {
        let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
        let shown = format!("athanor {}", args.join(" "));
        let mut log = open_log(&self.log)?;
        writeln!(log, "$ {shown}").context("cannot write a log")?;

        let mut command = Command::new(&self.program);
        command
            .args(["--node", &self.node, "--output", "json"])
            .args(&args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.shelter(&mut command);
        end_with_parent(&mut command);
        let mut child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let mut stdout = child.stdout.take().context("no standard output")?;
        let stderr = child.stderr.take().context("no standard error")?;

        let mut lines = BufReader::new(stderr).lines();
        let mut said = Vec::new();
        let mut printed = String::new();
        let read = async {
            while let Some(text) = lines.next_line().await.context("cannot read an output")? {
                writeln!(log, "{text}").context("cannot write a log")?;
                line(&text);
                said.push(text);
            }
            anyhow::Ok(())
        };
        let (read, print) = tokio::join!(read, stdout.read_to_string(&mut printed));
        read?;
        print.context("cannot read an output")?;
        let status = child.wait().await.context("cannot collect a child")?;
        writeln!(log, "{}", printed.trim_end()).context("cannot write a log")?;

        let answer = serde_json::from_str(printed.trim());
        match (status.code(), answer) {
            (Some(0), Ok(answer)) => Ok(answer),
            (Some(NOT_SETTLED), Ok(answer)) => Ok(answer),
            (Some(0), Err(error)) => {
                bail!(
                    "`{shown}` does not print one JSON value ({error}): {}",
                    printed.trim()
                )
            }
            _ => bail!("`{shown}` failed ({status}): {}", said.join("\n")),
        }
    }

    /// Address of the account of a secret such as `//Alice`.
    ///
    /// # Errors
    ///
    /// If the secret is malformed.
    pub async fn address(&self, suri: &str) -> Result<String> {
        text(
            &self.run(&["keys", "address", "--suri", suri]).await?,
            "address",
        )
    }

    /// Public key of a secret such as `//Alice`.
    ///
    /// # Errors
    ///
    /// If the secret is malformed.
    pub async fn public_key(&self, suri: &str) -> Result<[u8; 32]> {
        let answer = self.run(&["keys", "address", "--suri", suri]).await?;
        let key = text(&answer, "public_key")?;
        hex::decode(key.trim_start_matches("0x"))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .with_context(|| format!("{key} is no public key"))
    }

    /// Balance of an account: free and held together, in the smallest unit.
    ///
    /// # Errors
    ///
    /// If the node cannot be asked.
    pub async fn total(&self, account: &str) -> Result<u128> {
        amount(&self.run(&["account", "balance", account]).await?, "total")
    }

    /// Sends `amount` (such as `"10 AUR"`) and waits until it has arrived.
    ///
    /// # Errors
    ///
    /// If the transfer fails.
    pub async fn transfer(&self, from: &str, to: &str, amount: &str) -> Result<()> {
        let args = [
            "account", "transfer", "--to", to, "--amount", amount, "--suri", from,
        ];
        self.run(&args).await.map(|_| ())
    }

    /// Puts a file into the content store at `store` and answers its root.
    ///
    /// # Errors
    ///
    /// If the store refuses it.
    pub async fn put(&self, file: &Path, store: &str) -> Result<String> {
        let file = file.display().to_string();
        let answer = self.run(&["store", "put", &file, "--store", store]).await?;
        let root = text(&answer, "root")?;
        ensure!(
            root.starts_with("0x"),
            "the content store answers no root but {root}"
        );
        Ok(root)
    }
}

/// A text field of an answer.
///
/// # Errors
///
/// If it is not there or no text.
pub fn text(answer: &Value, field: &str) -> Result<String> {
    answer
        .get(field)
        .and_then(Value::as_str)
        .map(String::from)
        .with_context(|| format!("no text `{field}` in {answer}"))
}

/// A number field of an answer.
///
/// # Errors
///
/// If it is not there or no number.
pub fn number(answer: &Value, field: &str) -> Result<u64> {
    answer
        .get(field)
        .and_then(Value::as_u64)
        .with_context(|| format!("no number `{field}` in {answer}"))
}

/// An amount of an answer: a decimal text of the smallest unit.
///
/// # Errors
///
/// If it is not there or no amount.
pub fn amount(answer: &Value, field: &str) -> Result<u128> {
    text(answer, field)?
        .parse()
        .with_context(|| format!("`{field}` is no amount in {answer}"))
}

/// An amount as the command line takes it, to the last digit.
pub fn exact(amount: u128) -> String {
    format!("{}.{:012} AUR", amount / UNIT, amount % UNIT)
}

/// The smallest units of an AUR.
const UNIT: u128 = 1_000_000_000_000;

/// An amount for people: AUR with up to six decimals, groups of three digits.
pub fn aur(amount: u128) -> String {
    let whole = (amount / UNIT).to_string();
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let micros = format!("{:06}", amount % UNIT / 1_000_000);
    let micros = micros.trim_end_matches('0');
    match (micros.is_empty(), amount % UNIT % 1_000_000) {
        (true, 0) => format!("{grouped} AUR"),
        (true, _) => format!("≈ {grouped} AUR"),
        (false, 0) => format!("{grouped}.{micros} AUR"),
        (false, _) => format!("≈ {grouped}.{micros} AUR"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_shown_in_aur() {
        assert_eq!(aur(0), "0 AUR");
        assert_eq!(aur(1_500_000_000_000), "1.5 AUR");
        assert_eq!(aur(1_234_567_000_000_000_000), "1,234,567 AUR");
        assert_eq!(aur(1_000_001_000_000), "1.000001 AUR");
        assert_eq!(aur(1_000_000_000_001), "≈ 1 AUR");
        assert_eq!(exact(1_000_000_000_001), "1.000000000001 AUR");
    }

    #[test]
    fn fields_are_read_or_named() {
        let answer = json!({ "job": 7, "root": "0x00", "free": "12" });
        assert_eq!(number(&answer, "job").unwrap(), 7);
        assert_eq!(text(&answer, "root").unwrap(), "0x00");
        assert_eq!(amount(&answer, "free").unwrap(), 12);
        assert!(amount(&answer, "root").is_err());
        assert!(number(&answer, "model")
            .unwrap_err()
            .to_string()
            .contains("`model`"));
    }

    fn script(dir: &Path, body: &str) -> Athanor {
        use std::os::unix::fs::PermissionsExt;
        let program = dir.join("athanor");
        std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Athanor::new(&program, "ws://127.0.0.1:1", &dir.join("athanor.log"))
    }

    #[tokio::test]
    async fn an_answer_is_parsed_and_progress_handed_on() {
        let dir = tempfile::tempdir().unwrap();
        let cli = script(dir.path(), "echo assigned >&2; echo '{\"job\":3}'");
        let mut lines = vec![];
        let answer = cli
            .run_watched(&["job"], |line| lines.push(line.to_string()))
            .await
            .unwrap();
        assert_eq!(number(&answer, "job").unwrap(), 3);
        assert_eq!(lines, ["assigned"]);
    }

    #[tokio::test]
    async fn a_job_that_failed_is_an_answer() {
        let dir = tempfile::tempdir().unwrap();
        let cli = script(dir.path(), "echo '{\"state\":\"failed\"}'; exit 3");
        let answer = cli.run(&["job", "watch", "1"]).await.unwrap();
        assert_eq!(text(&answer, "state").unwrap(), "failed");
    }

    #[tokio::test]
    async fn a_failure_shows_the_command_and_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let cli = script(dir.path(), "echo 'error: the node is away' >&2; exit 4");
        let error = cli.run(&["keys", "new"]).await.unwrap_err().to_string();
        assert!(error.contains("`athanor keys new` failed"), "{error}");
        assert!(error.contains("the node is away"), "{error}");
    }
}
