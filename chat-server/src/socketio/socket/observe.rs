use std::fmt;

/// The direction of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Incoming,
    /// From the server to the client.
    Outgoing,
}

/// One event of the chat, for [`ChatBuilder::observe`](crate::ChatBuilder::observe).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed<'a> {
    /// The public id of the socket: `socket.id` on the client.
    pub socket: &'a str,
    /// The direction.
    pub direction: Direction,
    /// The name; an answer to an event has none.
    pub event: Option<&'a str>,
    /// The approximate size of its arguments in bytes.
    pub bytes: usize,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incoming => "in",
            Self::Outgoing => "out",
        })
    }
}
