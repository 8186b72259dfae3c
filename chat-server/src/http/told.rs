//! Messages of the log as JSON, for whoever gets them over HTTP.

use chat_core::event::{ChangeMeta, HistoryMessage, MESSAGE_DELETED, MESSAGE_EDITED, REACTION};
use chat_core::{Audience, Author, Content, Kind, Message, Offset};
use serde::Serialize;

/// The kind of what was said. Changes of it have the names under which clients hear them.
const MESSAGE: &str = "message";

/// What a message of the log tells.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Told {
    /// A text or an event, in the form of history.
    Said(HistoryMessage),
    /// An edit, a deletion or a reaction.
    Changed(Change),
}

/// A change of a message, or a reaction to it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    #[serde(skip)]
    kind: &'static str,
    /// The position of the change itself.
    offset: Offset,
    #[serde(flatten)]
    meta: ChangeMeta,
    /// The new text, or the emoji of a reaction; absent for a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

impl Told {
    /// Returns what a message tells, with its key if this author wrote it.
    pub(super) fn of(message: &Message, reader: Option<Author>) -> Self {
        let is_own = reader.is_some_and(|reader| reader.wrote(message));
        let (of, kind, on) = match (message.kind.depends_on(), &message.kind) {
            (None, _) if is_own => return Self::Said(HistoryMessage::to_author(message.clone())),
            (None, _) => return Self::Said(message.clone().into()),
            (Some(of), Kind::Reaction { on, .. }) => (of, REACTION, Some(*on)),
            (Some(of), Kind::Deletion(_)) => (of, MESSAGE_DELETED, None),
            (Some(of), _) => (of, MESSAGE_EDITED, None),
        };
        let mut meta = ChangeMeta::new(of);
        (meta.on, meta.erased) = (on, message.is_erasure());
        match &message.audience {
            Audience::Room(room) => meta.room = Some(room.clone()),
            Audience::Private { nickname, .. } => meta.to = Some(nickname.clone()),
        }
        (meta.from, meta.user, meta.at) = (message.from.clone(), message.user, message.at);
        meta.client_offset = message.client_offset.clone().filter(|_| is_own);
        let content = Some(message.content.clone()).filter(|_| kind != MESSAGE_DELETED);
        Self::Changed(Change { kind, offset: message.offset, meta, content })
    }

    /// Returns the name of what it is.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Said(_) => MESSAGE,
            Self::Changed(change) => change.kind,
        }
    }
}
