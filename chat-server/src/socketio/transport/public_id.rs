/// The number of characters of a public id, as in Socket.IO. Each has six random bits.
const LENGTH: usize = 20;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Creates a public id of a connection, which its client knows as `socket.id`.
///
/// It is unrelated to the id of the Engine.IO session, which is a secret: anyone who knows that can act as the
/// client. None if the operating system returns no random numbers.
pub(super) fn public_id() -> Option<String> {
    let mut random = [0; LENGTH];
    getrandom::fill(&mut random).ok()?;
    Some(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let ids: BTreeSet<String> = (0..1000).filter_map(|_| public_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == LENGTH));
    }
}
