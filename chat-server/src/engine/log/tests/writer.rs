use std::sync::{Arc, Mutex};

use chat_store::testkit::{FailingStore, HeldStore};
use chat_store::{Appended, MemoryStore, MessageStore, Store};

use super::{keyed, log_on, memory_log, new_message, offset};
use crate::engine::log::Outcome;

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

#[tokio::test]
async fn an_answer_tells_what_the_store_did() {
    let (_, log) = memory_log().await;
    let outcome = log.append(keyed("general", "hi", "k")).await;
    assert_eq!(outcome, Outcome::Answered(Appended::New(offset(1))));
    let outcome = log.append(keyed("general", "hi", "k")).await;
    assert_eq!(outcome, Outcome::Answered(Appended::Duplicate(offset(1))));
    let outcome = log.append(keyed("general", "other", "k")).await;
    assert_eq!(outcome, Outcome::Answered(Appended::Conflict(offset(1))));
}

#[tokio::test]
async fn a_message_is_readable_when_it_is_answered() {
    let (_, log) = memory_log().await;
    for number in 1..=10 {
        log.append(new_message("general", "hi")).await;
        assert_eq!(log.tail(), offset(number));
    }
}

#[tokio::test]
async fn what_queues_during_a_commit_is_committed_together_in_order() {
    let held = Arc::new(HeldStore::new(memory()));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    let answers = Arc::new(Mutex::new(Vec::new()));
    let source = log.reader();
    let submit = |content: &str| {
        let answers = Arc::clone(&answers);
        log.submit(source, new_message("general", content), None, move |outcome| {
            answers.lock().unwrap().push(outcome);
        });
    };
    held.appends.close();
    submit("0");
    held.appends.waiting(1).await;
    (1..=100).for_each(|number| submit(&number.to_string()));
    assert!(answers.lock().unwrap().is_empty(), "nothing is answered before it is committed");
    // One commit for the first, one for all the others.
    held.appends.let_through(1);
    log.seen(1).await;
    // The first is answered while the store has the others.
    held.appends.waiting(1).await;
    assert_eq!(*answers.lock().unwrap(), [Outcome::Answered(Appended::New(offset(1)))]);
    held.appends.let_through(1);
    log.seen(101).await;
    log.close().await;

    let expected: Vec<_> =
        (1..=101).map(|number| Outcome::Answered(Appended::New(offset(number)))).collect();
    assert_eq!(*answers.lock().unwrap(), expected);
    let page = held.read_after(None, offset(0), 1000).await.unwrap();
    let contents: Vec<_> = page.messages.iter().map(|m| m.content.as_str().to_owned()).collect();
    assert_eq!(contents, (0..=100).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failed_commit_is_answered_so_and_the_next_one_works() {
    let failing = Arc::new(FailingStore::new(memory()));
    let log = log_on(Arc::<FailingStore>::clone(&failing)).await;
    failing.fail_appends(1);
    assert_eq!(log.append(keyed("general", "hi", "k")).await, Outcome::Unavailable);
    assert_eq!(log.tail(), offset(0));
    let outcome = log.append(keyed("general", "hi", "k")).await;
    assert_eq!(outcome, Outcome::Answered(Appended::New(offset(1))));
}

#[tokio::test]
async fn closing_commits_what_was_submitted_and_nothing_later() {
    let held = Arc::new(HeldStore::new(memory()));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    held.appends.close();
    let before: Vec<_> = (0..3)
        .map(|number| {
            let log = Arc::clone(&log);
            let message = new_message("general", &number.to_string());
            tokio::spawn(async move { log.append(message).await })
        })
        .collect();
    held.appends.waiting(1).await;
    let closing = tokio::spawn({
        let log = Arc::clone(&log);
        async move { log.close().await }
    });
    while !log.is_closing() {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.append(new_message("general", "late")).await, Outcome::Unavailable);
    held.appends.open();
    closing.await.unwrap();
    for answer in before {
        assert!(matches!(answer.await.unwrap(), Outcome::Answered(Appended::New(_))));
    }
    assert_eq!(held.tail().await.unwrap(), offset(3));
}

/// Each flooder has queued as much as a connection may have in flight.
#[tokio::test]
async fn a_message_is_in_the_very_next_commit_behind_500_full_queues() {
    const QUEUED: usize = 800;
    let held = Arc::new(HeldStore::new(memory()));
    let log = log_on(Arc::<HeldStore>::clone(&held)).await;
    held.appends.close();
    for _ in 0..500 {
        let flooder = log.reader();
        for _ in 0..QUEUED {
            log.submit(flooder, new_message("flood", "x"), None, |_| {});
        }
    }
    // When the first commit is seen, the second one is under way.
    held.appends.let_through(1);
    log.seen(1024).await;
    let (answered, answer) = tokio::sync::oneshot::channel();
    log.submit(log.reader(), new_message("general", "hi"), None, |outcome| {
        answered.send(outcome).unwrap();
    });
    held.appends.let_through(2);
    let Ok(Outcome::Answered(Appended::New(at))) = answer.await else { panic!("it is stored") };
    assert!(at > offset(2 * 1024) && at <= offset(3 * 1024), "in the commit after the two: {at}");
    // Closing would commit all the rest.
    held.appends.open();
}
