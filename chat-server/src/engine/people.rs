//! Who a client is: the owner of a nickname, or whom a signed token names.

mod clock;
mod guard;
mod held;
mod issuer;
#[cfg(feature = "jwt")]
mod jwt;
mod owner;
mod reserved;
mod strength;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Nickname, PersonId, Refusal, RefusalCode, Timestamp, Token};
use chat_store::{ClaimKind, Claimed, NicknameClaim, NicknameStore, OwnerKey, StoreError};
use tokio::time::{Instant, sleep};

use clock::Clock;
use guard::Guard;
use held::{Claim, Held};
use reserved::Reserved;

use crate::engine::limits::Limits;
use crate::engine::outage::Outage;
use crate::engine::presence::Roster;
use crate::engine::source::Source;

pub(crate) use issuer::Issuer;
use issuer::Subject;
#[cfg(feature = "jwt")]
pub use jwt::{JwtKey, JwtKeyError};
use owner::owner;
pub(crate) use reserved::RESERVED;

/// How many random bytes a token has that the server makes up.
const TOKEN_BYTES: usize = 24;

/// The shortest token that keeps a nickname, in bytes: shorter ones could be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// A nickname is claimed again when this part of its lifetime is over, as long as its owner is connected.
const RENEWALS: u32 = 4;

/// Nobody waits longer than this to renew: what a timer can wait for has an end.
const MAX_RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after one sweep of the names that have expired the next one begins, and how long after the start the
/// first.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Whoever is away for as long as this may still be shown as present, on this node or another one.
const SHORT_LIFETIME: Duration = Duration::from_secs(60);

/// How long a sweep waits before it looks at the next names, so that others get on.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

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
    issuer: Option<Arc<dyn Issuer>>,
    held: Arc<Held>,
    guard: Arc<Guard>,
    clock: Arc<Clock>,
    /// Says who is connected, to whichever node.
    roster: Roster,
    claiming: Arc<Outage>,
    finding: Arc<Outage>,
}

/// What claims are measured by.
pub(crate) struct Rules<'a> {
    /// For how long a nickname is kept for an owner who is not connected.
    pub(crate) lifetime: Duration,
    pub(crate) limits: &'a Limits,
    /// Names that nobody can choose.
    pub(crate) reserved: Vec<Nickname>,
}

