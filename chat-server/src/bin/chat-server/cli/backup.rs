//! Commands that copy the store, and put a copy in its place.

use std::path::PathBuf;

use anyhow::bail;
use chat_store::{SchemaVersion, StoreError};
use clap::Subcommand;

use super::moderate::check_store;
use super::progress::Pace;

/// Copies of the store of --store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Copy the SQLite file of the store to a new file, while the server runs
    ///
    /// The file appears when it is complete and synced, with access for its owner only. It needs no other files.
    Backup {
        /// The new file
        file: PathBuf,
    },
    /// Replace the store's SQLite file with a copy of a backup; stop the server first
    ///
    /// Checks the backup first, and keeps the replaced file next to it. The log gets a new identity, so that clients that
    /// have messages the backup lacks find out.
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Upgrade the tables of the store for this version of the program, after a backup
    ///
    /// A server does so by itself when it starts: all of it or nothing. Earlier versions of the program cannot open the store
    /// afterwards. Of an SQLite file, a copy is made before, beside it: chat.db.schema-12 for version 12.
    Migrate {
        /// Only print the versions, and fail if an upgrade is to be made
        #[arg(long)]
        check: bool,
    },
    /// Give the store's log a new identity; stop all servers first
    ///
    /// Do this after restoring a PostgreSQL backup, or after a standby took over: clients that have messages the database
    /// lacks then find out.
    NewEpoch,
}

/// Carries out a command.
///
/// # Errors
/// When it cannot be carried out: one line that says why.
pub(super) async fn run(command: Command, store: &str) -> anyhow::Result<()> {
    match command {
        Command::Backup { file } => {
            check_file(store, "pg_dump makes backups of PostgreSQL")?;
            check_store(store)?;
            chat_store::back_up(store, &file, progress()).await?;
            println!("backed up in {}", file.display());
        }
        Command::Restore { file } => {
            check_file(store, "pg_restore restores PostgreSQL; do new-epoch after it")?;
            let restored = chat_store::restore(store, &file, progress()).await;
            let kept = restored.map_err(|error| while_used(error, store))?;
            println!("restored from {}", file.display());
            if let Some(kept) = kept {
                println!("the file that was there is {}", kept.display());
            }
        }
        Command::Migrate { check } => {
            check_store(store)?;
            migrate(store, check).await?;
        }
        Command::NewEpoch => {
            check_store(store)?;
            let renewed = chat_store::renew_epoch(store).await;
            renewed.map_err(|error| while_used(error, store))?;
            println!("the log has a new identity");
        }
    }
    Ok(())
}

/// Upgrades the tables of the store, or checks whether that is needed.
async fn migrate(store: &str, only_check: bool) -> anyhow::Result<()> {
    let SchemaVersion { stored, known, .. } = chat_store::schema_version(store).await?;
    if stored == known {
        println!("the store has schema version {stored}, as this program");
        return Ok(());
    }
    if only_check && (stored > 0 || store.starts_with("sqlite:")) {
        bail!(
            "the store has schema version {stored}, and this program makes {known} of it: run \"chat-server migrate\", or start \
             the server"
        );
    }
    let Some(file) = file_of(store) else {
        if stored == 0 {
            bail!("the database has no chat; a server that starts there makes one");
        }
        chat_store::open(store).await?.close().await;
        println!("the store had schema version {stored}, and has {known} now");
        return Ok(());
    };
    let copy = PathBuf::from(format!("{file}.schema-{stored}"));
    if copy.exists() {
        bail!("{} is there already, of an earlier upgrade; move it away", copy.display());
    }
    chat_store::back_up(store, &copy, progress()).await?;
    match chat_store::open(store).await {
        Ok(opened) => opened.close().await,
        Err(error) => {
            // Nothing was changed, so it is a copy of what is there.
            let _ = std::fs::remove_file(&copy);
            return Err(error.into());
        }
    }
    println!("backed up in {}", copy.display());
    println!("the store had schema version {stored}, and has {known} now");
    Ok(())
}

/// Checks that the store is a file.
fn check_file(store: &str, instead: &str) -> anyhow::Result<()> {
    if store.starts_with("postgres") {
        bail!("{instead}");
    }
    Ok(())
}

/// Returns the file of a store in SQLite.
fn file_of(store: &str) -> Option<&str> {
    let file = store.strip_prefix("sqlite:")?;
    Some(file.strip_prefix("//").unwrap_or(file))
}

fn while_used(error: StoreError, store: &str) -> anyhow::Error {
    match error {
        StoreError::Locked { .. } => {
            let file = file_of(store).unwrap_or(store);
            anyhow::anyhow!("{file} is in use; stop the server first")
        }
        error => error.into(),
    }
}

/// Prints how far a copy is.
fn progress() -> impl FnMut(u64, u64) + Send {
    const MEGABYTE: u64 = 1_000_000;
    let mut pace = Pace::quick();
    move |bytes, all| {
        if pace.is_due() {
            let percent = 100 * bytes / all.max(1);
            eprintln!("{} of {} MB, {percent} %", bytes / MEGABYTE, all / MEGABYTE);
        }
    }
}
