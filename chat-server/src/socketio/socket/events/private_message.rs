use std::sync::Arc;

use chat_core::event::{PRIVATE_MESSAGE, PrivateMessage};
use chat_core::{Audience, NewMessage, Refusal, RefusalCode};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use crate::engine::log::Outcome;
use crate::engine::policy::Action;
use crate::engine::users::{IdentityError, User};

/// [`chat_core::event::PRIVATE_MESSAGE`].
pub(crate) struct PrivateMessageEvent;

impl Event for PrivateMessageEvent {
    const NAME: &'static str = PRIVATE_MESSAGE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = PrivateMessage;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        PrivateMessage::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, message: PrivateMessage, request: Request) {
        let later = Arc::clone(connection);
        connection.requests.later(async move { submit(&later, message, request).await });
    }
}

async fn submit(connection: &Connection, message: PrivateMessage, request: Request) {
    let Some(sender) = connection.user() else {
        let refusal = Refusal::new(
            RefusalCode::NicknameRequired,
            "private messages are for users with a nickname; take one first",
        );
        return request.refuse(refusal);
    };
    let message = match address(connection, &sender, message).await {
        Ok(message) => message,
        Err(IdentityError::Refused(refusal)) => return request.refuse(refusal),
        // Silence makes the client retry.
        Err(IdentityError::Store(_)) => return request.finish(Outcome::Unavailable),
    };
    let Audience::Private { to, .. } = message.audience else { return };
    connection.submit(message, &[Action::SendPrivately(to)], request, None).await;
}

/// Returns the message for the current owner of the nickname: a later owner is another user and never sees it.
async fn address(
    connection: &Connection,
    sender: &User,
    message: PrivateMessage,
) -> Result<NewMessage, IdentityError> {
    let PrivateMessage { to, content, client_offset, reply_to, .. } = message;
    connection.services.limits.admit(&content)?;
    let (to, nickname) = connection.services.identities.find(&to).await?;
    if to == sender.id {
        let message = "this is your own nickname; a private message needs somebody to receive it";
        return Err(Refusal::new(RefusalCode::MessageToOneself, message).into());
    }
    let audience = Audience::Private { from: sender.id, to, nickname };
    let mut message = NewMessage::new(audience, content)
        .with_from(sender.nickname.clone())
        .with_user(sender.id)
        .with_author(connection.authorship.writes());
    if let Some(to) = reply_to {
        message = message.in_reply_to(to);
    }
    message.client_offset = client_offset;
    Ok(message)
}
