//! The events of the chat, their arguments, and what a client says when it connects.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{ClientOffset, Content, Epoch, Message, Nickname, Offset, ParseError};
use crate::{RecoveryOffset, Refusal, RefusalCode, RoomId, Timestamp};

/// The event that carries a message, in both directions.
///
/// | direction | arguments | ack |
/// |---|---|---|
/// | client to server | content, client offset?, `{ room }`? ([`ChatMessage`]) | [`Ack`](crate::Ack) or [`Refusal`] |
/// | server to client | content, offset, `{ room, from, at, clientOffset }`, recovery offset ([`Delivery`]) | none |
pub const CHAT_MESSAGE: &str = "chat message";

/// The event with which a client joins a room: what is sent to the room from now on is delivered.
///
/// Argument: the room. Ack: [`Joined`](crate::Joined) or [`Refusal`]. Joining a room twice changes nothing.
pub const JOIN: &str = "join";

/// The event with which a client leaves a room.
///
/// Argument: the room. Ack: [`Left`](crate::Left) or [`Refusal`]. Leaving a room that one is not in changes
/// nothing.
pub const LEAVE: &str = "leave";

/// What a client says in `auth` when it connects. All fields are optional, unknown ones are ignored.
///
/// A field that cannot be understood counts as absent: a client with a damaged memory is served from
/// the beginning rather than locked out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Handshake {
    /// The last offset that the client has handled; [`Offset::ZERO`] is the beginning.
    #[serde(deserialize_with = "lenient")]
    pub server_offset: Offset,
    /// The rooms to be in from the start; none means [`RoomId::general`]. Names that are none are left out.
    #[serde(deserialize_with = "lenient_list", skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomId>,
}

fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

fn lenient_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let Value::Array(values) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// Reads the room from the JSON text of [`JOIN`] or [`LEAVE`]: an array whose first item is the event's
/// name.
///
/// # Errors
/// The refusal to answer with, for anything else.
pub fn room_from_event(json: &str) -> Result<RoomId, Refusal> {
    let arguments = arguments(json)?;
    let room = arguments.get(1).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let room = room.ok_or_else(|| invalid("the first argument must be the room, a string"))?;
    room.parse().map_err(|error| Refusal::invalid(RefusalCode::InvalidArguments, error))
}

/// The longest event that can hold a message that is not too long: every character of it escaped.
const MAX_EVENT_BYTES: usize = 6 * (Content::MAX_BYTES + 2 * ClientOffset::MAX_BYTES + 1024);

fn arguments(json: &str) -> Result<Vec<&RawValue>, Refusal> {
    if json.len() > MAX_EVENT_BYTES {
        let error =
            ParseError::TooLong { what: "an event", bytes: json.len(), max: MAX_EVENT_BYTES };
        return Err(Refusal::invalid(RefusalCode::InvalidContent, error));
    }
    serde_json::from_str(json).map_err(|_| invalid("the arguments are not a valid JSON array"))
}

fn invalid(what: &str) -> Refusal {
    Refusal::new(RefusalCode::InvalidArguments, what)
}

/// The arguments of [`CHAT_MESSAGE`] as a client sends it.
///
/// `emit("chat message", content)`, with a client offset as the second argument, with options as the
/// third; `null` stands for an argument that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// What it says.
    pub content: Content,
    /// The client's key for it.
    pub client_offset: Option<ClientOffset>,
    /// The rest.
    pub options: ChatMessageOptions,
}

/// The last argument of [`CHAT_MESSAGE`] as a client sends it. Unknown fields are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatMessageOptions {
    /// The room it goes to; `general` when absent.
    pub room: Option<RoomId>,
}

impl ChatMessage {
    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's
    /// name. Further arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with, for anything that is not what the event takes, also for text that is
    /// no JSON.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        let arguments = arguments(json)?;
        let argument =
            |index: usize| arguments.get(index).map(|raw| raw.get()).filter(|&json| json != "null");

        let content = argument(1)
            .and_then(|json| serde_json::from_str::<String>(json).ok())
            .ok_or_else(|| invalid("the first argument must be the message, a string"))
            .and_then(|text| {
                Content::try_from(text)
                    .map_err(|error| Refusal::invalid(RefusalCode::InvalidContent, error))
            })?;
        let client_offset = argument(2)
            .map(|json| {
                let text: String = serde_json::from_str(json).map_err(|_| {
                    invalid("the second argument must be the client offset, a string")
                })?;
                ClientOffset::try_from(text)
                    .map_err(|error| Refusal::invalid(RefusalCode::InvalidClientOffset, error))
            })
            .transpose()?;
        const OPTIONS: &str = "the third argument must be options such as { room: \"general\" }";
        let options = match argument(3) {
            None => ChatMessageOptions::default(),
            // A list would be read as the fields in their order.
            Some(json) if !json.starts_with('{') => return Err(invalid(OPTIONS)),
            Some(json) => serde_json::from_str(json).map_err(|_| invalid(OPTIONS))?,
        };
        Ok(Self { content, client_offset, options })
    }
}

/// The arguments of [`CHAT_MESSAGE`] as the server sends it: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery(pub Content, pub Offset, pub DeliveryMeta, pub RecoveryOffset);

/// The third argument of [`CHAT_MESSAGE`] as the server sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryMeta {
    /// The room that the message was sent to.
    pub room: RoomId,
    /// Who sent it; `null` when anonymous.
    pub from: Option<Nickname>,
    /// When the server received it; `null` when the log does not know.
    pub at: Option<Timestamp>,
    /// The key that the sender gave it, by which the sender recognises its own; `null` when it gave none.
    pub client_offset: Option<ClientOffset>,
}

impl Delivery {
    /// The delivery of `message`, which lies in the log that `epoch` names.
    pub fn new(epoch: &Epoch, message: Message) -> Self {
        let Message { offset, room, content, client_offset, from, at } = message;
        let recovery = RecoveryOffset { epoch: epoch.clone(), offset };
        Self(content, offset, DeliveryMeta { room, from, at, client_offset }, recovery)
    }
}
