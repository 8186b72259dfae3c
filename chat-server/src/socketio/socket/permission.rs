//! The requests of a connection, as far as the policy allows them.

use std::sync::Arc;

use chat_core::{Refusal, RoomId};

use super::connection::{Connection, Request};
use crate::engine::policy::{Action, Denied, Grant};

/// Carries out a request in its turn, once the policy has decided. Without a policy, or while the decision is remembered, at
/// once if no other request waits.
///
/// `actions` says what to ask about the `subject`, when it is the turn of the request. `effect` gets the refusal if the policy
/// does not allow it, and must be short.
pub(crate) fn in_turn<T: Send + 'static>(
    connection: &Arc<Connection>,
    subject: T,
    request: Request,
    actions: impl FnOnce(&Connection, &T) -> Vec<Action> + Send + 'static,
    effect: impl FnOnce(&Connection, T, Request, Result<(), Refusal>) + Send + 'static,
) {
    let later = Arc::clone(connection);
    let Some(access) = &connection.access else {
        return connection.requests.now_or_later(move || effect(&later, subject, request, Ok(())));
    };
    // The events of a connection are handled one after the other: nobody takes the turn from this.
    let Some(turn) = connection.requests.turn() else {
        return connection.requests.later(async move {
            let actions = actions(&later, &subject);
            ask(&later, actions, |allowed| effect(&later, subject, request, allowed)).await;
        });
    };
    let actions = actions(connection, &subject);
    match access.permit_now(&actions) {
        Some(Ok(_grant)) => effect(connection, subject, request, Ok(())),
        Some(Err(refusal)) => effect(connection, subject, request, Err(refusal)),
        None => {
            drop(turn);
            connection.requests.later(async move {
                ask(&later, actions, |allowed| effect(&later, subject, request, allowed)).await;
            });
        }
    }
}

async fn ask(
    connection: &Connection,
    actions: Vec<Action>,
    effect: impl FnOnce(Result<(), Refusal>),
) {
    // Also when the client has left: who sends a message and disconnects expects it to be stored.
    match connection.permit(&actions).await {
        Ok(_grant) => effect(Ok(())),
        Err(denied) => effect(Err(denied.into())),
    }
}

impl Connection {
    /// Returns a grant if the policy allows all of these actions. Cancel safe.
    pub(crate) async fn permit(&self, actions: &[Action]) -> Result<Grant<'_>, Denied> {
        match &self.access {
            Some(access) => access.permit(actions).await,
            None => Ok(Grant::without_policy()),
        }
    }

    /// Returns a grant if these actions are known to be allowed, the refusal if one is refused, and none if that must be
    /// asked.
    pub(crate) fn permit_now(
        &self,
        action: impl FnOnce() -> Action,
    ) -> Option<Result<Grant<'_>, Refusal>> {
        match &self.access {
            Some(access) => access.permit_now(&[action()]),
            None => Some(Ok(Grant::without_policy())),
        }
    }

    /// Returns a grant to hand over messages of these rooms that were read before.
    pub(crate) fn permit_read(&self, rooms: &[RoomId]) -> Result<Grant<'_>, Denied> {
        match &self.access {
            Some(access) => access.permit_read(rooms),
            None => Ok(Grant::without_policy()),
        }
    }
}
