use std::fmt;

/// Which way an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Incoming,
    /// From the server to the client.
    Outgoing,
}

/// One event of the chat as it goes by, for [`ChatBuilder::observe`](crate::ChatBuilder::observe).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed<'a> {
    /// The public id of the socket: `socket.id` at the client.
    pub socket: &'a str,
    /// Which way it goes.
    pub direction: Direction,
    /// Its name; an answer to an event has none.
    pub event: Option<&'a str>,
    /// About how many bytes its arguments have.
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
