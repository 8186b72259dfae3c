/// The limit that keeps a client out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Sessions,
    SessionsOfAddress,
    Handshakes,
    HandshakesOfAddress,
    /// Too many connections have long headers.
    Headers,
}

impl Full {
    pub(crate) const ALL: [Self; 5] = [
        Self::Sessions,
        Self::SessionsOfAddress,
        Self::Handshakes,
        Self::HandshakesOfAddress,
        Self::Headers,
    ];
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sessions => "as many are connected as may be (--max-sessions)",
            Self::SessionsOfAddress => {
                "as many are connected from one address as may be (--max-sessions-per-address)"
            }
            Self::Handshakes => "too many connect at once (--max-handshakes)",
            Self::Headers => "too many connections have long headers",
            Self::HandshakesOfAddress => {
                "too many connect at once from one address (--max-handshakes-per-address)"
            }
        })
    }
}
