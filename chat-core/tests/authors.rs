//! Whose a message is, and when it is sent again.

#![allow(clippy::unwrap_used)]

use chat_core::{
    Audience, Author, AuthorId, ContentDigest, Message, NewMessage, Offset, RoomId, UserId,
};

const ADA: AuthorId = AuthorId::of_user([0xff; 8]);
const SESSION: AuthorId = AuthorId::of_session([0; 8]);
const OTHER_SESSION: AuthorId = AuthorId::of_session([1; 8]);

fn by(author: Option<Author>, name: Option<&str>) -> NewMessage {
    to(RoomId::general(), "a", author, name)
}

fn to(
    audience: impl Into<Audience>,
    content: &str,
    author: Option<Author>,
    name: Option<&str>,
) -> NewMessage {
    let mut new = NewMessage::new(audience, content.parse().unwrap());
    (new.author, new.from) = (author, name.map(|name| name.parse().unwrap()));
    new
}

fn stored(new: &NewMessage) -> Message {
    Message::from_new(Offset::FIRST, new.clone())
}

#[test]
fn users_and_sessions_are_never_the_same_author() {
    for hash in [[0; 8], [0xff; 8], [0x80, 0, 0, 0, 0, 0, 0, 0]] {
        assert!(AuthorId::of_user(hash).as_i64() >= 0);
        assert!(AuthorId::of_session(hash).as_i64() < 0);
    }
}

#[test]
fn a_message_is_its_users_or_without_one_its_sessions() {
    let anonymous = Author::anonymous(SESSION);
    let named = anonymous.with_user(ADA);
    let elsewhere = Author::user(ADA, OTHER_SESSION);
    let [first, second] = [anonymous, named].map(|author| stored(&by(Some(author), None)));
    assert_eq!((first.author, second.author), (Some(SESSION), Some(ADA)));
    assert!(anonymous.wrote(&first) && !anonymous.wrote(&second));
    assert!(named.wrote(&first) && named.wrote(&second));
    assert!(!elsewhere.wrote(&first) && elsewhere.wrote(&second));
    assert!(!named.wrote(&stored(&by(None, Some("Ada")))), "nobody knows whose it is");
}

#[test]
fn a_retry_compares_users_and_not_names() {
    let ada = Some(Author::user(ADA, SESSION));
    let first = stored(&by(ada, Some("Ada")));
    assert!(by(ada, Some("Ada L.")).is_retry_of(&first));
    let other = to(RoomId::general(), "b", ada, Some("Ada"));
    assert!(!other.is_retry_of(&first));
    // Of an earlier version, which kept no authors.
    let earlier = stored(&by(None, Some("Ada")));
    assert!(by(ada, Some("ADA")).is_retry_of(&earlier));
    assert!(!by(ada, Some("Bob")).is_retry_of(&earlier));
}

#[test]
fn a_retry_of_an_edited_message_is_recognised_by_its_digest_also_by_that_of_an_earlier_version() {
    let ada = Some(Author::user(ADA, SESSION));
    let mut edited = stored(&by(ada, None));
    edited.change_content("edited".parse().unwrap());
    // The first 32 bits of the SHA-256 of "a".
    let earlier = Some(ContentDigest::from_stored(0xca97_8112));
    for original in [edited.original, earlier] {
        edited.original = original;
        assert!(by(ada, None).is_retry_of(&edited));
        assert!(!to(RoomId::general(), "b", ada, None).is_retry_of(&edited));
    }
    assert_ne!(edited.original, Some(ContentDigest::of(&"a".parse().unwrap())));
}

#[test]
fn a_user_with_another_name_sends_the_same_private_message() {
    let private = |from, to| Audience::Private {
        from: UserId::from_stored(from),
        to: UserId::from_stored(to),
        nickname: "Bob".parse().unwrap(),
    };
    let ada = Some(Author::user(ADA, SESSION));
    let from_ada = |audience| to(audience, "a", ada, Some("Ada"));
    let first = stored(&from_ada(private(1, 2)));
    assert!(from_ada(private(3, 2)).is_retry_of(&first));
    assert!(!from_ada(private(1, 4)).is_retry_of(&first));
    let unknown = to(private(3, 2), "a", None, Some("Ada"));
    assert!(!unknown.is_retry_of(&first));
}
