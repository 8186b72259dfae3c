//! The text under which a store keeps the key of a message.
//!
//! One unique text has to distinguish the keys of all authors, also in the tutorial's table, where it is the column
//! `client_offset`. Keys of clients contain no control characters, so texts that begin with one are ours.
//!
//! ```text
//!   key                                a client without a name
//!   \u{1}<author, 16 digits>:<key>     a user, or a session with a key of a client without an id
//!   \u{2}<content, 32 digits>:<key>    a client without a name, when the key alone is another client's
//! ```

use std::borrow::Cow;

use chat_core::{Audience, Author, AuthorId, ClientOffset, Message, NewMessage};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

const OF_AUTHOR: char = '\u{1}';
const OF_CONTENT: char = '\u{2}';

/// The number of hexadecimal digits before the key.
const AUTHOR_DIGITS: usize = 16;
const CONTENT_DIGITS: usize = 32;

/// Returns the client's key of a message whose key is kept as `text`, one of those that
/// [`Plan::new_messages`](crate::Plan::new_messages) gave.
///
/// For implementations of stores. The text is not checked: history is never refused.
pub fn key_from_kept(text: &str) -> ClientOffset {
    let plain = plain(text, OF_AUTHOR, AUTHOR_DIGITS)
        .or_else(|| plain(text, OF_CONTENT, CONTENT_DIGITS))
        .unwrap_or(text);
    ClientOffset::from_stored(plain)
}

fn plain(text: &str, mark: char, digits: usize) -> Option<&str> {
    let (author, key) = text.strip_prefix(mark)?.split_at_checked(digits)?;
    let is_ours = author.bytes().all(|byte| byte.is_ascii_hexdigit());
    key.strip_prefix(':').filter(|_| is_ours)
}

/// Returns the preferred text for the key of a message; none without a key.
pub(crate) fn first_choice(new: &NewMessage) -> Option<Cow<'_, str>> {
    let key = new.client_offset.as_ref()?.as_str();
    Some(match scope(new.author, key) {
        Some(author) => of_author(author, key).into(),
        None => key.into(),
    })
}

/// Returns whether another message may already have the text of [`first_choice`].
pub(crate) fn is_shared(new: &NewMessage) -> bool {
    let key = new.client_offset.as_ref();
    new.author.is_some() && key.is_some_and(|key| scope(new.author, key.as_str()).is_none())
}

/// Returns the text for a message whose first choice is taken by another client. The same content gives the same text
/// in every session.
pub(crate) fn second_choice(new: &NewMessage) -> Option<String> {
    let key = new.client_offset.as_ref().filter(|_| is_shared(new))?.as_str();
    let mut hash = Sha256::new();
    match &new.audience {
        Audience::Room(room) => {
            hash.update((room.as_str().len() as u64).to_be_bytes());
            hash.update(room.as_str());
        }
        // No room name has this length.
        Audience::Private { from, to, .. } => {
            hash.update(u64::MAX.to_be_bytes());
            hash.update(from.as_i64().to_be_bytes());
            hash.update(to.as_i64().to_be_bytes());
        }
    }
    hash.update(new.content.as_str());
    // Nothing for a text, whose keys were kept so before there were others.
    if !new.kind.is_text() {
        hash.update(new.kind.stored_name().unwrap_or_default());
        hash.update(new.kind.target().unwrap_or_default().as_u64().to_be_bytes());
    }
    let mut text = String::with_capacity(CONTENT_DIGITS + 2 + key.len());
    text.push(OF_CONTENT);
    HEXLOWER.encode_append(&hash.finalize()[..CONTENT_DIGITS / 2], &mut text);
    Some(text + ":" + key)
}

/// Returns the text under which a user's message may be kept from before it had this author: from when its session
/// had no nickname, or from an earlier version, which kept no authors.
pub(crate) fn earlier_choice(new: &NewMessage) -> Option<&str> {
    let key = new.client_offset.as_ref()?.as_str();
    (new.author?.user.is_some() && !key.starts_with(ClientOffset::WITHOUT_ID)).then_some(key)
}

/// Returns the texts to look up before a batch is stored: [`earlier_choice`] of each message whose author had no
/// nickname before. `has_plain_keys` tells whether the log also has users' messages as they were kept before it knew
/// authors.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn earlier_choices(batch: &[NewMessage], has_plain_keys: bool) -> Vec<&str> {
    let may_be_earlier =
        |new: &&NewMessage| has_plain_keys || new.author.is_some_and(|author| author.was_anonymous);
    batch.iter().filter(may_be_earlier).filter_map(earlier_choice).collect()
}

/// Returns whether `stored`, kept under the [`earlier_choice`] of `new`, is that message.
pub(crate) fn is_earlier(new: &NewMessage, stored: &Message) -> bool {
    let by_author = new.author.is_some_and(|author| author.was_anonymous && author.wrote(stored));
    let by_name = stored.author.is_none() && new.is_by_same_name(stored) == Some(true);
    (by_author || by_name) && new.is_retry_of(stored)
}

/// Returns the owner of a key: none if the author has no nickname or is unknown.
fn scope(author: Option<Author>, key: &str) -> Option<AuthorId> {
    let author = author?;
    if key.starts_with(ClientOffset::WITHOUT_ID) { Some(author.session) } else { author.user }
}

fn of_author(author: AuthorId, key: &str) -> String {
    let mut text = String::with_capacity(AUTHOR_DIGITS + 2 + key.len());
    text.push(OF_AUTHOR);
    HEXLOWER.encode_append(&author.as_i64().to_be_bytes(), &mut text);
    text.push(':');
    text.push_str(key);
    text
}

#[cfg(test)]
mod tests {
    use chat_core::RoomId;

    use super::*;

    fn new(author: Option<Author>, key: &str) -> NewMessage {
        let new = NewMessage::new(RoomId::general(), "a".parse().unwrap());
        let mut new = new.with_client_offset(key.parse().unwrap());
        new.author = author;
        new
    }

    #[test]
    fn every_kept_text_has_its_key() {
        let session = AuthorId::from_stored(-2);
        let authors = [
            None,
            Some(Author::anonymous(session)),
            Some(Author::user(AuthorId::from_stored(0x0123), session)),
        ];
        for key in ["k", ":", "0000000000000000:k", "undefined-0", "é😀"] {
            for author in authors {
                let new = new(author, key);
                for text in [first_choice(&new).map(Cow::into_owned), second_choice(&new)] {
                    assert_eq!(
                        text.map_or(key.into(), |text| key_from_kept(&text).to_string()),
                        key
                    );
                }
            }
        }
    }

    #[test]
    fn texts_are_told_apart_by_whom_a_key_belongs_to() {
        let session = AuthorId::from_stored(-2);
        let user = Some(Author::user(AuthorId::from_stored(0x0123), session));
        let first = |author, key| first_choice(&new(author, key)).unwrap().into_owned();
        assert_eq!(first(user, "k"), "\u{1}0000000000000123:k");
        assert_eq!(first(user, "undefined-0"), "\u{1}fffffffffffffffe:undefined-0");
        let anonymous = Some(Author::anonymous(session));
        assert_eq!(first(anonymous, "undefined-0"), first(user, "undefined-0"));
        assert_eq!((&*first(anonymous, "k"), &*first(None, "undefined-0")), ("k", "undefined-0"));
    }

    #[test]
    fn what_looks_like_ours_and_is_not_stays_as_it_is() {
        for text in
            ["", "\u{1}", "\u{1}0123:k", "\u{1}000000000000012g:k", "\u{1}0000000000000123k"]
        {
            assert_eq!(key_from_kept(text).as_str(), text);
        }
    }
}
