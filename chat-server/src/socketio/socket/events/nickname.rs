use std::sync::Arc;

use chat_core::Refusal;
use chat_core::event::{NICKNAME, Named, NicknameRequest};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::super::keeper::keep_name;
use super::super::standing::settle;
use crate::engine::delivery::Answer;
use crate::engine::policy::Action;
use crate::engine::users::{Given, IdentityError, Taken};

/// [`chat_core::event::NICKNAME`].
pub(crate) struct NicknameEvent;

impl Event for NicknameEvent {
    const NAME: &'static str = NICKNAME;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = NicknameRequest;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        NicknameRequest::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, asked: NicknameRequest, request: Request) {
        let connection = Arc::clone(connection);
        Arc::clone(&connection).requests.later(async move {
            // Dropped if the client is gone: nobody learns the token then.
            let gone = connection.gone.clone();
            gone.run_until_cancelled(take(&connection, asked, request)).await;
        });
    }
}

async fn take(connection: &Arc<Connection>, asked: NicknameRequest, request: Request) {
    let NicknameRequest { nickname, token, invitation, label, .. } = asked;
    let is_allowed = connection.permit(&[Action::TakeNickname(nickname.clone())]).await.map(drop);
    if let Err(denied) = is_allowed {
        return request.refuse(denied.into());
    }
    let (identities, source) = (&connection.services.identities, connection.source);
    let before = connection.user();
    let named = match (token, &before) {
        (None, Some(user)) => {
            // The same user continues under another nickname, kept by the same token.
            let renamed = identities.rename(user, &nickname, source).await;
            renamed.map(|user| (user, connection.token()))
        }
        (token, _) => {
            let known = before.as_ref().map(|user| user.id);
            let given = Given { token, invitation, label };
            let taken = identities.take(nickname, given, known, source).await;
            taken.map(|Taken { user, token, .. }| (user, Some(token)))
        }
    };
    match named {
        Ok((user, token)) => {
            let named = Named::new(user.nickname.clone(), token.clone()).with_user(user.id);
            let is_renamed =
                before.is_some_and(|it| it.id == user.id && it.nickname != user.nickname);
            connection.identify(Arc::new(user), token);
            keep_name(connection);
            // The user may not be allowed what the client was without a name, or as another user.
            settle(connection).await;
            request.answer(Answer::Named(named));
            if is_renamed {
                connection.tell_own_devices().await;
            }
        }
        Err(IdentityError::Refused(refusal)) => request.refuse(refusal),
        // Silence makes the client retry.
        Err(IdentityError::Store(error)) => {
            tracing::debug!("a nickname could not be claimed: {error}");
        }
    }
}
