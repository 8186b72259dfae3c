use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::{Nickname, Timestamp, UserId};
use chat_store::OwnerKey;
use tokio::time::Instant;

/// Maximum number of nicknames remembered; claiming others again is only slower.
const CAPACITY: usize = 20_000;

/// Nicknames that were claimed so recently that nobody else can have them, so that the store need not be asked when
/// many users reconnect at once.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<Nickname, Claim>>);

/// A granted claim.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) owner: OwnerKey,
    pub(super) user: UserId,
    /// When to stop relying on it, well before it expires.
    pub(super) until: Instant,
    /// When it expires: a machine that was suspended does not know for how long.
    pub(super) expires_at: Timestamp,
}

impl Held {
    /// Returns the user with this nickname in this spelling, if it certainly belongs to this owner.
    pub(super) fn find(
        &self,
        nickname: &Nickname,
        owner: OwnerKey,
        now: Timestamp,
    ) -> Option<UserId> {
        let claims = self.lock();
        let claim = claims.get(nickname)?;
        let is_held = Instant::now() < claim.until && now < claim.expires_at;
        (claim.owner == owner && is_held).then_some(claim.user)
    }

    /// Remembers a granted claim.
    pub(super) fn note(&self, nickname: Nickname, claim: Claim) {
        let mut claims = self.lock();
        if claims.len() >= CAPACITY {
            let now = Instant::now();
            claims.retain(|_, claim| now < claim.until);
        }
        if claims.len() < CAPACITY {
            claims.insert(nickname, claim);
        }
    }

    /// Forgets what is remembered of users whose nicknames may have changed, or been taken away.
    pub(super) fn forget(&self, users: &HashSet<UserId>) {
        self.lock().retain(|_, claim| !users.contains(&claim.user));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Nickname, Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