impl Identities {
    pub(crate) fn new(
        store: Arc<dyn NicknameStore>,
        rules: Rules<'_>,
        issuer: Option<Arc<dyn Issuer>>,
        roster: Roster,
    ) -> Self {
        let Rules { lifetime, limits, reserved } = rules;
        Self {
            store,
            lifetime,
            issuer,
            held: Arc::default(),
            guard: Arc::new(Guard::new(limits, Reserved::new(reserved))),
            clock: Arc::new(Clock::new(Timestamp::now)),
            roster,
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
        let Subject { owner, nickname, until } = key.subject(token)?;
        // The issuer answers for the name, whatever it is.
        let person = self.claim(&nickname, owner, ClaimKind::Issued).await?.ok_or_else(taken)?;
        Ok(Some(Person { until, ..person }))
    }

    /// Gives a nickname to whoever has this token, and to a client without one if nobody has the name, nor one that
    /// looks like it. Also returns the token that keeps it.
    ///
    /// Whoever has the name already is only asked for the token. Everybody else is held to the rules for new names,
    /// and a claim that is not granted counts as a token that was tried.
    pub(crate) async fn take(
        &self,
        nickname: Nickname,
        token: Option<Token>,
        source: Source,
    ) -> Result<(Person, Token), Unidentified> {
        self.check_chosen()?;
        self.guard.admit(source, &nickname)?;
        let own = match &token {
            Some(token) if token.as_str().len() < MIN_TOKEN_BYTES => {
                let message = format!("a token needs {MIN_TOKEN_BYTES} characters or more");
                return Err(Refusal::new(RefusalCode::InvalidToken, message).into());
            }
            Some(token) => self.claim(&nickname, owner_of(token), ClaimKind::Renew).await?,
            None => None,
        };
        if let (Some(person), Some(token)) = (own, token.clone()) {
            return Ok((person, token));
        }
        let taken = self.take_new(&nickname, token, source).await;
        if let Err(Unidentified::Refused(_)) = &taken {
            self.guard.refused(source, &nickname);
        }
        taken
    }

    /// Gives a nickname to a client that has not had it.
    async fn take_new(
        &self,
        nickname: &Nickname,
        token: Option<Token>,
        source: Source,
    ) -> Result<(Person, Token), Unidentified> {
        let token = match token {
            Some(token) if strength::is_weak(token.as_str()) => {
                let message = "this token is easily guessed; use random characters, or give none";
                return Err(Refusal::new(RefusalCode::InvalidToken, message).into());
            }
            Some(token) => token,
            None => random_token()?,
        };
        Ok((self.claim_new(nickname, owner_of(&token), source).await?, token))
    }

    /// Claims a nickname for an owner who has not had it.
    async fn claim_new(
        &self,
        nickname: &Nickname,
        owner: OwnerKey,
        source: Source,
    ) -> Result<Person, Unidentified> {
        let new = self.guard.admit_new(source, nickname)?;
        // By the clock of another node its time may be over. Who has gone counts as present for a while, which says
        // nothing of a time that is as short.
        let had_it = self.finding.watch(self.store.find_nickname(&nickname.key()).await)?;
        let is_present = |(person, _)| self.roster.is_present(person);
        if self.lifetime > SHORT_LIFETIME && had_it.is_some_and(is_present) {
            return Err(taken().into());
        }
        let person = self.claim(nickname, owner, ClaimKind::New).await?.ok_or_else(taken)?;
        new.granted();
        Ok(person)
    }

    /// Gives another nickname to the owner of a person's, by the same rules as [`take`](Self::take).
    pub(crate) async fn rename(
        &self,
        person: &Person,
        nickname: &Nickname,
        source: Source,
    ) -> Result<Person, Unidentified> {
        self.check_chosen()?;
        self.guard.admit(source, nickname)?;
        if let Some(person) = self.claim(nickname, person.owner, ClaimKind::Renew).await? {
            return Ok(person);
        }
        let renamed = self.claim_new(nickname, person.owner, source).await;
        if let Err(Unidentified::Refused(_)) = &renamed {
            self.guard.refused(source, nickname);
        }
        renamed
    }

    /// Makes sure that a person still has its nickname, and keeps it for the time to come.
    pub(crate) async fn renew(&self, person: &Person) -> Result<(), Unidentified> {
        let kind = if self.are_issued() { ClaimKind::Issued } else { ClaimKind::Renew };
        let now = self.claim(&person.nickname, person.owner, kind).await?;
        let still = now.is_some_and(|now| now.id == person.id);
        if still { Ok(()) } else { Err(taken().into()) }
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

    /// Has names deleted that nobody renews, from time to time, for ever.
    pub(crate) async fn sweep(self) {
        loop {
            sleep(SWEEP_INTERVAL).await;
            let mut after = None;
            loop {
                match self.store.sweep_nicknames(self.clock.earliest(), after.as_ref()).await {
                    Ok(None) => break,
                    Ok(last) => after = last,
                    Err(error) => {
                        tracing::debug!("expired nicknames were not deleted: {error}");
                        break;
                    }
                }
                sleep(SWEEP_PAUSE).await;
            }
        }
    }

    fn check_chosen(&self) -> Result<(), Refusal> {
        if self.are_issued() {
            let message = "your token says who you are; a nickname cannot be chosen";
            return Err(Refusal::new(RefusalCode::NicknameFixed, message));
        }
        Ok(())
    }

    /// The owner of a nickname, when the claim is granted.
    async fn claim(
        &self,
        nickname: &Nickname,
        owner: OwnerKey,
        kind: ClaimKind,
    ) -> Result<Option<Person>, Unidentified> {
        let person = |id| Person { id, nickname: nickname.clone(), owner, until: None };
        let now = self.clock.earliest();
        if let Some(id) = self.held.find(nickname, owner, self.clock.latest()) {
            return Ok(Some(person(id)));
        }
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|_| no_randomness())?;
        let expires_at = self.clock.latest().plus(self.lifetime);
        let claim = NicknameClaim {
            nickname: nickname.clone(),
            owner,
            person: PersonId::from_random(id),
            now,
            expires_at,
            kind,
        };
        let claimed = self.claiming.watch(self.store.claim_nickname(&claim).await)?;
        let Claimed::Yes(id) = claimed else { return Ok(None) };
        let until = Instant::now() + self.renewal();
        self.held.note(nickname.clone(), Claim { owner, person: id, until, expires_at });
        Ok(Some(person(id)))
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

fn owner_of(token: &Token) -> OwnerKey {
    owner("token", &[token.as_str()])
}
