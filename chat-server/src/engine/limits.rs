use std::fmt::Debug;
use std::time::Duration;

use chat_core::{Content, MAX_EVENT_BYTES, Refusal, RefusalCode};
use thiserror::Error;

use crate::engine::rate::Rate;

/// What the largest event of the chat takes, with its type and ack id before it.
const MAX_PACKET_BYTES: usize = MAX_EVENT_BYTES + 128;

/// Room for what a client says when it connects: a token above all.
const LEAST_PACKET_BYTES: usize = 64 * 1024;

const MOST_PACKET_BYTES: usize = 16 * 1024 * 1024;

/// The largest delivery fits into a quarter of it.
const LEAST_UNSENT_BYTES: usize = 4 * 1024 * 1024;

const MOST_EVENTS: u32 = 1_000_000;

/// The most that clients may take of a server: connections, memory, time, and how often they may ask.
///
/// The default is for a server that anybody can reach. A chat [checks](Self::check) its limits when it starts, so
/// that no value fails later.
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
    /// How many Socket.IO clients may be connected, by whichever transport; 100,000 by default. Others are answered
    /// with status 503 until there is a place again.
    pub max_sessions: usize,
    /// How many of them may come from one address, or from one IPv6 network of 64 bits; 5,000 by default. Others are
    /// answered with status 429.
    pub max_sessions_per_address: usize,
    /// How many clients may have begun to connect and not said to what yet; 10,000 by default. The oldest of them
    /// makes room for the next when it has had a second; as long as none has, others are answered with status 503.
    pub max_handshakes: usize,
    /// How many of them may come from one address, or from one IPv6 network of 64 bits; 1,000 by default. Others are
    /// answered with status 429.
    pub max_handshakes_per_address: usize,
    /// For how long a client may take to connect when it has opened a connection; 20 seconds by default. Then the
    /// connection is closed.
    pub handshake_timeout: Duration,
    /// How long after a connection was opened, and after each answer, a client is asked whether it is still there; 25
    /// seconds by default, and from 100 ms to an hour as all of these times. It should be shorter than the time after
    /// which a proxy ends a connection that is idle.
    pub ping_interval: Duration,
    /// How long a client may take to answer; 20 seconds by default. Then the connection is closed.
    pub ping_timeout: Duration,
    /// The largest packet of a client in bytes; from 65,536 to 16 MiB. The default, 402,560, is what the largest
    /// event of the chat takes. A larger one ends the connection.
    pub max_packet_bytes: usize,
    /// How many bytes packets over 16 KiB, or 4 KiB in a POST, may have together that are not whole yet; 64 MiB by
    /// default, of which one address may use a quarter. What a further one asks for is refused with `slow_down`.
    pub max_large_packets_bytes: usize,
    /// How many bytes may wait together for clients that do not read them, beside 8 KiB for each; 256 MiB by default, of
    /// which one address may use a quarter, and 4 MiB at least. When there are more, whoever has not read for two seconds
    /// what waits is disconnected, and can come back and go on.
    pub max_unsent_bytes: usize,
    /// The most binary attachments of an event, which have [`max_packet_bytes`](Self::max_packet_bytes) together; 16
    /// by default. More end the connection. No event of the chat has any: with a few an event is refused by name.
    pub max_attachments: usize,
    /// How many events a client may send each second on the average, up to a million; 200 by default, and 0 is no
    /// limit. The connections of a user count together. No more is read from a client that has sent more: it is
    /// not refused, it waits.
    pub max_events_per_second: u32,
    /// How many events a client may send at once after it was quiet, from 1 to a million; 2,000 by default.
    pub event_burst: u32,
    /// How often each second those in a room are told on the average who comes, who goes and who types, up to a
    /// million; 50 by default, twice as often at once, and 0 is no limit. When there is more to tell, they are told
    /// later how it is then.
    pub max_notices_per_second: u32,
    /// For how long a client that lost its connection gets its session back; two minutes by default. Zero turns
    /// [`recovery`](crate::recovery) off; else from 100 ms to 365 days.
    pub recovery_window: Duration,
    /// For how long somebody whose connection broke still counts as present; five seconds by default, an hour at the
    /// most. Who connects again within it has neither left nor joined.
    pub presence_grace: Duration,
    /// For how long a nickname stays its owner's who does not connect; 90 days by default, from a second to 36,500 days.
    /// Then somebody else may claim it, who is another person and sees nothing of what was private to the owner before.
    pub nickname_lifetime: Duration,
    /// How many bytes of recent messages are kept in memory for clients that are up to date; 32 MiB by default.
    pub recent_bytes: usize,
    /// The longest content of a message, in bytes of UTF-8; from 1 to 65,536, which is the default. A longer one
    /// is refused with `too_large`.
    pub max_message_bytes: usize,
    /// How many nicknames that nobody had can be taken from one address in an hour; 60 unless said otherwise, 0 for
    /// no limit. What is not used is kept until it is as many. More are refused with `slow_down`. Whoever comes back
    /// with the token of a name takes no new one.
    pub max_new_names_per_hour: u32,
    /// How many claims to a nickname may fail in a minute, from one address and for one name; 20 unless said
    /// otherwise, 0 for no limit. More are refused with `slow_down`, unseen.
    pub max_wrong_tokens_per_minute: u32,
    /// How many messages a user may store in a day; 100,000 unless said otherwise, 0 for no limit. More are refused
    /// with `quota_exceeded`. Those without a nickname share what their address has. Each node counts by itself.
    pub max_messages_per_day: u64,
    /// How many bytes of messages a user may store in a day; 268,435,456 (256 MiB) unless said otherwise, 0 for no
    /// limit, and else no less than one message has.
    pub max_bytes_per_day: u64,
    /// How many messages everybody at one address may store in a day, with whatever names; 1,000,000 unless said
    /// otherwise, 0 for no limit. More are refused with `quota_exceeded`.
    pub max_messages_per_day_per_address: u64,
    /// How many bytes of messages everybody at one address may store in a day; 2,147,483,648 (2 GiB) unless said
    /// otherwise, 0 for no limit, and else no less than one message has.
    pub max_bytes_per_day_per_address: u64,
    /// The most TCP connections, websockets included; from 1 to 1,000,000, and 50,000 when not said: idle
    /// websockets take 1.2 GB then. It is less where the operating system allows fewer open files. Further
    /// connections are answered with status 503, and only `/healthz` and `/readyz` are still served.
    pub max_connections: usize,
    /// The most TCP connections from one [address](crate::ClientAddress::group); from 1 to 1,000,000, and 1,000
    /// when not said: a company or a school may share one. Behind a [trusted proxy](crate::TrustedProxy) these
    /// are the requests and websockets that are open. Further ones are answered with status 429.
    pub max_connections_per_address: usize,
    /// How long a client may take for the headers of a request, from 100 ms to an hour as all of
    /// these times; 60 seconds when not said. Then the answer is status 408, if there was anything, and the
    /// connection ends.
    pub header_timeout: Duration,
    /// How long a client may take for the body of a request, from when it is read; 60 seconds when not said.
    /// Then the answer is status 408, and the connection ends.
    pub body_timeout: Duration,
    /// How long a connection may wait for its next request; 75 seconds when not said. Then it ends.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of a response that is being written, and ten times as long for all of
    /// it; 60 seconds when not said. Then its connection ends. Not for websockets, which have heartbeats.
    pub write_timeout: Duration,
    /// The most bytes of a request's first line and headers; from 4,096 to 65,536, and 16,384 when not said.
    /// Longer ones are answered with status 431, and the connection ends.
    pub max_header_bytes: usize,
}

