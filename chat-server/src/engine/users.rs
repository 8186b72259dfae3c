//! The identity of a client: the owner of a nickname, or the user that a signed token names.

mod administrator;
mod clock;
mod credentials;
mod current;
mod devices;
mod guard;
mod held;
mod holder;
mod imported;
mod invitations;
mod issued_name;
mod issuer;
#[cfg(feature = "jwt")]
mod jwt;
mod owner;
mod registration;
mod reserved;
mod strength;
mod sweep;
#[cfg(test)]
mod tests;
mod token_claims;

use std::sync::Arc;
use std::time::Duration;

use chat_core::event::{DeviceLabel, LinkCode, Token};
use chat_core::{Nickname, Refusal, RefusalCode, Timestamp, UserId};
use chat_store::{
    ClaimKind, Claimed, CredentialKey, NicknameClaim, OwnerKey, RoomStore, StoreError, UserStore,
};
use data_encoding::HEXLOWER;
use tokio::time::Instant;

pub use administrator::administrator_code;
use clock::Clock;
pub use current::{free_nickname, rename, take_nickname};
pub use devices::link_code;
pub(crate) use devices::{hash_of_code, random_link_code};
use guard::Guard;
use held::{Claim, Held};
use holder::{Holder, Known};
use reserved::Reserved;

use crate::engine::limits::Limits;
use crate::engine::outage::Outage;
use crate::engine::planted::{self, Bug};
use crate::engine::presence::Presence;
use crate::engine::source::Source;

pub use imported::{ImportedUser, import_user};
pub use invitations::invitation;
pub(crate) use issuer::Issuer;
#[cfg(feature = "jwt")]
pub use jwt::{JwtFileError, JwtFileErrorKind, JwtKeyError, JwtVerifier};
use owner::{administrator, owner};
pub(crate) use owner::{author_of, short_hash};
pub use registration::Registration;
use registration::registration_closed;
pub(crate) use reserved::RESERVED;
pub(crate) use token_claims::TokenClaims;

/// The number of random bytes in a token that the server creates.
const TOKEN_BYTES: usize = 24;

/// The minimum length of a token that keeps a nickname, in bytes: shorter ones could be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// A connected owner's nickname is claimed again after this fraction of its lifetime.
const RENEWALS: u32 = 4;

/// The longest time between renewals: timers have a maximum.
const MAX_RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// A user who has been away for this long may still be shown as present, on this node or another one.
const SHORT_LIFETIME: Duration = Duration::from_secs(60);

/// A connected user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) nickname: Nickname,
    /// The owner of the nickname: the user's first credential.
    pub(crate) owner: OwnerKey,
    /// What has proved that it is this user.
    pub(crate) credential: CredentialKey,
    /// When the token that identifies the user expires, if it does.
    pub(crate) until: Option<Timestamp>,
    /// What else that token says; empty without one.
    pub(crate) claims: Arc<TokenClaims>,
}

impl User {
    fn new(id: UserId, nickname: Nickname, holder: Holder) -> Self {
        let Holder { credential, owner, .. } = holder;
        let claims = claims_of(owner);
        Self { id, nickname, owner, credential, until: None, claims }
    }

    /// Returns the holder of the credential with which the user has come.
    fn holder(&self) -> Holder {
        let Self { id, owner, credential, .. } = self;
        Holder { credential: *credential, owner: *owner, user: Some(*id), is_kept: true }
    }
}

/// What a client gives with a nickname that it takes.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The secret that keeps it.
    pub(crate) token: Option<Token>,
    /// The code of an invitation, for a client that is not a user.
    pub(crate) invitation: Option<LinkCode>,
    /// What the user calls the device, if its token is new.
    pub(crate) label: Option<DeviceLabel>,
}

/// A user with the nickname that a client has taken.
pub(crate) struct Taken {
    pub(crate) user: User,
    /// The token that keeps it.
    pub(crate) token: Token,
    /// Whether the user existed and has not had the nickname.
    pub(crate) is_renamed: bool,
}

