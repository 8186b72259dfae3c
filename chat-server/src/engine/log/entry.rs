use std::borrow::Cow;
use std::sync::OnceLock;

use chat_core::event::{
    CHAT_MESSAGE, ChangeMeta, DeliveryMeta, MESSAGE_DELETED, MESSAGE_EDITED, PRIVATE_MESSAGE,
    PrivateDeliveryMeta, REACTION,
};
use chat_core::{
    Audience, Author, ClientOffset, Content, Epoch, Kind, Message, Offset, RecoveryOffset, Tag,
};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::Instant;

use super::ReaderId;
use crate::engine::planted::{self, Bug};

/// A message of the log together with its wire forms: one for all connections, and one with the key for its author's
/// connections.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message: Message,
    /// The reader that sent the message, if it does not want it back.
    pub(crate) origin: Option<ReaderId>,
    /// When it was submitted; none if this node has not written it.
    pub(crate) submitted: Option<Instant>,
    /// Without the key.
    to_others: Forms,
    /// With the key. Most connections are not the author's, and many messages have no author here.
    to_author: OnceLock<Box<Forms>>,
}

/// The wire forms of a delivery, each created when needed.
#[derive(Debug, Default)]
struct Forms {
    encoded: OnceLock<Option<Box<[u8]>>>,
    arguments: OnceLock<Option<Arguments>>,
}

/// The arguments of a delivery, already serialised.
///
/// A tuple rather than one raw array, because socketioxide inserts the event's name before the items of a tuple.
#[derive(Debug, Clone)]
pub(crate) struct Arguments(Option<Box<RawValue>>, Offset, Box<RawValue>, Box<RawValue>);

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(body, offset, meta, recovery) = self;
        match body {
            Some(body) => (body, offset, meta, recovery).serialize(serializer),
            None => (offset, meta, recovery).serialize(serializer),
        }
    }
}

impl Entry {
    pub(crate) fn new(message: Message, origin: Option<ReaderId>) -> Self {
        let (to_others, to_author) = (Forms::default(), OnceLock::new());
        Self { message, origin, submitted: None, to_others, to_author }
    }

    /// Sets when it was submitted.
    pub(super) fn submitted(self, since: Instant) -> Self {
        Self { submitted: Some(since), ..self }
    }

    pub(crate) fn offset(&self) -> Offset {
        self.message.offset
    }

    /// Returns the tag by which a client's position names it.
    pub(crate) fn tag(&self) -> Tag {
        Tag::of(&self.message)
    }

    /// Returns the memory that the message uses in bytes, including wire forms.
    pub(crate) fn footprint(&self) -> usize {
        const FIXED: usize = 456;
        /// The size of the author's own wire form, in addition to content and key.
        const OWN_FORM: usize = 310;
        let content = self.message.content.as_str().len();
        let own_form = self.key().map_or(0, |key| content + 2 * key.as_str().len() + OWN_FORM);
        2 * content + FIXED + own_form
    }

    /// Returns the name of the event that delivers it.
    pub(crate) fn event(&self) -> &str {
        match (&self.message.kind, &self.message.audience) {
            (Kind::Event(name), _) => name.as_str(),
            (Kind::Edit(_), _) => MESSAGE_EDITED,
            (Kind::Deletion(_), _) => MESSAGE_DELETED,
            (Kind::Reaction { .. }, _) => REACTION,
            (_, Audience::Room(_)) => CHAT_MESSAGE,
            (_, Audience::Private { .. }) => PRIVATE_MESSAGE,
        }
    }

