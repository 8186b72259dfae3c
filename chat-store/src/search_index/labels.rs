//! What SQL indexes keep of a message beside its words: texts of letters and digits that say where it is and whose.

use chat_core::{Audience, Feed};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Document, SearchScope, Writer};

/// The label of all messages to rooms.
const ROOMS: &str = "a";

/// Returns the labels of a message.
pub(crate) fn of_document(document: &Document) -> Vec<String> {
    let mut labels: Vec<_> = document.audience.feeds().map(|feed| of_feed(&feed)).collect();
    labels.push(match document.audience {
        Audience::Room(_) => ROOMS.to_owned(),
        Audience::Private { from, to, .. } => of_feed(&Feed::Between(from, to)),
    });
    labels.extend(document.writer().as_ref().map(of_writer));
    labels
}

/// Returns the labels of which the messages there have at least one; none for everything.
pub(crate) fn of_scope(scope: &SearchScope) -> Option<Vec<String>> {
    match scope {
        SearchScope::Everything => None,
        SearchScope::Rooms => Some(vec![ROOMS.to_owned()]),
        SearchScope::Feeds(feeds) => Some(feeds.iter().map(of_feed).collect()),
    }
}

fn of_feed(feed: &Feed) -> String {
    match feed {
        // Names may be long, and have any characters.
        Feed::Room(room) => format!("r{}", digest(room.as_str())),
        Feed::User(user) => format!("u{user}"),
        Feed::Between(one, other) => format!("b{}{}", one.min(other), one.max(other)),
    }
}

/// Returns the label that the messages of a writer have.
pub(crate) fn of_writer(writer: &Writer) -> String {
    match writer {
        Writer::User(user) => format!("w{user}"),
        Writer::Name(name) => format!("n{}", digest(name.as_str())),
    }
}

fn digest(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text)[..16])
}