/// Why a client could not be identified.
#[derive(Debug)]
pub(crate) enum IdentityError {
    /// The identity is refused for good.
    Refused(Refusal),
    /// The store has failed; a retry may succeed.
    Store(StoreError),
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for IdentityError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Identifies clients.
#[derive(Clone)]
pub(crate) struct Identities {
    store: Arc<dyn UserStore>,
    /// How long an absent owner keeps a nickname.
    lifetime: Duration,
    /// The issuer of signed tokens. Without one, a nickname belongs to whoever claims it first.
    issuer: Option<Arc<dyn Issuer>>,
    registration: Registration,
    /// Where the invitations are; none if rooms are not kept.
    rooms: Option<Arc<dyn RoomStore>>,
    held: Arc<Held>,
    known: Arc<Known>,
    guard: Arc<Guard>,
    clock: Arc<Clock>,
    /// Knows which users are connected, on all nodes.
    presence: Presence,
    claiming: Arc<Outage>,
    finding: Arc<Outage>,
}

/// The rules for claims.
pub(crate) struct Rules<'a> {
    /// How long an absent owner keeps a nickname.
    pub(crate) lifetime: Duration,
    pub(crate) limits: &'a Limits,
    /// Nicknames that nobody can choose.
    pub(crate) reserved: Vec<Nickname>,
    pub(crate) registration: Registration,
    /// The store of the invitations to rooms, if these are kept.
    pub(crate) rooms: Option<Arc<dyn RoomStore>>,
}

impl Identities {
    pub(crate) fn new(
        store: Arc<dyn UserStore>,
        rules: Rules<'_>,
        issuer: Option<Arc<dyn Issuer>>,
        presence: Presence,
    ) -> Self {
        let Rules { lifetime, limits, reserved, registration, rooms } = rules;
        Self {
            store,
            lifetime,
            issuer,
            registration,
            rooms,
            held: Arc::default(),
            known: Arc::default(),
            guard: Arc::new(Guard::new(limits, Reserved::new(reserved))),
            clock: Arc::new(Clock::new(Timestamp::now)),
            presence,
            claiming: Outage::new("claiming nicknames in the store"),
            finding: Outage::new("looking for nicknames in the store"),
        }
    }

    /// Returns whether tokens identify clients, instead of nicknames that they choose.
    pub(crate) fn are_issued(&self) -> bool {
        self.issuer.is_some()
    }

    /// Returns whether clients may become new users.
    pub(crate) fn is_open(&self) -> bool {
        self.registration == Registration::Open
    }

    /// Returns the user that a signed token names; nobody without a key to verify it.
    pub(crate) async fn issued(
        &self,
        token: Option<&Token>,
    ) -> Result<Option<User>, IdentityError> {
        let Some(key) = &self.issuer else { return Ok(None) };
        Ok(Some(self.user_of(key.subject(token)?).await?))
    }

    /// Gives a nickname to the owner of this token, or to a client without a token if nobody has the nickname or one
    /// that looks like it. Also returns the token that keeps it.
    ///
    /// The current owner only has to present the token. Everyone else must follow the rules for new nicknames, and a
    /// claim that is not granted counts as a failed token.
    ///
    /// For a client that is this user already (`known`), the nickname becomes the user's current one. Another client may
    /// not have heard of a change, and gets the current one, unless it gives one that the user has not had.
    pub(crate) async fn take(
        &self,
        nickname: Nickname,
        Given { token, invitation, label }: Given,
        known: Option<UserId>,
        source: Source,
    ) -> Result<Taken, IdentityError> {
        self.check_chosen()?;
        self.guard.admit(source, Some(&nickname))?;
        let (token, is_own) = match token {
            Some(token) => (token, true),
            None => (random_token()?, false),
        };
        let credential = credential_of(&token)?;
        let label = label.map(String::from);
        let taken = async {
            let holder =
                if is_own { self.holder(credential).await? } else { Holder::new(credential) };
            if is_own {
                let again = self.take_again(&nickname, holder, known, label.clone()).await?;
                if let Some(user) = again {
                    return Ok((user, false));
                }
            }
            if is_own && strength::is_weak(token.as_str()) {
                let message =
                    "this token is easily guessed; use 22 random characters or more, or give none";
                return Err(Refusal::new(RefusalCode::InvalidToken, message).into());
            }
            if self.registration == Registration::Invite && holder.user.is_none() {
                let user =
                    self.register(nickname.clone(), holder, (invitation, label), source).await?;
                return Ok((user, false));
            }
            let user = self.claim_new(&nickname, holder, source).await?;
            Ok((self.keep(user, holder, label).await?, holder.user.is_some()))
        };
        let taken: Result<_, IdentityError> = taken.await;
        if let Err(IdentityError::Refused(_)) = &taken {
            self.guard.refused(source, Some(&nickname));
        }
        let (user, is_renamed) = taken?;
        Ok(Taken { user, token, is_renamed })
    }

