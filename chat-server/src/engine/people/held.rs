use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::{Nickname, PersonId, Timestamp};
use chat_store::OwnerKey;
use tokio::time::Instant;

/// Of more names than this nothing is remembered: claiming them again is only slower.
const CAPACITY: usize = 20_000;

/// Names that were claimed so recently that nobody else can have them, so that the store needs not be asked
/// when many people connect again at once.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<Nickname, Claim>>);

/// A claim that was granted.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) owner: OwnerKey,
    pub(super) person: PersonId,
    /// How long it is relied on, well before it expires.
    pub(super) until: Instant,
    /// When it expires: a machine that slept does not know for how long.
    pub(super) expires_at: Timestamp,
}

impl Held {
    /// The person who has this name, written so, if it certainly is this owner.
    pub(super) fn find(
        &self,
        nickname: &Nickname,
        owner: OwnerKey,
        now: Timestamp,
    ) -> Option<PersonId> {
        let claims = self.lock();
        let claim = claims.get(nickname)?;
        let is_held = Instant::now() < claim.until && now < claim.expires_at;
        (claim.owner == owner && is_held).then_some(claim.person)
    }

    /// Notes a claim that was granted.
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

    fn lock(&self) -> MutexGuard<'_, HashMap<Nickname, Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
