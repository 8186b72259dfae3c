use std::sync::Arc;

use chat_core::event::{NotJoined, OtherLog, Token};
use chat_core::{
    AccessScope, Nickname, Offset, ParseError, Refusal, RefusalCode, RoomId, Timestamp,
};
use socketioxide::extract::SocketRef;

use super::admission::{Rooms, admit, may_take};
use super::auth::Auth;
use super::connect_error::ConnectError;
use super::connection::source_of;
use super::services::Services;
use super::session::ChatSession;
use crate::engine::policy::{Access, Denied, PolicyError};
use crate::engine::users::{Given, IdentityError, User};
use crate::socketio::recovery::Found;

/// How a client goes on.
pub(crate) struct Accepted {
    /// The session to resume; a new one begins when there is none.
    pub(crate) found: Option<Found<ChatSession>>,
    pub(crate) session: ChatSession,
    pub(crate) cursor: Offset,
    pub(crate) identified: Option<Identified>,
    /// What of its `auth` could not be done.
    pub(crate) not_joined: Option<NotJoined>,
    /// That its position is not in this log.
    pub(crate) other_log: Option<OtherLog>,
    /// What the policy lets it do; none without a policy.
    pub(crate) access: Option<Arc<Access>>,
    /// The rooms in which it may not see others.
    pub(crate) unseen: Vec<RoomId>,
    pub(crate) echo: bool,
}

/// Who a client is, and the token that keeps its nickname when the client is to be told.
pub(crate) type Identified = (User, Option<Token>);

/// Why a client is not accepted.
pub(crate) enum Refused {
    ByApplication(ConnectError),
    IdentityError(IdentityError),
    /// By the policy, or because it cannot decide.
    Denied(Denied),
}

/// A session that a client claims, and its cursor.
struct Resumed {
    found: Found<ChatSession>,
    session: ChatSession,
    cursor: Offset,
}

/// Who claims a session.
enum Claimant {
    /// Its own client, which has shown who it is or is known by the session.
    Known(User),
    /// Its own client, which had no name and takes one now.
    Named(Identified),
    /// Its own client, which has no name.
    Anonymous,
    /// Another client, or one whose name is somebody else's by now. It gets a new session.
    Another,
}

/// Authenticates a client, and finds out who it is and how it goes on: in the session that it claims, or in a new one.
pub(crate) async fn accept(
    services: &Services,
    socket: &SocketRef,
    auth: Auth,
) -> Result<Accepted, Refused> {
    let Services { log, identities, hooks, .. } = services;
    let trusted =
        if hooks.skip_middlewares { resumed(services, socket, &auth).await? } else { None };
    if trusted.is_none()
        && let Some(authenticate) = &hooks.authenticate
    {
        let asked = authenticate(socket.clone(), auth.json.clone());
        asked.await.map_err(Refused::ByApplication)?;
    }
    let issued = identities.issued(auth.handshake.token.as_ref()).await?;
    let resumed = match trusted {
        None => resumed(services, socket, &auth).await?,
        trusted => trusted,
    };
    let Some(Resumed { found, mut session, cursor }) = resumed else {
        return in_new_session(services, socket, auth, issued).await;
    };
    let had_nobody = session.user().is_none();
    let identified = match claimant(services, socket, &auth, &issued, &session).await? {
        Claimant::Known(user) => Some((user, None)),
        Claimant::Named(identified) => Some(identified),
        Claimant::Anonymous => None,
        Claimant::Another => return in_new_session(services, socket, auth, issued).await,
    };
    let access = admit(services, socket, identified.as_ref().map(|(user, _)| user)).await?;
    if let Some((user, _)) = identified.as_ref().filter(|_| had_nobody) {
        session.identify(user, log.tail());
    }
    // It may have left before it heard of these. Later ones it has.
    let unheard = session.exclusions.within(services.limits.unheard(), Timestamp::now());
    // It is in the rooms of its session, as far as it may be.
    let mut rooms = Rooms::admit(access.as_ref(), &mut session, false).await?;
    let not_joined = rooms.not_joined(unheard);
    let (unseen, echo) = (rooms.unseen, auth.handshake.echo);
    let (found, other_log) = (Some(found), None);
    Ok(Accepted { found, session, cursor, identified, not_joined, other_log, access, unseen, echo })
}

