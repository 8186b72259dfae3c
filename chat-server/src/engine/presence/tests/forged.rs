//! What no node said, because somebody else reaches the broker: it does not last, and it costs little.

use chat_core::{PresenceEntry, PresenceId};
use proptest::prelude::*;

use super::*;
use crate::engine::presence::peer::ENTRIES;
use crate::engine::presence::state::State;
use tokio::time::Instant;

/// Longer than anything lasts that was made up.
const HEALED: u64 = 40_000;

fn ghost(number: u64, room: &str) -> PresenceEntry {
    let nickname = Some(Nickname::from_stored(format!("ghost {number}")));
    PresenceEntry { room: room.parse().unwrap(), who: PresenceId::anonymous(number), nickname }
}

fn presence(from: u64, version: u64, came: Vec<PresenceEntry>) -> FrameBody {
    FrameBody::Presence { from, version, came, left: Vec::new() }
}

fn snapshot(version: u64, round: u64, (part, parts): (u32, u32), ghosts: u64) -> FrameBody {
    let present = (0..ghosts).map(|number| ghost(number, "general")).collect();
    FrameBody::PresenceSnapshot { version, round, part, parts, present }
}

/// Two nodes that do not know who else reaches their broker.
fn uncertain() -> Net {
    let mut net = Net::of(0);
    for number in [1, 2] {
        net.nodes.push(Node::hearing(number, false));
        net.late.push(VecDeque::new());
    }
    net
}

