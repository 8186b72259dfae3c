use std::fmt::Debug;

use chat_core::{Content, Refusal, RefusalCode};
use thiserror::Error;

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
        }
    }
}

impl Limits {
    /// Whether a chat can work with these limits.
    ///
    /// # Errors
    /// Names the first field that is out of its range.
    pub fn check(&self) -> Result<(), LimitError> {
        within("max_message_bytes", self.max_message_bytes, 1, Content::MAX_BYTES)?;
        if self.max_bytes_per_day > 0 {
            let least = self.max_message_bytes as u64;
            within("max_bytes_per_day", self.max_bytes_per_day, least, u64::MAX)?;
        }
        Ok(())
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