    /// Returns the first argument of the delivery. A payload that is no JSON, which only another program can have
    /// written, is delivered as text.
    fn body(&self) -> Body<'_> {
        let Message { content, kind, .. } = &self.message;
        let payload = match kind {
            Kind::Event(_) => serde_json::from_str(content.as_str()).ok(),
            Kind::Deletion(_) => return Body::None,
            _ => None,
        };
        payload.map_or(Body::Text(content), Body::Payload)
    }

    /// Returns the delivery to this author as created by `encode`, which is called once for all connections where the
    /// position tells of no rewinds; all callers must pass the same function. None if it created nothing.
    pub(crate) fn encoded(
        &self,
        receiver: Option<Author>,
        position: &Position<'_>,
        encode: impl FnOnce(&Delivered<'_>) -> Option<Box<[u8]>>,
    ) -> Option<Cow<'_, [u8]>> {
        let (forms, key) = self.forms_for(receiver);
        let make = || {
            let (meta, recovery) = (self.meta(key), self.recovery(position));
            encode(&Delivered(self.event(), self.body(), self.offset(), meta, recovery))
        };
        if position.rewinds > 0 {
            return Some(make()?.into_vec().into());
        }
        forms.encoded.get_or_init(make).as_deref().map(Cow::from)
    }

    /// Returns the arguments of the delivery to this author, for connections that cannot use [encoded](Self::encoded)
    /// ones; none if they cannot be serialised, which no known message causes.
    pub(crate) fn arguments(
        &self,
        receiver: Option<Author>,
        position: &Position<'_>,
    ) -> Option<Cow<'_, Arguments>> {
        let (forms, key) = self.forms_for(receiver);
        let make = || {
            let meta = to_raw_value(&self.meta(key)).ok()?;
            let recovery = to_raw_value(&self.recovery(position)).ok()?;
            let body = match self.body() {
                Body::None => None,
                body => Some(to_raw_value(&body).ok()?),
            };
            Some(Arguments(body, self.offset(), meta, recovery))
        };
        if position.rewinds > 0 {
            return make().map(Cow::Owned);
        }
        forms.arguments.get_or_init(make).as_ref().map(Cow::Borrowed)
    }

    /// Returns the key if somebody may see it.
    fn key(&self) -> Option<&ClientOffset> {
        self.message.author.and(self.message.client_offset.as_ref())
    }

    /// Returns the wire forms for a receiver, and their key: the author's, if there is one.
    fn forms_for(&self, receiver: Option<Author>) -> (&Forms, Option<&ClientOffset>) {
        match self.key() {
            Some(key) if receiver.is_some_and(|receiver| receiver.wrote(&self.message)) => {
                (self.to_author.get_or_init(Box::default), Some(key))
            }
            _ => (&self.to_others, None),
        }
    }

    fn meta(&self, key: Option<&ClientOffset>) -> Meta {
        let Message { audience, from, user, at, kind, .. } = &self.message;
        let (from, at, client_offset) = (from.clone(), *at, key.cloned());
        if let Some(of) = kind.depends_on() {
            let mut meta = ChangeMeta::new(of);
            if let Kind::Reaction { on, .. } = kind {
                meta.on = Some(*on);
            }
            meta.erased = self.message.is_erasure();
            (meta.from, meta.user, meta.at, meta.client_offset) = (from, *user, at, client_offset);
            match audience {
                Audience::Room(room) => meta.room = Some(room.clone()),
                Audience::Private { from: sender, nickname, .. } => {
                    meta.to = Some(nickname.clone());
                    meta.user = user.or(Some(*sender).filter(|_| meta.erased));
                }
            }
            return Meta::Change(meta);
        }
        let reply_to = match kind {
            Kind::Reply(to) if !planted::is(Bug::ReplyForgotten) => Some(*to),
            _ => None,
        };
        let edited = self.message.is_edited();
        match audience {
            Audience::Room(room) => {
                let mut meta = DeliveryMeta::new(room.clone());
                (meta.from, meta.user) = (from, *user);
                (meta.at, meta.client_offset) = (at, client_offset);
                (meta.reply_to, meta.edited) = (reply_to, edited);
                Meta::Room(meta)
            }
            Audience::Private { from: sender, to, nickname } => {
                let mut meta = PrivateDeliveryMeta::new(nickname.clone());
                // What the application tells a user is from nobody.
                let sender = Some(*sender).filter(|_| sender != to);
                (meta.from, meta.user) = (from, sender.or(*user));
                (meta.at, meta.client_offset) = (at, client_offset);
                (meta.reply_to, meta.edited) = (reply_to, edited);
                Meta::Private(meta)
            }
        }
    }

    /// Returns the position of a client that has got it, in the log with this epoch.
    pub(crate) fn position(&self, epoch: &Epoch) -> RecoveryOffset {
        RecoveryOffset::of(epoch.clone(), &self.message)
    }

    fn recovery(&self, Position { epoch, rewinds }: &Position<'_>) -> RecoveryOffset {
        self.position(epoch).after_rewinds(*rewinds)
    }
}

/// What the position of a client tells in addition to an offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position<'a> {
    pub(crate) epoch: &'a Epoch,
    /// The rewinds before, see [`RecoveryOffset::rewinds`].
    pub(crate) rewinds: u32,
}

/// A delivery: a JSON array of the event and its arguments.
pub(crate) struct Delivered<'a>(&'a str, Body<'a>, Offset, Meta, RecoveryOffset);

impl Serialize for Delivered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(event, body, offset, meta, recovery) = self;
        match body {
            Body::None => (event, offset, meta, recovery).serialize(serializer),
            body => (event, body, offset, meta, recovery).serialize(serializer),
        }
    }
}