    /// Gives a nickname to an owner who has it already; none if it is not this owner's.
    async fn take_again(
        &self,
        nickname: &Nickname,
        holder: Holder,
        known: Option<UserId>,
        label: Option<String>,
    ) -> Result<Option<User>, IdentityError> {
        if known.is_some() && known == holder.user {
            let Some(user) = self.choose(nickname, holder, ClaimKind::Renew).await? else {
                return Ok(None);
            };
            return self.keep(user, holder, label).await.map(Some);
        }
        let Some(user) = self.claim(nickname, holder, ClaimKind::Renew).await? else {
            return Ok(None);
        };
        let user = self.keep(user, holder, label).await?;
        Ok(Some(self.under_current_name(user).await))
    }

    /// Makes a client a user by an invitation. Once begun, it goes on if this is dropped: nobody becomes a user and
    /// leaves the invitation as it was.
    async fn register(
        &self,
        nickname: Nickname,
        holder: Holder,
        (code, label): (Option<LinkCode>, Option<String>),
        source: Source,
    ) -> Result<User, IdentityError> {
        let invitation = self.invitation(code.as_ref()).await?;
        let this = self.clone();
        let registered = tokio::spawn(async move {
            let user = this.claim_new(&nickname, holder, source).await?;
            let user = this.keep(user, holder, label).await?;
            this.redeem(&invitation, user).await
        });
        // The process stops.
        registered.await.map_err(|_| StoreError::Closed)?
    }

    /// Claims a nickname for an owner who has not had it. Who is no user becomes one, unless registration is closed.
    async fn claim_new(
        &self,
        nickname: &Nickname,
        holder: Holder,
        source: Source,
    ) -> Result<User, IdentityError> {
        // Before anything is looked up, so that strangers do not learn which names there are.
        if self.registration == Registration::Closed && holder.user.is_none() {
            return Err(registration_closed(self.registration).into());
        }
        let new = self.guard.admit_new(source, nickname)?;
        // By another node's clock it may have expired. Users who have left still count as present for a while, which
        // proves nothing for such a short lifetime.
        let had_it = self.finding.watch(self.store.find_nickname(&nickname.key()).await)?;
        let is_present = |(user, _)| self.presence.is_present(user);
        if self.lifetime > SHORT_LIFETIME && had_it.is_some_and(is_present) {
            // Perhaps by another connection of the same owner, since that owner was last looked for.
            let own = self.claim(nickname, holder, ClaimKind::Renew).await?;
            return own.ok_or_else(|| taken().into());
        }
        let user = self.claim(nickname, holder, ClaimKind::New).await?.ok_or_else(taken)?;
        new.granted();
        Ok(user)
    }

    /// Gives a user another nickname, by the same rules as [`take`](Self::take). The old one stays the user's for its
    /// lifetime.
    pub(crate) async fn rename(
        &self,
        user: &User,
        nickname: &Nickname,
        source: Source,
    ) -> Result<User, IdentityError> {
        self.check_chosen()?;
        self.guard.admit(source, Some(nickname))?;
        let mut holder = user.holder();
        if planted::is(Bug::RenamedIsAnother) {
            holder.user = None;
        }
        if let Some(user) = self.choose(nickname, holder, ClaimKind::Renew).await? {
            return Ok(user);
        }
        let renamed = self.claim_new(nickname, holder, source).await;
        if let Err(IdentityError::Refused(_)) = &renamed {
            self.guard.refused(source, Some(nickname));
        }
        renamed
    }

