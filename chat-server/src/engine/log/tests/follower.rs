use std::sync::Arc;
use std::time::Duration;

use chat_core::{Message, Offset};
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{MemoryStore, MessageStore};

use super::{log_on, log_with, memory_log, message, new_message, offset, room};

/// Two nodes on one store that never hear of each other.
#[tokio::test(start_paused = true)]
async fn without_an_append_notification_another_nodes_messages_arrive_by_the_next_poll() {
    let (store, log) = memory_log().await;
    store.append(&[new_message("general", "from elsewhere")]).await.unwrap();
    assert_eq!(log.tail(), offset(0));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(log.tail(), offset(1));
}

#[tokio::test]
async fn an_append_notification_is_delivered_without_reading_the_store() {
    let (_, log) = memory_log().await;
    // The store does not have it, so it can only come from the notification.
    log.appended(Offset::ZERO, vec![message(1, "general")]);
    let (entries, upto) = log.read(&[room("general").into()], Offset::ZERO).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(upto, offset(1));
}

#[tokio::test]
async fn an_append_notification_with_a_hole_before_it_makes_the_node_read_the_hole() {
    let (store, log) = memory_log().await;
    let batch = [1, 2, 3].map(|number| new_message("general", &format!("m{number}")));
    store.append(&batch).await.unwrap();
    log.appended(offset(2), vec![message(3, "general")]);
    log.seen(3).await;
    let (entries, _) = log.read(&[room("general").into()], Offset::ZERO).await.unwrap();
    let contents: Vec<_> = entries.iter().map(|e| e.message.content.as_str()).collect();
    assert_eq!(contents, ["m1", "m2", "m3"]);
}

#[tokio::test]
async fn this_nodes_messages_come_after_those_that_another_node_wrote_before() {
    let (store, log) = memory_log().await;
    store.append(&[new_message("general", "theirs")]).await.unwrap();
    log.append(new_message("general", "ours")).await;
    log.seen(2).await;
    let (entries, _) = log.read(&[room("general").into()], Offset::ZERO).await.unwrap();
    let contents: Vec<_> = entries.iter().map(|e| e.message.content.as_str()).collect();
    assert_eq!(contents, ["theirs", "ours"]);
}

#[tokio::test]
async fn an_offset_is_in_the_log_also_when_only_another_node_knows_it() {
    let (store, log) = memory_log().await;
    store.append(&[new_message("general", "theirs")]).await.unwrap();
    assert!(log.contains(offset(1)).await.unwrap());
    assert!(!log.contains(offset(2)).await.unwrap());
}

#[tokio::test]
async fn history_is_read_from_the_store_in_pages() {
    let store = Arc::new(MemoryStore::new());
    let batch: Vec<_> = (0..1000).map(|number| new_message("a", &number.to_string())).collect();
    store.append(&batch).await.unwrap();
    let log = log_on(store).await;
    let (mut cursor, mut pages, mut contents) = (Offset::ZERO, 0, Vec::new());
    loop {
        let (entries, upto) = log.read(&[room("a").into()], cursor).await.unwrap();
        if entries.is_empty() {
            break;
        }
        pages += 1;
        contents.extend(entries.iter().map(|e| e.message.content.as_str().to_owned()));
        cursor = upto;
    }
    assert_eq!(contents, (0..1000).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(pages, 4);
}

#[tokio::test]
async fn the_last_messages_are_in_memory_from_the_start() {
    let memory = MemoryStore::new();
    let batch: Vec<_> = (1..=3000).map(|number| new_message("a", &number.to_string())).collect();
    memory.append(&batch).await.unwrap();
    let failing = Arc::new(FailingStore::new(Arc::new(memory)));
    let log = log_with(Arc::<FailingStore>::clone(&failing), 1 << 20, 1500).await;
    assert_eq!(log.tail(), offset(3000));
    failing.fail_reads(1);
    let room = [room("a").into()];
    let (entries, upto) = log.read(&room, offset(1500)).await.unwrap();
    assert_eq!((entries[0].offset(), upto), (offset(1501), offset(1756)));
    log.read(&room, offset(1499)).await.unwrap_err();
}

/// What no node would say: numbers that are far off, that have holes, that run backwards, that repeat.
fn forged() -> Vec<(Offset, Vec<Message>)> {
    let numbers =
        |numbers: &[u64]| numbers.iter().map(|&number| message(number, "general")).collect();
    let max = Offset::MAX.as_u64();
    vec![
        (Offset::ZERO, numbers(&[9_000_000_000_000_000])),
        (Offset::ZERO, numbers(&[max])),
        (Offset::MAX, numbers(&[max])),
        (offset(max - 1), numbers(&[max])),
        (Offset::ZERO, numbers(&[3])),
        (Offset::ZERO, numbers(&[2, 3, 1])),
        (Offset::ZERO, numbers(&[1, 1])),
        (Offset::ZERO, numbers(&[1, 3])),
        (Offset::ZERO, numbers(&[0, 1])),
        (offset(7), numbers(&[8])),
        (offset(7), numbers(&[1])),
        (Offset::MAX, Vec::new()),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_does_not_follow_is_not_taken_and_stops_nothing() {
    for (after, messages) in forged() {
        let (store, log) = memory_log().await;
        log.appended(after, messages.clone());
        log.reaches(Offset::MAX);
        assert_eq!(log.tail(), Offset::ZERO, "after {after}: {messages:?}");
        store.append(&[new_message("general", "theirs")]).await.unwrap();
        log.appended(after, messages);
        log.append(new_message("general", "ours")).await;
        log.seen(2).await;
        let (entries, upto) = log.read(&[room("general").into()], Offset::ZERO).await.unwrap();
        let contents: Vec<_> = entries.iter().map(|e| e.message.content.as_str()).collect();
        assert_eq!((contents, upto), (vec!["theirs", "ours"], offset(2)));
    }
}

#[tokio::test(start_paused = true)]
async fn made_up_append_notifications_make_the_store_work_no_more_than_a_hundred_times_a_second() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    held.reads.close();
    held.reads.let_through(110);
    for _ in 0..1000 {
        log.reaches(Offset::MAX);
        log.appended(offset(5), vec![message(6, "general")]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let more = tokio::time::timeout(Duration::ZERO, held.reads.waiting(1)).await;
    assert!(more.is_err(), "more than 110 reads in a second");
    // One that is true is followed all the same.
    held.reads.open();
    held.append(&[new_message("general", "theirs")]).await.unwrap();
    log.reaches(offset(1));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(log.tail(), offset(1));
}
