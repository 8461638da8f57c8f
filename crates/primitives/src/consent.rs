//! What a worker key signs before a provider may bind it.

/// Length of [`worker_consent`] in bytes.
pub const CONSENT_LEN: usize = 14 + 32 + 32;

/// The message `"athanor/worker" ‖ genesis ‖ provider` that a worker key signs with
/// sr25519: "I sign for this provider on this chain". Without it anybody could bind a
/// key that is not theirs, and have its owner do their jobs.
pub fn worker_consent(genesis: &[u8; 32], provider: &[u8; 32]) -> [u8; CONSENT_LEN] {
    let mut message = [0; CONSENT_LEN];
    let parts = b"athanor/worker".iter().chain(genesis).chain(provider);
    for (to, from) in message.iter_mut().zip(parts) {
        *to = *from;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_all_of_its_parts() {
        let message = worker_consent(&[1; 32], &[2; 32]);
        assert_eq!(&message[..14], b"athanor/worker");
        assert_eq!(message[14..46], [1; 32]);
        assert_eq!(message[46..], [2; 32]);
    }
}
