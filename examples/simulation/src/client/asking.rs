//! What the client asks for.

use std::time::Duration;

use chat_core::{Audience, Message, Offset};
use futures_util::SinkExt;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message as Packet;

use super::request::Request;
use super::{Broken, Client, Own, Stream, name};
use crate::cluster::SILENCE;
use crate::effect::Occasion;
use crate::reactions::EMOJI;
use crate::rooms::{self, KEPT, PRIVATE, is_kept};
use crate::rules::USERS;
use crate::world::Asked;

/// How long a client waits for one at least, and so much longer each time: pages come one after the other, also those that
/// it does not wait for any more.
const PAGE_PATIENCE: Duration = Duration::from_secs(2);

impl Client {
    /// Decides what to do next.
    pub(super) fn next_request(&mut self) -> Option<Request> {
        let calm = self.world.is_calm();
        let pause = self
            .world
            .random(|rng| if rng.chance(200) { rng.millis(0, 2000) } else { rng.millis(0, 50) });
        self.act_at = Instant::now() + pause;
        let rooms: Vec<String> = self.shared.lock().expected.rooms().cloned().collect();
        if calm {
            let left = self.last_words.get_or_insert_with(|| rooms.iter().cloned().collect());
            if let Some(room) = left.pop_first() {
                return Some(self.message(room));
            }
            if rooms.is_empty() {
                // It may be in none.
                self.round = self.world.round();
                self.shared.lock().done = Some(self.round);
                self.act_at = Instant::now() + Duration::from_millis(500);
                return None;
            }
            let room = self.world.random(|rng| rng.pick(&rooms).cloned())?;
            if self.round < self.world.round() {
                self.round += 1;
                return Some(self.message(room));
            }
            self.shared.lock().done = Some(self.round);
            self.act_at = Instant::now() + self.world.random(|rng| rng.millis(0, 1500));
            return Some(Request::Users { room });
        }
        let (kind, any) = self.world.random(|rng| (rng.below(100), rng.below(1000)));
        let names_no_offset = matches!(kind, 21..30 | 33..36 | 40..47 | 80..85);
        let kind = if self.world.is_forked && !names_no_offset { 99 } else { kind };
        let all = rooms::all(self.world.is_moderated);
        let other = all[any % all.len()].to_owned();
        let is_in = rooms.contains(&other);
        let tail = self.world.disk().tail().as_u64();
        let named = self.shared.lock().expected.nickname.is_some();
        Some(match kind {
            0..5 if !is_in => Request::Join { room: other, after: None },
            0..16 => Request::Join { room: other, after: Some(any as u64 % (tail + 1)) },
            16..21 if is_in && rooms.len() > 1 => Request::Leave { room: other },
            21..30 if named => {
                let (to, key) = (name((self.number + 1) % 3), self.key());
                Request::Private { to, content: self.content(), key }
            }
            30..33 if named && self.last_key.is_some() => {
                let (key, room) = self.last_key.clone()?;
                if !rooms.contains(&room) {
                    return None;
                }
                Request::Conflict { room, key: format!("key {key}") }
            }
            33..36 => Request::Users { room: rooms.first()?.clone() },
            36..40 if named => {
                let nickname = name(self.number);
                let is_first = self.shared.lock().expected.nickname.as_ref() == Some(&nickname);
                Request::Rename { nickname: if is_first { nickname + " too" } else { nickname } }
            }
            40..47 => self.history(&rooms, any, tail)?,
            // With a name it is the author in every session.
            60..66 if named => {
                let is_there = |own: &&Own| rooms.contains(&own.room);
                let own: Vec<_> = self.own.iter().filter(is_there).cloned().collect();
                let Own { room, offset, is_text } = own.get(any % own.len().max(1))?.clone();
                let (of, key) = (Offset::new(offset).ok()?, self.key());
                if kind < 64 && is_text {
                    Request::Edit { room, of, content: self.content(), key }
                } else {
                    Request::Delete { room, of, key }
                }
            }
            66..70 if named && self.world.is_moderated => self.deed(),
            70..80 if named => self.reaction(&rooms, any)?,
            80..85 => {
                let room = self.world.random(|rng| rng.pick(&rooms).cloned())?;
                let key = self.key();
                Request::Event { room, text: self.content(), key }
            }
            // Where it may end at any time.
            47..60 if self.world.is_moderated => self.history(&rooms, any, tail)?,
            _ => {
                let room = self.world.random(|rng| rng.pick(&rooms).cloned())?;
                self.message(room)
            }
        })
    }

