//! The folder of a network: databases, blobs and logs.

use anyhow::{ensure, Context, Result};
use std::path::{Path, PathBuf};

/// File in `data/` that tells a network's data from somebody else's.
const MARKER: &str = ".athanor-localnet";

/// A folder with `logs/` and `data/`. Both go when it is dropped, unless the logs are to be kept.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    keep_logs: bool,
}

impl Workspace {
    /// A new folder in the system's folder for temporary files.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn temporary() -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("athanor-localnet-")
            .tempdir()
            .context("cannot make a folder for temporary files")?;
        Ok(Self {
            root: dir.keep(),
            keep_logs: false,
        })
    }

    /// A folder of the caller's choice, in which the logs stay.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or has a folder `data` that no local network made.
    pub fn at(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root)
            .with_context(|| format!("cannot make the folder {}", root.display()))?;
        let root = root.canonicalize().context("cannot resolve the folder")?;
        let data = root.join("data");
        let marker = data.join(MARKER);
        // Before there is a workspace: dropping one removes the data.
        ensure!(
            data.symlink_metadata().is_err() || marker.is_file(),
            "{} has a folder `data` that is not a local network's: choose another --dir",
            root.display()
        );
        let workspace = Self {
            root,
            keep_logs: true,
        };
        // What an earlier network left would be taken for this one's chain.
        workspace.remove_data();
        std::fs::create_dir_all(&data)
            .and_then(|()| std::fs::write(&marker, ""))
            .with_context(|| format!("cannot write {}", marker.display()))?;
        Ok(workspace)
    }

    /// Leaves the logs where they are.
    pub fn keep_logs(&mut self) {
        self.keep_logs = true;
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The log of one process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// The folder of one process's data, made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn data(&self, name: &str) -> Result<PathBuf> {
        let dir = self.root.join("data").join(name);
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make the folder {}", dir.display()))?;
        Ok(dir)
    }

    fn remove_data(&self) {
        remove(&self.root.join("data"));
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if self.keep_logs {
            self.remove_data();
        } else {
            remove(&self.root);
        }
    }
}

fn remove(dir: &Path) {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(dir = %dir.display(), %error, "cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes() {
        let workspace = Workspace::temporary().unwrap();
        let data = workspace.data("alice").unwrap();
        assert!(data.is_dir());
        drop(workspace);
        assert!(!data.exists());
    }

    #[test]
    fn kept_logs_stay_and_data_goes() {
        let outer = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(&outer.path().join("net")).unwrap();
        let data = workspace.data("alice").unwrap();
        std::fs::create_dir_all(workspace.logs()).unwrap();
        std::fs::write(workspace.log("alice"), "words").unwrap();
        let log = workspace.log("alice");
        drop(workspace);
        assert!(log.is_file());
        assert!(!data.exists());
    }

    #[test]
    fn what_an_earlier_network_left_goes() {
        let outer = tempfile::tempdir().unwrap();
        let killed = Workspace::at(outer.path()).unwrap();
        let left = killed.data("alice").unwrap();
        std::mem::forget(killed);
        let workspace = Workspace::at(outer.path()).unwrap();
        assert!(!left.exists());
        assert!(outer.path().join("data").join(MARKER).is_file());
        drop(workspace);
        assert!(!outer.path().join("data").exists());
    }

    #[test]
    fn data_of_somebody_else_stays() {
        let outer = tempfile::tempdir().unwrap();
        let theirs = outer.path().join("data").join("thesis.txt");
        std::fs::create_dir(outer.path().join("data")).unwrap();
        std::fs::write(&theirs, "words").unwrap();
        let error = Workspace::at(outer.path()).unwrap_err().to_string();
        assert!(
            error.ends_with(
                "has a folder `data` that is not a local network's: choose another --dir"
            ),
            "{error}"
        );
        assert!(theirs.is_file());
    }
}
