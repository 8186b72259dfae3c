use chat_core::search::{Phrase, tokens};
use chat_core::{Audience, Kind, Message, Nickname, Offset, UserId};

use super::Writer;

/// What an index knows of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The message.
    pub offset: Offset,
    /// Who receives it.
    pub audience: Audience,
    /// Who wrote it; none if the log does not know.
    pub user: Option<UserId>,
    /// The nickname that it was sent under.
    pub from: Option<Nickname>,
    /// The texts of its [tokens](chat_core::search::tokens()), in order.
    pub words: Vec<String>,
}

impl Document {
    /// Returns what an index has to know of a message; none unless it is a text that is still there.
    pub fn of(message: &Message) -> Option<Self> {
        let is_text = matches!(message.kind, Kind::Text | Kind::Reply(_));
        if !is_text || message.is_deleted() {
            return None;
        }
        Some(Self {
            offset: message.offset,
            audience: message.audience.clone(),
            user: message.user,
            from: message.from.clone(),
            words: tokens(message.content.as_str()).into_iter().map(|token| token.text).collect(),
        })
    }

    /// Returns who wrote it, if anybody is named.
    pub fn writer(&self) -> Option<Writer> {
        writer(&self.audience, self.user, self.from.as_ref())
    }

    /// Returns who wrote a message, as [`writer`](Self::writer).
    pub fn writer_of(message: &Message) -> Option<Writer> {
        writer(&message.audience, message.user, message.from.as_ref())
    }

    /// Returns whether it has the words of a phrase next to each other.
    pub fn has(&self, phrase: &Phrase) -> bool {
        let Some((last, before)) = phrase.words.split_last() else { return false };
        self.words.windows(phrase.words.len()).any(|words| {
            let Some((end, begin)) = words.split_last() else { return false };
            let is_end = end == last || phrase.is_prefix && end.starts_with(last.as_str());
            is_end && begin == before
        })
    }
}

fn writer(audience: &Audience, user: Option<UserId>, from: Option<&Nickname>) -> Option<Writer> {
    // Before users were kept, the sender of a private message was.
    let sender = match *audience {
        Audience::Private { from, to, .. } if from != to => Some(from),
        _ => None,
    };
    user.or(sender).map(Writer::User).or_else(|| Some(Writer::Name(from?.key())))
}