/// After each of these the nodes agree again, and go on to hear of each other's changes.
async fn heals(forged: Vec<(NodeId, FrameBody)>) {
    let mut net = uncertain();
    let _ada = net.nodes[0].ada();
    let _bob = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    net.pass(2000).await;
    assert_eq!(net.counts(), [2, 2]);
    for (node, body) in &forged {
        for to in 0..2 {
            net.nodes[to].presence.take(*node, body.clone());
        }
        net.pass(10).await;
    }
    net.pass(HEALED).await;
    assert_eq!(net.counts(), [2, 2], "{forged:?}");
    let names = BTreeSet::from(["Ada".to_owned(), "Bob".to_owned()]);
    assert_eq!(
        (net.nodes[0].names(&general()), net.nodes[1].names(&general())),
        (names.clone(), names)
    );
    let carl = net.nodes[1].enter("c", Some("Carl"), &[general()]);
    net.pass(200).await;
    assert_eq!(net.counts(), [3, 3], "{forged:?}");
    carl.presence.end(true);
    net.pass(200).await;
    assert_eq!(net.counts(), [2, 2], "{forged:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_was_said_in_the_name_of_a_node_is_forgotten_when_it_speaks_itself() {
    let max = u64::MAX;
    for body in [
        presence(max, max, vec![]),
        presence(0, max, vec![ghost(1, "general")]),
        presence(1, max, vec![ghost(1, "general")]),
        presence(1, 2, vec![ghost(1, "general")]),
        presence(max - 1, max, vec![ghost(1, "general")]),
        presence(5, 3, vec![ghost(1, "general")]),
        snapshot(max, max, (0, 1), 3),
        snapshot(1, max, (0, 1), 3),
        snapshot(max, max, (0, 2), 3),
        snapshot(max, max, (0, u32::MAX), 3),
        snapshot(max, max, (u32::MAX, u32::MAX), 3),
        snapshot(max, max, (u32::MAX - 1, u32::MAX), 3),
        snapshot(max, max, (0, 0), 3),
        FrameBody::PresenceWanted { of: NodeId::from_random([1; 8]) },
        FrameBody::PresenceWanted { of: NodeId::from_random([77; 8]) },
        FrameBody::Typing { room: general(), who: PresenceId::anonymous(1), typing: true },
        FrameBody::NodeLeft,
    ] {
        // In the name of the other node, of the node itself, and of none that there is.
        for node in [1, 2, 99] {
            heals(vec![(NodeId::from_random([node; 8]), body.clone())]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_with_nobody_gets_rid_of_those_who_were_made_up() {
    let mut net = uncertain();
    net.pass(2000).await;
    net.nodes[0].presence.take(net.nodes[1].id, snapshot(7, 7, (0, 1), 5));
    net.pass(10).await;
    assert_eq!(net.counts(), [5, 0]);
    net.pass(3000).await;
    assert_eq!(net.counts(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_said_to_have_left_stays_while_it_speaks() {
    let mut net = uncertain();
    let watcher = net.nodes[0].enter("w", None, &[general()]);
    let _bob = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    net.pass(2000).await;
    watcher.hears();
    for _ in 0..20 {
        net.nodes[0].presence.take(net.nodes[1].id, FrameBody::NodeLeft);
        net.pass(1500).await;
    }
    assert_eq!((net.counts(), watcher.hears()), (vec![2, 2], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_nodes_leaves_those_that_are_there_and_is_gone_with_its_users() {
    let mut net = uncertain();
    let _ada = net.nodes[0].ada();
    let _bob = net.nodes[1].enter("b", Some("Bob"), &[general()]);
    // Many whom every step that looks through all would look through.
    let crowd = |n: usize| net.nodes[0].enter(&n.to_string(), None, &[room(&(n % 50).to_string())]);
    let _crowd: Vec<_> = (0..5000).map(crowd).collect();
    net.pass(2000).await;
    let started = std::time::Instant::now();
    for number in 0..20_000_u64 {
        let node = NodeId::from_random((1 << 32 | number).to_be_bytes());
        let ghosts = (0..5).map(|n| ghost(5 * number + n, "general")).collect();
        net.nodes[0].presence.take(node, presence(0, 1, ghosts));
        if number % 100 == 0 {
            net.pass(10).await;
        }
    }
    let (peers, announced) = {
        let state = net.nodes[0].presence.lock();
        (state.peers.len(), state.others.total())
    };
    assert!(peers <= 512 && announced <= 512 * 5 + 1, "{peers} nodes, {announced} users");
    assert!(net.nodes[0].names(&general()).contains("Bob"), "a node that speaks keeps its place");
    net.pass(6000).await;
    assert_eq!(net.counts(), [2, 2]);
    // A lock that was held for all of them in the time that each took took minutes here.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_node_takes_the_place_of_one_that_is_silent_and_of_no_other() {
    let (node, now) = (NodeId::from_random([1; 8]), Instant::now());
    let mut state = State::new(node, GRACE, false, None);
    let id = |number: u64| NodeId::from_random((1000 + number).to_be_bytes());
    for number in 0..512 {
        state.take(id(number), presence(0, 0, vec![]), now);
    }
    let later = now + Duration::from_secs(1);
    state.take(id(600), presence(0, 0, vec![]), later);
    assert!(!state.peers.contains_key(&id(600)));
    let later = now + Duration::from_secs(2);
    for number in 1..512 {
        state.take(id(number), presence(0, 0, vec![]), later);
    }
    state.take(id(600), presence(0, 0, vec![]), later);
    assert!(state.peers.contains_key(&id(600)) && !state.peers.contains_key(&id(0)));
    assert_eq!(state.peers.len(), 512);
}

#[tokio::test(start_paused = true)]
async fn a_node_with_too_many_users_is_counted_up_to_a_limit_and_in_steps() {
    let (other, now) = (NodeId::from_random([2; 8]), Instant::now());
    let mut state = State::new(NodeId::from_random([1; 8]), GRACE, false, None);
    let parts = u32::try_from(ENTRIES / 500 + 3).unwrap();
    for part in 0..parts {
        let ghosts = (0..500).map(|n| ghost(u64::from(part) * 500 + n, "crowd")).collect();
        let body =
            FrameBody::PresenceSnapshot { version: 1, round: 1, part, parts, present: ghosts };
        state.take(other, body, now);
    }
    let steps = |state: &mut State| {
        let mut before = state.others.total();
        for steps in 1.. {
            let more = state.step();
            assert!(state.others.total().abs_diff(before) <= 1024);
            before = state.others.total();
            if !more {
                return steps;
            }
        }
        0
    };
    assert!(steps(&mut state) >= ENTRIES / 1024);
    assert_eq!((state.others.total(), state.count(&room("crowd"))), (ENTRIES, ENTRIES));
    let more = vec![ghost(u64::MAX >> 1, "crowd")];
    state.take(other, presence(1, 2, more), now);
    state.step();
    assert_eq!(state.count(&room("crowd")), ENTRIES);
    let (outgoing, _said) = Outgoing::new();
    state.tick(now + Duration::from_secs(6), &outgoing);
    assert!(steps(&mut state) >= ENTRIES / 1024);
    assert_eq!((state.others.total(), state.count(&room("crowd"))), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_count_yet_is_bounded_over_all_nodes() {
    let now = Instant::now();
    let mut state = State::new(NodeId::from_random([1; 8]), GRACE, false, None);
    let ghosts: Vec<_> = (0..500).map(|n| ghost(n, "crowd")).collect();
    for number in 0..8 {
        let node = NodeId::from_random((1000 + number as u64).to_be_bytes());
        for early in 1..200 {
            state.take(node, presence(2 * early, 2 * early + 1, ghosts.clone()), now);
        }
        for part in 0..200 {
            let ghosts = (0..500).map(|n| ghost(u64::from(part) * 500 + n, "crowd")).collect();
            let body = FrameBody::PresenceSnapshot {
                version: 1,
                round: 1,
                part,
                parts: 9999,
                present: ghosts,
            };
            state.take(node, body, now);
        }
    }
    let held: usize = state.peers.values().map(|peer| peer.held()).sum();
    assert!(held <= 500_000, "{held}");
    state.take(NodeId::from_random([3; 8]), presence(0, 1, vec![ghost(0, "crowd"); 513]), now);
    state.step();
    assert_eq!(state.count(&room("crowd")), 0, "a frame with too many present is none of ours");
}

fn forged() -> impl Strategy<Value = (NodeId, FrameBody)> {
    let number = || prop_oneof![0..6_u64, Just(u64::MAX), Just(u64::MAX - 1), any::<u64>()];
    let part = || prop_oneof![0..4_u32, Just(u32::MAX), any::<u32>()];
    let ghosts =
        || prop::collection::vec((0..9_u64).prop_map(|number| ghost(number, "general")), 0..4);
    let body = prop_oneof![
        3 => (number(), number(), ghosts()).prop_map(|(from, version, came)| presence(from, version, came)),
        2 => (number(), number(), ghosts()).prop_map(|(from, version, left)| FrameBody::Presence {
            from,
            version,
            came: Vec::new(),
            left,
        }),
        3 => (number(), number(), part(), part(), ghosts()).prop_map(
            |(version, round, part, parts, present)| FrameBody::PresenceSnapshot {
                version,
                round,
                part,
                parts,
                present,
            }
        ),
        1 => Just(FrameBody::NodeLeft),
        1 => (0..3_u8).prop_map(|of| FrameBody::PresenceWanted { of: NodeId::from_random([of; 8]) }),
    ];
    ((1..4_u8).prop_map(|node| NodeId::from_random([node; 8])), body)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_made_up_lasts(forged in prop::collection::vec(forged(), 1..20)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(heals(forged));
    }
}
