use std::time::Duration;

use clap::Args;

use crate::Limits;

/// The limits of clients. Each option stands for the field of [`Limits`] with its name.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// How many clients may be connected; others get status 503
    #[arg(long, env = "CHAT_MAX_SESSIONS", value_name = "N", default_value_t = Limits::default().max_sessions)]
    max_sessions: usize,

    /// How many clients may be connected from one address, or one IPv6 network of 64 bits; others get status 429
    #[arg(long, env = "CHAT_MAX_SESSIONS_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_sessions_per_address)]
    max_sessions_per_address: usize,

    /// How many clients may be about to connect; then the oldest of them makes room, or others get status 503
    #[arg(long, env = "CHAT_MAX_HANDSHAKES", value_name = "N", default_value_t = Limits::default().max_handshakes)]
    max_handshakes: usize,

    /// How many clients of one address may be about to connect; others get status 429
    #[arg(long, env = "CHAT_MAX_HANDSHAKES_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_handshakes_per_address)]
    max_handshakes_per_address: usize,

    /// For how long a client may be about to connect, as in 20s
    #[arg(
        long,
        env = "CHAT_HANDSHAKE_TIMEOUT",
        value_name = "DURATION",
        default_value = "20s",
        value_parser = humantime::parse_duration
    )]
    handshake_timeout: Duration,

    /// The longest message, in bytes of UTF-8; longer ones are refused with "too_large"
    #[arg(long, env = "CHAT_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_message_bytes)]
    max_message_bytes: usize,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_sessions: self.max_sessions,
            max_sessions_per_address: self.max_sessions_per_address,
            max_handshakes: self.max_handshakes,
            max_handshakes_per_address: self.max_handshakes_per_address,
            handshake_timeout: self.handshake_timeout,
            max_message_bytes: self.max_message_bytes,
            ..Limits::default()
        }
    }
}
