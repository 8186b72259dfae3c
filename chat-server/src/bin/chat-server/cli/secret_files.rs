//! Options whose values may hold passwords, read from files that variables name.

use clap::error::ErrorKind;

/// Each such option, and the variable with the name of its file.
const FILES: [(&str, &str); 2] = [("store", "CHAT_STORE_FILE"), ("adapter", "CHAT_ADAPTER_FILE")];

/// Returns whether a variable names a file with the value of this option.
pub(super) fn names(option: &str) -> bool {
    let variable = FILES.iter().find(|(name, _)| *name == option);
    variable.is_some_and(|(_, variable)| file(variable).is_some())
}

/// Makes these options read their values from the files, if there are some.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn with_files(mut command: clap::Command) -> Result<clap::Command, clap::Error> {
    for (option, variable) in FILES {
        let Some(path) = file(variable) else { continue };
        let value = std::fs::read_to_string(&path).map_err(|error| {
            let path = path.display();
            command.error(ErrorKind::Io, format!("{variable}: cannot read {path}: {error}"))
        })?;
        let value = value.trim().to_owned();
        command = command
            .mut_arg(option, |arg| arg.env(None).default_value(value).hide_default_value(true));
    }
    Ok(command)
}

fn file(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable).filter(|path| !path.is_empty())
}
