use std::sync::Arc;
use std::time::Duration;

use chat_core::{Refusal, RefusalCode};

use super::super::connection::{Connection, Request};
use super::super::event::Event;
use crate::socketio::transport::{NO_ROOM, TOO_LARGE};

/// When to resend a large event for which there was no room.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// [`TOO_LARGE`], which replaces an event that was not read.
pub(crate) struct TooLargeEvent;

/// [`NO_ROOM`], which replaces an event that was not read.
pub(crate) struct NoRoomEvent;

impl Event for TooLargeEvent {
    const NAME: &'static str = TOO_LARGE;

    type Arguments = u64;

    fn read(json: &str) -> Result<Self::Arguments, Refusal> {
        Ok(serde_json::from_str(json).map_or(0, |(_, bytes): (&str, u64)| bytes))
    }

    fn handle(connection: &Arc<Connection>, bytes: u64, request: Request) {
        let most = connection.services.limits.max_packet_bytes;
        let message = format!("the event has {bytes} bytes, {most} is the most");
        // Like a message that is too long but was read.
        request.refuse(Refusal::new(RefusalCode::InvalidContent, message));
    }
}

impl Event for NoRoomEvent {
    const NAME: &'static str = NO_ROOM;

    type Arguments = ();

    fn read(_: &str) -> Result<Self::Arguments, Refusal> {
        Ok(())
    }

    fn handle(_: &Arc<Connection>, (): (), request: Request) {
        let message = "too many large events are being sent; send this one again later";
        request.refuse(Refusal::slow_down(message, RETRY_AFTER));
    }
}
