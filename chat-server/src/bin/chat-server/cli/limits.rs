use clap::Args;
use humantime::Duration;

use chat_server::Limits;

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
    #[arg(long, env = "CHAT_HANDSHAKE_TIMEOUT", value_name = "DURATION", default_value = "20s")]
    handshake_timeout: Duration,

    /// How often a client is asked whether it is still there; more often than a proxy ends idle connections
    #[arg(long, env = "CHAT_PING_INTERVAL", value_name = "DURATION", default_value = "25s")]
    ping_interval: Duration,

    /// How long a client may take to answer; then its connection ends
    #[arg(long, env = "CHAT_PING_TIMEOUT", value_name = "DURATION", default_value = "20s")]
    ping_timeout: Duration,

    /// How many events a client may send each second on the average, all connections of a user together; no more is
    /// read from one that has sent more, so it waits; 0 is no limit
    #[arg(long, env = "CHAT_MAX_EVENTS_PER_SECOND", value_name = "N", default_value_t = Limits::default().max_events_per_second)]
    max_events_per_second: u32,

    /// How many events a client may send at once after it was quiet
    #[arg(long, env = "CHAT_EVENT_BURST", value_name = "N", default_value_t = Limits::default().event_burst)]
    event_burst: u32,

    /// How often each second those in a room are told who comes, goes and types; when there is more to tell, they
    /// are told later how it is then; 0 is no limit
    #[arg(long, env = "CHAT_MAX_NOTICES_PER_SECOND", value_name = "N", default_value_t = Limits::default().max_notices_per_second)]
    max_notices_per_second: u32,

    /// The longest message, in bytes of UTF-8; longer ones are refused with "too_large"
    #[arg(long, env = "CHAT_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_message_bytes)]
    max_message_bytes: usize,

    /// How many nicknames that nobody had can be taken from one address in an hour; 0: any number
    ///
    /// Who comes back to a nickname takes no new one.
    #[arg(long, env = "CHAT_MAX_NEW_NAMES_PER_HOUR", value_name = "N", default_value_t = Limits::default().max_new_names_per_hour)]
    max_new_names_per_hour: u32,

    /// How many claims to a nickname may fail in a minute, from one address and for one name; 0: any number
    #[arg(long, env = "CHAT_MAX_WRONG_TOKENS_PER_MINUTE", value_name = "N", default_value_t = Limits::default().max_wrong_tokens_per_minute)]
    max_wrong_tokens_per_minute: u32,

    /// How many messages a user may store in a day; 0: any number
    ///
    /// A user is who has a nickname, or everybody without one at an address. Each node counts by itself.
    #[arg(long, env = "CHAT_MAX_MESSAGES_PER_DAY", value_name = "N", default_value_t = Limits::default().max_messages_per_day)]
    max_messages_per_day: u64,

    /// How many bytes of messages a user may store in a day; 0: any number
    #[arg(long, env = "CHAT_MAX_BYTES_PER_DAY", value_name = "BYTES", default_value_t = Limits::default().max_bytes_per_day)]
    max_bytes_per_day: u64,

    /// How many messages everybody at one address may store in a day, with whatever names; 0: any number
    #[arg(long, env = "CHAT_MAX_MESSAGES_PER_DAY_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_messages_per_day_per_address)]
    max_messages_per_day_per_address: u64,

    /// How many bytes of messages everybody at one address may store in a day; 0: any number
    #[arg(long, env = "CHAT_MAX_BYTES_PER_DAY_PER_ADDRESS", value_name = "BYTES", default_value_t = Limits::default().max_bytes_per_day_per_address)]
    max_bytes_per_day_per_address: u64,

    /// The most TCP connections, websockets included; it is less where fewer files may be open. Further ones are
    /// answered with 503, and only /healthz and /readyz still work
    #[arg(long, env = "CHAT_MAX_CONNECTIONS", value_name = "N", default_value_t = Limits::default().max_connections)]
    max_connections: usize,

    /// The most TCP connections from one IPv4 address or IPv6 /64 network, or behind a --trusted-proxy the most
    /// open requests and websockets; further ones are answered with 429
    #[arg(long, env = "CHAT_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_connections_per_address)]
    max_connections_per_address: usize,

    /// How long a client may take for the headers of a request, as in 60s or 2m; then 408, and the connection
    /// ends
    #[arg(long, env = "CHAT_HEADER_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().header_timeout.into())]
    header_timeout: Duration,

    /// How long a client may take for the body of a request; then 408, and the connection ends
    #[arg(long, env = "CHAT_BODY_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().body_timeout.into())]
    body_timeout: Duration,

    /// How long a connection may wait for its next request; then it ends
    #[arg(long, env = "CHAT_IDLE_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().idle_timeout.into())]
    idle_timeout: Duration,

    /// How long a client may take nothing of a response, and ten times as long for all of it; then its
    /// connection ends. Not for websockets
    #[arg(long, env = "CHAT_WRITE_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().write_timeout.into())]
    write_timeout: Duration,

    /// The most bytes of the first line and the headers of a request; longer ones are answered with 431
    #[arg(long, env = "CHAT_MAX_HEADER_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_header_bytes)]
    max_header_bytes: usize,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_message_bytes = self.max_message_bytes;
        limits.max_new_names_per_hour = self.max_new_names_per_hour;
        limits.max_wrong_tokens_per_minute = self.max_wrong_tokens_per_minute;
        limits.max_messages_per_day = self.max_messages_per_day;
        limits.max_bytes_per_day = self.max_bytes_per_day;
        limits.max_messages_per_day_per_address = self.max_messages_per_day_per_address;
        limits.max_bytes_per_day_per_address = self.max_bytes_per_day_per_address;
        limits.max_connections = self.max_connections;
        limits.max_connections_per_address = self.max_connections_per_address;
        limits.header_timeout = self.header_timeout.into();
        limits.body_timeout = self.body_timeout.into();
        limits.idle_timeout = self.idle_timeout.into();
        limits.write_timeout = self.write_timeout.into();
        limits.max_header_bytes = self.max_header_bytes;
        limits.max_sessions = self.max_sessions;
        limits.max_sessions_per_address = self.max_sessions_per_address;
        limits.max_handshakes = self.max_handshakes;
        limits.max_handshakes_per_address = self.max_handshakes_per_address;
        limits.handshake_timeout = self.handshake_timeout.into();
        limits.ping_interval = self.ping_interval.into();
        limits.ping_timeout = self.ping_timeout.into();
        limits.max_events_per_second = self.max_events_per_second;
        limits.event_burst = self.event_burst;
        limits.max_notices_per_second = self.max_notices_per_second;
        limits
    }
}
