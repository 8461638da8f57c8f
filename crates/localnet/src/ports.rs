//! Free ports.

use anyhow::{bail, Context, Result};
use std::{
    fs::File,
    net::TcpListener,
    sync::{Mutex, PoisonError},
};

/// Below the range from which Linux takes the ports of outgoing connections (32,768 on), so that
/// none of those can take a port between its choice and its use.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// The locks on the ports that this program has given out, held until it ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A free TCP port of the loopback interface, never the same twice, and never one that another
/// running program of this kind was given: each has a lock file in the system's temporary folder.
///
/// # Errors
///
/// If the folder cannot be written, or every port is taken.
pub fn free() -> Result<u16> {
    let folder = std::env::temp_dir().join("athanor-ports");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("could not make {}", folder.display()))?;
    let count = u32::from(LAST - FIRST);
    // Programs that start together begin at different ports.
    let start = std::process::id().wrapping_mul(97) % count;
    for step in 0..count {
        let port = FIRST + ((start + step) % count) as u16;
        let path = folder.join(port.to_string());
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("could not open {}", path.display()))?;
        if lock.try_lock().is_err() || TcpListener::bind(("127.0.0.1", port)).is_err() {
            continue;
        }
        HELD.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(lock);
        return Ok(port);
    }
    bail!("no free port from {FIRST} to {LAST}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_out_twice() {
        let ports: Vec<u16> = (0..50).map(|_| free().unwrap()).collect();
        let distinct: std::collections::BTreeSet<&u16> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len());
    }

    #[test]
    fn a_port_stays_locked_for_other_programs() {
        let port = free().unwrap();
        let path = std::env::temp_dir()
            .join("athanor-ports")
            .join(port.to_string());
        assert!(File::open(path).unwrap().try_lock().is_err());
    }
}
