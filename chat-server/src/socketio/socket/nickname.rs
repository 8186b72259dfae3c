use std::sync::Arc;

use chat_core::{NICKNAME, Named, NicknameRequest};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::connection::{Connection, InOrder, Request, TASK_BYTES, json};
use crate::engine::delivery::Answer;
use crate::engine::people::Unidentified;

/// Handles [`chat_core::NICKNAME`].
pub(crate) struct NicknameHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for NicknameHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(NICKNAME, ack_id, event.len() + TASK_BYTES) else {
            return;
        };
        match NicknameRequest::from_event(json(&event)) {
            Ok(asked) => {
                let connection = Arc::clone(connection);
                self.0.turns.later(async move {
                    // Dropped when the client has gone: nobody learns the token any more.
                    let gone = connection.gone.clone();
                    gone.run_until_cancelled(take(&connection, asked, request)).await;
                });
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

async fn take(connection: &Arc<Connection>, asked: NicknameRequest, request: Request) {
    let NicknameRequest { nickname, token } = asked;
    let (identities, source) = (&connection.services.identities, connection.source);
    let named = match (token, connection.person()) {
        (None, Some(person)) => {
            // The same user goes on under another name, kept by the same token.
            let renamed = identities.rename(&person, &nickname, source).await;
            renamed.map(|person| (person, connection.token()))
        }
        (token, _) => {
            let taken = identities.take(nickname, token, source).await;
            taken.map(|(person, token)| (person, Some(token)))
        }
    };
    match named {
        Ok((person, token)) => {
            let nickname = person.nickname.clone();
            connection.identify(Arc::new(person), token.clone());
            connection.keeper.keep(connection);
            request.answer(Answer::Named(Named { nickname, token }));
        }
        Err(Unidentified::Refused(refusal)) => request.refuse(refusal),
        // Silence makes the client try again.
        Err(Unidentified::Store(error)) => {
            tracing::debug!("a nickname could not be claimed: {error}");
        }
    }
}
