//! The file with options: `--config`, and the commands that check one and write one.

mod doc;
mod file;
mod option;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Subcommand};

pub(super) use doc::document;
use file::FileOption;

use super::secret_files;

/// The commands that work also with a file that cannot be used, and need none.
const WITHOUT: [&str; 3] = ["completions", "config", "man"];

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Say what is wrong with a file with options; the exit code is 0 if nothing is
    Check {
        /// The file; by default that of --config
        file: Option<PathBuf>,
    },
    /// Print a file with all options, their explanations, units and defaults
    Doc,
}

/// Returns the arguments of a process with those before them that the file of `--config` gives: options that neither
/// the command line nor the environment sets.
///
/// # Errors
/// When the file cannot be used: a line for each thing that is wrong.
pub(super) fn with_file(
    command: &clap::Command,
    arguments: Vec<OsString>,
) -> Result<Vec<OsString>, String> {
    // What else is wrong is said when the arguments are read for use.
    let lenient = command.clone().ignore_errors(true);
    let Ok(given) = lenient.try_get_matches_from(&arguments) else { return Ok(arguments) };
    let is_without = given.subcommand_name().is_some_and(|name| WITHOUT.contains(&name));
    let Some(path) = given.get_one::<PathBuf>("config").filter(|_| !is_without) else {
        return Ok(arguments);
    };
    let entries = read(command, path)?;
    let from_file = entries.into_iter().filter(|entry| !is_given(entry, &given));
    let from_file = from_file.flat_map(|entry| entry.arguments);
    let mut arguments = arguments.into_iter();
    Ok(arguments.next().into_iter().chain(from_file).chain(arguments).collect())
}

/// Checks a file by itself, without the command line and the environment, and returns the arguments that it stands for.
///
/// # Errors
/// As [`with_file`].
pub(super) fn check(command: &clap::Command, path: &Path) -> Result<ArgMatches, String> {
    let entries = read(command, path)?;
    let arguments = entries.into_iter().flat_map(|entry| entry.arguments);
    let alone = command.clone().mut_args(|arg| arg.env(None));
    alone
        .try_get_matches_from(std::iter::once("chat-server".into()).chain(arguments))
        .map_err(|error| format!("{}: {}", path.display(), option::explanation(&error)))
}

fn read(command: &clap::Command, path: &Path) -> Result<Vec<FileOption>, String> {
    let cannot = |error| format!("cannot read --config {}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(cannot)?;
    file::entries(command, &text).map_err(|errors| {
        let lines = errors.iter().map(|error| format!("{}, {error}", path.display()));
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// Returns whether the command line or the environment sets an option.
fn is_given(entry: &FileOption, given: &ArgMatches) -> bool {
    let source = given.value_source(&entry.id);
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        || secret_files::names(&entry.id)
}
