use chat_core::event::{ChangeMeta, HistoryMessage};
use chat_core::{Author, Content, Kind, Offset};
use serde::Serialize;

use crate::engine::log::Entry;

/// What an event of a stream tells.
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
    /// The position of the change itself.
    offset: Offset,
    #[serde(flatten)]
    meta: ChangeMeta,
    /// The new text, or the emoji of a reaction; absent for a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

impl Told {
    /// Returns what an entry of the log tells, with its key if this author wrote it.
    pub(super) fn of(entry: &Entry, author: Author) -> Self {
        let message = &entry.message;
        let is_own = author.wrote(message);
        let (of, on) = match (message.kind.depends_on(), &message.kind) {
            (None, _) if is_own => return Self::Said(HistoryMessage::to_author(message.clone())),
            (None, _) => return Self::Said(message.clone().into()),
            (Some(of), Kind::Reaction { on, .. }) => (of, Some(*on)),
            (Some(of), _) => (of, None),
        };
        let mut meta = ChangeMeta::new(of);
        meta.on = on;
        meta.room = message.audience.room().cloned();
        (meta.from, meta.user, meta.at) = (message.from.clone(), message.user, message.at);
        meta.client_offset = message.client_offset.clone().filter(|_| is_own);
        let is_deletion = matches!(message.kind, Kind::Deletion(_));
        let content = Some(message.content.clone()).filter(|_| !is_deletion);
        Self::Changed(Change { offset: entry.offset(), meta, content })
    }
}
