use std::sync::Arc;

use chat_core::Refusal;
use chat_core::event::{TOKEN, Token, TokenTaken, token_from_event};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::super::keeper::keep_name;
use super::super::standing::settle;
use crate::engine::delivery::Answer;
use crate::engine::users::IdentityError;

/// [`chat_core::event::TOKEN`].
pub(crate) struct TokenEvent;

impl Event for TokenEvent {
    const NAME: &'static str = TOKEN;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = Token;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        token_from_event(json)
    }

    fn handle(connection: &Arc<Connection>, token: Token, request: Request) {
        let connection = Arc::clone(connection);
        Arc::clone(&connection).requests.later(async move {
            let gone = connection.gone.clone();
            gone.run_until_cancelled(renew(&connection, token, request)).await;
        });
    }
}

async fn renew(connection: &Arc<Connection>, token: Token, request: Request) {
    let (identities, user) = (&connection.services.identities, connection.user());
    match identities.with_new_token(user.as_deref(), &token, connection.source).await {
        Ok(user) => {
            let taken = TokenTaken::new(user.nickname.clone(), user.until);
            connection.renew(Arc::new(user));
            // It waits for the end of the old token.
            keep_name(connection);
            // The token may allow less, or more, than the one before.
            settle(connection).await;
            request.answer(Answer::TokenTaken(taken));
        }
        Err(IdentityError::Refused(refusal)) => request.refuse(refusal),
        // Silence makes the client retry.
        Err(IdentityError::Store(error)) => {
            tracing::debug!("the nickname of a new token could not be claimed: {error}");
        }
    }
}
