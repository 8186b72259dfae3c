//! Commands that move the store: into a file of JSON lines, and out of one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::foreign::{self, System};
use super::moderate::check_store;
use super::private_file::private;
use super::progress::progress_of;

/// Moves the store of --store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Write the whole store to a file, one line of JSON for each message, user, room and so on
    ///
    /// Servers may run meanwhile: the file has the state of one moment. It leaves out sessions, and the search index, which a
    /// server rebuilds. It has hashes of tokens and all private messages, and only its owner can read it.
    ///
    /// Examples: chat-server export chat.jsonl --store sqlite:chat.db
    ///           chat-server export - | gzip > chat.jsonl.gz
    #[command(verbatim_doc_comment)]
    Export {
        /// The new file; - for standard output
        file: PathBuf,
    },
    /// Load an exported file into an empty store, before a server uses it
    ///
    /// The log keeps its identity, its offsets and the keys of its messages, so clients go on as if nothing had happened. If
    /// the import is stopped, start it again: it goes on where it was. An error names the number of the wrong line.
    ///
    /// Examples: chat-server import chat.jsonl --store postgres://localhost/chat
    ///           chat-server export - --store sqlite:chat.db | chat-server import - --store sqlite:copy.db
    ///           chat-server import --from slack ./export --store sqlite:chat.db
    ///
    /// With --from, a file of another system is read: its users, rooms, messages, answers and reactions, with their times.
    /// Files are not; messages name them. The server may run meanwhile.
    ///   slack       the folder of an unpacked export
    ///   mattermost  the lines of a bulk export (mmctl export)
    /// A file of the server of the Socket.IO tutorial needs no import: name it as the --store.
    #[command(verbatim_doc_comment)]
    Import {
        /// The file, or the folder; - for standard input
        file: PathBuf,

        /// Another system, whose export it is: slack or mattermost
        #[arg(long, value_name = "SYSTEM", hide_possible_values = true)]
        from: Option<System>,
    },
}

/// Carries out a command.
///
/// # Errors
/// When it cannot be carried out: one line that says why.
pub(super) async fn run(command: Command, store: &str) -> anyhow::Result<()> {
    match command {
        Command::Export { file } if is_dash(&file) => {
            check_store(store)?;
            let mut to = BufWriter::new(stdout());
            chat_store::export(store, &mut to, &mut progress_of("lines")).await?;
        }
        Command::Export { file } => {
            check_store(store)?;
            let created = private().write(true).create_new(true).open(&file);
            let created = created.with_context(|| format!("cannot create {}", file.display()));
            let mut to = BufWriter::new(created?);
            let exported = chat_store::export(store, &mut to, &mut progress_of("lines")).await;
            let synced = exported.and_then(|()| Ok(to.get_ref().sync_all()?));
            if synced.is_err() {
                // Nobody should take a part for the whole.
                let _ = fs::remove_file(&file);
            }
            synced?;
            println!("exported to {}", file.display());
        }
        Command::Import { .. } if store.starts_with("memory:") => check_store(store)?,
        Command::Import { file, from: Some(system) } => {
            if is_dash(&file) {
                bail!("name the file or the folder: it is read twice");
            }
            foreign::import(system, &file, store).await?;
        }
        Command::Import { file, from: None } => {
            let mut from: Box<dyn BufRead + Send> = match is_dash(&file) {
                true => Box::new(BufReader::new(stdin())),
                false => {
                    let opened = File::open(&file);
                    let opened = opened.with_context(|| format!("cannot read {}", file.display()));
                    Box::new(BufReader::new(opened?))
                }
            };
            let lines = chat_store::import(store, &mut *from, &mut progress_of("lines")).await?;
            println!("imported {lines} lines");
        }
    }
    Ok(())
}

fn is_dash(file: &Path) -> bool {
    file == Path::new("-")
}
