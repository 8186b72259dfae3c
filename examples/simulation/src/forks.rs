//! The log loses its end: an earlier state of the disk takes its place, with all nodes down.

use std::collections::BTreeMap;

use chat_core::{Epoch, Message};
use chat_store::{SessionKey, SessionRecord};
use tokio::time::Instant;

use crate::disk::Disk;
use crate::world::World;

/// What a backup or a standby has of the disk.
pub(crate) struct Earlier {
    messages: usize,
    sessions: BTreeMap<SessionKey, SessionRecord>,
}

/// A loss of the log's end.
pub(crate) struct Fork {
    at: Instant,
    /// The last offset that is kept.
    kept: u64,
}

impl World {
    /// Notes the state of the disk, for a later fork.
    pub(crate) fn take_a_copy(&self) {
        let disk = &mut *self.disk();
        let (messages, sessions) = (disk.log.len(), disk.sessions.clone());
        disk.earlier = Some(Earlier { messages, sessions });
    }

    /// Goes back to the state that was noted last: as another log, or as the same one. No node may run. Returns whether there
    /// is one.
    pub(crate) fn go_back(&self, renews: bool) -> bool {
        let epoch = renews.then(|| self.random(|rng| rng.below(usize::MAX) as u64));
        let disk = &mut *self.disk();
        let Some(Earlier { messages, sessions }) = disk.earlier.take() else { return false };
        disk.forget_after(messages);
        disk.sessions = sessions;
        if let Some(epoch) = epoch {
            disk.epoch = Epoch::from_random(epoch.to_be_bytes());
        }
        let fork = Fork { at: Instant::now(), kept: disk.tail().as_u64() };
        disk.forks.push(fork);
        true
    }
}

impl Disk {
    /// Returns whether the log has lost its end since a time.
    pub(crate) fn has_forked_since(&self, at: Instant) -> bool {
        self.forks.last().is_some_and(|fork| fork.at >= at)
    }

    /// Returns whether what was at an offset at a time was lost since.
    pub(crate) fn has_lost(&self, offset: u64, at: Instant) -> bool {
        self.forks.iter().any(|fork| fork.at >= at && offset > fork.kept)
    }

    /// Returns whether the log has a message that a client got, and calls itself by this epoch.
    pub(crate) fn has_still(&self, got: &Message, epoch: &str) -> bool {
        self.epoch.as_str() == epoch && self.at(got.offset.as_u64()) == Some(got)
    }
}
