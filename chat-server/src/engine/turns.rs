use std::array;
use std::sync::Arc;

use chat_core::Offset;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How many messages can be looked at and changed at the same time: others wait for a turn that is not theirs.
const TURNS: usize = 64;

/// Turns of those who look at what there is of a message before they add to it: one at a time for each message, on this
/// node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Turns(Arc<[Arc<Mutex<()>>; TURNS]>);

/// A turn, which ends when it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(array::from_fn(|_| Arc::default())))
    }

    /// Waits for the turn at a message. Cancel safe.
    pub(crate) async fn at(&self, offset: Offset) -> Turn {
        let index = usize::try_from(offset.as_u64() % TURNS as u64).unwrap_or_default();
        Arc::clone(&self.0[index]).lock_owned().await
    }
}
