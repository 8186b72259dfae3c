//! What a node counts while it works, for its operator.

use super::measure::{ByCode, Counter, Histogram};

/// From 50 µs, which a commit to memory takes less than, to 10 s.
const MICROSECONDS: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];

/// Up to the maximum number of messages in a commit.
const IN_A_COMMIT: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/// Up to the maximum number of messages in a read.
const IN_A_READ: &[u64] = &[0, 1, 4, 16, 64, 256];

const LAGS: &[u64] = &[0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 100_000, 1_000_000];

/// The counters of one node. Other parts keep some of their own: the transport, and the queue of frames.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) connects: Connects,
    /// Requests of connected clients that were refused.
    pub(crate) refused: ByCode,
    pub(crate) api: ApiRequests,
    /// Messages that were queued for a commit.
    pub(crate) submitted: Counter,
    pub(crate) entries: Entries,
    /// The number of messages in each commit.
    pub(crate) commit_entries: Histogram,
    /// How long the store took for each commit, also for those that failed.
    pub(crate) commit_time: Histogram,
    /// The number of messages in each read for a connection, from memory.
    pub(crate) read_from_memory: Histogram,
    /// The same, from the store.
    pub(crate) read_from_store: Histogram,
    /// How many messages of the log come after the first one of each read.
    pub(crate) lag: Histogram,
    /// How long the first message of each read took from the queue for its commit until it was handed to a connection of this
    /// node.
    pub(crate) delivery_time: Histogram,
    pub(crate) frames: Frames,
    pub(crate) files: Files,
}

/// What became of clients that connected.
#[derive(Debug, Default)]
pub(crate) struct Connects {
    /// Clients that asked for no session.
    pub(crate) new: Counter,
    pub(crate) recovered: Counter,
    /// Clients that asked for a session and got a new one.
    pub(crate) not_recovered: Counter,
    pub(crate) refused: ByCode,
    pub(crate) refused_by_application: Counter,
    /// Clients that had to come back because the store or the policy failed.
    pub(crate) unserved: Counter,
}

/// What became of requests to the HTTP API.
#[derive(Debug, Default)]
pub(crate) struct ApiRequests {
    pub(crate) accepted: Counter,
    pub(crate) refused: ByCode,
    /// There is no such path, it takes other methods or another type, or the offset is of another log.
    pub(crate) unsuitable: Counter,
}

/// What the store has said about messages that were sent.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) stored: Counter,
    pub(crate) duplicate: Counter,
    /// The key was used for something else.
    pub(crate) conflict: Counter,
    /// What a change is about is not there.
    pub(crate) missing: Counter,
    /// The store has failed.
    pub(crate) unavailable: Counter,
}

/// What was heard of other nodes.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) received: Counter,
    /// How often the broadcast has reported that frames may be lost.
    pub(crate) gaps: Counter,
    /// Append notifications that told nothing new.
    pub(crate) late: Counter,
    /// Messages of other nodes that were found in the store before a notification came.
    pub(crate) repaired: Counter,
}

/// What this node did with files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Uploads that were begun.
    pub(crate) begun: Counter,
    /// Uploads of which the last byte came in.
    pub(crate) finished: Counter,
    /// Files that were removed.
    pub(crate) removed: Counter,
    /// Uploads that were not begun, or whose bytes were not taken.
    pub(crate) refused: ByCode,
    /// Bytes that came in.
    pub(crate) received: Counter,
    /// Bytes that went out.
    pub(crate) served: Counter,
}

impl Entries {
    /// Returns the number of messages about which the store has said something, or has failed to.
    pub(crate) fn answered(&self) -> u64 {
        let Self { stored, duplicate, conflict, missing, unavailable } = self;
        [stored, duplicate, conflict, missing, unavailable].map(Counter::get).into_iter().sum()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            connects: Connects::default(),
            refused: ByCode::default(),
            api: ApiRequests::default(),
            submitted: Counter::default(),
            entries: Entries::default(),
            commit_entries: Histogram::new(IN_A_COMMIT),
            commit_time: Histogram::new(MICROSECONDS),
            read_from_memory: Histogram::new(IN_A_READ),
            read_from_store: Histogram::new(IN_A_READ),
            lag: Histogram::new(LAGS),
            delivery_time: Histogram::new(MICROSECONDS),
            frames: Frames::default(),
            files: Files::default(),
        }
    }
}
