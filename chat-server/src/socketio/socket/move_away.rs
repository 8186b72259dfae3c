//! Moves clients to other nodes: ends their connections a few at a time, so that they do not all come back at once.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::live::Live;
use crate::socketio::transport::Farewell;

/// The time between two batches.
const BATCH: Duration = Duration::from_millis(100);

/// How long a client may take for what it has asked before. After that it asks again, elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time between two looks whether a client has got everything.
const LOOK: Duration = Duration::from_millis(20);

/// Ends all connections that are there, spread evenly over this time. Each ends when its requests are answered, if that
/// takes no longer than two seconds. Clients reconnect by themselves.
pub(super) async fn move_away(live: &Live, over: Duration) {
    let mut staying: Vec<Weak<Connection>> = live.all().iter().map(Arc::downgrade).collect();
    let leaving = TaskTracker::new();
    let mut batches = interval(BATCH);
    batches.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (all, count) = (staying.len() as u128, over.as_millis().div_ceil(BATCH.as_millis()).max(1));
    for left in (0..count).rev() {
        if staying.is_empty() {
            break;
        }
        batches.tick().await;
        let stay = usize::try_from((all * left).div_ceil(count)).unwrap_or(0);
        for connection in staying.drain(stay..) {
            leaving.spawn(leave(connection));
        }
    }
    leaving.close();
    leaving.wait().await;
}

async fn leave(connection: Weak<Connection>) {
    let is_done = || match connection.upgrade() {
        Some(connection) => connection.link.is_closed() || connection.link.is_idle(),
        None => true,
    };
    let done = async {
        while !is_done() {
            sleep(LOOK).await;
        }
    };
    // It is closed either way.
    let _ = timeout(PATIENCE, done).await;
    if let Some(connection) = connection.upgrade() {
        connection.link.close(Farewell::Moved);
    }
}
