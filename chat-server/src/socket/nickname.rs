use std::sync::Arc;

use chat_core::{NICKNAME, Named, NicknameRequest, Timestamp};
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::MessageHandler;
use socketioxide::socket::Socket;
use socketioxide_core::Value;
use tokio::time::sleep;

use super::connection::{Connection, InOrder, Request, json};
use crate::delivery::Answer;
use crate::identity::{Person, Unidentified};

/// Handles [`chat_core::NICKNAME`].
pub(crate) struct NicknameHandler(pub(crate) Arc<Connection>);

impl MessageHandler<LocalAdapter, InOrder> for NicknameHandler {
    fn call(&self, _: Arc<Socket>, event: Value, ack_id: Option<i64>) {
        let connection = &self.0;
        let Some(request) = connection.request(NICKNAME, ack_id, event.len()) else { return };
        match NicknameRequest::from_event(json(&event)) {
            Ok(asked) => {
                let connection = Arc::clone(connection);
                self.0.turns.later(async move { take(&connection, asked, request).await });
            }
            Err(refusal) => request.refuse(refusal),
        }
    }
}

async fn take(connection: &Arc<Connection>, asked: NicknameRequest, request: Request) {
    let NicknameRequest { nickname, token } = asked;
    let identities = &connection.services.identities;
    let named = match (token, connection.person()) {
        (None, Some(person)) => {
            // The same user goes on under another name, kept by the same token.
            let renamed = identities.rename(&person, nickname).await;
            renamed.map(|person| (person, connection.token()))
        }
        (token, _) => {
            identities.take(nickname, token).await.map(|(person, token)| (person, Some(token)))
        }
    };
    match named {
        Ok((person, token)) => {
            let nickname = person.nickname.clone();
            let person = Arc::new(person);
            connection.identify(Arc::clone(&person), token.clone());
            keep(connection, person);
            request.answer(Answer::Named(Named { nickname, token }));
        }
        Err(Unidentified::Refused(refusal)) => request.refuse(refusal),
        // Silence makes the client try again.
        Err(Unidentified::Store(error)) => {
            tracing::debug!("a nickname could not be claimed: {error}");
        }
    }
}

/// Sees to it that a person keeps its name while it is connected here, and is connected no longer than its
/// token says.
pub(crate) fn keep(connection: &Arc<Connection>, person: Arc<Person>) {
    let gone = connection.gone.clone();
    let connection = Arc::downgrade(connection);
    tokio::spawn(gone.run_until_cancelled_owned(async move {
        loop {
            let Some(now) = connection.upgrade() else { return };
            let identities = now.services.identities.clone();
            drop(now);
            let renewal = identities.renewal();
            let left = person.until.map(|until| until.since(Timestamp::now()));
            sleep(left.map_or(renewal, |left| left.min(renewal))).await;
            let Some(now) = connection.upgrade() else { return };
            if now.person().as_ref() != Some(&person) {
                return;
            }
            if left.is_some_and(|left| left <= renewal) {
                tracing::debug!("a connection is closed: its token has expired");
                now.link.close();
                return;
            }
            match identities.renew(&person).await {
                Ok(()) => {}
                Err(Unidentified::Store(error)) => {
                    tracing::debug!("a nickname was not renewed, trying again later: {error}");
                }
                Err(Unidentified::Refused(_)) => {
                    // It could not be renewed for so long that somebody else has it now. The client learns
                    // of it when it connects again.
                    now.link.close();
                    return;
                }
            }
        }
    }));
}
