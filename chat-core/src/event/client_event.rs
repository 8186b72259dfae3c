use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::arguments::{Arguments, invalid};
use crate::{ClientOffset, Content, PayloadError, Refusal, RoomId};

/// An event of an application from a client: `emit(name, payload, clientOffset?, { room }?)`. It serialises as the JSON
/// array of these arguments.
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
    /// Creates an event for the room `general` without a client offset. The payload is serialised as JSON: 64 KiB at the
    /// most.
    ///
    /// # Errors
    /// When the payload cannot be serialised, or is too long.
    pub fn new(payload: &(impl Serialize + ?Sized)) -> Result<Self, PayloadError> {
        let payload = Content::try_from(serde_json::to_string(payload)?)?;
        Ok(Self { payload: payload.into(), client_offset: None, room: None })
    }

    /// Sets the client's key.
    #[must_use]
    pub fn with_client_offset(self, key: ClientOffset) -> Self {
        Self { client_offset: Some(key), ..self }
    }

    /// Sets the room to send to.
    #[must_use]
    pub fn with_room(self, room: RoomId) -> Self {
        Self { room: Some(room), ..self }
    }

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
        let payload = arguments.raw(1).ok_or_else(|| invalid(PAYLOAD))?.to_owned();
        let (client_offset, options) = arguments.key_and_options(2, &["room"], KEY, OPTIONS)?;
        Ok(Self { payload, client_offset, room: options.room()? })
    }
}

/// As a client sends it.
impl Serialize for ClientEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Options<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            room: Option<&'a RoomId>,
        }

        let payload: &RawValue =
            serde_json::from_str(&self.payload).map_err(serde::ser::Error::custom)?;
        (payload, &self.client_offset, Options { room: self.room.as_ref() }).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sends_is_read_again() {
        let event = ClientEvent::new(&serde_json::json!({ "id": 7, "lines": [1.5, "é"] })).unwrap();
        for event in [
            event.clone(),
            event.clone().with_room("orders".parse().unwrap()),
            event.with_client_offset("k".parse().unwrap()),
        ] {
            let json = serde_json::to_string(&event).unwrap();
            let json = format!("[\"order updated\",{}", &json[1..]);
            assert_eq!(ClientEvent::from_event(&json).unwrap(), event);
        }
        assert!(ClientEvent::new(&"x".repeat(Content::MAX_BYTES)).is_err());
    }

    #[test]
    fn options_stand_in_the_place_of_a_key_that_is_left_out() {
        let read = ClientEvent::from_event;
        let keyless = read(r#"["poll",{"question":"?"},null,{"room":"rust"}]"#).unwrap();
        assert_eq!(keyless.room, Some("rust".parse().unwrap()));
        assert_eq!(read(r#"["poll",{"question":"?"},{"room":"rust"}]"#).unwrap(), keyless);
        assert!(read(r#"["poll",{"question":"?"},{"question":"?"}]"#).is_err());
        assert!(read(r#"["poll",{"question":"?"},{"room":"rust"},{"room":"rust"}]"#).is_err());
    }
}
