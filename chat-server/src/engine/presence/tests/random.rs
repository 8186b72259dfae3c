//! Whatever happens, in the end all nodes know the same, and nobody was told nonsense.

use proptest::prelude::*;

use super::*;

const ROOMS: [&str; 3] = ["a", "b", "c"];
const NAMES: [&str; 4] = ["Ada", "Bob", "Carl", "Dora"];
const CLIENTS: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    /// A client connects to a node, in rooms that are bits; none of its other connections is left.
    Enter {
        client: usize,
        node: usize,
        name: Option<usize>,
        rooms: u8,
    },
    Join {
        client: usize,
        room: usize,
    },
    Leave {
        client: usize,
        room: usize,
    },
    Rename {
        client: usize,
        name: Option<usize>,
    },
    End {
        client: usize,
        on_purpose: bool,
    },
    Pass {
        millis: u64,
        seed: u64,
        trouble: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = || 0..CLIENTS;
    let name = || prop::option::of(0..NAMES.len());
    let enter = (client(), 0..3_usize, name(), 0..8_u8);
    let pass = (10..3000_u64, any::<u64>(), 0..60_u64);
    prop::collection::vec(
        prop_oneof![
            4 => enter.prop_map(|(client, node, name, rooms)| Step::Enter { client, node, name, rooms }),
            2 => (client(), 0..3_usize).prop_map(|(client, room)| Step::Join { client, room }),
            2 => (client(), 0..3_usize).prop_map(|(client, room)| Step::Leave { client, room }),
            1 => (client(), name()).prop_map(|(client, name)| Step::Rename { client, name }),
            3 => (client(), any::<bool>())
                .prop_map(|(client, on_purpose)| Step::End { client, on_purpose }),
            4 => pass.prop_map(|(millis, seed, trouble)| Step::Pass { millis, seed, trouble }),
        ],
        1..40,
    )
}

/// A client as it should be, and its connection.
struct Present {
    name: Option<usize>,
    rooms: BTreeSet<usize>,
    connection: Client,
}

/// Somebody in each room on each node who never moves, and whom it takes to be there by what it is told.
struct Listener {
    node: usize,
    room: RoomId,
    connection: Client,
    names: BTreeSet<String>,
    anonymous: usize,
}

impl Listener {
    fn listen(&mut self) {
        for event in self.connection.ephemeral.take() {
            let change: UserChange = serde_json::from_str(event.argument.get()).unwrap();
            let joined = event.name == USER_JOINED;
            match change.nickname.map(String::from) {
                Some(name) if joined => assert!(self.names.insert(name), "joined twice"),
                Some(name) => assert!(self.names.remove(&name), "left twice"),
                None if joined => self.anonymous += 1,
                None => self.anonymous = self.anonymous.checked_sub(1).expect("left twice"),
            }
            // The listener itself is anonymous, and never told of itself.
            assert_eq!(change.users, self.names.len() + self.anonymous + 1);
        }
    }
}

async fn play(steps: Vec<Step>) {
    let mut net = Net::of(3);
    net.pass(100).await;
    let mut listeners = Vec::new();
    for (node, name) in (0..3).flat_map(|node| ROOMS.map(|name| (node, name))) {
        let client = format!("listener {node} {name}");
        let connection = net.nodes[node].enter(&client, None, &[room(name)]);
        let names = BTreeSet::new();
        listeners.push(Listener { node, room: room(name), connection, names, anonymous: 0 });
    }
    // Those of the other two nodes may have come before one and be unknown to it, or after.
    net.pass(3000).await;
    for listener in &mut listeners {
        listener.connection.ephemeral.take();
        listener.anonymous = 2;
    }

    let mut clients: [Option<Present>; CLIENTS] = Default::default();
    for step in steps {
        match step {
            Step::Enter { client, node, name, rooms } => {
                clients[client] = None;
                let rooms: BTreeSet<_> = (0..3).filter(|room| rooms & 1 << room != 0).collect();
                let ids: Vec<_> = rooms.iter().map(|&index| room(ROOMS[index])).collect();
                let connection =
                    net.nodes[node].enter(&client.to_string(), name.map(|name| NAMES[name]), &ids);
                clients[client] = Some(Present { name, rooms, connection });
            }
            Step::Join { client, room: index } => {
                let Some(present) = &mut clients[client] else { continue };
                present.connection.presence.join(&room(ROOMS[index]));
                present.rooms.insert(index);
            }
            Step::Leave { client, room: index } => {
                let Some(present) = &mut clients[client] else { continue };
                present.connection.presence.leave(&room(ROOMS[index]));
                present.rooms.remove(&index);
            }
            Step::Rename { client, name } => {
                let Some(present) = &mut clients[client] else { continue };
                present.connection.presence.rename(name.and_then(|name| user(NAMES[name])));
                present.name = name;
            }
            Step::End { client, on_purpose } => {
                if let Some(present) = clients[client].take() {
                    present.connection.presence.end(on_purpose);
                }
            }
            Step::Pass { millis, seed, trouble } => {
                let mut random = seed | 1;
                net.pass_with(millis, |_, _, _| {
                    // xorshift
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    match random % 100 {
                        dice if dice >= trouble => Fate::Arrives,
                        dice => [Fate::IsLost, Fate::ArrivesTwice, Fate::IsLate][dice as usize % 3],
                    }
                })
                .await;
            }
        }
        listeners.iter_mut().for_each(Listener::listen);
    }

    // Nothing is lost any more, and every grace ends.
    net.pass(15_000).await;
    for listener in &mut listeners {
        listener.listen();
        let index = ROOMS.iter().position(|name| *name == listener.room.as_str()).unwrap();
        let there = || clients.iter().flatten().filter(|there| there.rooms.contains(&index));
        let names: BTreeSet<_> =
            there().filter_map(|there| Some(NAMES[there.name?].to_owned())).collect();
        let anonymous = there().filter(|there| there.name.is_none()).count();
        let node = &net.nodes[listener.node];
        assert_eq!(node.names(&listener.room), names);
        assert_eq!(node.presence.count(&listener.room), names.len() + anonymous + 3);
        assert_eq!((&listener.names, listener.anonymous), (&names, anonymous + 2), "as told");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn all_nodes_agree_in_the_end_and_every_listener_was_told_exactly_that(steps in steps()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(play(steps));
    }
}
