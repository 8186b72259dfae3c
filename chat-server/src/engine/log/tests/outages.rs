//! What the log says of a store that fails, and when it asks it whether it works again.

use std::sync::Arc;
use std::time::Duration;

use chat_core::Offset;
use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{Appended, MemoryStore, MessageStore};
use tokio::time::sleep;

use super::{Log, log_on, new_message, offset, room};
use crate::engine::log::Outcome;
use crate::engine::outage::tests::Lines;

const WRITING: [&str; 2] =
    ["ERROR writing to the store has failed", "INFO writing to the store works again"];
const READING: [&str; 2] =
    ["ERROR reading from the store has failed", "INFO reading from the store works again"];

async fn failing_log() -> (Arc<FailingStore>, Arc<Log>) {
    let failing = Arc::new(FailingStore::new(Arc::new(MemoryStore::new())));
    let log = log_on(Arc::<FailingStore>::clone(&failing)).await;
    (failing, log)
}

/// Reads of a client, and those of the tail, which looks once a second.
async fn read_for(seconds: u64, log: &Log, mut look: impl FnMut()) {
    for _ in 0..10 * seconds {
        let _ = log.read(&[room("general").into()], Offset::ZERO).await;
        look();
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn reads_that_work_do_not_end_an_outage_of_writes() {
    let lines = Lines::listen();
    let (failing, log) = failing_log().await;
    failing.fail_appends(usize::MAX);
    assert_eq!(log.append(new_message("general", "hi")).await, Outcome::Unavailable);
    read_for(15, &log, || assert!(log.writing_fails() && !log.reading_fails())).await;
    failing.fail_appends(0);
    let outcome = log.append(new_message("general", "hi")).await;
    assert_eq!(outcome, Outcome::Answered(Appended::New(offset(1))));
    sleep(Duration::from_secs(3)).await;
    assert!(!log.writing_fails());
    assert_eq!(lines.heads(), WRITING);
}

#[tokio::test(start_paused = true)]
async fn writes_that_work_do_not_end_an_outage_of_reads() {
    let lines = Lines::listen();
    let (failing, log) = failing_log().await;
    failing.fail_reads(usize::MAX);
    sleep(Duration::from_secs(2)).await;
    for _ in 0..100 {
        let outcome = log.append(new_message("general", "hi")).await;
        assert!(matches!(outcome, Outcome::Answered(Appended::New(_))));
        assert!(log.reading_fails() && !log.writing_fails());
        sleep(Duration::from_millis(100)).await;
    }
    failing.fail_reads(0);
    sleep(Duration::from_secs(3)).await;
    assert!(!log.reading_fails());
    assert_eq!(lines.heads(), READING);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_outage_is_noticed_when_nobody_writes() {
    let lines = Lines::listen();
    let (failing, log) = failing_log().await;
    failing.fail_appends(usize::MAX);
    log.append(new_message("general", "hi")).await;
    sleep(Duration::from_secs(60)).await;
    assert!(log.writing_fails());
    failing.fail_appends(0);
    sleep(Duration::from_secs(6)).await;
    assert!(!log.writing_fails());
    assert_eq!(lines.heads(), WRITING);
    assert_eq!(failing.tail().await.unwrap(), Offset::ZERO, "nothing that anybody sees");
}

/// A store that hangs when it is asked, so that a question would be seen.
#[tokio::test(start_paused = true)]
async fn a_store_that_works_is_not_asked() {
    let held = Arc::new(HeldStore::new(Arc::new(MemoryStore::new())));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    log.append(new_message("general", "hi")).await;
    held.appends.close();
    let asked = tokio::time::timeout(Duration::from_secs(3600), held.appends.waiting(1)).await;
    assert!(asked.is_err(), "for an hour");
}
