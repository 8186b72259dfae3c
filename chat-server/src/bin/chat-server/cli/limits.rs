use clap::Args;
use humantime::Duration;

use chat_server::Limits;

/// The limits of clients. Each option sets the field of [`Limits`] with the same name.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Maximum number of connected clients; more get status 503
    #[arg(long, env = "CHAT_MAX_SESSIONS", value_name = "N", default_value_t = Limits::default().max_sessions)]
    max_sessions: usize,

    /// Maximum number of connected clients from one IPv4 address or IPv6 /64 network; more get status 429
    #[arg(long, env = "CHAT_MAX_SESSIONS_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_sessions_per_address)]
    max_sessions_per_address: usize,

    /// Maximum number of clients that are still connecting; at the limit the oldest one makes room, or the new one
    /// gets status 503
    #[arg(long, env = "CHAT_MAX_HANDSHAKES", value_name = "N", default_value_t = Limits::default().max_handshakes)]
    max_handshakes: usize,

    /// Maximum number of clients from one address that are still connecting; more get status 429
    #[arg(long, env = "CHAT_MAX_HANDSHAKES_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_handshakes_per_address)]
    max_handshakes_per_address: usize,

    /// How long a client may take to connect, as in 20s; then its connection is closed
    #[arg(long, env = "CHAT_HANDSHAKE_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().handshake_timeout.into())]
    handshake_timeout: Duration,

    /// How often the server pings a client; set it below the time after which your proxy closes idle connections
    #[arg(long, env = "CHAT_PING_INTERVAL", value_name = "DURATION", default_value_t = Limits::default().ping_interval.into())]
    ping_interval: Duration,

    /// How long a client may take to answer a ping; then its connection is closed
    #[arg(long, env = "CHAT_PING_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().ping_timeout.into())]
    ping_timeout: Duration,

    /// Maximum number of different reactions to one message; others are refused with "too_many_reactions"
    #[arg(long, env = "CHAT_MAX_REACTIONS_PER_MESSAGE", value_name = "N", default_value_t = Limits::default().max_reactions_per_message)]
    max_reactions_per_message: usize,

    /// Maximum number of rooms that one connection may be in; joining more is refused with "too_many_rooms"
    #[arg(long, env = "CHAT_MAX_ROOMS", value_name = "N", default_value_t = Limits::default().max_rooms)]
    max_rooms: usize,

    /// Maximum number of messages of each room that a new client may ask to begin with, by "history" in its auth
    #[arg(long, env = "CHAT_MAX_HISTORY", value_name = "N", default_value_t = Limits::default().max_history)]
    max_history: usize,

    /// Events per second, on average, from one user over all connections; a client that sends more is not refused but
    /// has to wait; 0 means no limit
    #[arg(long, env = "CHAT_MAX_EVENTS_PER_SECOND", value_name = "N", default_value_t = Limits::default().max_events_per_second)]
    max_events_per_second: u32,

    /// Number of events a client may send at once after being quiet
    #[arg(long, env = "CHAT_EVENT_BURST", value_name = "N", default_value_t = Limits::default().event_burst)]
    event_burst: u32,

    /// Updates per second, on average, to one room about who joins, leaves and types; excess updates are merged and
    /// sent later; 0 means no limit
    #[arg(long, alias = "max-notices-per-second", env = "CHAT_MAX_EPHEMERAL_EVENTS_PER_SECOND", value_name = "N", default_value_t = Limits::default().max_ephemeral_events_per_second)]
    max_ephemeral_events_per_second: u32,

    /// Maximum number of streams of events that programs with a token of one name may have open; more are refused with
    /// status 429
    #[arg(long, env = "CHAT_MAX_STREAMS_PER_TOKEN", value_name = "N", default_value_t = Limits::default().max_streams_per_token)]
    max_streams_per_token: usize,

    /// Maximum length of a message, in bytes of UTF-8; a longer one is refused with "too_large"
    #[arg(long, env = "CHAT_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_message_bytes)]
    max_message_bytes: usize,

    /// New nicknames per hour from one address; 0 means no limit
    ///
    /// Returning to a nickname you own does not count.
    #[arg(long, env = "CHAT_MAX_NEW_NAMES_PER_HOUR", value_name = "N", default_value_t = Limits::default().max_new_names_per_hour)]
    max_new_names_per_hour: u32,

    /// Maximum number of rooms per hour that one user may create, with --rooms; 0 means no limit
    ///
    /// All users at one address may create five times as many.
    #[arg(long, env = "CHAT_MAX_NEW_ROOMS_PER_HOUR", value_name = "N", default_value_t = Limits::default().max_new_rooms_per_hour)]
    max_new_rooms_per_hour: u32,

    /// Maximum number of changes to rooms, roles, invitations, bans and mutes per hour by one user, a fifth of them at once;
    /// 0 means no limit
    #[arg(long, env = "CHAT_MAX_ROOM_CHANGES_PER_HOUR", value_name = "N", default_value_t = Limits::default().max_room_changes_per_hour)]
    max_room_changes_per_hour: u32,

    /// How long the log keeps who changed rooms, banned and muted whom, with --rooms; bans and mutes last as long as they
    /// are for
    #[arg(
        long,
        env = "CHAT_MODERATION_LOG_LIFETIME",
        value_name = "DURATION",
        default_value = "365days"
    )]
    moderation_log_lifetime: Duration,

    /// Failed claims to a nickname per minute, from one address and for one name; 0 means no limit
    #[arg(long, env = "CHAT_MAX_WRONG_TOKENS_PER_MINUTE", value_name = "N", default_value_t = Limits::default().max_wrong_tokens_per_minute)]
    max_wrong_tokens_per_minute: u32,

    /// Messages that one user may store per day; 0 means no limit
    ///
    /// A user is anyone with a nickname; everybody without one at the same address counts as one user. Each node
    /// counts separately.
    #[arg(long, env = "CHAT_MAX_MESSAGES_PER_DAY", value_name = "N", default_value_t = Limits::default().max_messages_per_day)]
    max_messages_per_day: u64,

    /// Bytes of messages that one user may store per day; 0 means no limit
    #[arg(long, env = "CHAT_MAX_BYTES_PER_DAY", value_name = "BYTES", default_value_t = Limits::default().max_bytes_per_day)]
    max_bytes_per_day: u64,

    /// Messages that all users at one address together may store per day; 0 means no limit
    #[arg(long, env = "CHAT_MAX_MESSAGES_PER_DAY_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_messages_per_day_per_address)]
    max_messages_per_day_per_address: u64,

    /// Bytes of messages that all users at one address together may store per day; 0 means no limit
    #[arg(long, env = "CHAT_MAX_BYTES_PER_DAY_PER_ADDRESS", value_name = "BYTES", default_value_t = Limits::default().max_bytes_per_day_per_address)]
    max_bytes_per_day_per_address: u64,

    /// Maximum size of a file in bytes
    ///
    /// A larger one is refused with `too_large`.
    #[arg(long, env = "CHAT_MAX_FILE_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_file_bytes)]
    max_file_bytes: u64,

    /// Maximum size in bytes of all files that one user may upload on a day, in UTC; 0 means no limit
    ///
    /// More are refused with `quota_exceeded`. All nodes count together.
    #[arg(long, env = "CHAT_MAX_FILE_BYTES_PER_DAY", value_name = "BYTES", default_value_t = Limits::default().max_file_bytes_per_day)]
    max_file_bytes_per_day: u64,

    /// Maximum size in bytes of all files that all users at one address together may upload per day; 0 means no limit
    ///
    /// More are refused with `quota_exceeded`. Each node counts separately.
    #[arg(long, env = "CHAT_MAX_FILE_BYTES_PER_DAY_PER_ADDRESS", value_name = "BYTES", default_value_t = Limits::default().max_file_bytes_per_day_per_address)]
    max_file_bytes_per_day_per_address: u64,

    /// Maximum number of files that one user may upload on a day, in UTC; 0 means no limit
    ///
    /// More are refused with `quota_exceeded`. All nodes count together.
    #[arg(long, env = "CHAT_MAX_FILES_PER_DAY", value_name = "N", default_value_t = Limits::default().max_files_per_day)]
    max_files_per_day: u64,

    /// Maximum number of files that all users at one address together may upload per day; 0 means no limit
    ///
    /// More are refused with `quota_exceeded`. Each node counts separately.
    #[arg(long, env = "CHAT_MAX_FILES_PER_DAY_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_files_per_day_per_address)]
    max_files_per_day_per_address: u64,

    /// Maximum number of files of one user that are in no message, complete or not
    ///
    /// More are refused with `slow_down`. Such files go within a day.
    #[arg(long, env = "CHAT_MAX_UNSENT_FILES_PER_USER", value_name = "N", default_value_t = Limits::default().max_unsent_files_per_user)]
    max_unsent_files_per_user: u64,

    /// Maximum number of files of all users that are in no message, complete or not
    ///
    /// More are refused with `slow_down`.
    #[arg(long, env = "CHAT_MAX_UNSENT_FILES", value_name = "N", default_value_t = Limits::default().max_unsent_files)]
    max_unsent_files: u64,

    /// Maximum number of files
    ///
    /// More are refused with `quota_exceeded`.
    #[arg(long, env = "CHAT_MAX_FILES", value_name = "N", default_value_t = Limits::default().max_files)]
    max_files: u64,

    /// Maximum number of uploads from one address whose bytes come in at the same time; more get status 429
    #[arg(long, env = "CHAT_MAX_UPLOADS_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_uploads_per_address)]
    max_uploads_per_address: usize,

    /// Maximum number of uploads whose bytes come in at the same time; more get status 503
    #[arg(long, env = "CHAT_MAX_UPLOADS", value_name = "N", default_value_t = Limits::default().max_uploads)]
    max_uploads: usize,

    /// Maximum size in bytes of all files together
    ///
    /// More are refused with `quota_exceeded`.
    #[arg(long, env = "CHAT_MAX_FILES_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_files_bytes)]
    max_files_bytes: u64,

    /// Maximum number of TCP connections, including websockets; lower if the limit of open files is; more get status
    /// 503, except for /healthz and /readyz
    #[arg(long, env = "CHAT_MAX_CONNECTIONS", value_name = "N", default_value_t = Limits::default().max_connections)]
    max_connections: usize,

    /// Maximum number of TCP connections from one IPv4 address or IPv6 /64 network; behind a --trusted-proxy, of open
    /// requests and websockets; more get status 429
    #[arg(long, env = "CHAT_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = Limits::default().max_connections_per_address)]
    max_connections_per_address: usize,

    /// How long a client may take to send the headers of a request, as in 60s or 2m; then it gets status 408 and the
    /// connection is closed
    #[arg(long, env = "CHAT_HEADER_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().header_timeout.into())]
    header_timeout: Duration,

    /// How long a client may take to send the body of a request; then it gets status 408 and the connection is closed
    #[arg(long, env = "CHAT_BODY_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().body_timeout.into())]
    body_timeout: Duration,

    /// How long a connection may wait for its next request; then it is closed
    #[arg(long, env = "CHAT_IDLE_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().idle_timeout.into())]
    idle_timeout: Duration,

    /// How long a client may stall while it reads a response, and a tenth of how long it may take for all of it; then
    /// its connection is closed; not for websockets
    #[arg(long, env = "CHAT_WRITE_TIMEOUT", value_name = "DURATION", default_value_t = Limits::default().write_timeout.into())]
    write_timeout: Duration,

    /// Maximum size of the request line and headers, in bytes; more gets status 431
    #[arg(long, env = "CHAT_MAX_HEADER_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_header_bytes)]
    max_header_bytes: usize,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_message_bytes = self.max_message_bytes;
        limits.max_new_names_per_hour = self.max_new_names_per_hour;
        limits.max_new_rooms_per_hour = self.max_new_rooms_per_hour;
        limits.max_room_changes_per_hour = self.max_room_changes_per_hour;
        limits.moderation_log_lifetime = self.moderation_log_lifetime.into();
        limits.max_wrong_tokens_per_minute = self.max_wrong_tokens_per_minute;
        limits.max_messages_per_day = self.max_messages_per_day;
        limits.max_bytes_per_day = self.max_bytes_per_day;
        limits.max_messages_per_day_per_address = self.max_messages_per_day_per_address;
        limits.max_bytes_per_day_per_address = self.max_bytes_per_day_per_address;
        limits.max_file_bytes = self.max_file_bytes;
        limits.max_file_bytes_per_day = self.max_file_bytes_per_day;
        limits.max_file_bytes_per_day_per_address = self.max_file_bytes_per_day_per_address;
        limits.max_files_per_day = self.max_files_per_day;
        limits.max_files_per_day_per_address = self.max_files_per_day_per_address;
        limits.max_unsent_files_per_user = self.max_unsent_files_per_user;
        limits.max_unsent_files = self.max_unsent_files;
        limits.max_files = self.max_files;
        limits.max_uploads_per_address = self.max_uploads_per_address;
        limits.max_uploads = self.max_uploads;
        limits.max_files_bytes = self.max_files_bytes;
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
        limits.max_rooms = self.max_rooms;
        limits.max_reactions_per_message = self.max_reactions_per_message;
        limits.max_streams_per_token = self.max_streams_per_token;
        limits.max_history = self.max_history;
        limits.max_events_per_second = self.max_events_per_second;
        limits.event_burst = self.event_burst;
        limits.max_ephemeral_events_per_second = self.max_ephemeral_events_per_second;
        limits
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    const OPERATIONS: &str = include_str!("../../../../../docs/OPERATIONS.md");

    #[test]
    fn each_option_has_the_default_of_its_limit_and_a_row_in_the_documentation() {
        let command = LimitArgs::augment_args(Command::new("test"));
        for option in command.get_arguments().filter_map(|option| option.get_long()) {
            let cell = format!("`--{option}`");
            let is_row =
                |line: &str| line.split('|').nth(1).is_some_and(|name| name.contains(&cell));
            assert!(OPERATIONS.lines().any(is_row), "{option}");
        }
        let defaults = command.mut_args(|option| option.env(None)).get_matches_from(["test"]);
        let defaults = <LimitArgs as clap::FromArgMatches>::from_arg_matches(&defaults);
        assert_eq!(defaults.unwrap().limits(), Limits::default());
    }
}
