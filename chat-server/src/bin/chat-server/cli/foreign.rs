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
mod report;
mod rooms;
mod slack;
mod text;

use std::path::Path;

use clap::ValueEnum;

/// Another system that exports what users have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    Slack,
    Mattermost,
}

/// Reads the export of another system into an empty store.
///
/// # Errors
/// When the export cannot be read, the store fails or is in use: one line that says why.
pub(super) async fn import(system: System, from: &Path, store: &str) -> anyhow::Result<()> {
    let export = match system {
        System::Slack => slack::read(from)?,
        System::Mattermost => mattermost::read(from)?,
    };
    // Not before: a wrong path leaves no empty store.
    let store = chat_store::open(store).await?;
    let loaded = load::load(export, &*store).await;
    store.close().await;
    loaded
}