/// The first argument of a delivery, unless it has none.
#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    None,
    Text(&'a Content),
    Payload(&'a RawValue),
}

impl Body<'_> {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Text(content) => content.as_str().len(),
            Self::Payload(json) => json.get().len(),
        }
    }
}

/// Not derived: `untagged` would take a payload apart.
impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Text(content) => content.serialize(serializer),
            Self::Payload(json) => json.serialize(serializer),
        }
    }
}

impl Delivered<'_> {
    /// Returns the approximate size of its JSON in bytes.
    pub(crate) fn bytes(&self) -> usize {
        const BESIDE_CONTENT: usize = 192;
        self.0.len() + self.1.len() + BESIDE_CONTENT
    }
}

/// The part of a delivery beside the content.
#[derive(Serialize)]
#[serde(untagged)]
enum Meta {
    Room(DeliveryMeta),
    Private(PrivateDeliveryMeta),
    Change(ChangeMeta),
}

impl From<Message> for Entry {
    fn from(message: Message) -> Self {
        Self::new(message, None)
    }
}

impl Arguments {
    /// Returns the approximate size in bytes of a packet with these arguments.
    pub(crate) fn len(&self) -> usize {
        let Self(body, _, meta, recovery) = self;
        body.as_ref().map_or(0, |body| body.get().len())
            + meta.get().len()
            + recovery.get().len()
            + 40
    }
}

#[cfg(test)]
mod tests {
    use chat_core::event::{Delivery, PrivateDelivery};
    use chat_core::{AuthorId, EventName, NewMessage, RoomId, UserId};

    use super::*;

    const ADA: AuthorId = AuthorId::of_user([1; 8]);
    const SESSION: AuthorId = AuthorId::of_session([2; 8]);

    fn new() -> NewMessage {
        let content = "quotes \" and \u{0} and \u{1f980}".parse().unwrap();
        NewMessage::new(RoomId::general(), content).with_client_offset("k".parse().unwrap())
    }

    fn entry(new: NewMessage) -> Entry {
        Message::from_new(Offset::FIRST, new).into()
    }

    fn epoch() -> Epoch {
        Epoch::from_random([1; 8])
    }

    fn json(delivered: &Delivered<'_>) -> Option<Box<[u8]>> {
        serde_json::to_vec(delivered).ok().map(Vec::into)
    }

