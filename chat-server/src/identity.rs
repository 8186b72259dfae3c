//! Who a client is: the owner of a nickname, or whom a signed token names.

mod held;
mod jwt;

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Nickname, PersonId, Refusal, RefusalCode, Timestamp, Token};
use chat_store::{Claimed, NicknameClaim, NicknameStore, OwnerKey, StoreError};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::outage::Outage;
use held::Held;

pub use jwt::{JwtKey, JwtKeyError};

/// How many random bytes a token has that the server makes up.
const TOKEN_BYTES: usize = 24;

/// The shortest token that keeps a nickname, in bytes: shorter ones could be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// A nickname is claimed again when this part of its lifetime is over, as long as its owner is connected.
const RENEWALS: u32 = 4;

/// Nobody waits longer than this to renew: what a timer can wait for has an end.
const MAX_RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A person who is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) nickname: Nickname,
    pub(crate) owner: OwnerKey,
    /// When the token that says so expires, if it does.
    pub(crate) until: Option<Timestamp>,
}

/// Why a client is not who it says.
#[derive(Debug)]
pub(crate) enum Unidentified {
    /// It never will be.
    Refused(Refusal),
    /// The store has failed: it may be, later.
    Store(StoreError),
}

impl From<StoreError> for Unidentified {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for Unidentified {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Finds out who clients are.
#[derive(Clone)]
pub(crate) struct Identities {
    store: Arc<dyn NicknameStore>,
    /// For how long a nickname is kept for an owner who is not connected.
    lifetime: Duration,
    /// What tokens have to be signed with. Without it nicknames are whose who claims them first.
    issuer: Option<Arc<JwtKey>>,
    held: Arc<Held>,
    claiming: Arc<Outage>,
    finding: Arc<Outage>,
}

impl Identities {
    pub(crate) fn new(
        store: Arc<dyn NicknameStore>,
        lifetime: Duration,
        issuer: Option<JwtKey>,
    ) -> Self {
        Self {
            store,
            lifetime,
            issuer: issuer.map(Arc::new),
            held: Arc::default(),
            claiming: Outage::new("claiming nicknames in the store"),
            finding: Outage::new("looking for nicknames in the store"),
        }
    }

    /// Whether tokens say who a client is, rather than nicknames that it chooses.
    pub(crate) fn are_issued(&self) -> bool {
        self.issuer.is_some()
    }

    /// The person that a signed token names; nobody without a key to check it.
    pub(crate) async fn issued(
        &self,
        token: Option<&Token>,
    ) -> Result<Option<Person>, Unidentified> {
        let Some(key) = &self.issuer else { return Ok(None) };
        let jwt::Subject { owner, nickname, until } = key.subject(token)?;
        Ok(Some(Person { until, ..self.claim(nickname, owner).await? }))
    }

    /// Gives a nickname to whoever has this token, and to a client without one if nobody has the name. Also
    /// returns the token that keeps it.
    pub(crate) async fn take(
        &self,
        nickname: Nickname,
        token: Option<Token>,
    ) -> Result<(Person, Token), Unidentified> {
        self.check_chosen()?;
        let token = match token {
            Some(token) if token.as_str().len() < MIN_TOKEN_BYTES => {
                let message = format!("a token needs {MIN_TOKEN_BYTES} characters or more");
                return Err(Refusal::new(RefusalCode::InvalidToken, message).into());
            }
            Some(token) => token,
            None => random_token()?,
        };
        let owner = owner("token", &[token.as_str()]);
        Ok((self.claim(nickname, owner).await?, token))
    }

    /// Gives another nickname to the owner of a person's, if nobody else has it.
    pub(crate) async fn rename(
        &self,
        person: &Person,
        nickname: Nickname,
    ) -> Result<Person, Unidentified> {
        self.check_chosen()?;
        self.claim(nickname, person.owner).await
    }

    /// Makes sure that a person still has its nickname, and keeps it for the time to come.
    pub(crate) async fn renew(&self, person: &Person) -> Result<(), Unidentified> {
        let now = self.claim(person.nickname.clone(), person.owner).await?;
        if now.id == person.id { Ok(()) } else { Err(taken().into()) }
    }

    /// How often to [`renew`](Self::renew).
    pub(crate) fn renewal(&self) -> Duration {
        (self.lifetime / RENEWALS).min(MAX_RENEWAL)
    }

    /// Who has a nickname, or had it last, and how it is written.
    pub(crate) async fn find(
        &self,
        nickname: &Nickname,
    ) -> Result<(PersonId, Nickname), Unidentified> {
        let found = self.finding.watch(self.store.find_nickname(&nickname.key()).await)?;
        let message = "nobody has this nickname";
        found.ok_or_else(|| Refusal::new(RefusalCode::UnknownNickname, message).into())
    }

    fn check_chosen(&self) -> Result<(), Refusal> {
        if self.are_issued() {
            let message = "your token says who you are; a nickname cannot be chosen";
            return Err(Refusal::new(RefusalCode::NicknameFixed, message));
        }
        Ok(())
    }

    async fn claim(&self, nickname: Nickname, owner: OwnerKey) -> Result<Person, Unidentified> {
        let person = |id| Person { id, nickname: nickname.clone(), owner, until: None };
        if let Some(id) = self.held.find(&nickname, owner) {
            return Ok(person(id));
        }
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|_| no_randomness())?;
        let now = Timestamp::now();
        let lifetime = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        let claim = NicknameClaim {
            nickname: nickname.clone(),
            owner,
            person: PersonId::from_random(id),
            now,
            expires_at: Timestamp::from_millis(now.as_millis().saturating_add(lifetime)),
        };
        match self.claiming.watch(self.store.claim_nickname(&claim).await)? {
            Claimed::Yes(id) => {
                self.held.note(nickname.clone(), owner, id, Instant::now() + self.renewal());
                Ok(person(id))
            }
            Claimed::Taken => Err(taken().into()),
        }
    }
}

fn taken() -> Refusal {
    let message = "this nickname is somebody else's; choose another one, or give its token";
    Refusal::new(RefusalCode::NicknameTaken, message)
}

fn no_randomness() -> Refusal {
    Refusal::new(RefusalCode::InvalidToken, "no token can be made; give one of your own")
}

fn random_token() -> Result<Token, Refusal> {
    let mut secret = [0; TOKEN_BYTES];
    getrandom::fill(&mut secret).map_err(|_| no_randomness())?;
    let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    token.try_into().map_err(|_| no_randomness())
}

/// The name under which an owner is kept: `kind` says what the parts are.
fn owner(kind: &str, parts: &[&str]) -> OwnerKey {
    let mut hash = Sha256::new_with_prefix(kind);
    for part in parts {
        // With its length, so that no two lists of parts are the same text.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    OwnerKey(hash.finalize().into())
}
