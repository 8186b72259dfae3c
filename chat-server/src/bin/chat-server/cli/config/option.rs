use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

/// Options that a file cannot set.
const NOT_IN_FILES: [&str; 3] = ["config", "help", "version"];

/// Returns the options that a file can set.
pub(super) fn all(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        !arg.is_hide_set() && arg.get_long().is_some_and(|long| !NOT_IN_FILES.contains(&long))
    })
}

/// Returns the option with a long name.
///
/// # Errors
/// When there is none: a sentence, with the name that is nearest.
pub(super) fn find<'a>(command: &'a Command, name: &str) -> Result<&'a Arg, String> {
    all(command).find(|arg| arg.get_long() == Some(name)).ok_or_else(|| {
        let nearest = nearest(command, name);
        let hint = nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
        format!("there is no option {name:?}{hint}")
    })
}

/// Returns the name of an option that looks like this one.
fn nearest(command: &Command, name: &str) -> Option<String> {
    let options = Command::new("chat-server").args(
        all(command)
            .filter_map(|arg| arg.get_long())
            .map(|long| Arg::new(long.to_owned()).long(long.to_owned()).num_args(0..=1)),
    );
    let error = options.try_get_matches_from(["chat-server", &format!("--{name}=")]).err()?;
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(nearest) => Some(nearest.trim_start_matches('-').to_owned()),
        _ => None,
    }
}

pub(super) fn takes_several(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append) || arg.get_value_delimiter().is_some()
}

/// Checks arguments for one option, whatever others it needs.
pub(super) fn check(arg: &Arg, arguments: &[OsString]) -> Result<(), String> {
    let mut alone = Arg::new("option").long(arg.get_long().unwrap_or_default().to_owned());
    alone = alone.action(arg.get_action().clone()).value_parser(arg.get_value_parser().clone());
    if let Some(delimiter) = arg.get_value_delimiter() {
        alone = alone.value_delimiter(delimiter);
    }
    let arguments = std::iter::once("chat-server".into()).chain(arguments.iter().cloned());
    match Command::new("chat-server").arg(alone).try_get_matches_from(arguments) {
        Ok(_) => Ok(()),
        Err(error) => Err(value_problem(&error)),
    }
}

/// Returns what clap says about several options, in one line.
pub(super) fn explanation(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let said = text.split("\n\nUsage:").next().unwrap_or(&text).trim_start_matches("error: ");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns what clap says about a value, without the name of its option.
fn value_problem(error: &clap::Error) -> String {
    let said = explanation(error);
    let said = said.split(" For more information").next().unwrap_or(&said).to_owned();
    let Some((before, after)) = said.split_once(" for '--") else { return said };
    let rest = after.split_once('\'').map_or("", |(_, rest)| rest);
    format!("{before}{rest}")
}