    fn encoded(entry: &Entry, receiver: Option<Author>) -> Cow<'_, [u8]> {
        let position = Position { epoch: &epoch(), rewinds: 0 };
        entry.encoded(receiver, &position, json).unwrap()
    }

    /// The arguments that a receiver gets, which are the same in both wire forms.
    fn delivered(entry: &Entry, receiver: Option<Author>) -> String {
        let encoded = encoded(entry, receiver);
        let event = str::from_utf8(&encoded).unwrap();
        let start = format!("[\"{}\",", entry.event());
        let delivery = event.strip_prefix(&start).unwrap();
        let position = Position { epoch: &epoch(), rewinds: 0 };
        let arguments = entry.arguments(receiver, &position).unwrap();
        let arguments = serde_json::to_string(&arguments).unwrap();
        assert_eq!(format!("[{delivery}"), arguments);
        arguments
    }

    #[test]
    fn both_wire_forms_say_the_same() {
        let author = Author::user(ADA, SESSION);
        let entry = entry(new().with_author(author));
        let Delivery(content, offset, meta, recovery) =
            serde_json::from_str(&delivered(&entry, Some(author))).unwrap();
        let message = &entry.message;
        assert_eq!((&content, offset), (&message.content, message.offset));
        assert_eq!((meta.room, meta.at), (RoomId::general(), message.at));
        assert_eq!((&meta.from, &meta.client_offset), (&message.from, &message.client_offset));
        assert_eq!(recovery, RecoveryOffset::new(epoch(), offset).with_tag(Tag::of(message)));
    }

    #[test]
    fn an_event_is_delivered_under_its_name_with_its_payload_as_it_is() {
        let payload = serde_json::json!({ "id": 7, "text": "quotes \" and \u{0}", "big": 1e300 });
        let name: EventName = "order \"updated\"".parse().unwrap();
        let event = NewMessage::event(RoomId::general(), name.clone(), &payload).unwrap();
        let entry = entry(event);
        let encoded = encoded(&entry, None);
        let [event, body, offset, ..]: [serde_json::Value; 5] =
            serde_json::from_slice(&encoded).unwrap();
        assert_eq!((event.as_str(), body, offset), (Some(name.as_str()), payload, 1.into()));
        let arguments = serde_json::to_string(
            &entry.arguments(None, &Position { epoch: &epoch(), rewinds: 0 }).unwrap(),
        );
        let name = serde_json::to_string(&name).unwrap();
        let packet = arguments.unwrap().replacen('[', &format!("[{name},"), 1);
        assert_eq!(packet.as_bytes(), &*encoded);
    }

    #[test]
    fn a_payload_that_is_no_json_is_text() {
        let mut new = new();
        new.kind = Kind::Event(EventName::from_stored("odd"));
        let encoded = String::from_utf8(encoded(&entry(new.clone()), None).into_owned()).unwrap();
        let text = serde_json::to_string(new.content.as_str()).unwrap();
        assert!(encoded.starts_with(&format!(r#"["odd",{text},1,"#)), "{encoded}");
    }

    #[test]
    fn both_wire_forms_tell_of_rewinds_and_nobody_else_gets_them() {
        let (entry, none) = (entry(new()), delivered(&entry(new()), None));
        let position = Position { epoch: &epoch(), rewinds: 3 };
        let after_rewinds = none.replace("\"]", "-3\"]");
        assert_ne!(none, after_rewinds);
        let encoded = entry.encoded(None, &position, json).unwrap();
        assert_eq!(
            str::from_utf8(&encoded).unwrap(),
            after_rewinds.replacen('[', "[\"chat message\",", 1)
        );
        let arguments = entry.arguments(None, &position).unwrap();
        assert_eq!(serde_json::to_string(&arguments).unwrap(), after_rewinds);
        assert_eq!(delivered(&entry, None), none);
    }

    #[test]
    fn the_author_alone_gets_the_key_whoever_asks_first() {
        let (user, anonymous) = (Author::user(ADA, SESSION), Author::anonymous(SESSION));
        let other = Author::user(AuthorId::of_user([3; 8]), AuthorId::of_session([3; 8]));
        let private = Audience::Private {
            from: UserId::from_stored(1),
            to: UserId::from_stored(2),
            nickname: "Bob".parse().unwrap(),
        };
        for (author, audience) in
            [(user, new().audience), (user, private), (anonymous, new().audience)]
        {
            for first_is_author in [true, false] {
                let mut message = new().with_author(author);
                message.audience = audience.clone();
                let entry = entry(message);
                for is_author in [first_is_author, !first_is_author, first_is_author] {
                    let receivers =
                        if is_author { vec![Some(author)] } else { vec![Some(other), None] };
                    for receiver in receivers {
                        let arguments = delivered(&entry, receiver);
                        let key = match audience {
                            Audience::Room(_) => {
                                let delivery: Delivery = serde_json::from_str(&arguments).unwrap();
                                delivery.2.client_offset
                            }
                            Audience::Private { .. } => {
                                let delivery: PrivateDelivery =
                                    serde_json::from_str(&arguments).unwrap();
                                delivery.2.client_offset
                            }
                        };
                        assert_eq!(key, entry.message.client_offset.clone().filter(|_| is_author));
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_of_nobody_known_reaches_nobody() {
        let entry = entry(new());
        assert!(
            delivered(&entry, Some(Author::anonymous(SESSION))).contains("\"clientOffset\":null")
        );
    }

    #[test]
    fn the_footprint_covers_both_wire_forms() {
        let longest = "k".repeat(ClientOffset::MAX_BYTES).parse().unwrap();
        let key = |key| {
            let mut message = new().with_author(Author::anonymous(SESSION));
            message.client_offset = key;
            message
        };
        for new in [key(None), key(Some("k".parse().unwrap())), key(Some(longest))] {
            for content in ["x".to_owned(), "x".repeat(10_000)] {
                let mut message = new.clone();
                message.content = content.parse().unwrap();
                let entry = entry(message);
                let author = Some(Author::anonymous(SESSION));
                let bytes = |receiver| encoded(&entry, receiver).as_ptr();
                let starts = [None, author].map(bytes);
                let both = if starts[0] == starts[1] { 1 } else { 2 };
                assert_eq!(both, 1 + usize::from(new.client_offset.is_some()));
                let key = new.client_offset.as_ref().map_or(0, |key| key.as_str().len());
                let frames: usize = [None, author][..both]
                    .iter()
                    .map(|receiver| encoded(&entry, *receiver).len())
                    .sum();
                let forms = (both - 1) * size_of::<Forms>();
                let used = content.len() + key + frames + forms + size_of::<Entry>();
                assert!(entry.footprint() >= used, "{} < {used}", entry.footprint());
            }
        }
    }
}
