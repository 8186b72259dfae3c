use super::arguments::{Arguments, invalid};
use crate::{ClientOffset, Refusal, RoomId};

/// An event of an application from a client: `emit(name, payload, clientOffset?, { room }?)`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientEvent {
    /// The payload as JSON.
    pub payload: String,
    /// The client's key for the event.
    pub client_offset: Option<ClientOffset>,
    /// The room to send to; `general` if absent.
    pub room: Option<RoomId>,
}

impl ClientEvent {
    /// Reads the arguments from the JSON text of an event: an array whose first item is the event's name. Extra
    /// arguments are ignored.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn from_event(json: &str) -> Result<Self, Refusal> {
        const PAYLOAD: &str = "the first argument must be the payload";
        const KEY: &str = "the second argument must be the client offset, a string";
        const OPTIONS: &str = "the third argument must be options such as { room: \"general\" }";
        let arguments = Arguments::of(json)?;
        Ok(Self {
            payload: arguments.raw(1).ok_or_else(|| invalid(PAYLOAD))?.to_owned(),
            client_offset: arguments.client_offset(2, KEY)?,
            room: arguments.options(3, OPTIONS)?.room()?,
        })
    }
}