    /// Returns how long the client waits for an answer before it asks again.
    pub(super) fn patience(&self) -> Duration {
        match self.request {
            Some((Request::History { .. }, _)) => self.ack_timeout.max(PAGE_PATIENCE * self.tries),
            _ => self.ack_timeout,
        }
    }

    /// A page of a room, where rules may change if there is one.
    fn history(&self, rooms: &[String], any: usize, tail: u64) -> Option<Request> {
        let kept: Vec<_> = rooms.iter().filter(|room| is_kept(room)).cloned().collect();
        let rooms = if kept.is_empty() { rooms } else { &kept };
        let room = self.world.random(|rng| rng.pick(rooms).cloned())?;
        let before = any.is_multiple_of(2).then(|| any as u64 % (tail + 2));
        Some(Request::History { room, before })
    }

    fn message(&mut self, room: String) -> Request {
        let key = self.key();
        let answers = self.world.random(|rng| rng.chance(200)) && !self.world.is_forked;
        let in_room = |said: &&Message| said.audience.room().is_some_and(|it| it.as_str() == room);
        let disk = self.world.disk();
        let reply_to = answers.then(|| disk.log.iter().rfind(in_room).map(|said| said.offset));
        drop(disk);
        Request::Message { room, content: self.content(), key, reply_to: reply_to.flatten() }
    }

    /// Something that only moderators may do to others.
    fn deed(&self) -> Request {
        const DEEDS: [&str; 5] = ["ban", "mute", "lift", "lift", "kick"];

        self.world.random(|rng| {
            let (deed, room) = (DEEDS[rng.below(DEEDS.len())], KEPT[rng.below(KEPT.len())]);
            Request::Moderate { deed, room, client: rng.below(USERS) }
        })
    }

    /// A reaction to one of the last messages that the client may have, also to some that were deleted.
    fn reaction(&mut self, rooms: &[String], any: usize) -> Option<Request> {
        let (to, feed) = {
            let disk = self.world.disk();
            let user = self.shared.lock().expected.user(&disk);
            let feed = |message: &Message| match &message.audience {
                Audience::Room(room) => {
                    rooms.iter().find(|it| *it == room.as_str()).map(String::as_str)
                }
                Audience::Private { from, to, .. } => {
                    let is_mine = [from, to].into_iter().any(|it| Some(*it) == user);
                    (is_mine && from != to).then_some(PRIVATE)
                }
            };
            let last = disk.log.iter().rev().filter(|message| message.kind.is_said()).take(10);
            let mine: Vec<_> =
                last.filter_map(|it| Some((it.offset, feed(it)?.to_owned()))).collect();
            mine.get(any % mine.len().max(1))?.clone()
        };
        let (emoji, on) = self.world.random(|rng| (rng.pick(&EMOJI).copied(), rng.chance(700)));
        Some(Request::React { feed, to, emoji: emoji?, on, key: self.key() })
    }

    /// Keys are the same for all clients: each belongs to its author.
    fn key(&mut self) -> String {
        self.next_key += 1;
        format!("key {}", self.next_key)
    }

    fn content(&self) -> String {
        self.world.padded(format!("{} by {}", self.next_key, self.number))
    }

    pub(super) async fn send(
        &mut self,
        stream: &mut Stream,
        request: Request,
    ) -> Result<(), Broken> {
        let event = request.event();
        if let Request::Join { room, after } = &request {
            self.shared.lock().expected.join_asked(room, *after);
        }
        if let Some(room) = request.room() {
            let is_deed = matches!(request, Request::Moderate { .. });
            let (room, node, now) = (room.to_owned(), self.occasion.node, Instant::now());
            let mut all = self.world.asked();
            let earlier = all.get(&self.number).filter(|_| self.tries > 0);
            let since = earlier.map_or(now, |earlier| earlier.since);
            all.insert(self.number, Asked { room, node, since, is_deed });
        }
        let now = Instant::now();
        if self.asked.iter().all(|earlier| earlier.node != self.occasion.node) {
            self.asked.push(Occasion { at: now, ..self.occasion });
        }
        self.tail_when_asked = self.world.disk().tail().as_u64();
        self.next_ack += 1;
        self.tries += 1;
        self.note(format_args!("asks {} {event}", self.next_ack));
        self.request = Some((request, self.next_ack));
        let packet = Packet::text(format!("42{}{event}", self.next_ack));
        // As long as a client believes in a connection from which it hears nothing.
        match timeout(SILENCE, stream.send(packet)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken),
        }
    }
}
