use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_core::{FileReference, Kind, Message, Offset};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How many commits wait for the keeper, and how many again for their time. With more of them, everything is compared.
const WAITING: usize = 4096;

/// Tells the keeper what is committed.
#[derive(Clone)]
pub(crate) struct Commits {
    queue: mpsc::Sender<Concern>,
    missed: Arc<AtomicBool>,
}

/// What [`Keeper::run`](super::Keeper::run) has to be told of.
pub(crate) struct Heard {
    pub(super) queue: mpsc::Receiver<Concern>,
    pub(super) missed: Arc<AtomicBool>,
}

/// What a commit has to do with files.
pub(super) enum Concern {
    Carries(Message),
    Changes(Offset),
    /// The same, but more of it may be on its way.
    ChangesSoon(Offset),
}

/// What has to wait for its time.
#[derive(Default)]
pub(super) struct Later {
    all: BTreeMap<(Instant, u64), Concern>,
    /// How many there have been.
    count: u64,
}

/// Returns what tells a keeper, and what it hears.
pub(crate) fn commits() -> (Commits, Heard) {
    let (sender, queue) = mpsc::channel(WAITING);
    let missed = Arc::<AtomicBool>::default();
    (Commits { queue: sender, missed: Arc::clone(&missed) }, Heard { queue, missed })
}

impl Commits {
    /// Takes a batch that this node has committed. Never waits.
    pub(crate) fn note(&self, messages: &[Message]) {
        for message in messages {
            let concern = match message.kind {
                Kind::Edit(of) => Concern::ChangesSoon(of),
                Kind::Deletion(of) => Concern::Changes(of),
                _ if FileReference::is_any_in(&message.content) => {
                    Concern::Carries(message.clone())
                }
                _ => continue,
            };
            self.send(concern);
        }
    }

    /// Takes messages of another node or program, which may have ended since. Never waits.
    pub(crate) fn note_of_others(&self, messages: &[Message]) {
        for message in messages {
            if let Kind::Edit(of) | Kind::Deletion(of) = message.kind {
                self.send(Concern::ChangesSoon(of));
            }
        }
    }

    fn send(&self, concern: Concern) {
        if self.queue.try_send(concern).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl Later {
    /// Adds something unless there is no room for it, and returns whether it did.
    pub(super) fn add(&mut self, pause: Duration, concern: Concern) -> bool {
        if self.all.len() >= WAITING {
            return false;
        }
        self.count += 1;
        self.all.insert((Instant::now() + pause, self.count), concern);
        true
    }

    /// Returns the next one at its time. Cancel safe.
    pub(super) async fn next(&mut self) -> Concern {
        if let Some(&(at, _)) = self.all.keys().next() {
            sleep_until(at).await;
            if let Some((_, concern)) = self.all.pop_first() {
                return concern;
            }
        }
        pending().await
    }
}
