use clap::Args;

use crate::Limits;

/// The limits of clients. Each option stands for the field of [`Limits`] with its name.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
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
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_message_bytes: self.max_message_bytes,
            max_new_names_per_hour: self.max_new_names_per_hour,
            max_wrong_tokens_per_minute: self.max_wrong_tokens_per_minute,
            max_messages_per_day: self.max_messages_per_day,
            max_bytes_per_day: self.max_bytes_per_day,
        }
    }
}
