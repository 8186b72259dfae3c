//! The stores that stall and fail when a test tells them to.
#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

use std::sync::Arc;

use chat_core::{Feed, NewMessage, Offset, Posting, RoomId, Timestamp, Topic, UserId, Visibility};
use chat_store::testkit::{FailingStore, HeldStore, SessionBackend, async_trait};
use chat_store::{
    AccessChanged, AccessNumber, AccessRequest, Appended, Claimed, MemoryStore, MessageStore,
    NewAccessChange, NicknameClaim, NicknameStore, OwnerKey, ReadPosition, ReadPositionStore,
    Refused, RoomStore, SessionKey, SessionRecord, SessionStore, Store, StoreError,
};

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn new(content: &str) -> NewMessage {
    NewMessage::new(RoomId::general(), content.parse().unwrap())
}

const NOW: Timestamp = Timestamp::from_millis(0);

fn session() -> SessionRecord {
    let expires_at = Timestamp::from_millis(1);
    let key = SessionKey([7; 32]);
    SessionRecord::new(key, "here", expires_at)
}

struct Held;

#[async_trait]
impl SessionBackend for Held {
    async fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(HeldStore::new(memory()))
    }
}

struct Failing;

#[async_trait]
impl SessionBackend for Failing {
    async fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(FailingStore::new(memory()))
    }
}

chat_store::conformance!(held_with_open_gates, Held);
chat_store::conformance!(failing_never, Failing);
chat_store::session_conformance!(held_with_open_gates_sessions, Held);
chat_store::session_conformance!(failing_never_sessions, Failing);
chat_store::nickname_conformance!(held_with_open_gates_nicknames, Held, sweeping);
chat_store::nickname_conformance!(failing_never_nicknames, Failing, sweeping);
chat_store::room_conformance!(held_with_open_gates_rooms, Held);
chat_store::room_conformance!(failing_never_rooms, Failing);
chat_store::read_position_conformance!(held_with_open_gates_read_positions, Held);
chat_store::read_position_conformance!(failing_never_read_positions, Failing);

#[tokio::test]
async fn a_closed_gate_lets_through_as_many_as_it_is_told() {
    let store = Arc::new(HeldStore::new(memory()));
    store.appends.close();
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.append(&[new("a")]).await.unwrap() })
        })
        .collect();
    store.appends.waiting(3).await;
    assert_eq!(store.tail().await.unwrap(), Offset::ZERO);

    store.answers.close();
    store.appends.let_through(2);
    store.answers.waiting(2).await;
    assert_eq!(store.tail().await.unwrap().as_u64(), 2);
    assert!(calls.iter().all(|call| !call.is_finished()));

    store.answers.open();
    store.appends.open();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(store.tail().await.unwrap().as_u64(), 3);
}

#[tokio::test]
async fn a_call_that_is_dropped_at_a_gate_waits_there_no_longer() {
    let store = Arc::new(HeldStore::new(memory()));
    store.reads.close();
    let call = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.read_after(None, Offset::ZERO, 1).await.unwrap() }
    });
    store.reads.waiting(1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    store.reads.let_through(1);
    store.read_after(None, Offset::ZERO, 1).await.unwrap();
}

#[tokio::test]
async fn a_failing_store_fails_as_often_as_it_is_told_and_can_be_retried() {
    let store = FailingStore::new(memory());
    store.fail_appends(2);
    let key = new("a").with_client_offset("k".parse().unwrap());
    let batch = [key];
    for _ in 0..2 {
        let error = store.append(&batch).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }));
        assert!(error.is_retryable());
        assert_eq!(store.tail().await.unwrap(), Offset::ZERO);
    }

    store.lose_answers(1);
    store.append(&batch).await.unwrap_err();
    assert_eq!(store.append(&batch).await.unwrap(), [Appended::Duplicate(Offset::FIRST)]);

    store.fail_reads(2);
    store.tail().await.unwrap_err();
    store.read_after(None, Offset::ZERO, 1).await.unwrap_err();
    assert_eq!(store.read_after(None, Offset::ZERO, 1).await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn saves_and_lookups_of_sessions_wait_at_their_gates() {
    let store = Arc::new(HeldStore::new(memory()));
    store.saves.close();
    let save = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.save_sessions(&[session()]).await.unwrap() }
    });
    store.saves.waiting(1).await;
    assert_eq!(store.session(session().key, NOW).await.unwrap(), None);
    store.lookups.close();
    let lookup = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.session(session().key, NOW).await.unwrap() }
    });
    store.lookups.waiting(1).await;
    store.saves.open();
    save.await.unwrap();
    store.lookups.let_through(1);
    assert_eq!(lookup.await.unwrap(), Some(session()));
}

#[tokio::test]
async fn saves_and_lookups_of_sessions_fail_as_often_as_they_are_told() {
    let store = FailingStore::new(memory());
    store.fail_saves(1);
    let error = store.save_sessions(&[session()]).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(store.session(session().key, NOW).await.unwrap(), None);
    store.save_sessions(&[session()]).await.unwrap();
    store.fail_lookups(1);
    store.session(session().key, NOW).await.unwrap_err();
    assert_eq!(store.session(session().key, NOW).await.unwrap(), Some(session()));
}

fn claim() -> NicknameClaim {
    let (owner, id) = (OwnerKey([7; 32]), UserId::from_stored(5));
    NicknameClaim::new("Ada".parse().unwrap(), owner, id, NOW, Timestamp::from_millis(1))
}

