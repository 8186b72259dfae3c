use std::sync::Arc;

use chat_core::event::{ONLINE, Online, PRIVATE_TYPING, PrivateTyping, PrivateTypingHeard};
use chat_core::{Nickname, Refusal, RefusalCode, UserId};

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::answering::{Failed, after_reads, made};
use crate::engine::delivery::Answer;
use crate::engine::policy::Action;

/// [`chat_core::event::PRIVATE_TYPING`].
pub(crate) struct PrivateTypingEvent;

/// [`chat_core::event::ONLINE`].
pub(crate) struct OnlineEvent;

/// What a client wants to tell a user, or know of it.
enum Asked {
    Typing(bool),
    Online,
}

impl Event for PrivateTypingEvent {
    const NAME: &'static str = PRIVATE_TYPING;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = (Nickname, bool);

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        PrivateTyping::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, (to, typing): (Nickname, bool), request: Request) {
        later(connection, to, Asked::Typing(typing), request);
    }
}

impl Event for OnlineEvent {
    const NAME: &'static str = ONLINE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = Nickname;

    fn read(json: &str) -> Result<Nickname, Refusal> {
        Online::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, of: Nickname, request: Request) {
        later(connection, of, Asked::Online, request);
    }
}

fn later(connection: &Arc<Connection>, other: Nickname, asked: Asked, request: Request) {
    let later = Arc::clone(connection);
    after_reads(connection, request, async move { answer(&later, other, asked).await });
}

async fn answer(
    connection: &Connection,
    nickname: Nickname,
    asked: Asked,
) -> Result<Answer, Failed> {
    let user = other(connection, &nickname).await?;
    // Who may write to somebody may know whether it is there, and that it will be read.
    let _grant = connection.permit(&[Action::SendPrivately(user)]).await?;
    match asked {
        Asked::Typing(typing) => {
            connection.presence.typing_privately(user, typing);
            made(&PrivateTypingHeard::new(nickname, typing))
        }
        Asked::Online => {
            let is_online = connection.services.presence.is_present(user);
            made(&Online::new(nickname, user, is_online))
        }
    }
}

/// Returns the user with this nickname, if it is another one.
async fn other(connection: &Connection, nickname: &Nickname) -> Result<UserId, Failed> {
    let Some(user) = connection.user() else {
        let message = "this is for users with a nickname; take one first";
        return Err(Refusal::new(RefusalCode::NicknameRequired, message).into());
    };
    let (other, _) = connection.services.identities.find(nickname).await?;
    if other == user.id {
        let message = "this is your own nickname";
        return Err(Refusal::new(RefusalCode::MessageToOneself, message).into());
    }
    Ok(other)
}