/// Why [`Limits`] cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the limit {name} is {value}; it has to be from {least} to {most}")]
pub struct LimitError {
    /// The field.
    pub name: &'static str,
    /// What it is.
    pub value: String,
    /// The least that it may be.
    pub least: String,
    /// The most that it may be.
    pub most: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: Content::MAX_BYTES,
            max_new_names_per_hour: 60,
            max_wrong_tokens_per_minute: 20,
            max_messages_per_day: 100_000,
            max_bytes_per_day: 256 * 1024 * 1024,
            max_messages_per_day_per_address: 1_000_000,
            max_bytes_per_day_per_address: 2 * 1024 * 1024 * 1024,
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
            max_events_per_second: 200,
            event_burst: 2_000,
            max_notices_per_second: 50,
            recovery_window: Duration::from_secs(120),
            presence_grace: Duration::from_secs(5),
            nickname_lifetime: 90 * DAY,
            recent_bytes: 32 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Whether a chat can work with these limits.
    ///
    /// # Errors
    /// Names the first field that is out of its range.
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
        within("max_events_per_second", self.max_events_per_second, 0, MOST_EVENTS)?;
        within("max_notices_per_second", self.max_notices_per_second, 0, MOST_EVENTS)?;
        within("event_burst", self.event_burst, 1, MOST_EVENTS)?;
        if !self.recovery_window.is_zero() {
            within("recovery_window", self.recovery_window, LEAST_TIMEOUT, 365 * DAY)?;
        }
        within("presence_grace", self.presence_grace, Duration::ZERO, MOST_TIMEOUT)?;
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

    /// How often a client may send an event; none when as often as it likes.
    pub(crate) fn event_rate(&self) -> Option<Rate> {
        let rate = Rate::new(self.max_events_per_second.into(), Duration::from_secs(1))?;
        Some(rate.with_burst(self.event_burst.into()))
    }

    /// How often a room is told who comes, goes and types; none when as often as somebody does.
    pub(crate) fn notice_rate(&self) -> Option<Rate> {
        const BURST: u64 = 2;
        let per_second = self.max_notices_per_second.into();
        let rate = Rate::new(per_second, Duration::from_secs(1))?;
        Some(rate.with_burst(BURST * per_second))
    }

    /// Refuses a content that is longer than this server takes.
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