#[tokio::test]
async fn pages_backwards_and_nicknames_wait_at_their_gates() {
    let store = Arc::new(HeldStore::new(memory()));
    store.claims.close();
    let claiming = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.claim_nickname(&claim()).await.unwrap() }
    });
    store.claims.waiting(1).await;
    let key = claim().nickname.key();
    assert_eq!(store.find_nickname(&key).await.unwrap(), None);
    store.finds.close();
    let finding = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.find_nickname(&claim().nickname.key()).await.unwrap() }
    });
    store.finds.waiting(1).await;
    store.claims.open();
    assert_eq!(claiming.await.unwrap(), Claimed::Yes(claim().user));
    store.finds.let_through(1);
    assert_eq!(finding.await.unwrap(), Some((claim().user, claim().nickname)));

    store.reads.close();
    let reading = tokio::spawn({
        let store = Arc::clone(&store);
        let general = Feed::Room(RoomId::general());
        async move { store.read_before(&general, None, 1).await.unwrap() }
    });
    store.reads.waiting(1).await;
    store.append(&[new("a")]).await.unwrap();
    store.reads.open();
    assert_eq!(reading.await.unwrap().messages.len(), 1);
}

#[tokio::test]
async fn pages_backwards_and_nicknames_fail_as_often_as_they_are_told() {
    let store = FailingStore::new(memory());
    store.fail_claims(1);
    assert!(store.claim_nickname(&claim()).await.unwrap_err().is_retryable());
    let key = claim().nickname.key();
    assert_eq!(store.find_nickname(&key).await.unwrap(), None, "nothing was changed");
    store.claim_nickname(&claim()).await.unwrap();
    store.fail_finds(1);
    store.find_nickname(&key).await.unwrap_err();
    assert!(store.find_nickname(&key).await.unwrap().is_some());

    let general = Feed::Room(RoomId::general());
    store.fail_reads(1);
    store.read_before(&general, None, 1).await.unwrap_err();
    store.read_before(&general, None, 1).await.unwrap();
}

fn creation() -> NewAccessChange {
    let request = AccessRequest::CreateRoom {
        room: RoomId::general(),
        topic: Topic::default(),
        visibility: Visibility::Public,
        posting: Posting::Everyone,
        owner: Some(UserId::from_stored(5)),
    };
    NewAccessChange::new(request, NOW)
}

#[tokio::test]
async fn changes_and_reads_of_rooms_wait_at_their_gates() {
    let store = Arc::new(HeldStore::new(memory()));
    store.changes.close();
    let creating = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.change_access(&creation()).await.unwrap() }
    });
    store.changes.waiting(1).await;
    assert_eq!(store.access_tail().await.unwrap(), AccessNumber::ZERO);
    store.access_reads.close();
    let finding = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.find_room(&RoomId::general().key()).await.unwrap() }
    });
    store.access_reads.waiting(1).await;
    store.changes.open();
    assert_eq!(creating.await.unwrap(), AccessChanged::Yes(AccessNumber::new(1)));
    store.access_reads.open();
    assert_eq!(finding.await.unwrap().map(|room| room.id), Some(RoomId::general()));
}

#[tokio::test]
async fn changes_and_reads_of_rooms_fail_as_often_as_they_are_told() {
    let store = FailingStore::new(memory());
    store.fail_changes(1);
    assert!(store.change_access(&creation()).await.unwrap_err().is_retryable());
    assert_eq!(store.access_tail().await.unwrap(), AccessNumber::ZERO);
    store.lose_changes(1);
    store.change_access(&creation()).await.unwrap_err();
    assert_eq!(store.access_tail().await.unwrap(), AccessNumber::new(1));
    let again = store.change_access(&creation()).await.unwrap();
    assert!(matches!(again, AccessChanged::No(Refused::RoomExists(_))), "{again:?}");
    store.fail_access_reads(1);
    store.access_tail().await.unwrap_err();
    store.access_tail().await.unwrap();
}

#[tokio::test]
async fn notes_of_read_positions_wait_and_fail_when_they_are_told() {
    let feed = Feed::Room(RoomId::general());
    let (user, offset) = (UserId::from_stored(5), Offset::FIRST);
    let position = ReadPosition { user, feed: feed.clone(), offset };
    let store = Arc::new(HeldStore::new(memory()));
    store.notes.close();
    let noting = tokio::spawn({
        let (store, position) = (Arc::clone(&store), position.clone());
        async move { store.note_read(&[position]).await.unwrap() }
    });
    store.notes.waiting(1).await;
    assert_eq!(store.readers_of(&feed, 9).await.unwrap(), []);
    store.notes.open();
    noting.await.unwrap();
    assert_eq!(store.readers_of(&feed, 9).await.unwrap(), [(user, offset)]);

    let store = FailingStore::new(memory());
    store.fail_notes(1);
    store.note_read(std::slice::from_ref(&position)).await.unwrap_err();
    assert_eq!(store.read_positions(user, 9).await.unwrap(), []);
    store.note_read(std::slice::from_ref(&position)).await.unwrap();
    store.fail_access_reads(1);
    store.read_positions(user, 9).await.unwrap_err();
    assert_eq!(store.read_positions(user, 9).await.unwrap(), [position]);
}
