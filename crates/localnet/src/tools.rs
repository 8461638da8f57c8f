//! Where the programs of a network are.

use anyhow::{bail, Context, Result};
use std::{
    env,
    path::{Path, PathBuf},
};

/// Environment variable that names the folder of the binaries.
pub const BIN_DIR: &str = "ATHANOR_BIN_DIR";

/// Paths of the binaries a network is made of.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The node.
    pub node: PathBuf,
    /// The daemon that runs jobs.
    pub worker: PathBuf,
    /// The command line of requesters and providers.
    pub cli: PathBuf,
}

impl Tools {
    /// Finds the binaries in `$ATHANOR_BIN_DIR`, else beside the running program or, for a test,
    /// one folder up.
    ///
    /// # Errors
    ///
    /// If one is missing. The message names it, the folders that were looked into, and what to
    /// do.
    pub fn find() -> Result<Self> {
        let folders = match env::var_os(BIN_DIR) {
            Some(dir) => vec![PathBuf::from(dir)],
            None => {
                let program = env::current_exe().context("cannot tell where this program is")?;
                program
                    .ancestors()
                    .skip(1)
                    .take(2)
                    .map(Path::to_path_buf)
                    .collect()
            }
        };
        Self::find_in(&folders)
    }

    /// Finds the binaries in the first of `folders` that has each.
    ///
    /// # Errors
    ///
    /// As [`Tools::find`].
    pub fn find_in(folders: &[PathBuf]) -> Result<Self> {
        let find = |name: &str| -> Result<PathBuf> {
            let found = folders
                .iter()
                .map(|dir| dir.join(name))
                .find(|path| path.is_file());
            if let Some(path) = found {
                return Ok(path);
            }
            let looked: Vec<String> = folders
                .iter()
                .map(|dir| dir.display().to_string())
                .collect();
            bail!(
                "`{name}` is not built: looked into {}. Build everything with `make build`, or set \
                 {BIN_DIR} to the folder that has it",
                looked.join(" and ")
            )
        };
        Ok(Self {
            node: find("athanor-node")?,
            worker: find("gpu-worker")?,
            cli: find("athanor")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_found_in_the_first_folder_that_has_them() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["athanor-node", "gpu-worker"] {
            std::fs::write(one.path().join(name), "").unwrap();
        }
        for name in ["athanor", "athanor-node"] {
            std::fs::write(two.path().join(name), "").unwrap();
        }
        let tools = Tools::find_in(&[one.path().to_path_buf(), two.path().to_path_buf()]).unwrap();
        assert_eq!(tools.node, one.path().join("athanor-node"));
        assert_eq!(tools.worker, one.path().join("gpu-worker"));
        assert_eq!(tools.cli, two.path().join("athanor"));
    }

    #[test]
    fn a_missing_binary_is_named_with_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        let error = Tools::find_in(&[empty.path().to_path_buf()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("`athanor-node` is not built"), "{error}");
        assert!(error.contains("make build"), "{error}");
    }
}
