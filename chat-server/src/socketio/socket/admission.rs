//! What the policy lets a client in with.

use std::sync::Arc;

use chat_core::event::{NotJoined, RoomNotJoined};
use chat_core::{Nickname, RoomId, Timestamp};
use socketioxide::extract::SocketRef;

use super::services::Services;
use super::session::ChatSession;
use crate::engine::planted::{self, Bug};
use crate::engine::policy::{Access, Action, Denied, Identity, PolicyError, Standing};
use crate::engine::users::User;
use crate::socketio::client_address::ClientAddress;

/// Asks whether a client may connect, and begins to remember decisions about it. None without a policy.
pub(super) async fn admit(
    services: &Services,
    socket: &SocketRef,
    user: Option<&User>,
) -> Result<Option<Arc<Access>>, Denied> {
    let Some(gate) = &services.gate else { return Ok(None) };
    let identity = identity(socket);
    let identity = match user {
        Some(user) => identity.of_user(user),
        None => identity,
    };
    let access = gate.enter(identity);
    check(&access, Action::Connect).await?;
    Ok(Some(access))
}

/// Asks whether a client that connects may take this nickname.
pub(super) async fn may_take(
    services: &Services,
    socket: &SocketRef,
    nickname: &Nickname,
) -> Result<(), Denied> {
    let Some(gate) = &services.gate else { return Ok(()) };
    check(&gate.enter(identity(socket)), Action::TakeNickname(nickname.clone())).await
}

async fn check(access: &Access, action: Action) -> Result<(), Denied> {
    access.permit(&[action]).await.map(drop)
}

fn identity(socket: &SocketRef) -> Identity {
    let address = ClientAddress::of(&socket.req_parts().extensions);
    address.map_or_else(Identity::anonymous, |it| Identity::anonymous().with_address(it.0))
}

/// The rooms of a client that connects, as far as the policy is concerned.
#[derive(Default)]
pub(super) struct Rooms {
    /// Those that it is not in, and why.
    refused: Vec<RoomNotJoined>,
    /// Those that it is in without seeing who else is.
    pub(super) unseen: Vec<RoomId>,
}

impl Rooms {
    /// Takes the rooms that a client may not be in out of its session; a new one joins them all.
    pub(super) async fn admit(
        access: Option<&Arc<Access>>,
        session: &mut ChatSession,
        is_new: bool,
    ) -> Result<Self, PolicyError> {
        let mut these = Self::default();
        let Some(access) = access else { return Ok(these) };
        let mut standing = Standing::of(access);
        // It is remembered.
        standing.ask(Action::Connect).await?;
        if !is_new && planted::is(Bug::RecoveryUnasked) {
            standing.settle();
            return Ok(these);
        }
        let rooms: Vec<RoomId> = session.following.rooms.keys().cloned().collect();
        for room in rooms {
            let mut refusal = match is_new {
                true => {
                    access.verdict(&Action::Join(room.clone())).await?.refusal.as_deref().cloned()
                }
                false => None,
            };
            if refusal.is_none() {
                refusal = standing.ask(Action::Read(room.clone())).await?;
            }
            if let Some(refusal) = refusal {
                session.following.leave(&room);
                let told = RoomNotJoined::new(room.as_str().to_owned(), refusal);
                session.exclusions.add(Timestamp::now(), told.clone());
                these.refused.push(told);
            } else if standing.ask(Action::SeeUsers(room.clone())).await?.is_some() {
                these.unseen.push(room);
            }
        }
        // If access has changed meanwhile, it is asked again before anything is delivered.
        standing.settle();
        Ok(these)
    }

    /// Returns what to tell the client: of others, such as rooms in its `auth` that are none, and of those that it may not
    /// be in.
    pub(super) fn not_joined(&mut self, others: Vec<RoomNotJoined>) -> Option<NotJoined> {
        let mut rooms = others;
        rooms.append(&mut self.refused);
        rooms.truncate(NotJoined::MAX_ROOMS);
        (!rooms.is_empty()).then(|| NotJoined::new(rooms))
    }
}
