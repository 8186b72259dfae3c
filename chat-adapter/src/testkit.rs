//! The contract of [`Broadcast`] as tests for every implementation.
//!
//! ```
//! use std::sync::Arc;
//! use chat_adapter::{Broadcast, LocalBroadcast};
//!
//! /// Two nodes that hear each other. Here they share one object; over a network each has its own.
//! async fn two_nodes() -> [Arc<dyn Broadcast>; 2] {
//!     let shared: Arc<dyn Broadcast> = Arc::new(LocalBroadcast::new());
//!     [Arc::clone(&shared), shared]
//! }
//!
//! chat_adapter::conformance!(local, two_nodes);
//! ```
//!
//! A broadcast that needs a server gets further cases in which that server is killed, restarted and disconnected.
//! They need a function that starts a [`Broker`], and a `cfg` that tells whether this machine has its executable:
//!
//! ```ignore
//! chat_adapter::conformance!(redis_streams, broker redis_streams, has_redis_server, "needs redis-server");
//! ```

// A failing case panics, as tests do.
#![allow(clippy::expect_used)]

mod broker_cases;
mod cases;
mod record;
mod warnings;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Epoch, Frame, FrameBody, NodeId, Offset};

pub use self::broker_cases::*;
pub use self::cases::*;
use crate::{Broadcast, Incoming, Subscriber};

/// The nodes that a case runs with.
pub type Nodes = [Arc<dyn Broadcast>; 2];

/// A broker under the control of a test case.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Returns two nodes that use it. [`cut`](Self::cut) affects only the second one.
    async fn nodes(&self) -> Nodes;

    /// Kills it at once.
    async fn kill(&self);

    /// Starts it again at the same address after [`kill`](Self::kill).
    async fn start(&self);

    /// Blocks all traffic to and from the second node without closing a connection.
    fn cut(&self);

    /// Lets new connections through again. Those from before stay dead.
    fn mend(&self);

    /// Sends bytes that are not a frame to all nodes.
    async fn send_raw(&self, bytes: &[u8]);
}

/// Longer than any answer takes; a case that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// More frames than any broadcast keeps for a slow subscriber.
const FLOOD: u64 = 20_000;

/// Creates the test module `$backend` with every case of the suite. Each case runs on two fresh nodes from the async
/// function `$nodes`, which returns [`Nodes`]; or on a fresh [`Broker`] from the async function `$broker`. In that
/// case the tests are ignored with `$reason` if a `cfg` `$present` is given and not set.
#[macro_export]
macro_rules! conformance {
    ($backend:ident, $nodes:ident) => {
        mod $backend {
            $crate::conformance!(@cases [] nodes $nodes);
        }
    };
    ($backend:ident, broker $broker:ident $(, $present:ident, $reason:literal)?) => {
        mod $backend {
            $crate::conformance!(
                @cases [$(#[cfg_attr(not($present), ignore = $reason)])?] broker_nodes $broker
            );
            $crate::conformance!(
                @each [$(#[cfg_attr(not($present), ignore = $reason)])?] broker $broker,
                frames_lost_while_the_broker_restarts_are_announced,
                a_lost_frame_is_announced_as_a_gap,
                a_silently_cut_connection_is_noticed_and_made_anew,
                a_frame_of_another_version_is_ignored_with_a_warning,
            );
        }
    };
    (@cases $attributes:tt $kind:ident $make:ident) => {
        $crate::conformance!(
            @each $attributes $kind $make,
            every_node_hears,
            own_frames_are_recognised,
            frames_of_one_publisher_arrive_in_order,
            a_slow_subscriber_is_told_of_a_gap_and_blocks_nobody,
            close_ends_the_streams,
        );
    };
    (@each $attributes:tt $kind:ident $make:ident, $($case:ident),* $(,)?) => {
        $($crate::conformance!(@test $attributes $kind $make $case);)*
    };
    (@test [$($attribute:tt)*] $kind:ident $make:ident $case:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $case() {
            $crate::conformance!(@run $kind $make $case);
        }
    };
    (@run nodes $make:ident $case:ident) => {
        $crate::testkit::$case(super::$make().await).await;
    };
    (@run broker_nodes $make:ident $case:ident) => {
        let broker = super::$make().await;
        $crate::testkit::$case($crate::testkit::Broker::nodes(&broker).await).await;
    };
    (@run broker $make:ident $case:ident) => {
        $crate::testkit::$case(&super::$make().await).await;
    };
}

/// Returns a frame of node `node` that `number` distinguishes from others.
pub fn frame(node: u8, number: u64) -> Arc<Frame> {
    let offset = Offset::ZERO.plus(number);
    let epoch = Epoch::from_random([7; 8]);
    let body = FrameBody::Appended { epoch, after: offset, tail: offset, messages: Vec::new() };
    Arc::new(Frame::new(NodeId::from_random([node; 8]), body))
}

async fn next(subscriber: &mut Box<dyn Subscriber>) -> Option<Incoming> {
    tokio::time::timeout(PATIENCE, subscriber.next()).await.expect("something within ten seconds")
}

/// Publishes on a node until this subscriber receives it, so that both are connected when the case begins.
async fn connect(publisher: &Arc<dyn Broadcast>, subscriber: &mut Box<dyn Subscriber>) {
    let hello = frame(0, 0);
    let heard = async {
        loop {
            publisher.publish(Arc::clone(&hello)).await.expect("published");
            let wait = Duration::from_millis(50);
            if let Ok(Some(Incoming::Frame(heard))) =
                tokio::time::timeout(wait, subscriber.next()).await
                && heard == hello
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the nodes hear each other");
}

/// Returns the next frame that is not from [`connect`].
async fn next_frame(subscriber: &mut Box<dyn Subscriber>) -> Arc<Frame> {
    loop {
        match next(subscriber).await {
            Some(Incoming::Frame(heard)) if heard.node == NodeId::from_random([0; 8]) => {}
            Some(Incoming::Frame(heard)) => return heard,
            other => panic!("a frame, not {other:?}"),
        }
    }
}

/// Polls until a condition holds that no event announces.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let come_true = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, come_true)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}
