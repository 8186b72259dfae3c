//! What every broker does with signed frames.

use std::sync::Arc;
use std::time::Duration;

use chat_adapter::testkit::frame;
use chat_adapter::{Broadcast, ClusterSecret, Incoming, Subscriber, open_with};
use chat_core::Frame;
use tokio::time::timeout;

/// The secret of these lines, each repeated until it is long enough.
fn secret(lines: &[&str]) -> Option<ClusterSecret> {
    let text: String = lines.iter().map(|line| line.repeat(32) + "\n").collect();
    Some(ClusterSecret::from_bytes(text.as_bytes()).expect("a secret"))
}

/// A node, and what it hears.
struct Node {
    broadcast: Arc<dyn Broadcast>,
    subscriber: Box<dyn Subscriber>,
}

impl Node {
    async fn new(broadcast: Arc<dyn Broadcast>) -> Self {
        let subscriber = broadcast.subscribe().await.expect("subscribed");
        Self { broadcast, subscriber }
    }

    /// Publishes, and waits until a node has heard it that believes everything: then it is in its place in the
    /// broker's order.
    async fn says(&self, frame: Arc<Frame>, witness: &mut Self) {
        self.broadcast.publish(Arc::clone(&frame)).await.expect("published");
        witness.hears_until(&frame).await;
    }

    /// What comes until this frame: the frames, and how many gaps.
    async fn hears_until(&mut self, last: &Arc<Frame>) -> (Vec<Arc<Frame>>, usize) {
        let (mut frames, mut gaps) = (Vec::new(), 0);
        let listen = async {
            while frames.last() != Some(last) {
                match self.subscriber.next().await.expect("the stream goes on") {
                    Incoming::Gap => gaps += 1,
                    Incoming::Frame(frame) => frames.push(frame),
                }
            }
        };
        timeout(Duration::from_secs(20), listen).await.expect("it comes");
        (frames, gaps)
    }
}

/// Nodes with one secret hear each other whatever others publish; a secret can be changed step by step; and a node
/// without one hears all and vouches for nothing.
pub(crate) async fn check(url: &str) {
    let node = async |secret| Node::new(open_with(url, secret).await.expect("connected")).await;
    let mut witness = node(None).await;
    let (ours, mut ours_too) = (node(secret(&["a"])).await, node(secret(&["a"])).await);
    let (theirs, mut theirs_too) = (node(secret(&["b"])).await, node(secret(&["b"])).await);
    let mut between = node(secret(&["b", "a"])).await;
    let plain = node(None).await;
    assert!(ours.broadcast.is_authenticated() && between.broadcast.is_authenticated());
    assert!(!plain.broadcast.is_authenticated());

    // All of it says that it is from one node, as a forger's would.
    let speakers = [&plain, &theirs, &between, &ours];
    for (number, speaker) in (1..).zip(speakers) {
        speaker.says(frame(1, number), &mut witness).await;
    }
    let (our_end, their_end) = (frame(2, 1), frame(2, 2));
    ours.says(Arc::clone(&our_end), &mut witness).await;
    theirs.says(Arc::clone(&their_end), &mut witness).await;

    let (frames, gaps) = ours_too.hears_until(&our_end).await;
    assert_eq!(frames, [frame(1, 4), our_end.clone()]);
    assert!(gaps > 0, "there was something that was not believed");
    let (frames, gaps) = theirs_too.hears_until(&their_end).await;
    assert_eq!(frames, [frame(1, 2), frame(1, 3), their_end.clone()]);
    assert!(gaps > 0, "there was something that was not believed");
    let (mut frames, _) = between.hears_until(&their_end).await;
    // Some brokers give a node its own frames too.
    frames.retain(|heard| *heard != frame(1, 3));
    assert_eq!(frames, [frame(1, 2), frame(1, 4), our_end, their_end]);
}
