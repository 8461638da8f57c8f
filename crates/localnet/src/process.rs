//! Child processes that never outlive this one.

use anyhow::{bail, Context, Result};
use nix::{
    errno::Errno,
    sys::signal::{kill, Signal},
    unistd::Pid,
};
use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    future::Future,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A running child: in a process group of its own, so that a terminal's Ctrl-C reaches this
/// program alone; killed by the kernel if this program dies; ended when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `program` with both outputs appended to `log`.
    ///
    /// Must be called from a thread that lives as long as the process should: the kernel's
    /// parent-death signal is bound to the thread that started the child.
    ///
    /// # Errors
    ///
    /// If the log cannot be opened or the program cannot be started.
    pub fn spawn<A: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        args: impl IntoIterator<Item = A>,
        log: &Path,
    ) -> Result<Self> {
        Self::spawn_with(name, program, args, log, |_| {})
    }

    /// The same, with more set up.
    ///
    /// # Errors
    ///
    /// As [`Process::spawn`].
    pub fn spawn_with<A: AsRef<OsStr>>(
        name: &str,
        program: &Path,
        args: impl IntoIterator<Item = A>,
        log: &Path,
        set_up: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let out = open_log(log)?;
        let err = out.try_clone().context("cannot duplicate a log's handle")?;
        let mut command = Command::new(program);
        command
            .args(args)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        set_up(&mut command);
        end_with_parent(&mut command);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", program.display()))?;
        tracing::debug!(name, pid = child.id(), "started");
        Ok(Self {
            name: name.into(),
            child,
            log: log.into(),
            ended: None,
        })
    }

    /// Kills it as a crash would, and starts `program` under its name, with the same log.
    ///
    /// # Errors
    ///
    /// As [`Process::spawn_with`]; or if it cannot be signalled or collected.
    pub fn restart<A: AsRef<OsStr>>(
        &mut self,
        program: &Path,
        args: impl IntoIterator<Item = A>,
        set_up: impl FnOnce(&mut Command),
    ) -> Result<()> {
        self.kill()?;
        *self = Self::spawn_with(&self.name, program, args, &self.log, set_up)?;
        Ok(())
    }

    /// The name it was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// All it has written to its log, before it was restarted too.
    ///
    /// # Errors
    ///
    /// If the log cannot be read.
    pub fn logged(&self) -> Result<String> {
        let log = std::fs::read(&self.log)
            .with_context(|| format!("cannot read the log {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Checks that it still runs.
    ///
    /// # Errors
    ///
    /// If it has ended; the message ends with the last lines of its log.
    pub fn ensure_running(&mut self) -> Result<()> {
        match self.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended ({status}); the end of {}:\n{}",
                self.name,
                self.log.display(),
                tail(&self.log, 12)
            ),
        }
    }

    /// Waits until `look` succeeds.
    ///
    /// # Errors
    ///
    /// If the process ends before, or `look` has not succeeded within `limit`; the message has its
    /// last error.
    pub async fn wait_until_ready<F>(
        &mut self,
        limit: Duration,
        mut look: impl FnMut() -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let started = Instant::now();
        loop {
            self.ensure_running()?;
            let answer = look().await;
            match answer {
                Ok(()) => return Ok(()),
                Err(error) if started.elapsed() > limit => {
                    let seconds = limit.as_secs();
                    return Err(error)
                        .with_context(|| format!("{} is not ready in {seconds} s", self.name));
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn kill(&mut self) -> Result<()> {
        self.end(Signal::SIGKILL)
    }

    /// Asks it to end, and kills it if it does not within ten seconds.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Signal::SIGTERM)
    }

    /// Sends it what Ctrl-C sends, and waits for its end.
    ///
    /// # Errors
    ///
    /// If it cannot be signalled or collected.
    pub fn interrupt(&mut self) -> Result<Option<ExitStatus>> {
        self.end(Signal::SIGINT)?;
        self.try_wait()
    }

    /// Asks it to end without waiting for it.
    pub(crate) fn request_stop(&mut self) {
        if matches!(self.try_wait(), Ok(None)) {
            let _ = self.signal(Signal::SIGTERM);
        }
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self
                .child
                .try_wait()
                .with_context(|| format!("cannot learn whether {} runs", self.name))?;
        }
        Ok(self.ended)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        // The pid is ours until the child is collected, so it can name no stranger.
        let pid = i32::try_from(self.child.id()).context("a process id is too large")?;
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot signal {}", self.name)),
        }
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        self.signal(signal)?;
        let asked = Instant::now();
        while self.try_wait()?.is_none() {
            if asked.elapsed() > GRACE {
                tracing::warn!(name = self.name, "does not end, killing it");
                self.signal(Signal::SIGKILL)?;
                self.ended = Some(self.child.wait().context("cannot collect a child")?);
                break;
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(name = self.name, %error, "may still run");
        }
    }
}

/// Whether a process of this id exists (a child that ended but was not collected counts).
pub fn exists(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

/// Opens a log for appending.
///
/// # Errors
///
/// If its folder or the file cannot be made.
pub(crate) fn open_log(path: &Path) -> Result<File> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("cannot make the folder {}", dir.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write the log {}", path.display()))
}

/// The last lines of a log, or why it cannot be read.
fn tail(path: &Path, lines: usize) -> String {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all.get(all.len().saturating_sub(lines)..)
                .unwrap_or_default()
                .join("\n")
        }
        Err(error) => format!("(unreadable: {error})"),
    }
}

/// Has the kernel end the child when the thread that starts it dies.
pub(crate) fn end_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let prepare = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from)?;
        // The parent may have died before the line above.
        if u32::try_from(nix::unistd::getppid().as_raw()) != Ok(parent) {
            return Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two system calls, `prctl` and `getppid`,
    // which are async-signal-safe; it allocates nothing, takes no lock and touches no memory of
    // the parent but the copied `parent`.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(prepare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(dir: &Path) -> Process {
        Process::spawn(
            "sleeper",
            Path::new("/bin/sleep"),
            ["600"],
            &dir.join("sleeper.log"),
        )
        .unwrap()
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let process = sleeper(dir.path());
        let pid = process.pid();
        assert!(exists(pid));
        drop(process);
        assert!(!exists(pid));
    }

    #[test]
    fn a_killed_process_is_reported_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let script = "echo the last words; exec sleep 600";
        let log = dir.path().join("talker.log");
        let mut process =
            Process::spawn("talker", Path::new("/bin/sh"), ["-c", script], &log).unwrap();
        process.ensure_running().unwrap();
        while !std::fs::read_to_string(&log).unwrap().contains("words") {
            std::thread::sleep(LOOK);
        }
        process.kill().unwrap();
        let error = process.ensure_running().unwrap_err().to_string();
        assert!(error.contains("talker ended"), "{error}");
        assert!(error.contains("the last words"), "{error}");
    }

    #[test]
    fn a_restarted_process_goes_on_in_the_same_log() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("counter.log");
        let shell = Path::new("/bin/sh");
        let script = |word: &str| ["-c".to_string(), format!("echo {word}; exec sleep 600")];
        let mut process = Process::spawn("counter", shell, script("one"), &log).unwrap();
        let first = process.pid();
        while !process.logged().unwrap().contains("one") {
            std::thread::sleep(LOOK);
        }
        process.restart(shell, script("two"), |_| {}).unwrap();
        assert!(!exists(first));
        assert_eq!((process.name(), process.log()), ("counter", log.as_path()));
        while !process.logged().unwrap().contains("two") {
            std::thread::sleep(LOOK);
        }
        assert_eq!(process.logged().unwrap(), "one\ntwo\n");
        process.ensure_running().unwrap();
    }

    #[tokio::test]
    async fn waiting_for_a_process_that_ends_ends_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("brief.log");
        let script = "echo wrong flag; exit 2";
        let mut process =
            Process::spawn("brief", Path::new("/bin/sh"), ["-c", script], &log).unwrap();
        let waited = process
            .wait_until_ready(GRACE, || async { bail!("no answer yet") })
            .await;
        let error = waited.unwrap_err().to_string();
        assert!(error.contains("wrong flag"), "{error}");
    }

    #[tokio::test]
    async fn waiting_in_vain_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let mut process = sleeper(dir.path());
        let waited = process
            .wait_until_ready(LOOK, || async { bail!("the port is shut") })
            .await;
        let error = format!("{:#}", waited.unwrap_err());
        assert!(error.contains("sleeper is not ready"), "{error}");
        assert!(error.contains("the port is shut"), "{error}");
    }

    #[test]
    fn a_process_that_ignores_the_request_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let script = "trap '' TERM; echo ready; while true; do sleep 1; done";
        let log = dir.path().join("stubborn.log");
        let process =
            Process::spawn("stubborn", Path::new("/bin/sh"), ["-c", script], &log).unwrap();
        while !std::fs::read_to_string(&log).unwrap().contains("ready") {
            std::thread::sleep(LOOK);
        }
        let pid = process.pid();
        drop(process);
        assert!(!exists(pid));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Process::spawn(
            "ghost",
            Path::new("/nowhere/ghost"),
            [""; 0],
            &dir.path().join("ghost.log"),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains("cannot start ghost"), "{error}");
    }
}
