//! What a node believes of what comes from others.

use async_trait::async_trait;
use chat_adapter::{LocalBroadcast, Subscriber};
use chat_core::{Epoch, Feed, Message, Offset, RoomId};
use chat_store::{MemoryStore, MessageStore};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::log::Reader;
use crate::engine::log::tests::{log_with, message, new_message, offset};
use crate::engine::outgoing::Outgoing;

/// A broadcast of somebody's own, which says nothing of who can reach it.
struct Strangers(LocalBroadcast);

#[async_trait]
impl Broadcast for Strangers {
    async fn publish(&self, frame: Arc<Frame>) -> Result<(), BroadcastError> {
        self.0.publish(frame).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscriber>, BroadcastError> {
        self.0.subscribe().await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// A node that listens.
struct Node {
    store: Arc<MemoryStore>,
    log: Arc<Log>,
    presence: Presence,
    broadcast: Arc<dyn Broadcast>,
    /// Changes of access that it was told of.
    changes: mpsc::UnboundedReceiver<AccessScope>,
}

const OWN: NodeId = NodeId::from_random([1; 8]);
const OTHER: NodeId = NodeId::from_random([2; 8]);

async fn node(broadcast: Arc<dyn Broadcast>) -> Node {
    let store = Arc::new(MemoryStore::new());
    let log = log_with(Arc::<MemoryStore>::clone(&store), 1 << 20, 0).await;
    let (outgoing, _) = Outgoing::new();
    let (inquiries, _) = Inquiries::new(OWN, false, outgoing.clone());
    let presence = Presence::new(OWN, Duration::from_secs(5), false, None, outgoing);
    tokio::spawn(presence.clone().run(CancellationToken::new()));
    let (changed, changes) = mpsc::unbounded_channel();
    let listener = Listener {
        node: OWN,
        log: Arc::clone(&log),
        session_taken: Box::new(|_, _| {}),
        access_changed: Box::new(move |scope| changed.send(scope).unwrap()),
        presence: presence.clone(),
        inquiries,
    };
    tokio::spawn(listener.listen(Arc::clone(&broadcast)));
    tokio::task::yield_now().await;
    Node { store, log, presence, broadcast, changes }
}

impl Node {
    async fn hears(&self, node: NodeId, body: FrameBody) {
        self.broadcast.publish(Arc::new(Frame::new(node, body))).await.unwrap();
    }

    fn appended(&self, after: u64, tail: u64, messages: Vec<Message>) -> FrameBody {
        let epoch = self.log.epoch().clone();
        FrameBody::Appended { epoch, after: offset(after), tail: offset(tail), messages }
    }

    /// What its clients see of the room.
    async fn shows(&self) -> Vec<String> {
        let feeds = [Feed::Room(RoomId::general())];
        let reader = Reader::new(self.log.reader(), &Arc::new(Notify::new()));
        self.log.attach(&reader, &feeds);
        let read = self.log.read_after(&reader, &feeds, Offset::ZERO).await.unwrap();
        self.log.detach(&reader, &feeds);
        let texts = read.entries.iter().map(|entry| entry.message.content.as_str().to_owned());
        texts.collect()
    }
}

fn strangers() -> Arc<dyn Broadcast> {
    Arc::new(Strangers(LocalBroadcast::new()))
}

#[tokio::test(start_paused = true)]
async fn what_a_broadcast_without_a_secret_brings_is_read_from_the_store() {
    let node = node(strangers()).await;
    node.hears(OTHER, node.appended(0, 1, vec![message(1, "general")])).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((node.shows().await, node.log.tail()), (vec![], Offset::ZERO));
    // At once, and not by the next poll.
    node.store.append(&[new_message("general", "as it is stored")]).await.unwrap();
    node.hears(OTHER, node.appended(0, 1, vec![message(1, "general")])).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(node.shows().await, ["as it is stored"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_authenticated_is_shown_as_it_is() {
    let node = node(Arc::new(LocalBroadcast::new())).await;
    node.hears(OTHER, node.appended(0, 1, vec![message(1, "general")])).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((node.shows().await, node.log.tail()), (vec!["m1".to_owned()], offset(1)));
}

#[tokio::test]
async fn nothing_is_published_that_nobody_believes() {
    for believed in [true, false] {
        let (outgoing, mut frames) = Outgoing::new();
        let epoch = Epoch::from_random([1; 8]);
        outgoing.committed(epoch, believed)(Offset::ZERO, &[message(1, "a"), message(2, "a")]);
        let Some(FrameBody::Appended { after, tail, messages, .. }) = frames.recv().await else {
            panic!("it is told")
        };
        assert_eq!((after, tail), (Offset::ZERO, offset(2)));
        assert_eq!(messages.len(), if believed { 2 } else { 0 });
    }
}

/// Each kind of frame, with what no node would say, from others and in this node's own name.
#[tokio::test(start_paused = true)]
async fn no_frame_stops_delivery_or_moves_the_end() {
    let max = u64::MAX;
    for broadcast in [strangers(), Arc::new(LocalBroadcast::new())] {
        let node = node(broadcast).await;
        let far = Offset::MAX.as_u64();
        let taken = |session: &str, generation| FrameBody::SessionTaken {
            session: session.to_owned(),
            generation,
        };
        let forged = [
            node.appended(0, far, vec![]),
            node.appended(far, far, vec![message(far, "general")]),
            node.appended(0, far, vec![message(9_000_000_000_000_000, "general")]),
            node.appended(0, 0, vec![message(2, "general"), message(1, "general")]),
            node.appended(7, 3, vec![message(8, "general")]),
            FrameBody::Appended {
                epoch: Epoch::from_random([9; 8]),
                after: Offset::ZERO,
                tail: Offset::MAX,
                messages: vec![message(1, "general")],
            },
            taken(&"0".repeat(64), i64::MAX),
            taken(&"é".repeat(32), i64::MAX),
            taken("+1", i64::MIN),
            FrameBody::Presence { from: max, version: max, came: vec![], left: vec![] },
            FrameBody::PresenceSnapshot {
                version: max,
                round: max,
                part: 0,
                parts: u32::MAX,
                present: vec![],
            },
            FrameBody::PresenceWanted { of: OWN },
            FrameBody::NodeLeft,
        ];
        for number in 1..=20 {
            for body in &forged {
                node.hears(OTHER, body.clone()).await;
                node.hears(OWN, body.clone()).await;
            }
            assert!(node.log.tail() < offset(number), "nothing of it is committed");
            node.store.append(&[new_message("general", &number.to_string())]).await.unwrap();
            node.hears(OTHER, node.appended(number - 1, number, vec![])).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(node.log.tail(), offset(number), "it is followed");
        }
        let all: Vec<_> = (1..=20).map(|number| number.to_string()).collect();
        assert_eq!(node.shows().await, all);
        assert_eq!(node.presence.count(&RoomId::general()), 0);
    }
}

#[test]
fn what_the_broadcast_does_not_take_is_left_out() {
    let (outgoing, mut waiting) = Outgoing::new();
    let told = (0..1000).filter(|_| outgoing.presence(FrameBody::NodeLeft)).count();
    assert_eq!(told, 256);
    let committed = outgoing.clone().committed(Epoch::from_random([7; 8]), true);
    committed(Offset::ZERO, &[message(1, "general")]);
    assert_eq!(waiting.len(), 256);
    waiting.try_recv().unwrap();
    committed(Offset::ZERO, &[message(1, "general")]);
    assert_eq!(waiting.len(), 256);
}

#[tokio::test]
async fn access_is_asked_about_again_when_a_frame_says_so_or_may_be_missing() {
    let mut node = node(Arc::new(LocalBroadcast::new())).await;
    assert_eq!(node.changes.recv().await, Some(AccessScope::Everything), "what came before");
    let scope = AccessScope::Room(RoomId::general());
    let body = FrameBody::AccessChanged { scope: scope.clone() };
    node.hears(OWN, body.clone()).await;
    node.hears(OTHER, body).await;
    assert_eq!(node.changes.recv().await, Some(scope));
    assert!(node.changes.is_empty(), "it told itself");
    // More than are kept for it: the oldest are lost, and it knows.
    for _ in 0..=LocalBroadcast::CAPACITY {
        node.hears(OTHER, FrameBody::NodeLeft).await;
    }
    assert_eq!(node.changes.recv().await, Some(AccessScope::Everything));
}