    /// Checks that a user still owns the nickname and has not revoked the credential, and extends the lifetime of the
    /// nickname.
    pub(crate) async fn renew(&self, user: &User) -> Result<(), IdentityError> {
        let kind = if self.are_issued() { ClaimKind::Issued } else { ClaimKind::Renew };
        self.holder(user.credential).await?;
        let now = self.claim(&user.nickname, user.holder(), kind).await?;
        let still = now.is_some_and(|now| now.id == user.id);
        if still { Ok(()) } else { Err(taken().into()) }
    }

    /// Returns how often to [`renew`](Self::renew).
    pub(crate) fn renewal(&self) -> Duration {
        (self.lifetime / RENEWALS).min(MAX_RENEWAL)
    }

    /// Returns the current or last owner of a nickname, and its spelling.
    pub(crate) async fn find(
        &self,
        nickname: &Nickname,
    ) -> Result<(UserId, Nickname), IdentityError> {
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

    /// Claims a nickname, and returns its owner if the claim is granted.
    async fn claim(
        &self,
        nickname: &Nickname,
        holder: Holder,
        kind: ClaimKind,
    ) -> Result<Option<User>, IdentityError> {
        match self.held.find(nickname, holder.owner, self.clock.latest()) {
            Some(id) => Ok(Some(User::new(id, nickname.clone(), holder))),
            None => self.ask_for(nickname, holder, kind, false).await,
        }
    }

    /// Claims a nickname that becomes the user's current one; otherwise as [`claim`](Self::claim).
    async fn choose(
        &self,
        nickname: &Nickname,
        holder: Holder,
        kind: ClaimKind,
    ) -> Result<Option<User>, IdentityError> {
        self.ask_for(nickname, holder, kind, true).await
    }

    /// Claims a nickname in the store.
    async fn ask_for(
        &self,
        nickname: &Nickname,
        holder: Holder,
        kind: ClaimKind,
        is_chosen: bool,
    ) -> Result<Option<User>, IdentityError> {
        let (owner, now) = (holder.owner, self.clock.earliest());
        let id = holder.user.map_or_else(random_user, Ok)?;
        let expires_at = self.clock.latest().plus(self.lifetime);
        let claim =
            NicknameClaim::new(nickname.clone(), owner, id, now, expires_at).with_kind(kind);
        let claim = if is_chosen { claim.chosen() } else { claim };
        let claimed = self.claiming.watch(self.store.claim_nickname(&claim).await)?;
        let Claimed::Yes(id) = claimed else { return Ok(None) };
        let until = Instant::now() + self.renewal();
        self.held.note(nickname.clone(), Claim { owner, user: id, until, expires_at });
        Ok(Some(User::new(id, nickname.clone(), holder)))
    }
}

/// Returns the claims of a user without a token: the administrator has the role that a token would give.
pub(crate) fn claims_of(owner: OwnerKey) -> Arc<TokenClaims> {
    if owner == administrator() { TokenClaims::admin() } else { TokenClaims::none() }
}

fn taken() -> Refusal {
    let message = "this nickname is somebody else's; choose another one, or give its token";
    Refusal::new(RefusalCode::NicknameTaken, message)
}

fn no_randomness() -> Refusal {
    Refusal::new(RefusalCode::InvalidToken, "no token can be made; give one of your own")
}

fn random_user() -> Result<UserId, Refusal> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|_| no_randomness())?;
    Ok(UserId::from_random(id))
}

fn random_token() -> Result<Token, Refusal> {
    let mut secret = [0; TOKEN_BYTES];
    getrandom::fill(&mut secret).map_err(|_| no_randomness())?;
    HEXLOWER.encode(&secret).try_into().map_err(|_| no_randomness())
}

/// Returns the credential that a token is.
fn credential_of(token: &Token) -> Result<CredentialKey, Refusal> {
    if token.as_str().len() < MIN_TOKEN_BYTES {
        let message = format!("a token needs {MIN_TOKEN_BYTES} characters or more");
        return Err(Refusal::new(RefusalCode::InvalidToken, message));
    }
    Ok(owner("token", &[token.as_str()]).into())
}
