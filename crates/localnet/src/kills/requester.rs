//! A requester who is interrupted, as by Ctrl-C, while a job is created, watched and fetched, and
//! takes it up again each time.

use crate::{
    athanor::{number, Athanor},
    digits::Digits,
    process::Process,
    story::Outcome,
    tools::Tools,
    workspace::Workspace,
};
use anyhow::{bail, ensure, Context, Result};
use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc,
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Digits in the job: the output has several thousand bytes.
pub(super) const BATCH: u32 = 1_797;
/// Exit code of a command that was interrupted.
const INTERRUPTED: i32 = 1;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(900);
/// Bytes of each connection that a stalled content store sends.
const STALL: u64 = 4_000;
/// Often enough to see a download begin.
const LOOK: Duration = Duration::from_millis(100);

/// A requester with a folder and a journal of his own.
pub(super) struct Requester<'a> {
    cli: Athanor,
    folder: PathBuf,
    digits: &'a Digits,
    store: Sluggish,
    suri: &'a str,
}

impl<'a> Requester<'a> {
    /// A requester at the node `ws`, who uses the content store at `store` over a bad line.
    pub(super) async fn new(
        tools: &Tools,
        workspace: &Workspace,
        ws: &str,
        store: &str,
        digits: &'a Digits,
        suri: &'a str,
    ) -> Result<Self> {
        let folder = workspace.data("requester")?;
        Ok(Self {
            cli: Athanor::new(&tools.cli, ws, &folder.join("athanor.log")),
            store: Sluggish::start(store).await?,
            folder,
            digits,
            suri,
        })
    }

    /// Creates a job and follows it to its end, interrupted at each step. Answers how it ended.
    ///
    /// # Errors
    ///
    /// If an interruption loses something, or the output is another than the reference's.
    pub(super) async fn play(&self, model: u64, window: u32) -> Result<(u64, Outcome)> {
        let input = self.folder.join("digits.bin");
        std::fs::write(&input, self.digits.input(BATCH)?).context("cannot write the input")?;
        let out = self.folder.join("output.bin");
        let (model, batch) = (model.to_string(), BATCH.to_string());
        let (input, window) = (show(&input), window.to_string());
        let (out_text, store) = (show(&out), self.store.url.clone());
        let create = [
            "job",
            "create",
            "--model",
            &model,
            "--input",
            &input,
            "--batch",
            &batch,
            "--window",
            &window,
            "--max-pay",
            "1 AUR",
            "--policy",
            "optimistic",
            "--audit",
            "0",
            "--yes",
            "--out",
            &out_text,
            "--store",
            &store,
            "--suri",
            self.suri,
        ];
        let said = self
            .interrupted("create", &create, |said| Ok(said.contains("created job ")))
            .await?;
        let id: u64 = said
            .split_once("created job ")
            .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
            .context("the job has no number")?;
        ensure!(
            said.contains(&format!("athanor job watch {id}")),
            "an interrupted `create` does not say how to go on:\n{said}"
        );

        let watch = ["job", "watch", "--store", &store];
        let named = format!("job {id}");
        self.interrupted("watch", &watch, |said| {
            // What it says after the number that it found.
            let rest = said.split_once(&named);
            Ok(rest.is_some_and(|(_, rest)| rest.trim().lines().count() > 0))
        })
        .await?;

        let answer = self.fetched("watch-out", &watch, &out).await?;
        ensure!(
            number(&answer, "job")? == id,
            "another job was followed: {answer}"
        );
        let outcome = Outcome::read(&answer)?;
        outcome.ensure_settled()?;
        self.ensure_right(&out, &outcome)?;
        match self.cli.run(&watch).await {
            Ok(answer) => bail!("a job that was fetched is still remembered: {answer}"),
            Err(error) => ensure!(
                format!("{error:#}").contains("no job that was created from here"),
                "{error:#}"
            ),
        }

        let (again, number) = (self.folder.join("again.bin"), id.to_string());
        let again_text = show(&again);
        let fetch = [
            "job",
            "fetch",
            &number,
            "--out",
            &again_text,
            "--store",
            &store,
        ];
        self.fetched("fetch", &fetch, &again).await?;
        self.ensure_right(&again, &outcome)?;
        Ok((id, outcome))
    }

