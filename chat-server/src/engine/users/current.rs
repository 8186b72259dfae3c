//! The current nickname of a user: the one that was chosen last, on whatever device, or by those who run the chat.

use std::collections::HashMap;

use chat_core::{Nickname, Refusal, RefusalCode, Timestamp, UserId};
use chat_store::{ClaimKind, Claimed, OwnerKey, StoreError, UserStore};

use super::devices::device_of;
use super::holder::Holder;
use super::{Identities, IdentityError, NicknameClaim, User, taken};
use crate::engine::limits::Limits;

/// How long a nickname that was taken away stays so without a limit: a hundred years.
const FOR_GOOD: std::time::Duration = std::time::Duration::from_secs(36_500 * 24 * 60 * 60);

/// The user who has the nicknames that were taken away.
const NOBODY: UserId = UserId::from_stored(0);

/// Maximum number of users that are looked up at once.
const MOST_AT_ONCE: usize = 1000;

/// Takes a nickname away from its user, or blocks it, until a time, or for good: nobody can claim it. The user keeps
/// everything else. For those who run the chat. Returns the user who had it.
///
/// # Errors
/// When the store fails. Nothing was changed.
pub async fn take_nickname(
    store: &dyn UserStore,
    nickname: &Nickname,
    until: Option<Timestamp>,
) -> Result<Option<UserId>, StoreError> {
    let had_it = store.find_nickname(&nickname.key()).await?;
    let now = Timestamp::now();
    let until = until.unwrap_or_else(|| now.plus(FOR_GOOD));
    let claim = NicknameClaim::new(nickname.clone(), OwnerKey::NOBODY, NOBODY, now, until);
    store.claim_nickname(&claim.with_kind(ClaimKind::Withdrawn)).await?;
    Ok(had_it.map(|(user, _)| user))
}

/// Gives a nickname back that was [taken away](take_nickname): whoever claims it next has it. Returns whether it was taken
/// away.
///
/// # Errors
/// When the store fails. Nothing was changed.
pub async fn free_nickname(store: &dyn UserStore, nickname: &Nickname) -> Result<bool, StoreError> {
    let now = Timestamp::now();
    let claim = NicknameClaim::new(nickname.clone(), OwnerKey::NOBODY, NOBODY, now, now);
    let freed = store.claim_nickname(&claim.with_kind(ClaimKind::Renew)).await?;
    Ok(matches!(freed, Claimed::Yes(_)))
}

/// Gives a user another nickname, if nobody else has it or one that looks like it, and returns whether that is so. For those
/// who run the chat. The old one stays the user's for its lifetime; so does the new one, from its next use on.
///
/// # Errors
/// When the store fails. Nothing was changed.
pub async fn rename(
    store: &dyn UserStore,
    user: UserId,
    nickname: &Nickname,
) -> Result<bool, StoreError> {
    let now = Timestamp::now();
    let Some((_, of)) = device_of(store, user, now).await? else { return Ok(false) };
    let until = now.plus(Limits::default().nickname_lifetime);
    let claim = NicknameClaim::new(nickname.clone(), of.owner, user, now, until).chosen();
    Ok(store.claim_nickname(&claim).await? == Claimed::Yes(user))
}

impl Identities {
    /// Returns the current nicknames of users, without those who have none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn nicknames(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Nickname>, StoreError> {
        let mut names = HashMap::with_capacity(users.len());
        for users in users.chunks(MOST_AT_ONCE) {
            names.extend(self.finding.watch(self.store.nicknames_of(users).await)?);
        }
        Ok(names)
    }

    /// Returns a user under the current nickname, if the user has come with another one: it may be that of a device that
    /// has not heard of a change. If the store fails, the user goes on under the old one.
    pub(crate) async fn under_current_name(&self, user: User) -> User {
        match self.named_now(&user).await {
            Ok(Some(now)) => now,
            Ok(None) | Err(_) => user,
        }
    }

    /// Returns a user under the current nickname; none if the user has no nickname any more.
    pub(crate) async fn named_now(&self, user: &User) -> Result<Option<User>, IdentityError> {
        let names = self.finding.watch(self.store.nicknames_of(&[user.id]).await)?;
        let Some((_, current)) = names.into_iter().next() else { return Ok(None) };
        if current == user.nickname {
            return Ok(Some(user.clone()));
        }
        let now = self.claim(&current, user.holder(), ClaimKind::Renew).await?;
        // It may have become another user's.
        Ok(Some(match now.filter(|now| now.id == user.id) {
            Some(now) => User { until: user.until, claims: user.claims.clone(), ..now },
            None => user.clone(),
        }))
    }

    /// Makes a nickname that a user has the current one.
    pub(super) async fn make_current(&self, user: &User) -> Result<(), IdentityError> {
        let names = self.finding.watch(self.store.nicknames_of(&[user.id]).await)?;
        if names.first().is_some_and(|(_, current)| *current != user.nickname) {
            self.choose(&user.nickname, user.holder(), ClaimKind::Renew).await?;
        }
        Ok(())
    }

    /// Gives a user another nickname, for the application: nothing limits how many. The old one stays the user's for its
    /// lifetime.
    pub(crate) async fn rename_user(
        &self,
        id: UserId,
        nickname: &Nickname,
    ) -> Result<User, IdentityError> {
        self.check_chosen()?;
        let holder = self.holder_of(id).await?;
        let user = self.choose(nickname, holder, ClaimKind::New).await?;
        user.filter(|user| user.id == id).ok_or_else(|| taken().into())
    }

    /// Returns whoever has one of a user's devices.
    async fn holder_of(&self, id: UserId) -> Result<Holder, IdentityError> {
        let found = device_of(&*self.store, id, self.clock.earliest()).await;
        if let Some((credential, of)) = self.finding.watch(found)? {
            return Ok(Holder::kept(credential, of));
        }
        let message = "none of the user's devices is known";
        Err(Refusal::new(RefusalCode::UnknownNickname, message).into())
    }
}
