use async_trait::async_trait;
use chat_core::{Nickname, NicknameKey, PersonId, Timestamp};

use crate::StoreError;

/// What shows whose a nickname is: a hash of the secret that its owner holds.
///
/// Whoever reads the store cannot make the secret out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerKey(pub [u8; 32]);

/// A wish to have a nickname, or to go on having it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicknameClaim {
    /// The name, written as its owner wants it. Names with the same [key](Nickname::key) are the same.
    pub nickname: Nickname,
    /// Who claims it.
    pub owner: OwnerKey,
    /// Who its owner will be, if the name is not this owner's already. Random.
    pub person: PersonId,
    /// The present moment.
    pub now: Timestamp,
    /// From when on another owner may claim it.
    pub expires_at: Timestamp,
}

/// What became of a [`NicknameClaim`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The name is the claimant's, who is this person: the one of the claim, or the same as before.
    Yes(PersonId),
    /// It is somebody else's. Nothing was changed.
    Taken,
}

/// Where it is kept who has which nickname.
///
/// # Contract
///
/// - **One owner.** Of claims to one name by several owners, at once and over all processes that share the
///   store, one gets it; until it has expired the others do not.
/// - **One person.** An owner's claims to one name always give the same person, as long as no other owner got
///   the name in between. An owner who gets a name that was another's is another person, also one who had
///   it before.
/// - **Durable** as messages are.
/// - **Cancel safe.** A dropped call has happened as a whole or not at all; claiming again is harmless.
///
/// The module `testkit` (feature `testkit`) checks it. When the store is also a
/// [`MessageStore`](crate::MessageStore) and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait NicknameStore: Send + Sync + 'static {
    /// Gives a nickname to an owner, if nobody has it, the owner has it, or its time has expired.
    ///
    /// How it is written and when it expires is then as the claim says.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError>;

    /// Who has the nickname with this key, or had it last, and how it is written.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(PersonId, Nickname)>, StoreError>;
}
