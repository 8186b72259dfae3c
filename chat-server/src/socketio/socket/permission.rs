//! The requests of a connection, as far as the policy allows them.

use std::sync::Arc;

use chat_core::{Refusal, RoomId};

use super::connection::{Connection, Request};
use crate::engine::policy::{Action, Denied, Permit};

/// Carries out a request in its turn, once the policy allows it; else refuses it. Without a policy, or while the decision
/// is remembered, at once if no other request waits.
///
/// `actions` says what to ask, when it is the turn of the request. What needs no question has no effect that needs a
/// permit, such as a refusal for another reason. `effect` must be short.
pub(crate) fn in_turn(
    connection: &Arc<Connection>,
    actions: impl FnOnce(&Connection) -> Vec<Action> + Send + 'static,
    request: Request,
    effect: impl FnOnce(&Arc<Connection>, Request) + Send + 'static,
) {
    let later = Arc::clone(connection);
    let Some(access) = &connection.access else {
        return connection.requests.now_or_later(move || effect(&later, request));
    };
    // The events of a connection are handled one after the other: nobody takes the turn from this.
    if let Some(turn) = connection.requests.turn() {
        let actions = actions(connection);
        match access.permit_now(&actions) {
            Some(Ok(_permit)) => effect(connection, request),
            Some(Err(refusal)) => request.refuse(refusal),
            None => {
                drop(turn);
                connection.requests.later(ask(later, actions, request, effect));
            }
        }
        return;
    }
    connection.requests.later(async move {
        let actions = actions(&later);
        ask(later, actions, request, effect).await;
    });
}

async fn ask(
    connection: Arc<Connection>,
    actions: Vec<Action>,
    request: Request,
    effect: impl FnOnce(&Arc<Connection>, Request) + Send + 'static,
) {
    let permit = connection.gone.run_until_cancelled(connection.permit(&actions)).await;
    match permit {
        Some(Ok(_permit)) => effect(&connection, request),
        Some(Err(denied)) => request.refuse(denied.into()),
        // Nobody waits for it any more.
        None => {}
    }
}

impl Connection {
    /// Returns a permit if the policy allows all of these actions. Cancel safe.
    pub(crate) async fn permit(&self, actions: &[Action]) -> Result<Permit<'_>, Denied> {
        match &self.access {
            Some(access) => access.permit(actions).await,
            None => Ok(Permit::without_policy()),
        }
    }

    /// Returns a permit if these actions are known to be allowed, the refusal if one is refused, and none if that must be
    /// asked.
    pub(crate) fn permit_now(
        &self,
        action: impl FnOnce() -> Action,
    ) -> Option<Result<Permit<'_>, Refusal>> {
        match &self.access {
            Some(access) => access.permit_now(&[action()]),
            None => Some(Ok(Permit::without_policy())),
        }
    }

    /// Returns a permit to hand over messages of a room that were read before.
    pub(crate) fn permit_read(&self, room: &RoomId) -> Result<Permit<'_>, Denied> {
        match &self.access {
            Some(access) => access.permit_read(room),
            None => Ok(Permit::without_policy()),
        }
    }
}
