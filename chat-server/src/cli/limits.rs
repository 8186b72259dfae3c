use clap::Args;

use crate::Limits;

/// The limits of clients. Each option stands for the field of [`Limits`] with its name.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// The longest message, in bytes of UTF-8; longer ones are refused with "too_large"
    #[arg(long, env = "CHAT_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_message_bytes)]
    max_message_bytes: usize,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits { max_message_bytes: self.max_message_bytes }
    }
}
