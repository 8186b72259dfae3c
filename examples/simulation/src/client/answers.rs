//! What the client is answered, and whether it may be.

use chat_core::{EventName, Kind, Message, Offset, TypedEvent};
use serde_json::Value;
use tokio::time::Instant;

use super::request::Request;
use super::{Client, Own};
use crate::application::{Moved, payload};
use crate::oracle::{Acked, check_page, identity};
use crate::reactions::{Counts, are_of_one_time};
use crate::rooms::PRIVATE;
use crate::rules::{Deed, GRACE};

impl Client {
    /// Checks that the client might do what it has asked for, and what was done at a time by a node.
    fn might(&self, feed: &str, deed: Deed, (done, node): (Instant, usize)) {
        let Some(asked) = self.asked.iter().find(|asked| asked.node == node) else { return };
        if self.world.rules().is_denied(self.who(), feed, deed, asked, done) {
            self.violated(format_args!(
                "{deed:?} in {feed} is done, and was denied when asked for"
            ));
        }
    }

    /// Checks that the client might ask for what it has got an answer to.
    fn might_ask(&self, request: &Request, offset: Option<u64>) {
        let now = (Instant::now(), self.occasion.node);
        let stored = || self.world.disk().stored_at(offset.unwrap_or_default()).unwrap_or(now);
        match request {
            Request::Message { room, .. }
            | Request::Event { room, .. }
            | Request::React { feed: room, .. }
            | Request::Edit { room, .. } => {
                self.might(room, Deed::Write, stored());
            }
            Request::Private { .. } => self.might(PRIVATE, Deed::Write, stored()),
            // Another node may have answered before.
            _ if self.asked.len() > 1 => {}
            Request::Join { room, .. }
            | Request::Users { room }
            | Request::Delete { room, .. }
            | Request::History { room, .. } => self.might(room, Deed::Read, now),
            Request::Conflict { .. }
            | Request::Moderate { .. }
            | Request::Leave { .. }
            | Request::Rename { .. } => {}
        }
    }

    /// Takes the refusal of a request that may be refused because of who may do what, or because that is not known now.
    fn is_refused(&self, request: &Request, answer: &Value) -> bool {
        let room = request.room().unwrap_or(PRIVATE);
        if let Request::Moderate { room, client, .. } = request {
            return self.is_deed_refused(room, *client, answer);
        }
        let (deed, is_join) = match request {
            Request::Message { .. }
            | Request::Event { .. }
            | Request::React { .. }
            | Request::Edit { .. }
            | Request::Conflict { .. }
            | Request::Private { .. } => (Deed::Write, false),
            request => (Deed::Read, matches!(request, Request::Join { .. })),
        };
        let seen = &mut *self.shared.lock();
        let who = (self.number, seen.expected.nickname.is_some());
        let is_right = match answer["error"]["code"].as_str() {
            Some("unavailable") => true,
            Some("forbidden") => self.world.rules().may_refuse(who, room, deed),
            // It does not know yet, or was not told.
            // Of what is in rooms where it is not, it learns nothing.
            Some("unknown_message") if !matches!(request, Request::React { .. }) => return false,
            Some("unknown_message") if self.is_deleted_target(request) => return false,
            Some("not_in_room" | "unknown_message") => seen
                .expected
                .asked_at(room)
                .is_none_or(|asked_at| self.world.rules().may_be_out(who, room, asked_at)),
            _ => return false,
        };
        if !is_right {
            self.world.violated(format_args!("client {}: {request:?} gets {answer}", self.number));
        }
        let is_out = match answer["error"]["code"].as_str() {
            // Whoever was there before stays: a refused join changes nothing.
            Some("forbidden") => is_join && seen.expected.since(room).is_none(),
            code => matches!(code, Some("not_in_room" | "unknown_message")),
        };
        if is_out {
            seen.expected.refused(room);
        }
        true
    }

