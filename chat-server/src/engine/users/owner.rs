use chat_core::AuthorId;
use chat_store::OwnerKey;
use sha2::{Digest, Sha256};

/// Returns the key that identifies an owner; `kind` says what the parts are.
///
/// The store compares these hashes, not the secrets, and need not do so in constant time. The time reveals at most
/// how many bytes of a hash match. Finding a secret whose hash has a given beginning takes as many tries as guessing
/// that beginning, and reveals nothing about the owner's secret.
pub(super) fn owner(kind: &str, parts: &[&str]) -> OwnerKey {
    let mut hash = Sha256::new_with_prefix(kind);
    for part in parts {
        // With its length, so that different lists of parts never give the same text.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    OwnerKey(hash.finalize().into())
}

/// Returns the owner of the administrator's nicknames: no token is a credential with this hash.
pub(super) fn administrator() -> OwnerKey {
    owner("administrator", &[])
}

/// Returns the author of the messages of an owner.
pub(crate) fn author_of(owner: &OwnerKey) -> AuthorId {
    AuthorId::of_user(short_hash("user", &owner.0))
}

/// Returns the first bytes of a hash; `kind` says of what.
pub(crate) fn short_hash(kind: &str, of: &[u8]) -> [u8; 8] {
    let hash = Sha256::new_with_prefix(kind).chain_update(of).finalize();
    std::array::from_fn(|index| hash[index])
}
