//! Network interfaces and mounts of this program's own, which the kernel takes back with its last
//! process, however that ends.

use anyhow::{ensure, Context, Result};
use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, Output},
};

/// Set for the program inside.
const INSIDE: &str = "ATHANOR_FAULTS_SANDBOX";

/// What to do where there is no sandbox.
pub(super) const WANTED: &str = "it needs root or unprivileged user namespaces (sysctl \
    kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), and the \
    programs unshare, ip and mount (Debian packages util-linux, iproute2 and mount)";

/// Namespaces by the rights of root, and, where these do not suffice, in a user namespace.
const WAYS: [&[&str]; 2] = [
    &["--net", "--mount", "--"],
    &["--map-root-user", "--net", "--mount", "--"],
];

/// Whether this is the program inside.
pub(super) fn inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Begins this program anew in a sandbox, and returns only if there is none.
pub(super) fn enter() {
    let Ok(program) = env::current_exe() else {
        return;
    };
    for way in WAYS {
        let tried = run(
            "unshare",
            &[way, &["ip", "link", "set", "lo", "up"]].concat(),
        );
        if let Err(error) = tried {
            tracing::debug!(%error, "no sandbox this way");
            continue;
        }
        // The loopback interface of a new network namespace is down.
        let error = Command::new("unshare")
            .args(way)
            .args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
            .arg(&program)
            .args(env::args_os().skip(1))
            .env(INSIDE, "1")
            .exec();
        tracing::warn!(%error, "unshare worked and does not any more");
    }
}

/// Runs a program of the system.
///
/// # Errors
///
/// If it fails; the message has what it said.
pub(super) fn run(program: &str, args: &[&str]) -> Result<Output> {
    let shown = format!("{program} {}", args.join(" "));
    let output = Command::new(program)
        .args(args)
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(
        output.status.success(),
        "`{shown}` failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_programs_words() {
        let error = run("ls", &["/nowhere/at/all"]).unwrap_err().to_string();
        assert!(
            error.starts_with("`ls /nowhere/at/all` failed: "),
            "{error}"
        );
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run("no-such-program", &["x"]).unwrap_err().to_string();
        assert_eq!(error, "cannot start `no-such-program x`");
    }
}