    /// Runs a command until `due` of all it has said, and interrupts it. Answers what it said.
    async fn interrupted(
        &self,
        name: &str,
        args: &[&str],
        due: impl Fn(&str) -> Result<bool>,
    ) -> Result<String> {
        let log = self.folder.join(format!("{name}.log"));
        let mut process = self.cli.spawn(name, args, &log)?;
        let said = |log: &Path| {
            let said = std::fs::read(log).context("cannot read a log")?;
            anyhow::Ok(String::from_utf8_lossy(&said).into_owned())
        };
        let end = tokio::time::Instant::now() + PATIENCE;
        while !due(&said(&log)?)? {
            process.ensure_running()?;
            ensure!(
                tokio::time::Instant::now() < end,
                "`{name}` did not come so far: {}",
                said(&log)?
            );
            tokio::time::sleep(LOOK).await;
        }
        interrupt(&mut process)?;
        said(&log)
    }

    /// Runs a command that fetches `file` in the end, interrupts it in the middle of that, and runs
    /// it again. Answers what it prints then.
    async fn fetched(&self, name: &str, args: &[&str], file: &Path) -> Result<serde_json::Value> {
        let part = PathBuf::from(format!("{}.part", show(file)));
        let begun = |part: &Path| part.metadata().map_or(0, |part| part.len());
        self.store.stall(true);
        self.interrupted(name, args, |_| Ok(begun(&part) > STALL / 2))
            .await?;
        ensure!(
            !file.exists() && begun(&part) > STALL / 2,
            "an interrupted `{name}` leaves no part of its file"
        );
        self.store.stall(false);
        let before = self.store.sent();
        let answer = self.cli.run(args).await?;
        let (sent, len) = (self.store.sent() - before, file.metadata()?.len());
        ensure!(
            !part.exists() && sent < len,
            "{sent} bytes were sent again for a file of {len} that was there in part"
        );
        Ok(answer)
    }

    /// Whether a file is the output that was settled, and the reference interpreter's.
    fn ensure_right(&self, file: &Path, outcome: &Outcome) -> Result<()> {
        let output = std::fs::read(file).context("cannot read the fetched output")?;
        let root = format!("0x{}", hex::encode(athanor_content_tree::root(&output)));
        ensure!(
            outcome.output_root.as_ref() == Some(&root)
                && output == self.digits.reference(BATCH)?,
            "{} has another content, of root {root}",
            file.display()
        );
        Ok(())
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

fn interrupt(process: &mut Process) -> Result<()> {
    let code = process.interrupt()?.and_then(|status| status.code());
    ensure!(
        code == Some(INTERRUPTED),
        "an interrupted command ended with {code:?}"
    );
    Ok(())
}

/// A line to a server that can be stalled: of each connection, only the first bytes come then.
struct Sluggish {
    url: String,
    stalled: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Sluggish {
    async fn start(server: &str) -> Result<Self> {
        let server = server
            .strip_prefix("http://")
            .context("a content store without http")?
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen")?;
        let url = format!("http://{}", listener.local_addr().context("no address")?);
        let (stalled, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let line = (Arc::clone(&stalled), Arc::clone(&sent));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, line) = (server.clone(), line.clone());
                // A connection that breaks is its client's matter.
                tokio::spawn(async move { carry(client, &server, line).await.ok() });
            }
        });
        Ok(Self {
            url,
            stalled,
            sent,
            task,
        })
    }

    fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Sluggish {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    client: TcpStream,
    server: &str,
    (stalled, sent): (Arc<AtomicBool>, Arc<AtomicU64>),
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = [0; 1_000];
    let mut own = 0;
    loop {
        while stalled.load(Ordering::Relaxed) && own >= STALL {
            tokio::time::sleep(LOOK).await;
        }
        let read = from_server.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        own += read as u64;
        sent.fetch_add(read as u64, Ordering::Relaxed);
        to_client
            .write_all(buffer.get(..read).unwrap_or_default())
            .await?;
    }
    up.abort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stalled_line_sends_the_beginning_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                client.write_all(&[7; 10_000]).await.unwrap();
            }
        });
        let line = Sluggish::start(&server).await.unwrap();
        let address = line.url.strip_prefix("http://").unwrap();
        line.stall(true);
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut first = vec![0; STALL as usize];
        client.read_exact(&mut first).await.unwrap();
        assert!((STALL..STALL + 1_000).contains(&line.sent()));
        line.stall(false);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!((first.len() + rest.len(), line.sent()), (10_000, 10_000));
    }
}
