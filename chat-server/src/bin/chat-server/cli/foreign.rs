//! What other systems export, and how it becomes messages, rooms and users.
//!
//! ```text
//!   slack::read ──────┐
//!                     ├─→ Export: users, rooms, and posts in the order of time ─→ load
//!   mattermost::read ─┘
//! ```

mod export;
mod load;
mod mattermost;
mod slack;
mod text;

use std::path::Path;

use chat_store::Store;
use clap::ValueEnum;

/// Which program has made an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// This one.
    Export,
    Slack,
    Mattermost,
}

/// Reads the export of another system into an empty store.
///
/// # Errors
/// When the export cannot be read, the store fails or is in use: one line that says why.
pub(super) async fn import(format: Format, from: &Path, store: &dyn Store) -> anyhow::Result<()> {
    let export = match format {
        Format::Slack => slack::read(from)?,
        Format::Mattermost => mattermost::read(from)?,
        Format::Export => anyhow::bail!("an export of this program is no other system's"),
    };
    load::load(export, store).await
}
