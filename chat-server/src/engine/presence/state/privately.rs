use std::sync::Arc;

use chat_core::event::{PRIVATE_TYPING, PrivateTyping};
use chat_core::{Nickname, PresenceId, UserId};
use tokio::time::Instant;

use super::super::room::ConnectionKey;
use super::super::typing::{AGAIN, PrivateTypingState};
use super::State;
use crate::engine::delivery::EphemeralEvent;

/// The maximum number of announcements per [`AGAIN`] that a connection's user is typing.
const MOST: u32 = 3;

impl State {
    /// Takes a connection's report whether its user is typing to another user. It is not announced too often; the
    /// clients repeat it.
    pub(in crate::engine::presence) fn typing_privately(
        &mut self,
        key: ConnectionKey,
        to: UserId,
        typing: bool,
        now: Instant,
    ) {
        let Some(user) = self.user_of(key) else { return };
        let who = PresenceId::user(user);
        let Some(nickname) = self.nickname_of(who) else { return };
        let new = || PrivateTypingState { to: None, told: (0, now) };
        let state = self.private_typing.entry(key).or_insert_with(new);
        if now >= state.told.1 + AGAIN {
            state.told = (0, now);
        }
        let is_repeated = state.to == Some(to) && state.told.0 > 0;
        if typing {
            if is_repeated || state.told.0 >= MOST {
                return;
            }
            state.told.0 += 1;
            state.to = Some(to);
        } else {
            if state.to != Some(to) {
                return;
            }
            state.to = None;
        }
        self.tell_typing_privately(who, &nickname, to, typing);
        self.report.typing_privately(who, nickname, to, typing);
    }

    /// Tells a user's connections that another user, here or on another node, is typing to it.
    pub(in crate::engine::presence) fn tell_typing_privately(
        &self,
        who: PresenceId,
        nickname: &Nickname,
        to: UserId,
        typing: bool,
    ) {
        let Some(user) = who.as_user() else { return };
        let mut queues = self.own_connections(PresenceId::user(to), None, None).peekable();
        if queues.peek().is_some()
            && let Some(event) = EphemeralEvent::new(
                PRIVATE_TYPING,
                &PrivateTyping::new(nickname.clone(), user, typing),
            )
        {
            queues.for_each(|queue| queue.push(Arc::clone(&event)));
        }
    }
}
