use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_core::{Nickname, PersonId};
use chat_store::OwnerKey;
use tokio::time::Instant;

/// Of more names than this nothing is remembered: claiming them again is only slower.
const CAPACITY: usize = 20_000;

/// Names that were claimed so recently that nobody else can have them, so that the store needs not be asked
/// when many people connect again at once.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<Nickname, Claim>>);

#[derive(Debug)]
struct Claim {
    owner: OwnerKey,
    person: PersonId,
    until: Instant,
}

impl Held {
    /// The person who has this name, written so, if it certainly is this owner.
    pub(super) fn find(&self, nickname: &Nickname, owner: OwnerKey) -> Option<PersonId> {
        let claims = self.lock();
        let claim = claims.get(nickname)?;
        (claim.owner == owner && Instant::now() < claim.until).then_some(claim.person)
    }

    /// Notes a claim that was granted and that nobody can undo before `until`.
    pub(super) fn note(
        &self,
        nickname: Nickname,
        owner: OwnerKey,
        person: PersonId,
        until: Instant,
    ) {
        let mut claims = self.lock();
        if claims.len() >= CAPACITY {
            let now = Instant::now();
            claims.retain(|_, claim| now < claim.until);
        }
        if claims.len() < CAPACITY {
            claims.insert(nickname, Claim { owner, person, until });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Nickname, Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
