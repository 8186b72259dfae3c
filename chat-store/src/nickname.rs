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
    /// What it is granted for.
    pub kind: ClaimKind,
}

/// For what a [`NicknameClaim`] is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClaimKind {
    /// To go on having a name: only when its last owner is the claimant.
    Renew,
    /// Also to have a name that nobody has, and that [looks like](Nickname::skeleton) none that somebody else has.
    New,
    /// Also when it looks like one that somebody else has: whoever issues the names answers for that.
    Issued,
}

impl NicknameClaim {
    /// What becomes of this claim, for whoever writes a store: `held` is the last claim to the name that was
    /// granted, with the person who has it, and `is_imitation` says whether another owner has a name with the same
    /// [skeleton](Nickname::skeleton) that has not expired.
    ///
    /// Who goes on having a name that is written as before is not asked what it looks like: two names that looked
    /// alike before anybody compared them both stay.
    pub fn decide(&self, held: Option<&Self>, is_imitation: impl FnOnce() -> bool) -> Claimed {
        let own = held.filter(|held| held.owner == self.owner);
        let is_held = held.is_some_and(|held| held.expires_at > self.now);
        let stays = is_held && own.is_some_and(|own| own.nickname == self.nickname);
        let may_have = match self.kind {
            ClaimKind::Renew => own.is_some(),
            ClaimKind::New | ClaimKind::Issued => own.is_some() || !is_held,
        };
        if !may_have || (self.kind != ClaimKind::Issued && !stays && is_imitation()) {
            return Claimed::Taken;
        }
        Claimed::Yes(own.map_or(self.person, |own| own.person))
    }
}

/// How many nicknames a sweep looks at: it is not to keep others waiting.
pub(crate) const MAX_SWEPT_NICKNAMES: usize = 1000;

/// What became of a [`NicknameClaim`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The name is the claimant's, who is this person: the one of the claim, or the same as before.
    Yes(PersonId),
    /// It is somebody else's, or looks like a name that is, or it was to be renewed and is not the claimant's.
    /// Nothing was changed.
    Taken,
}

/// Where it is kept who has which nickname.
///
/// # Contract
///
/// - **One owner.** Of claims to one name by several owners, at once and over all processes that share the
///   store, one gets it; until it has expired the others do not. Of [new](ClaimKind::New) claims to names that look
///   alike it is the same.
/// - **One person.** An owner's claims to one name always give the same person, as long as no other owner got
///   the name in between and it was not [swept](Self::sweep_nicknames). An owner who gets a name that was another's
///   is another person, also one who had it before.
/// - **Durable** as messages are.
/// - **Cancel safe.** A dropped call has happened as a whole or not at all; claiming again is harmless.
///
/// The module `testkit` (feature `testkit`) checks it. When the store is also a
/// [`MessageStore`](crate::MessageStore) and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait NicknameStore: Send + Sync + 'static {
    /// Gives a nickname to an owner, if nobody has it, the owner has it, or its time has expired, as far as the
    /// [kind](NicknameClaim::kind) of the claim allows it.
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

    /// Deletes names that expired at `now` or earlier and whose people have neither sent nor received a private
    /// message: nothing is left that belongs to them. A name with private messages leads to its person until
    /// somebody else claims it.
    ///
    /// Looks at the next 1,000 names or fewer after `after`, in an order of its own, and returns the last of them:
    /// where to go on. None when there are no more.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError>;
}