    /// Takes the refusal of what the client wanted to do to another one.
    fn is_deed_refused(&self, room: &'static str, on: usize, answer: &Value) -> bool {
        let now = Instant::now();
        let since = now.checked_sub(GRACE).unwrap_or(now);
        match answer["error"]["code"].as_str() {
            Some("forbidden") => {
                let could = self.world.rules().roles.could_act((self.number, on), room, since);
                if could && !self.may_be_refused(room, Deed::Read) {
                    self.violated(format_args!("it may act on client {on} in {room}: {answer}"));
                }
                true
            }
            code => matches!(code, Some("unavailable" | "unknown_nickname" | "slow_down")),
        }
    }

    /// Checks a page of history.
    fn page(&self, room: &str, before: Option<u64>, answer: &Value) {
        let got = answer["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let offsets = got.iter().map(|it| it["offset"].as_u64().unwrap_or_default());
        let page: Vec<_> = offsets.zip(got.iter().map(|it| it["content"].as_str())).collect();
        let Some(&(last, _)) = page.last() else { return };
        let counts = |it: &Value| -> Counts {
            let told = it["reactions"].as_array().map_or(&[][..], Vec::as_slice).iter();
            told.filter_map(|it| {
                let (count, own) = (it["count"].as_u64()?, it["own"].as_bool()?);
                Some((it["emoji"].as_str()?.to_owned(), (count, own)))
            })
            .collect()
        };
        let mut given: Vec<_> =
            page.iter().zip(got).map(|((of, _), it)| (*of, counts(it))).collect();
        self.note(format_args!("gets a page of {room} up to {last}"));
        self.may_get(room, last);
        let more = answer["more"].as_bool().unwrap_or_default();
        let checked = check_page(&self.world.disk(), room, before, &page, more);
        if let Err(promise) = checked {
            self.violated(promise);
        }
        let disk = self.world.disk();
        let user = self.shared.lock().expected.user(&disk);
        // Nobody counts those of a message that was deleted since the page was read.
        given.retain(|(of, _)| *of > disk.horizon.as_u64());
        let is_right = are_of_one_time(&disk.log, &given, user, self.tail_when_asked);
        drop(disk);
        if !is_right {
            self.violated(format_args!(
                "a page of {room} up to {last} has the reactions {given:?}"
            ));
        }
    }

    /// Returns whether what the client reacts to was deleted.
    fn is_deleted_target(&self, request: &Request) -> bool {
        let Request::React { to, .. } = request else { return false };
        let disk = self.world.disk();
        *to <= disk.horizon || disk.at(to.as_u64()).is_some_and(Message::is_deleted)
    }

    /// Checks that what was asked for is stored where that is acked.
    fn acked(&self, request: &Request, offset: u64) -> Option<Acked> {
        Some(match request {
            Request::Message { content, reply_to, .. } => {
                self.is_said(offset, content.clone(), &reply_to.map_or(Kind::Text, Kind::Reply))
            }
            Request::Private { content, .. } => self.is_said(offset, content.clone(), &Kind::Text),
            Request::Event { text, .. } => {
                let kind = Kind::Event(EventName::from_stored(Moved::NAME));
                self.is_said(offset, payload(text), &kind)
            }
            Request::Edit { of, content, .. } => {
                self.is_said(offset, content.clone(), &Kind::Edit(*of))
            }
            Request::Delete { of, .. } => self.is_changed(offset, &Kind::Deletion(*of)),
            Request::React { to, emoji, on, key, .. } => {
                self.is_given(offset, (*to, emoji, *on), key)
            }
            _ => return None,
        })
    }

    fn is_said(&self, offset: u64, what: String, kind: &Kind) -> Acked {
        let disk = self.world.disk();
        let is_it = |it: &&Message| it.kind == *kind && disk.original(it) == what;
        let is_there = disk.at(offset).filter(is_it).is_some();
        drop(disk);
        if !is_there {
            self.violated(format_args!("{what:?} is acked at {offset}, and is not there"));
        }
        Acked::new(what, offset)
    }

    fn is_changed(&self, offset: u64, kind: &Kind) -> Acked {
        let disk = self.world.disk();
        let found = disk.at(offset).cloned();
        let what = found.as_ref().map(|stored| identity(&disk, stored)).unwrap_or_default();
        drop(disk);
        if found.as_ref().is_none_or(|stored| stored.kind != *kind) {
            self.violated(format_args!("{kind:?} is acked at {offset}, where {found:?} is"));
        }
        Acked::new(what, offset)
    }

    fn is_given(&self, offset: u64, (to, emoji, on): (Offset, &str, bool), key: &str) -> Acked {
        let acked = self.is_changed(offset, &Kind::Reaction { to, on });
        let disk = self.world.disk();
        let user = self.shared.lock().expected.user(&disk);
        let is_it = |it: &&Message| {
            let stored_key = it.client_offset.as_ref().map(|key| key.as_str());
            it.content.as_str() == emoji && stored_key == Some(key) && it.user == user
        };
        let is_there = disk.at(offset).filter(is_it).is_some();
        drop(disk);
        if !is_there {
            self.violated(format_args!("{emoji} under {key:?} is acked at {offset}, not there"));
        }
        acked
    }

    pub(super) fn answer(&mut self, id: u64, answer: &Value) {
        // The stock client ignores the answer to an earlier try.
        let Some((request, _)) = self.request.take_if(|(_, asked)| *asked == id) else { return };
        self.world.asked().remove(&self.number);
        self.note(format_args!("gets the answer to {id}: {answer}"));
        self.world.tally(|outcome| outcome.answered += 1);
        let number = self.number;
        if self.world.is_moderated && self.is_refused(&request, answer) {
            return;
        }
        let (error, offset) = (answer["error"]["code"].as_str(), answer["offset"].as_u64());
        if error.is_none() {
            self.might_ask(&request, offset);
        }
        if let (Request::History { room, before }, None) = (&request, error) {
            self.page(room, *before, answer);
        }
        let offset = offset.unwrap_or_default();
        let acked = error.is_none().then(|| self.acked(&request, offset)).flatten();
        let seen = &mut *self.shared.lock();
        seen.acked.extend(acked);
        match (request, error) {
            (Request::Message { room, key, .. }, None) => {
                self.own.push(Own { room: room.clone(), offset, is_text: true });
                let key = key.strip_prefix("key ").and_then(|key| key.parse().ok());
                self.last_key = key.map(|key| (key, room));
            }
            (Request::Event { room, .. }, None) => {
                self.own.push(Own { room, offset, is_text: false });
            }
            (Request::React { .. } | Request::Edit { .. } | Request::Private { .. }, None) => {}
            // It was deleted since it was there, or was acked and is asked again.
            (request @ Request::React { .. }, Some("unknown_message"))
                if self.is_deleted_target(&request) => {}
            // It was deleted with the beginning of the log.
            (Request::Edit { of, .. } | Request::Delete { of, .. }, Some("unknown_message"))
                if of <= self.world.disk().horizon => {}
            (Request::Delete { of, .. }, None) => {
                self.own.retain(|own| own.offset != of.as_u64());
            }
            (Request::Private { .. }, Some("unknown_nickname" | "message_to_oneself")) => {}
            // It was refused when it asked again, and had deleted it.
            (Request::Edit { of, .. }, Some("unknown_message"))
                if self.world.disk().at(of.as_u64()).is_some_and(Message::is_deleted) =>
            {
                self.own.retain(|own| own.offset != of.as_u64());
            }
            (Request::Conflict { .. }, Some("client_offset_conflict")) => {}
            (Request::Conflict { key, .. }, None) => {
                self.world.violated(format_args!("client {number}: {key:?} swallowed a message"));
            }
            (Request::Join { room, after }, None) => {
                let tail = answer["tail"].as_u64().unwrap_or_default();
                seen.expected.joined(&room, after, tail);
            }
            (Request::History { .. } | Request::Moderate { .. }, None) => {}
            (Request::Leave { room }, None) => seen.expected.left(&room),
            (Request::Users { room }, None) => {
                let users = answer["users"].as_u64().unwrap_or_default();
                seen.users.insert(room, users);
            }
            (Request::Rename { nickname }, None) => {
                seen.expected.nickname = Some(nickname);
                seen.is_user(&self.world, number, &answer["user"]);
            }
            (request, Some(_)) => {
                self.world.violated(format_args!("client {number}: {request:?} gets {answer}"));
            }
        }
    }
}
