//! What the application says through its nodes, and events that clients may send, too.

use std::sync::Arc;
use std::time::Duration;

use chat_core::{Kind, Nickname, Offset, RoomId, TypedEvent};
use chat_server::{Chat, SendError, Sending};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::client::name;
use crate::cluster::Cluster;
use crate::oracle::{Acked, identity};
use crate::reactions::EMOJI;
use crate::rooms::{GENERAL, KEPT};
use crate::run::LIVENESS;
use crate::world::World;

/// How long a node may take. One that crashes meanwhile never answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// An event that clients may send.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) text: String,
}

impl TypedEvent for Moved {
    const NAME: &'static str = "moved";
}

/// An event that the application alone sends.
const UPDATED: &str = "order updated";

/// Something that the application says, until it is told that this is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Saying {
    Event(&'static str, String),
    /// An event for one user alone.
    Told(usize, String),
    Text(&'static str, String, Option<Offset>),
    Edit(Offset, String),
    Delete(Offset),
    React(Offset, &'static str, bool),
}

/// Says things until there are no more faults, and returns what was acked.
pub(crate) async fn speak(world: Arc<World>, cluster: Arc<Cluster>) -> Vec<Acked> {
    let often = world.random(|rng| [200, 1000, 5000][rng.below(3)]);
    let (mut acked, mut own, mut number) = (Vec::new(), Vec::new(), 0);
    // It edits and deletes by offsets.
    while !world.is_calm() && !world.is_broken() && !world.is_forked {
        sleep(world.random(|rng| rng.millis(50, often))).await;
        number += 1;
        let Some(saying) = next(&world, &own, number) else { continue };
        let Some(offset) = say(&world, &cluster, &saying, number).await else { continue };
        let Some(stored) = world.disk().at(offset.as_u64()).cloned() else {
            world.violated(format_args!("{saying:?} is acked at {offset}, where nothing is"));
            break;
        };
        if !is_it(&saying, &stored.kind) {
            world.violated(format_args!("{saying:?} is acked at {offset}, where {stored:?} is"));
        }
        match &saying {
            Saying::Text(..) => own.push(offset),
            Saying::Delete(of) => own.retain(|one| one != of),
            _ => {}
        }
        let what = match saying {
            Saying::Event(_, text) | Saying::Told(_, text) => payload(&text),
            Saying::Text(_, text, _) | Saying::Edit(_, text) => text,
            Saying::Delete(_) | Saying::React(..) => identity(&world.disk(), &stored),
        };
        acked.push(Acked::new(what, offset.as_u64()));
    }
    acked
}

/// Decides what to say.
fn next(world: &World, own: &[Offset], number: u64) -> Option<Saying> {
    let text = world.padded(format!("{number} by the application"));
    world.random(|rng| {
        let room = [GENERAL, KEPT[0], KEPT[1]][rng.below(3)];
        let reply_to = rng.chance(300).then(|| rng.pick(own).copied()).flatten();
        Some(match rng.below(10) {
            0..3 => Saying::Event(room, text),
            3 => Saying::Told(rng.below(4), text),
            4 => Saying::Edit(*rng.pick(own)?, text),
            5 => Saying::Delete(*rng.pick(own)?),
            6 => Saying::React(*rng.pick(own)?, rng.pick(&EMOJI)?, rng.chance(700)),
            _ => Saying::Text(room, text, reply_to),
        })
    })
}

/// Says something again and again, through any node, until it is acked. None if there is nobody to say it to.
async fn say(world: &World, cluster: &Cluster, saying: &Saying, number: u64) -> Option<Offset> {
    let mut patience_ends = None;
    while !world.is_broken() {
        if world.is_calm()
            && *patience_ends.get_or_insert(Instant::now() + LIVENESS) < Instant::now()
        {
            world.violated(format_args!("in the end, {saying:?} has no answer"));
        }
        let node = world.random(|rng| rng.below(cluster.size()));
        if let Some(chat) = cluster.chat(node) {
            world.note(format_args!("the application says {saying:?} through node {node}"));
            match timeout(PATIENCE, attempt(&chat, saying, number)).await {
                Ok(Ok(offset)) => {
                    world.note(format_args!(
                        "the application gets the answer to {number}: {offset:?}"
                    ));
                    return offset;
                }
                Ok(Err(SendError::Unavailable)) | Err(_) => {}
                // It was deleted with the beginning of the log.
                Ok(Err(SendError::Missing))
                    if target(saying).is_some_and(|of| of <= world.disk().horizon) =>
                {
                    return None;
                }
                Ok(Err(error)) => {
                    world.violated(format_args!("the application says {saying:?}: {error}"));
                }
            }
        }
        sleep(world.random(|rng| rng.millis(50, 500))).await;
    }
    None
}

async fn attempt(chat: &Chat, saying: &Saying, number: u64) -> Result<Option<Offset>, SendError> {
    let room = |name: &str| chat.room(RoomId::from_stored(name));
    let sending: Sending = match saying {
        Saying::Event(name, text) => room(name).emit(UPDATED, &Moved { text: text.clone() }),
        Saying::Text(name, text, None) => room(name).send(text),
        Saying::Text(name, text, Some(to)) => room(name).send(text).in_reply_to(*to),
        Saying::Edit(of, text) => chat.edit(*of, text),
        Saying::Delete(of) => chat.delete(*of),
        Saying::React(of, emoji, on) => chat.react(*of, emoji, *on),
        Saying::Told(client, text) => {
            let name = Nickname::from_stored(name(*client));
            let found = chat.user(&name).await.map_err(|_| SendError::Unavailable)?;
            let Some(user) = found else { return Ok(None) };
            user.emit(UPDATED, &Moved { text: text.clone() })
        }
    };
    Ok(Some(sending.key(&format!("key {number}")).await?.offset))
}

/// Returns the message that something is about, and depends on.
fn target(saying: &Saying) -> Option<Offset> {
    match saying {
        Saying::Edit(of, _) | Saying::Delete(of) | Saying::React(of, ..) => Some(*of),
        _ => None,
    }
}

fn is_it(saying: &Saying, kind: &Kind) -> bool {
    match (saying, kind) {
        (Saying::Event(..) | Saying::Told(..), Kind::Event(name)) => name.as_str() == UPDATED,
        (Saying::Text(_, _, None), Kind::Text) => true,
        (Saying::Text(_, _, Some(to)), Kind::Reply(stored)) => to == stored,
        (Saying::Edit(of, _), Kind::Edit(stored)) => of == stored,
        (Saying::Delete(of), Kind::Deletion(stored)) => of == stored,
        (Saying::React(of, _, on), Kind::Reaction { to, on: stored }) => of == to && on == stored,
        _ => false,
    }
}

/// Returns the payload of an event with this text, as it is stored.
pub(crate) fn payload(text: &str) -> String {
    serde_json::json!({ "text": text }).to_string()
}
