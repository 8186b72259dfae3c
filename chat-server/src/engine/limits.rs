use std::fmt::Debug;
use std::time::Duration;

use chat_core::event::MAX_EVENT_BYTES;
use chat_core::{Content, Refusal, RefusalCode};
use thiserror::Error;

use crate::engine::rate::Rate;

/// The size of the largest chat event, with the packet type and ack id before it.
const MAX_PACKET_BYTES: usize = MAX_EVENT_BYTES + 128;

/// Room for the client's CONNECT packet, which mainly holds a token.
const LEAST_PACKET_BYTES: usize = 64 * 1024;

const MOST_PACKET_BYTES: usize = 16 * 1024 * 1024;

/// The largest delivery takes at most a quarter of this.
const LEAST_UNSENT_BYTES: usize = 4 * 1024 * 1024;

const MOST_EVENTS: u32 = 1_000_000;

/// A session is saved with all its rooms, up to 256 bytes each.
const MOST_ROOMS: usize = 1_000;

/// A page of the store ends at 1 MiB, so more would rarely be read.
const MOST_HISTORY: usize = 10_000;

/// Each stream may hold a page of the store in memory for a moment.
const MOST_STREAMS: usize = 10_000;

/// Limits on what clients may use: connections, memory, time and request rate.
///
/// The defaults suit a server that anyone can reach. A chat [checks](Self::check) its limits when it starts, so no
/// value fails later.
///
/// ```
/// use chat_server::Limits;
///
/// let mut limits = Limits::default();
/// limits.max_message_bytes = 4096;
/// assert!(limits.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of connected Socket.IO clients, over all transports; 100,000 by default. Further clients get
    /// status 503 until one leaves.
    pub max_sessions: usize,
    /// Maximum number of connected clients from one IPv4 address or one IPv6 /64 network; 5,000 by default. Further
    /// clients get status 429.
    pub max_sessions_per_address: usize,
    /// Maximum number of clients that have opened a connection but not joined a namespace yet; 10,000 by default. At
    /// the limit, the oldest one makes room if it has had at least a second; otherwise further clients get status
    /// 503.
    pub max_handshakes: usize,
    /// Maximum number of such clients from one IPv4 address or one IPv6 /64 network; 1,000 by default. Further
    /// clients get status 429.
    pub max_handshakes_per_address: usize,
    /// How long a client may take to join a namespace after it opened a connection; 20 seconds by default. Then the
    /// connection is closed.
    pub handshake_timeout: Duration,
    /// How long after the connection opened, and after each answer, the server pings a client; 25 seconds by default.
    /// Like all times here it must be between 100 ms and one hour. Keep it below the time after which a proxy closes
    /// idle connections.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping; 20 seconds by default. Then the connection is closed.
    pub ping_timeout: Duration,
    /// Maximum size of a client's packet in bytes, from 65,536 to 16 MiB. The default of 402,560 fits the largest
    /// chat event. A larger packet ends the connection.
    pub max_packet_bytes: usize,
    /// Maximum total size in bytes of incomplete packets over 16 KiB, or over 4 KiB in a POST; 64 MiB by default. One
    /// address may use a quarter of it. A request that would exceed it is refused with `slow_down`.
    pub max_large_packets_bytes: usize,
    /// Maximum total size in bytes of data that clients have not read, beyond 8 KiB for each client; 256 MiB by
    /// default, at least 4 MiB. One address may use a quarter of it. When it is exceeded, clients that have not read
    /// their waiting data for two seconds are disconnected; they can reconnect and continue.
    pub max_unsent_bytes: usize,
    /// Maximum number of binary attachments in one event; 16 by default. Together they may have
    /// [`max_packet_bytes`](Self::max_packet_bytes). More end the connection. No chat event has attachments: an event
    /// with a few of them gets a refusal that names the event.
    pub max_attachments: usize,
    /// Maximum number of rooms that one connection may be in, from 1 to 1,000; 100 by default. Joining another one is
    /// refused with `too_many_rooms`. For a client in more than about 100 rooms, SQLite reads every message after the
    /// client's offset, whichever room it is in.
    pub max_rooms: usize,
    /// Maximum number of different reactions to one message, from 1 to 1,000; 20 by default. Others are refused with
    /// `too_many_reactions`.
    pub max_reactions_per_message: usize,
    /// Maximum number of messages of each room with which a client without an offset begins, when it asks for the
    /// last ones by `history` in `auth`; from 0 to 10,000, 1,000 by default. A client that asks for more gets this
    /// many, or fewer if they have more than 1 MiB.
    pub max_history: usize,
    /// Maximum number of events per second from one user over all connections, on average; 200 by default, at most a
    /// million; 0 means no limit. A client that sends more is not refused: the server stops reading from it for a
    /// while.
    pub max_events_per_second: u32,
    /// Maximum number of events that a client may send at once after being quiet, from 1 to a million; 2,000 by
    /// default.
    pub event_burst: u32,
    /// Maximum number of updates per second to one room about who joins, leaves and types, on average; 50 by default,
    /// at most a million, with bursts of twice as many; 0 means no limit. When more happens, the room later gets the
    /// state at that time.
    pub max_ephemeral_events_per_second: u32,
    /// Maximum number of streams of events that the tokens of one name may have open, from 1 to 10,000; 100 by default.
    /// Further ones are refused with `slow_down` and status 429.
    pub max_streams_per_token: usize,
    /// How long a client that lost its connection can recover its session; two minutes by default. Zero turns
    /// [`recovery`](crate::recovery) off; otherwise from 100 ms to 365 days.
    pub recovery_window: Duration,
    /// How long a user whose connection broke still counts as present; five seconds by default, at most one hour. A
    /// user who reconnects in time has neither left nor joined.
    pub presence_grace: Duration,
    /// How long an absent owner keeps a nickname; 90 days by default, from one second to 36,500 days. After that,
    /// another user may claim it. The new owner is another user and sees none of the previous owner's private
    /// messages.
    pub nickname_lifetime: Duration,
    /// How long the log keeps who changed rooms and roles, banned and muted whom, where rooms are kept; 365 days by default,
    /// from one day to 36,500 days. The bans and mutes themselves last as long as they are for.
    pub moderation_log_lifetime: Duration,
    /// Size in bytes of the cache of recent messages, from which clients that are up to date are served; 32 MiB by
    /// default.
    pub recent_bytes: usize,
    /// Maximum length of a message in bytes of UTF-8, from 1 to 65,536, which is the default. A longer one is refused
    /// with `too_large`.
    pub max_message_bytes: usize,
    /// Maximum number of new nicknames per hour from one address; 60 by default, 0 means no limit. An unused
    /// allowance accumulates up to this number. More are refused with `slow_down`. A user who returns with the token
    /// of a nickname takes no new one.
    pub max_new_names_per_hour: u32,
    /// Maximum number of rooms per hour that one user may create, where rooms are kept; 20 by default, 0 means no limit.
    /// All users at one address may create five times as many. More are refused with `slow_down`.
    pub max_new_rooms_per_hour: u32,
    /// Maximum number of changes to rooms, roles, invitations, bans and mutes per hour that one user may make, where rooms
    /// are kept; 600 by default, of which 120 at once, 0 means no limit. More are refused with `slow_down`.
    pub max_room_changes_per_hour: u32,
    /// Maximum number of failed claims to a nickname per minute, from one address and for one name; 20 by default, 0
    /// means no limit. Further claims are refused with `slow_down`, unchecked.
    pub max_wrong_tokens_per_minute: u32,
    /// Maximum number of messages that one user may store per day; 100,000 by default, 0 means no limit. More are
    /// refused with `quota_exceeded`. All users without a nickname at one address share one quota. Each node counts
    /// separately.
    pub max_messages_per_day: u64,
    /// Maximum number of message bytes that one user may store per day; 268,435,456 (256 MiB) by default, 0 means no
    /// limit. Otherwise at least the size of one message.
    pub max_bytes_per_day: u64,
    /// Maximum number of messages that all users at one address together may store per day; 1,000,000 by default, 0
    /// means no limit. More are refused with `quota_exceeded`.
    pub max_messages_per_day_per_address: u64,
    /// Maximum number of message bytes that all users at one address together may store per day; 2,147,483,648 (2
    /// GiB) by default, 0 means no limit. Otherwise at least the size of one message.
    pub max_bytes_per_day_per_address: u64,
    /// Maximum size of a file in bytes, where files are [kept](crate::ChatBuilder::files); 25,000,000 by default. A larger one
    /// is refused with `too_large`.
    pub max_file_bytes: u64,
    /// Maximum size in bytes of all files together that one user may upload on a day, in UTC; 500,000,000 by default, 0
    /// means no limit. More are refused with `quota_exceeded`. All nodes count together.
    pub max_file_bytes_per_day: u64,
    /// Maximum size in bytes of all files that all users at one address together may upload per day; 5,000,000,000 by
    /// default, 0 means no limit. More are refused with `quota_exceeded`. Each node counts separately.
    pub max_file_bytes_per_day_per_address: u64,
    /// Maximum number of files that one user may upload on a day, in UTC; 1,000 by default, 0 means no limit. More are
    /// refused with `quota_exceeded`. All nodes count together.
    pub max_files_per_day: u64,
    /// Maximum number of files that all users at one address together may upload per day; 10,000 by default, 0 means no
    /// limit. More are refused with `quota_exceeded`. Each node counts separately.
    pub max_files_per_day_per_address: u64,
    /// Maximum number of files of one user that are in no message, complete or not, at least 1; 100 by default. More are
    /// refused with `slow_down`.
    pub max_unsent_files_per_user: u64,
    /// Maximum number of files of all users that are in no message, complete or not, at least 1; 10,000 by default. More are
    /// refused with `slow_down`.
    pub max_unsent_files: u64,
    /// Maximum number of files, at least 1; 1,000,000 by default. More are refused with `quota_exceeded`. Each node learns
    /// within ten minutes what others have taken in.
    pub max_files: u64,
    /// Maximum number of uploads of one IPv4 address or one IPv6 /64 network whose bytes this node takes in at the same time,
    /// at least 1; 32 by default. Further ones get status 429.
    pub max_uploads_per_address: usize,
    /// Maximum number of uploads whose bytes this node takes in at the same time, at least 1; 256 by default. Further ones
    /// get status 503.
    pub max_uploads: usize,
    /// Maximum size in bytes of all files together; 20,000,000,000 by default. More are refused with `quota_exceeded`. Each
    /// node learns within ten minutes what others have taken in.
    pub max_files_bytes: u64,
    /// Maximum number of TCP connections including websockets, from 1 to 1,000,000; 50,000 by default, which as idle
    /// websockets take 1.2 GB. It is lower where the operating system allows fewer open files. Further connections
    /// get status 503, except for `/healthz` and `/readyz`.
    pub max_connections: usize,
    /// Maximum number of TCP connections from one [address](crate::ClientAddress::group), from 1 to 1,000,000; 1,000
    /// by default, because a company or school may share one address. Behind a [trusted proxy](crate::TrustedProxy)
    /// it counts open requests and websockets. Further ones get status 429.
    pub max_connections_per_address: usize,
    /// How long a client may take to send the headers of a request; 60 seconds by default. Like all times here it
    /// must be between 100 ms and one hour. Then the client gets status 408, if it has sent anything, and the
    /// connection is closed.
    pub header_timeout: Duration,
    /// How long a client may take to send the body of a request once the server reads it; 60 seconds by default. Then
    /// the client gets status 408, and the connection is closed.
    pub body_timeout: Duration,
    /// How long a connection may wait for its next request; 75 seconds by default. Then it is closed.
    pub idle_timeout: Duration,
    /// How long a client may stall while it reads a response, and a tenth of how long it may take for all of it; 60
    /// seconds by default. Then the connection is closed. Does not apply to websockets, which have heartbeats.
    pub write_timeout: Duration,
    /// Maximum size in bytes of the request line and headers, from 4,096 to 65,536; 16,384 by default. Larger ones
    /// get status 431, and the connection is closed.
    pub max_header_bytes: usize,
}

