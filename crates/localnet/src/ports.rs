//! Free ports.

use anyhow::{Context, Result};
use std::{collections::BTreeSet, net::TcpListener, sync::Mutex};

/// Ports given out by this program: the system may offer one again before it is bound.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A free TCP port of the loopback interface, never the same twice.
///
/// # Errors
///
/// If the system has none.
pub fn free() -> Result<u16> {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
        let port = listener
            .local_addr()
            .context("a socket without an address")?
            .port();
        if GIVEN
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .insert(port)
        {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_port_is_given_out_twice() {
        let ports: Vec<u16> = (0..50).map(|_| super::free().unwrap()).collect();
        let distinct: std::collections::BTreeSet<&u16> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len());
    }
}
