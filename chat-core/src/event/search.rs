use serde::{Deserialize, Serialize};

use super::arguments::{Arguments, invalid};
use super::delivery::is_false;
use crate::search::{Excerpt, SearchQuery};
use crate::{
    Audience, Kind, Message, Nickname, Offset, Refusal, RefusalCode, RoomId, Timestamp, UserId,
};

/// The argument of [`SEARCH`](super::SEARCH): `emit("search", { query, before, limit })`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchRequest {
    /// What to search for.
    pub query: SearchQuery,
    /// Only messages before this offset, from the page before.
    pub before: Option<Offset>,
    /// Maximum number of messages, from 1 to [`MAX_LIMIT`](Self::MAX_LIMIT).
    pub limit: usize,
}

impl SearchRequest {
    /// The number of messages if the request has no limit.
    pub const DEFAULT_LIMIT: usize = 20;

    /// The maximum number of messages that one request may ask for.
    pub const MAX_LIMIT: usize = 50;

    /// Reads the argument from the JSON text of an event.
    ///
    /// # Errors
    /// The refusal to answer with: [`RefusalCode::InvalidQuery`] if the query has a mistake.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const EXPECTED: &str = "the argument must be options such as { query: \"release notes\" }";
        const BEFORE: &str = "`before` must be an offset, from the page before";
        const LIMIT: &str = "`limit` must be a whole number from 1 to 50";
        let options = Arguments::of(json)?.options(1, EXPECTED)?;
        let query: Option<String> = options.field("query", EXPECTED)?;
        let query = query.ok_or_else(|| invalid(EXPECTED))?.parse::<SearchQuery>();
        let query =
            query.map_err(|error| Refusal::new(RefusalCode::InvalidQuery, error.to_string()))?;
        let before = options.offset("before", BEFORE)?;
        let limit = match options.whole("limit", LIMIT)? {
            None => Self::DEFAULT_LIMIT,
            Some(_) => options.limit(Self::MAX_LIMIT, LIMIT)?,
        };
        Ok(Self { query, before, limit })
    }
}

/// The answer to [`SEARCH`](super::SEARCH).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SearchResults {
    /// The messages that were found, newest first.
    pub hits: Vec<SearchHit>,
    /// The value of `before` for the next page; absent if there is none. A page may have fewer messages than requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Offset>,
}

impl SearchResults {
    /// Creates a page.
    pub fn new(hits: Vec<SearchHit>, before: Option<Offset>) -> Self {
        Self { hits, before }
    }
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SearchHit {
    /// Its position in the log.
    pub offset: Offset,
    /// The room it was sent to; absent if it is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// The nickname that the other user of a private message had then; absent if it was sent to a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Nickname>,
    /// The sender's nickname; `null` if anonymous.
    pub from: Option<Nickname>,
    /// The user who wrote it; `null` if anonymous, or if the log does not know.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// When the server received it; `null` if the log does not know.
    pub at: Option<Timestamp>,
    /// The text, or if it is long, the part around what was found, with `…` where it was cut.
    pub text: String,
    /// What was found in the text: beginnings and ends as JavaScript counts, in UTF-16 code units.
    pub matches: Vec<(usize, usize)>,
    /// The offset of the message that it answers; absent if it answers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Offset>,
    /// Whether this is another text than at first; absent if not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edited: bool,
}

impl SearchHit {
    /// Creates what `reader` is shown of a message with what was found in it; none for a program.
    pub fn new(message: Message, excerpt: Excerpt, reader: Option<UserId>) -> Self {
        let edited = message.is_edited();
        let reply_to = if let Kind::Reply(to) = message.kind { Some(to) } else { None };
        let Message { offset, audience, from, user, at, .. } = message;
        let (room, with, user) = match audience {
            Audience::Room(room) => (Some(room), None, user),
            Audience::Private { from: sender, nickname, .. } => {
                let is_own = reader == Some(sender);
                let other = if is_own { Some(nickname) } else { from.clone() };
                (None, other, Some(sender))
            }
        };
        let Excerpt { text, matches } = excerpt;
        Self { offset, room, with, from, user, at, text, matches, reply_to, edited }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_query_a_beginning_and_a_size() {
        let read = |json: &str| SearchRequest::from_event(json);
        let plain = read(r#"["search",{"query":"a b "}]"#).unwrap();
        assert_eq!((plain.query.with.len(), plain.before, plain.limit), (2, None, 20));
        let page = read(r#"["search",{"query":"a","before":7,"limit":50}]"#).unwrap();
        assert_eq!((page.before, page.limit), (Some(Offset::new(7).unwrap()), 50));
        for json in [
            r#"["search"]"#,
            r#"["search","a"]"#,
            r#"["search",{"query":7}]"#,
            r#"["search",{"query":"a","limit":51}]"#,
            r#"["search",{"query":"a","limit":0}]"#,
            r#"["search",{"query":"a","before":-1}]"#,
        ] {
            assert_eq!(read(json).unwrap_err().code, RefusalCode::InvalidArguments, "{json}");
        }
        let refusal = read(r#"["search",{"query":"in:x before:y"}]"#).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::InvalidQuery);
        assert!(refusal.message.ends_with("at character 13"), "{}", refusal.message);
    }
}
