/// Why the server ends a connection. A websocket is told, with a code of [RFC 6455, section
/// 7.4.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The server stops.
    Stopping,
    /// The server moves its clients to others.
    Moved,
    /// The client has sent an event after its disconnect.
    Disconnected,
    /// The client has sent a message that is no packet, or none that is allowed now.
    NoPacket,
    /// The client has begun a message that exceeds the maximum size for reading.
    TooLarge,
    /// A large message, which cannot be refused by itself, needs memory that is not available.
    NoRoom,
    /// The client's token has expired.
    Expired,
    /// The user has removed the device.
    DeviceRemoved,
    /// The client's nickname could not be kept.
    NameLost,
    /// The application has disconnected the user, who may come back.
    SentAway,
    /// The client may not be connected any more.
    Forbidden,
    /// Another connection has taken over the session.
    TakenOver,
    /// The client does not read what is sent to it, and others need the memory.
    TooSlow,
    /// The client has not connected to a namespace, and others wait for its slot.
    Unused,
    /// The client has not connected to a namespace in time.
    NotConnected,
    /// The client has closed the connection itself.
    Closed,
    /// Data sent to the client may not have arrived.
    Lost,
    /// Something that the client needs does not work.
    Unavailable,
}

impl Farewell {
    pub(crate) const ALL: [Self; 18] = [
        Self::Stopping,
        Self::Moved,
        Self::Disconnected,
        Self::NoPacket,
        Self::TooLarge,
        Self::NoRoom,
        Self::Expired,
        Self::DeviceRemoved,
        Self::NameLost,
        Self::SentAway,
        Self::Forbidden,
        Self::TakenOver,
        Self::TooSlow,
        Self::Unused,
        Self::NotConnected,
        Self::Closed,
        Self::Lost,
        Self::Unavailable,
    ];

    /// Returns the payload of the frame that ends a websocket.
    pub(super) fn payload(self) -> Vec<u8> {
        let (code, reason): (u16, _) = match self {
            Self::Stopping => (1001, "the server is stopping; connect again"),
            Self::Moved => (1001, "the server moves its clients; connect again"),
            Self::Disconnected => (1002, "an event came after the disconnect"),
            Self::NoPacket => (1002, "a message was no packet of Socket.IO, or none for now"),
            Self::TooLarge => (1009, "a message was too large"),
            Self::NoRoom => (1013, "there is no room for large messages now; connect again"),
            Self::Expired => (1008, "the token has expired"),
            Self::DeviceRemoved => (1008, "the user has removed this device"),
            Self::NameLost => (1008, "the nickname belongs to somebody else"),
            Self::SentAway => (1008, "you were disconnected"),
            Self::Forbidden => (1008, "you may not be connected any more"),
            Self::TakenOver => (1008, "the session goes on in another connection"),
            Self::TooSlow => (1008, "too much waits to be read; connect again"),
            Self::Unused => (1008, "no CONNECT came, and others wait"),
            Self::NotConnected => (1008, "the client did not connect in time"),
            // As Node.js answers.
            Self::Closed => return Vec::new(),
            Self::Lost => (1011, "the answer to a poll did not arrive"),
            Self::Unavailable => (1013, "the chat does not work for now; connect again"),
        };
        [&code.to_be_bytes()[..], reason.as_bytes()].concat()
    }
}