/// Why [`Limits`] cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the limit {name} is {value}; it has to be from {least} to {most}")]
#[non_exhaustive]
pub struct LimitError {
    /// The name of the field.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// The lowest value allowed.
    pub least: String,
    /// The highest value allowed.
    pub most: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: Content::MAX_BYTES,
            max_new_names_per_hour: 60,
            max_new_rooms_per_hour: 20,
            max_room_changes_per_hour: 600,
            max_wrong_tokens_per_minute: 20,
            max_messages_per_day: 100_000,
            max_bytes_per_day: 256 * 1024 * 1024,
            max_messages_per_day_per_address: 1_000_000,
            max_bytes_per_day_per_address: 2 * 1024 * 1024 * 1024,
            max_file_bytes: 25_000_000,
            max_file_bytes_per_day: 500_000_000,
            max_file_bytes_per_day_per_address: 5_000_000_000,
            max_files_per_day: 1_000,
            max_files_per_day_per_address: 10_000,
            max_unsent_files_per_user: 100,
            max_unsent_files: 10_000,
            max_files: 1_000_000,
            max_uploads_per_address: 32,
            max_uploads: 256,
            max_files_bytes: 20_000_000_000,
            max_connections: 50_000,
            max_connections_per_address: 1_000,
            header_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(60),
            max_header_bytes: 16 * 1024,
            max_sessions: 100_000,
            max_sessions_per_address: 5_000,
            max_handshakes: 10_000,
            max_handshakes_per_address: 1_000,
            handshake_timeout: Duration::from_secs(20),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_packet_bytes: MAX_PACKET_BYTES,
            max_large_packets_bytes: 64 * 1024 * 1024,
            max_unsent_bytes: 256 * 1024 * 1024,
            max_attachments: 16,
            max_rooms: 100,
            max_reactions_per_message: 20,
            max_history: 1_000,
            max_events_per_second: 200,
            event_burst: 2_000,
            max_ephemeral_events_per_second: 50,
            max_streams_per_token: 100,
            recovery_window: Duration::from_secs(120),
            presence_grace: Duration::from_secs(5),
            nickname_lifetime: 90 * DAY,
            moderation_log_lifetime: 365 * DAY,
            recent_bytes: 32 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Checks that every limit is within its range.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn check(&self) -> Result<(), LimitError> {
        const MOST_CONNECTIONS: usize = 1_000_000;
        let time = |name, value| within(name, value, LEAST_TIMEOUT, MOST_TIMEOUT);
        within("max_message_bytes", self.max_message_bytes, 1, Content::MAX_BYTES)?;
        within("max_connections", self.max_connections, 1, MOST_CONNECTIONS)?;
        let per_address = self.max_connections_per_address;
        within("max_connections_per_address", per_address, 1, MOST_CONNECTIONS)?;
        time("header_timeout", self.header_timeout)?;
        time("body_timeout", self.body_timeout)?;
        time("idle_timeout", self.idle_timeout)?;
        time("write_timeout", self.write_timeout)?;
        time("handshake_timeout", self.handshake_timeout)?;
        time("ping_interval", self.ping_interval)?;
        time("ping_timeout", self.ping_timeout)?;
        within("max_header_bytes", self.max_header_bytes, 4096, 65_536)?;
        within("max_sessions", self.max_sessions, 1, usize::MAX)?;
        within("max_sessions_per_address", self.max_sessions_per_address, 1, usize::MAX)?;
        within("max_handshakes", self.max_handshakes, 1, usize::MAX)?;
        within("max_handshakes_per_address", self.max_handshakes_per_address, 1, usize::MAX)?;
        within("max_packet_bytes", self.max_packet_bytes, LEAST_PACKET_BYTES, MOST_PACKET_BYTES)?;
        let least = 4 * self.max_packet_bytes;
        within("max_large_packets_bytes", self.max_large_packets_bytes, least, usize::MAX)?;
        within("max_unsent_bytes", self.max_unsent_bytes, LEAST_UNSENT_BYTES, usize::MAX)?;
        within("max_rooms", self.max_rooms, 1, MOST_ROOMS)?;
        within("max_reactions_per_message", self.max_reactions_per_message, 1, 1000)?;
        within("max_history", self.max_history, 0, MOST_HISTORY)?;
        within("max_events_per_second", self.max_events_per_second, 0, MOST_EVENTS)?;
        within(
            "max_ephemeral_events_per_second",
            self.max_ephemeral_events_per_second,
            0,
            MOST_EVENTS,
        )?;
        within("max_unsent_files_per_user", self.max_unsent_files_per_user, 1, u64::MAX)?;
        within("max_unsent_files", self.max_unsent_files, 1, u64::MAX)?;
        within("max_files", self.max_files, 1, u64::MAX)?;
        within("max_uploads_per_address", self.max_uploads_per_address, 1, usize::MAX)?;
        within("max_uploads", self.max_uploads, 1, usize::MAX)?;
        within("event_burst", self.event_burst, 1, MOST_EVENTS)?;
        within("max_streams_per_token", self.max_streams_per_token, 1, MOST_STREAMS)?;
        if !self.recovery_window.is_zero() {
            within("recovery_window", self.recovery_window, LEAST_TIMEOUT, 365 * DAY)?;
        }
        within("presence_grace", self.presence_grace, Duration::ZERO, MOST_TIMEOUT)?;
        within("moderation_log_lifetime", self.moderation_log_lifetime, DAY, 36_500 * DAY)?;
        within("nickname_lifetime", self.nickname_lifetime, Duration::from_secs(1), 36_500 * DAY)?;
        let one_message = self.max_message_bytes as u64;
        for (name, bytes) in [
            ("max_bytes_per_day", self.max_bytes_per_day),
            ("max_bytes_per_day_per_address", self.max_bytes_per_day_per_address),
        ] {
            if bytes > 0 {
                within(name, bytes, one_message, u64::MAX)?;
            }
        }
        Ok(())
    }

