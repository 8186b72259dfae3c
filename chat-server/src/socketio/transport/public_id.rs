use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Creates a public id of a connection, which its client knows as `socket.id`.
///
/// It is unrelated to the id of the Engine.IO session, which is a secret: anyone who knows that can act as the
/// client. None if the operating system returns no random numbers.
pub(super) fn public_id() -> Option<String> {
    // Twenty characters, as in Socket.IO.
    let mut random = [0; 15];
    getrandom::fill(&mut random).ok()?;
    Some(URL_SAFE_NO_PAD.encode(random))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let ids: BTreeSet<String> = (0..1000).filter_map(|_| public_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 20));
    }
}
