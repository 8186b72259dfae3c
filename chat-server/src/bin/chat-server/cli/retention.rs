use clap::Args;
use humantime::Duration;

use chat_server::Retention;

/// How much of the log is kept.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Retention")]
pub(super) struct RetentionArgs {
    /// How long messages are kept, as in 90days; without this and the next two, for ever
    ///
    /// Whatever is older is deleted, in all rooms and private conversations alike: from the store, from memory and from
    /// the search index. A client that may have missed some of it is told. All nodes need the same.
    #[arg(long, env = "CHAT_RETAIN_AGE", value_name = "DURATION")]
    retain_age: Option<Duration>,

    /// How many of the newest messages, edits, deletions, reactions and events are kept
    #[arg(long, env = "CHAT_RETAIN_MESSAGES", value_name = "N")]
    retain_messages: Option<u64>,

    /// How many bytes of contents are kept, as in 500MB or 20GB; a store needs about twice as many for small messages
    #[arg(long, env = "CHAT_RETAIN_BYTES", value_name = "SIZE", value_parser = bytes)]
    retain_bytes: Option<u64>,

    /// How long a retry of a deleted message is recognised, from when the message was received
    #[arg(
        long,
        env = "CHAT_RETAIN_KEYS",
        value_name = "DURATION",
        default_value_t = Retention::KEYS.into()
    )]
    retain_keys: Duration,
}

impl RetentionArgs {
    pub(super) fn retention(&self) -> Retention {
        let mut retention = Retention::default();
        retention.age = self.retain_age.map(Into::into);
        retention.messages = self.retain_messages;
        retention.bytes = self.retain_bytes;
        retention.keys = self.retain_keys.into();
        retention
    }
}

/// Reads a size: a number, and a unit unless it is bytes.
fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 7] = [
        ("", 1),
        ("kB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()));
    let size = number
        .parse()
        .ok()
        .zip(factor)
        .and_then(|(number, (_, factor))| factor.checked_mul(number));
    size.ok_or_else(|| {
        "a size is a number of bytes, or one with a unit such as 500MB or 20GiB".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, size) in [("0", 0), ("1024", 1024), ("3kB", 3000), ("2 GiB", 2 << 30)] {
            assert_eq!(bytes(text), Ok(size));
        }
        for text in ["", "GB", "1.5GB", "-1", "3 apples", "99999999999GB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
