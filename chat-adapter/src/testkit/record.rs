use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_core::{FrameBody, NodeId};

use super::{connect, frame};
use crate::{Broadcast, Incoming, Subscriber};

/// How long publishing may take to succeed or fail.
const BOUND: Duration = Duration::from_secs(4);

/// A record of what happens while one node publishes without a pause and another one listens.
pub(super) struct Record {
    stop: Arc<AtomicBool>,
    /// The frames that were published without an error.
    published: Arc<Mutex<BTreeSet<u64>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

#[derive(Debug, Clone, Copy)]
enum Heard {
    Frame(u64),
    Gap,
}

impl Record {
    /// Starts recording once both are connected.
    pub(super) async fn start(
        publisher: &Arc<dyn Broadcast>,
        listener: &Arc<dyn Broadcast>,
    ) -> Self {
        let mut subscriber = listener.subscribe().await.expect("subscribed");
        connect(publisher, &mut subscriber).await;
        let record =
            Self { stop: Arc::default(), published: Arc::default(), heard: Arc::default() };
        tokio::spawn(listen(subscriber, Arc::clone(&record.heard)));
        let publisher = Arc::clone(publisher);
        tokio::spawn(publish(publisher, Arc::clone(&record.stop), Arc::clone(&record.published)));
        record
    }

    /// Returns the number of the last frame that was published.
    pub(super) fn last_published(&self) -> u64 {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.last().copied().unwrap_or_default()
    }

    pub(super) fn has_heard_beyond(&self, number: u64) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(heard.last(), Some(Heard::Frame(last)) if *last > number)
    }

    pub(super) fn gaps(&self) -> usize {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|heard| matches!(heard, Heard::Gap)).count()
    }

    /// Checks that every frame that was published and not received is covered by a gap, announced before any later
    /// frame.
    pub(super) fn check(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut last, mut gap) = (0, false);
        for heard in heard.iter() {
            match *heard {
                Heard::Gap => gap = true,
                // Frames may arrive twice.
                Heard::Frame(number) if number <= last => {}
                Heard::Frame(number) => {
                    let missing = published.range(last + 1..number).next();
                    assert!(gap || missing.is_none(), "frame {missing:?} is missing unannounced");
                    (last, gap) = (number, false);
                }
            }
        }
    }
}

async fn publish(
    publisher: Arc<dyn Broadcast>,
    stop: Arc<AtomicBool>,
    published: Arc<Mutex<BTreeSet<u64>>>,
) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let sent = tokio::time::timeout(BOUND, publisher.publish(frame(1, number))).await;
        if sent.expect("a publisher is not held up").is_ok() {
            published.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
        // Fast enough to interfere with any event, and no faster than it can be read.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn listen(mut subscriber: Box<dyn Subscriber>, heard: Arc<Mutex<Vec<Heard>>>) {
    while let Some(incoming) = subscriber.next().await {
        let entry = match &incoming {
            Incoming::Gap => Heard::Gap,
            Incoming::Frame(frame) if frame.node == NodeId::from_random([0; 8]) => continue,
            Incoming::Frame(frame) => {
                let FrameBody::Appended { after, .. } = &frame.body else { continue };
                Heard::Frame(after.as_u64())
            }
        };
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}
