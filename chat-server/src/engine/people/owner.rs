use chat_store::OwnerKey;
use sha2::{Digest, Sha256};

/// The name under which an owner is kept: `kind` says what the parts are.
///
/// The store compares these hashes and not the secrets, byte by byte if it likes: how long that takes says at most
/// how many bytes of a hash are right, and nobody can make a secret whose hash begins as somebody wants without as
/// many tries as that takes; what is learned is no part of the secret.
pub(super) fn owner(kind: &str, parts: &[&str]) -> OwnerKey {
    let mut hash = Sha256::new_with_prefix(kind);
    for part in parts {
        // With its length, so that no two lists of parts are the same text.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    OwnerKey(hash.finalize().into())
}
