//! What the client gets, and whether it may.

use std::fmt::Display;

use chat_core::{EventName, Kind, Offset};
use serde_json::Value;
use tokio::time::Instant;

use super::{Broken, Client};
use crate::oracle::Told;
use crate::rooms::PRIVATE;
use crate::rules::{Deed, Who};

impl Client {
    /// Takes a packet of Socket.IO.
    pub(super) fn take(&mut self, packet: &str) -> Result<(), Broken> {
        // What was sent before is of a log that is gone.
        if self.world.disk().has_forked_since(self.occasion.connect_began) {
            return Err(Broken);
        }
        if packet == "41" || packet == "1" {
            self.note("is disconnected");
            return Err(Broken);
        }
        let digits = packet.get(2..).unwrap_or_default();
        let digits = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (head, data) = packet.split_at_checked(2 + digits).unwrap_or_default();
        let Ok(data) = serde_json::from_str::<Value>(data) else {
            self.world.violated(format_args!("a client got {packet:?}"));
            return Err(Broken);
        };
        match head.get(..2) {
            Some("42") => self.event(&data),
            Some("43") => self.answer(head[2..].parse().unwrap_or_default(), &data[0]),
            _ => self.world.violated(format_args!("a client got {packet:?}")),
        }
        Ok(())
    }

    fn event(&mut self, event: &Value) {
        let parts: &[Value] = event.as_array().map_or(&[], Vec::as_slice);
        self.is_told(parts);
        if event[0] == "nickname" {
            self.is_user(&event[1]["user"]);
        }
        let name = event[0].as_str().unwrap_or_default();
        let (content, offset, meta) = match name {
            "not joined" => return self.not_joined(&event[1]["rooms"]),
            _ if !matches!(parts.last(), Some(Value::String(_))) => return,
            "history gone" => return self.is_gone(&event[1]["before"], parts.last()),
            "message deleted" => (String::new(), &event[1], &event[2]),
            _ => (text(&event[1]), &event[2], &event[3]),
        };
        let feed = meta["room"].as_str().unwrap_or(PRIVATE);
        let offset = offset.as_u64().unwrap_or_default();
        self.note(format_args!("gets {offset} of {feed}"));
        if let Some(Value::String(at)) = parts.last() {
            self.recovery_offset = Some(at.clone());
        }
        self.server_offset = offset;
        self.world.tally(|outcome| outcome.received += 1);
        let (kind, has_key) = (kind(name, meta), !meta["clientOffset"].is_null());
        let told = Told { offset, content: &content, kind, has_key };
        let mut disk = self.world.disk();
        let connected = (self.occasion.node, self.occasion.connect_began);
        let checked = self.shared.lock().expected.received(&disk, feed, &told, connected);
        disk.delivers(self.occasion.node, offset);
        self.last = disk.at(offset).cloned();
        drop(disk);
        if let Err(promise) = checked {
            self.violated(promise);
        }
        self.may_get(feed, offset);
        self.may_be_in(feed);
    }

    /// Takes that messages before an offset may be gone.
    fn is_gone(&mut self, before: &Value, at: Option<&Value>) {
        let upto = before.as_u64().unwrap_or_default().saturating_sub(1);
        self.note(format_args!("is told that everything up to {upto} is gone"));
        self.recovery_offset = at.and_then(Value::as_str).map(str::to_owned);
        self.server_offset = upto;
        let checked = self.shared.lock().expected.gone(&self.world.disk(), upto);
        if let Err(promise) = checked {
            self.violated(promise);
        }
    }

    /// Takes what the client is told of rooms that it is not in.
    fn not_joined(&self, rooms: &Value) {
        let rooms = rooms.as_array().map_or(&[][..], Vec::as_slice);
        for room in rooms.iter().filter_map(|told| told["room"].as_str()) {
            self.note(format_args!("is told that it is not in {room}"));
            let (who, now) = (self.who(), Instant::now());
            let may_be_kicked = || self.world.rules().may_be_kicked(who, room, now);
            if !self.may_be_refused(room, Deed::Read) && !may_be_kicked() {
                self.violated(format_args!("it may be in {room}, and is sent out"));
            }
            self.shared.lock().expected.is_out(room);
        }
    }

    /// Checks that the client was not sent out of a room since it was told last that it is there.
    fn may_be_in(&self, room: &str) {
        let since = {
            let expected = &self.shared.lock().expected;
            expected.since(room).filter(|_| !expected.is_asking(room))
        };
        let Some(since) = since else { return };
        let is_kicked = self.world.rules().is_kicked(self.who(), room, since, &self.occasion);
        if is_kicked {
            self.violated(format_args!("it gets messages of {room}, and was sent out of there"));
        }
    }

    /// Checks that the client may read a room whose messages it has got.
    pub(super) fn may_get(&self, feed: &str, offset: u64) {
        let (who, now) = (self.who(), Instant::now());
        let is_denied = self.world.rules().is_denied(who, feed, Deed::Read, &self.occasion, now);
        if is_denied {
            self.violated(format_args!("it got {offset} of {feed}, which it may not read"));
        }
    }

    pub(super) fn violated(&self, promise: impl Display) {
        self.world.violated(format_args!("client {}: {promise}", self.number));
    }

    /// The number of the client, and whether it has a name.
    pub(super) fn who(&self) -> Who {
        (self.number, self.shared.lock().expected.nickname.is_some())
    }

    pub(super) fn may_be_refused(&self, room: &str, deed: Deed) -> bool {
        self.world.rules().may_refuse(self.who(), room, deed)
    }

    /// Checks that the client is the same user as before.
    fn is_user(&self, told: &Value) {
        self.shared.lock().is_user(&self.world, self.number, told);
    }
}

/// Returns the text of a message, or the payload of an event.
fn text(body: &Value) -> String {
    body.as_str().map_or_else(|| body.to_string(), str::to_owned)
}

/// Returns what an event says that it is.
fn kind(name: &str, meta: &Value) -> Kind {
    let offset = |of: &Value| Offset::new(of.as_u64()?).ok();
    let of = offset(&meta["of"]).unwrap_or_default();
    match name {
        "chat message" | "private message" => {
            offset(&meta["replyTo"]).map_or(Kind::Text, Kind::Reply)
        }
        "message edited" => Kind::Edit(of),
        "message deleted" => Kind::Deletion(of),
        "reaction" => Kind::Reaction { to: of, on: meta["on"] == true },
        name => Kind::Event(EventName::from_stored(name)),
    }
}