    /// Returns the rate at which a client may send events; none without a limit.
    pub(crate) fn event_rate(&self) -> Option<Rate> {
        let rate = Rate::new(self.max_events_per_second.into(), Duration::from_secs(1))?;
        Some(rate.with_burst(self.event_burst.into()))
    }

    /// Returns the rate at which a user may create rooms; none without a limit.
    pub(crate) fn new_room_rate(&self) -> Option<Rate> {
        Rate::new(self.max_new_rooms_per_hour.into(), Duration::from_secs(60 * 60))
    }

    /// Returns the rate at which all users at one address may create rooms; none without a limit.
    pub(crate) fn new_room_rate_per_address(&self) -> Option<Rate> {
        const USERS: u64 = 5;
        Rate::new(USERS * u64::from(self.max_new_rooms_per_hour), Duration::from_secs(60 * 60))
    }

    /// Returns the rate at which a user may change rooms and what is kept of users in them; none without a limit.
    pub(crate) fn room_change_rate(&self) -> Option<Rate> {
        const SHARE_AT_ONCE: u64 = 5;
        let per_hour = u64::from(self.max_room_changes_per_hour);
        let rate = Rate::new(per_hour, Duration::from_secs(60 * 60))?;
        Some(rate.with_burst(per_hour.div_ceil(SHARE_AT_ONCE)))
    }