/// Accepts a client in a new session.
async fn in_new_session(
    services: &Services,
    socket: &SocketRef,
    auth: Auth,
    issued: Option<User>,
) -> Result<Accepted, Refused> {
    let identified = match issued {
        Some(user) => Some((user, None)),
        None => named(services, socket, &auth).await?,
    };
    let user = identified.as_ref().map(|(user, _)| user);
    let access = admit(services, socket, user).await?;
    let begun = ChatSession::begin(&services.log, &services.limits, &auth.handshake, user).await;
    let (mut session, cursor, other_log) = begun.map_err(IdentityError::Store)?;
    let mut rooms = Rooms::admit(access.as_ref(), &mut session, true).await?;
    let others = auth.not_joined(services.limits.max_rooms);
    let not_joined = rooms.not_joined(others.map_or_else(Vec::new, |others| others.rooms));
    let (found, unseen, echo) = (None, rooms.unseen, auth.handshake.echo);
    Ok(Accepted { found, session, cursor, identified, not_joined, other_log, access, unseen, echo })
}

/// The session that a client claims, if it can go on in it.
async fn resumed(
    services: &Services,
    socket: &SocketRef,
    auth: &Auth,
) -> Result<Option<Resumed>, IdentityError> {
    let found = services.recovery.look_up(socket, &auth.claim).await?;
    let Some(found) = found else { return Ok(None) };
    let resumed = ChatSession::resume(&services.log, &found).await?;
    Ok(resumed.map(|(session, cursor)| Resumed { found, session, cursor }))
}

async fn claimant(
    services: &Services,
    socket: &SocketRef,
    auth: &Auth,
    issued: &Option<User>,
    session: &ChatSession,
) -> Result<Claimant, Refused> {
    Ok(match (issued, session.user()) {
        (Some(issued), Some(user)) if issued.id != user.id => Claimant::Another,
        (Some(issued), _) => Claimant::Known(issued.clone()),
        (None, Some(user)) => match services.identities.renew(&user).await {
            Ok(()) => Claimant::Known(services.identities.under_current_name(user).await),
            Err(IdentityError::Refused(_)) => Claimant::Another,
            Err(error) => return Err(error.into()),
        },
        (None, None) => {
            let named = named(services, socket, auth).await?;
            named.map_or(Claimant::Anonymous, Claimant::Named)
        }
    })
}

/// The user with the nickname that a client connects with, and the token that keeps it.
async fn named(
    services: &Services,
    socket: &SocketRef,
    auth: &Auth,
) -> Result<Option<Identified>, Refused> {
    let (identities, handshake) = (&services.identities, &auth.handshake);
    let Some(name) = handshake.nickname.as_deref().filter(|_| !identities.are_issued()) else {
        return Ok(None);
    };
    let nickname: Nickname = name.parse().map_err(invalid)?;
    may_take(services, socket, &nickname).await?;
    let (token, invitation) = (handshake.token.clone(), handshake.invitation.clone());
    let given = Given { token, invitation, label: None };
    let taken = identities.take(nickname, given, None, source_of(socket)).await?;
    if taken.is_renamed {
        services.access_changed(&AccessScope::User(taken.user.id)).await;
    }
    Ok(Some((taken.user, Some(taken.token))))
}

fn invalid(error: ParseError) -> IdentityError {
    Refusal::invalid(RefusalCode::InvalidNickname, error).into()
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<PolicyError> for Refused {
    fn from(error: PolicyError) -> Self {
        Self::Denied(error.into())
    }
}

impl From<IdentityError> for Refused {
    fn from(reason: IdentityError) -> Self {
        Self::IdentityError(reason)
    }
}
