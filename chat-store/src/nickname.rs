use async_trait::async_trait;
use chat_core::{Nickname, NicknameKey, Timestamp, UserId};

use crate::StoreError;

/// Identifies the owner of a nickname: a hash of the owner's secret.
///
/// Someone who reads the store cannot recover the secret from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerKey(pub [u8; 32]);

impl OwnerKey {
    /// The owner of nicknames that were [taken away](ClaimKind::Withdrawn): no secret has this hash.
    pub const NOBODY: Self = Self([0xff; 32]);
}

/// A request to get a nickname, or to keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NicknameClaim {
    /// The nickname as its owner writes it. Nicknames with the same [key](Nickname::key) are the same.
    pub nickname: Nickname,
    /// The claimant.
    pub owner: OwnerKey,
    /// The user id of the owner if the nickname is not this owner's already: the id that the owner has, or a random one.
    pub user: UserId,
    /// The current time.
    pub now: Timestamp,
    /// When another owner may claim it.
    pub expires_at: Timestamp,
    /// The conditions under which it is granted.
    pub kind: ClaimKind,
    /// Whether the nickname becomes the user's [current](NicknameStore::nicknames_of) one if the owner has it already. A
    /// nickname that the owner has not had becomes it in any case.
    pub is_chosen: bool,
}

/// The conditions under which a [`NicknameClaim`] is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClaimKind {
    /// To keep a nickname: only if its last owner is the claimant.
    Renew,
    /// Also to get a free nickname that does not [look like](Nickname::skeleton) that of another owner.
    New,
    /// Also if it looks like that of another owner: the issuer of the names is responsible.
    Issued,
    /// Also if another owner has it: those who run the chat take it away. For [`OwnerKey::NOBODY`].
    Withdrawn,
}

impl NicknameClaim {
    /// Creates a claim of [`ClaimKind::New`], made at `now`. If it is granted, another owner may claim the nickname
    /// from `expires_at` on.
    pub fn new(
        nickname: Nickname,
        owner: OwnerKey,
        user: UserId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let (kind, is_chosen) = (ClaimKind::New, false);
        Self { nickname, owner, user, now, expires_at, kind, is_chosen }
    }

    /// Sets the conditions under which it is granted.
    #[must_use]
    pub fn with_kind(self, kind: ClaimKind) -> Self {
        Self { kind, ..self }
    }

    /// Makes the nickname the user's [current](NicknameStore::nicknames_of) one, also if the owner has it already.
    #[must_use]
    pub fn chosen(self) -> Self {
        Self { is_chosen: true, ..self }
    }

    /// Decides this claim, for implementations of stores. `held` is the last granted claim to the nickname, with the
    /// user who has it. `is_imitation` returns whether another owner has an unexpired nickname with the same
    /// [skeleton](Nickname::skeleton).
    ///
    /// An owner who keeps a nickname in the same spelling is not checked for imitation: two nicknames that looked
    /// alike before this check existed both stay.
    pub fn decide(&self, held: Option<&Self>, is_imitation: impl FnOnce() -> bool) -> Claimed {
        let own = held.filter(|held| held.owner == self.owner);
        let is_held = held.is_some_and(|held| held.expires_at > self.now);
        let stays = is_held && own.is_some_and(|own| own.nickname == self.nickname);
        let may_have = match self.kind {
            ClaimKind::Renew => own.is_some(),
            ClaimKind::New | ClaimKind::Issued => own.is_some() || !is_held,
            ClaimKind::Withdrawn => true,
        };
        let may_imitate = matches!(self.kind, ClaimKind::Issued | ClaimKind::Withdrawn);
        if !may_have || (!may_imitate && !stays && is_imitation()) {
            return Claimed::Taken;
        }
        Claimed::Yes(own.map_or(self.user, |own| own.user))
    }

    /// Returns what to keep of this claim once it is granted to a user, for implementations of stores: its `now` is the
    /// time when the nickname became the user's, or was chosen last. `held` is what was kept before.
    #[must_use]
    pub fn granted(&self, held: Option<&Self>, user: UserId) -> Self {
        let own = held.filter(|held| held.owner == self.owner && !self.is_chosen);
        Self { user, now: own.map_or(self.now, |own| own.now), ..self.clone() }
    }
}

/// Maximum number of users whose nicknames [`NicknameStore::nicknames_of`] returns at once.
pub(crate) const MAX_NAMED_USERS: usize = 1000;

/// Maximum number of nicknames per sweep, so that others do not wait.
pub(crate) const MAX_SWEPT_NICKNAMES: usize = 1000;

/// The result of a [`NicknameClaim`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The claimant owns the nickname and is this user: the one of the claim, or the same as before.
    Yes(UserId),
    /// The nickname belongs to another owner or looks like one that does, or a renewal came from someone else than
    /// its owner. Nothing was changed.
    Taken,
}

/// A store of nicknames and their owners.
///
/// # Contract
///
/// - **One owner.** Of claims to one nickname by several owners, even concurrent ones in all processes that share the
///   store, one is granted; the others are not until it has expired. The same holds for [new](ClaimKind::New) claims
///   to nicknames that look alike.
/// - **One user.** An owner's claims to one nickname always give the same user, unless another owner got the
///   nickname in between or it was [swept](Self::sweep_nicknames). An owner who gets a nickname that was another's is
///   the user of the claim, even if it had the nickname before as another one.
/// - **Durable** like messages.
/// - **Cancel safe.** A dropped call has happened completely or not at all; claiming again is harmless.
///
/// The module `testkit` (feature `testkit`) checks it. If the store is also a [`MessageStore`](crate::MessageStore)
/// and was closed, all calls fail with [`StoreError::Closed`].
#[async_trait]
pub trait NicknameStore: Send + Sync + 'static {
    /// Gives a nickname to an owner if it is free, belongs to that owner, or has expired, subject to the
    /// [kind](NicknameClaim::kind) of the claim.
    ///
    /// The claim then determines its spelling and expiry time.
    ///
    /// # Errors
    /// Nothing was changed; see [`StoreError::is_retryable`].
    async fn claim_nickname(&self, claim: &NicknameClaim) -> Result<Claimed, StoreError>;

    /// Returns the current or last owner of the nickname with this key, and its spelling; none if it was taken away and
    /// belongs to [nobody](OwnerKey::NOBODY).
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn find_nickname(
        &self,
        key: &NicknameKey,
    ) -> Result<Option<(UserId, Nickname)>, StoreError>;

    /// Returns the current nickname of each of these users: of those that are theirs, also expired ones, the one that
    /// became a user's last, or was [chosen](NicknameClaim::chosen) last. In no particular order, without users who have
    /// none. Up to 1,000 users at once; more are not looked up.
    ///
    /// # Errors
    /// See [`StoreError::is_retryable`].
    async fn nicknames_of(&self, users: &[UserId]) -> Result<Vec<(UserId, Nickname)>, StoreError>;

    /// Deletes nicknames that expired at `now` or earlier and whose users have neither sent nor received a private
    /// message, so that nothing of theirs is left. A nickname with private messages keeps its user until another
    /// user claims it.
    ///
    /// Checks up to 1,000 nicknames after `after`, in an order of its own, and returns the last one: pass it to the
    /// next call. Returns none at the end.
    ///
    /// # Errors
    /// Nothing was deleted; see [`StoreError::is_retryable`].
    async fn sweep_nicknames(
        &self,
        now: Timestamp,
        after: Option<&NicknameKey>,
    ) -> Result<Option<NicknameKey>, StoreError>;
}