    /// Returns the rate of updates to a room about who joins, leaves and types; none without a limit.
    pub(crate) fn ephemeral_rate(&self) -> Option<Rate> {
        const BURST: u64 = 2;
        let per_second = self.max_ephemeral_events_per_second.into();
        let rate = Rate::new(per_second, Duration::from_secs(1))?;
        Some(rate.with_burst(BURST * per_second))
    }

    /// Returns how long before a client comes back in its session it may have been sent what it never got: its connection
    /// was dead for as long as a ping takes, and then it was away.
    pub(crate) fn unheard(&self) -> Duration {
        self.ping_interval + self.ping_timeout + self.recovery_window
    }

    /// Refuses content that is longer than this server accepts.
    pub(crate) fn admit(&self, content: &Content) -> Result<(), Refusal> {
        let (bytes, most) = (content.as_str().len(), self.max_message_bytes);
        if bytes <= most {
            return Ok(());
        }
        let message = format!("a message is {bytes} bytes long, {most} is the most here");
        Err(Refusal::new(RefusalCode::TooLarge, message))
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LEAST_TIMEOUT: Duration = Duration::from_millis(100);
const MOST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

fn within<T: PartialOrd + Debug>(
    name: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), LimitError> {
    if (&least..=&most).contains(&&value) {
        return Ok(());
    }
    let [value, least, most] = [value, least, most].map(|number| format!("{number:?}"));
    Err(LimitError { name, value, least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_can_be_used() {
        assert_eq!(Limits::default().check(), Ok(()));
    }

    #[test]
    fn the_limits_of_connections_have_ranges() {
        let refused = |limits: Limits| limits.check().unwrap_err().to_string();
        let limits = Limits { max_connections: 0, ..Limits::default() };
        assert!(refused(limits).starts_with("the limit max_connections is 0; "));
        let limits = Limits { max_connections_per_address: 1_000_001, ..Limits::default() };
        assert!(refused(limits).starts_with("the limit max_connections_per_address is 1000001; "));
        for idle_timeout in [Duration::ZERO, Duration::MAX] {
            let error = refused(Limits { idle_timeout, ..Limits::default() });
            assert!(error.ends_with("it has to be from 100ms to 3600s"), "{error}");
        }
        let limits = Limits { max_header_bytes: 4095, ..Limits::default() };
        assert!(refused(limits).ends_with("it has to be from 4096 to 65536"));
    }

    #[test]
    fn no_time_is_so_short_that_nothing_else_would_be_done() {
        let second = Duration::from_secs(1);
        for (window, lifetime, grace, is_right) in [
            (Duration::ZERO, second, Duration::ZERO, true),
            (Duration::from_nanos(1), second, second, false),
            (Duration::MAX, second, second, false),
            (second, Duration::ZERO, second, false),
            (second, Duration::MAX, second, false),
            (second, second, Duration::MAX, false),
        ] {
            let limits = Limits {
                recovery_window: window,
                nickname_lifetime: lifetime,
                presence_grace: grace,
                ..Limits::default()
            };
            assert_eq!(limits.check().is_ok(), is_right, "{limits:?}");
        }
    }

    #[test]
    fn a_limit_out_of_its_range_is_named() {
        for bytes in [0, Content::MAX_BYTES + 1] {
            let error = Limits { max_message_bytes: bytes, ..Limits::default() }.check();
            let expected =
                format!("the limit max_message_bytes is {bytes}; it has to be from 1 to 65536");
            assert_eq!(error.unwrap_err().to_string(), expected);
        }
        let check = |max_bytes_per_day| Limits { max_bytes_per_day, ..Limits::default() }.check();
        assert_eq!(check(0), Ok(()));
        assert_eq!(check(65536), Ok(()));
        assert_eq!(check(65535).unwrap_err().name, "max_bytes_per_day");
    }
}
