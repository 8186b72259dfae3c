use chat_core::{Audience, Feed, Message, NewMessage, Nickname, Offset, RoomId, Timestamp, UserId};

use crate::{
    Appended, ClaimKind, Claimed, MessageStore, NicknameClaim, NicknameStore, OwnerKey, SessionKey,
    SessionRecord, SessionStore,
};

pub(super) fn room(name: &str) -> RoomId {
    name.parse().expect("the name of a room")
}

pub(super) fn offset(number: usize) -> Offset {
    Offset::new(number.try_into().expect("a small number")).expect("an offset")
}

/// A message to the general room without a key.
pub(super) fn message(content: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), content.parse().expect("a content"))
}

pub(super) fn keyed(key: &str, content: &str) -> NewMessage {
    message(content).with_client_offset(key.parse().expect("a client offset"))
}

pub(super) fn in_room(name: &str, content: &str) -> NewMessage {
    NewMessage::new(room(name), content.parse().expect("a content"))
}

pub(super) fn user(number: i64) -> UserId {
    UserId::from_stored(number)
}

/// A message from the user with one number to the one with the other.
pub(super) fn private(from: i64, to: i64, content: &str) -> NewMessage {
    let nickname = format!("user {to}").parse().expect("a nickname");
    let audience = Audience::Private { from: user(from), to: user(to), nickname };
    NewMessage::new(audience, content.parse().expect("a content"))
}

pub(super) fn from(nickname: &str, new: NewMessage) -> NewMessage {
    new.with_from(nickname.parse().expect("a nickname"))
}

pub(super) async fn append_one(store: &dyn MessageStore, new: &NewMessage) -> Appended {
    let appended = store.append(std::slice::from_ref(new)).await.expect("an append");
    assert_eq!(appended.len(), 1);
    appended[0]
}

/// The whole log, and a check that its pages are in order.
pub(super) async fn read_all(store: &dyn MessageStore) -> Vec<Message> {
    read_feeds(store, None).await
}

pub(super) async fn read_feeds(store: &dyn MessageStore, feeds: Option<&[Feed]>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let after = messages.last().map_or(Offset::ZERO, |last| last.offset);
        let page = store.read_after(feeds, after, 1000).await.expect("a page");
        messages.extend(page.messages);
        if !page.more {
            assert!(messages.is_sorted_by(|a, b| a.offset < b.offset), "out of order");
            return messages;
        }
    }
}

pub(super) fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.content.as_str()).collect()
}

/// Checks that these messages have the offsets from 1 on, without gaps.
pub(super) fn assert_dense(messages: &[Message]) {
    for (index, message) in messages.iter().enumerate() {
        assert_eq!(message.offset, offset(index + 1), "a gap, or not from 1");
    }
}

/// The moment this many milliseconds after 1970.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The key that begins with this name; zeros follow.
pub(super) fn session_key(name: &str) -> SessionKey {
    let mut key = [0; 32];
    key[..name.len()].copy_from_slice(name.as_bytes());
    SessionKey(key)
}

/// A session of its first owner.
pub(super) fn session(name: &str, state: &str, expires_at: i64) -> SessionRecord {
    SessionRecord {
        key: session_key(name),
        generation: 1,
        revision: 0,
        state: state.into(),
        expires_at: at(expires_at),
    }
}

/// A version of a session, whose state says which.
pub(super) fn version(name: &str, generation: i64, revision: i64) -> SessionRecord {
    let state = format!("{generation}.{revision}");
    SessionRecord { generation, revision, ..session(name, &state, 100) }
}

pub(super) async fn save_one(store: &dyn SessionStore, record: &SessionRecord) {
    let outdated = store.save_sessions(std::slice::from_ref(record)).await.expect("a save");
    assert_eq!(outdated, [], "it counts");
}

pub(super) async fn find(store: &dyn SessionStore, name: &str, now: i64) -> Option<SessionRecord> {
    store.session(session_key(name), at(now)).await.expect("a lookup")
}

/// A claim at the moment 0, until 1,000, by the owner with a number, who will be the user with another one.
pub(super) fn claim(name: &str, owner: u8, number: i64) -> NicknameClaim {
    NicknameClaim {
        nickname: name.parse().expect("a nickname"),
        owner: OwnerKey([owner; 32]),
        user: user(number),
        now: at(0),
        expires_at: at(1000),
        kind: ClaimKind::New,
        is_chosen: false,
    }
}

pub(super) async fn claim_one(store: &dyn NicknameStore, claim: &NicknameClaim) -> Claimed {
    store.claim_nickname(claim).await.expect("an answer to a claim")
}

/// Returns the user who has a nickname, and its spelling.
pub(super) async fn find_name(store: &dyn NicknameStore, name: &str) -> Option<(UserId, String)> {
    let key = name.parse::<Nickname>().expect("a nickname").key();
    let found = store.find_nickname(&key).await.expect("a lookup");
    found.map(|(user, name)| (user, name.into()))
}
