//! Events of an application that clients may send.

use std::collections::HashMap;

use chat_core::{Content, EventName, ParseError, Refusal, RefusalCode, TypedEvent, check_payload};

/// Reads a payload, and returns it as it is stored.
type Read = fn(&str) -> Result<Content, Refusal>;

/// The events that clients may send, by name.
#[derive(Clone, Default)]
pub(crate) struct ClientEvents(HashMap<EventName, Read>);

impl ClientEvents {
    /// Lets clients send an event.
    ///
    /// # Errors
    /// When its name is one that no event may have.
    pub(crate) fn allow<E: TypedEvent>(&mut self) -> Result<(), ParseError> {
        self.0.insert(E::NAME.parse()?, read::<E>);
        Ok(())
    }

    /// Returns an event and how to read its payload; none if clients may not send it.
    pub(crate) fn find(&self, name: &str) -> Option<(&EventName, Read)> {
        self.0.get_key_value(name).map(|(name, read)| (name, *read))
    }
}

fn read<E: TypedEvent>(json: &str) -> Result<Content, Refusal> {
    let event: E = serde_json::from_str(json).map_err(|error| {
        let message = format!("the payload is no \"{}\": {error}", E::NAME);
        Refusal::new(RefusalCode::InvalidArguments, message)
    })?;
    let json = serde_json::to_string(&event).map_err(|error| {
        Refusal::new(RefusalCode::InvalidArguments, format!("the payload cannot be kept: {error}"))
    })?;
    check_payload(&json).map_err(|error| {
        Refusal::new(RefusalCode::InvalidArguments, format!("the payload cannot be kept: {error}"))
    })?;
    Content::try_from(json).map_err(|error| Refusal::invalid(RefusalCode::TooLarge, error))
}
