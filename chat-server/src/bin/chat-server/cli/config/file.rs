use std::ffi::OsString;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::option;

/// An option in a file.
pub(super) struct FileOption {
    /// The option's name within clap.
    pub(super) id: String,
    /// What it would be on the command line.
    pub(super) arguments: Vec<OsString>,
    line: usize,
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineError {
    line: usize,
    message: String,
}

/// Reads the options in a text, each of them checked.
///
/// # Errors
/// All that is wrong.
pub(super) fn entries(
    command: &clap::Command,
    text: &str,
) -> Result<Vec<FileOption>, Vec<LineError>> {
    let line_at = |start: usize| text.get(..start).unwrap_or(text).matches('\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let line = line_at(error.span().map_or(0, |span| span.start));
        vec![LineError { line, message: format!("this is no TOML: {}", error.message()) }]
    })?;
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let line = line_at(key.span().start);
        match entry(command, key.get_ref(), value.get_ref()) {
            Ok((id, arguments)) => entries.push(FileOption { id, arguments, line }),
            Err(message) => errors.push(LineError { line, message }),
        }
    }
    entries.sort_by_key(|entry| entry.line);
    errors.sort_by_key(|error| error.line);
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

fn entry(
    command: &clap::Command,
    key: &str,
    value: &DeValue<'_>,
) -> Result<(String, Vec<OsString>), String> {
    if let DeValue::Table(_) = value {
        return Err(format!("{key:?} is a table; options stand by themselves, without tables"));
    }
    let arg = option::find(command, key)?;
    let is_flag = !arg.get_action().takes_values();
    let arguments = match value {
        DeValue::Boolean(is_on) if is_flag => {
            if *is_on {
                vec![format!("--{key}").into()]
            } else {
                Vec::new()
            }
        }
        _ if is_flag => return Err(format!("{key} is true or false")),
        // Not the default, if there is one.
        DeValue::Array(values) if values.is_empty() && !arg.get_default_values().is_empty() => {
            vec![argument(key, "")]
        }
        DeValue::Array(values) if option::takes_several(arg) => {
            let argument = |value: &Spanned<_>| Ok(argument(key, &text(key, value.get_ref())?));
            values.iter().map(argument).collect::<Result<_, String>>()?
        }
        DeValue::Array(_) => return Err(format!("{key} has one value, not several")),
        value => vec![argument(key, &text(key, value)?)],
    };
    option::check(arg, &arguments).map_err(|message| format!("{key}: {message}"))?;
    Ok((arg.get_id().to_string(), arguments))
}

fn argument(key: &str, value: &str) -> OsString {
    format!("--{key}={value}").into()
}

/// Returns a value as it is on the command line.
fn text(key: &str, value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| format!("{key}: the number is too large")),
        value => Err(format!("{key} is a text or a number, not a {}", value.type_str())),
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command, value_parser};

    use super::*;

    fn command() -> Command {
        Command::new("test")
            .arg(Arg::new("count").long("max-rooms").value_parser(value_parser!(u16)))
            .arg(Arg::new("urls").long("origin").value_delimiter(',').action(ArgAction::Append))
            .arg(Arg::new("rooms").long("rooms").action(ArgAction::SetTrue))
            .arg(Arg::new("names").long("names").value_delimiter(',').default_value("a,b"))
            .arg(Arg::new("internal").long("worker").hide(true))
    }

    fn read(text: &str) -> Vec<String> {
        let entries = entries(&command(), text).unwrap_or_else(|errors| panic!("{errors:?}"));
        let arguments = entries.into_iter().flat_map(|entry| entry.arguments);
        arguments.map(|argument| argument.into_string().unwrap()).collect()
    }

    #[test]
    fn options_are_what_they_are_on_the_command_line() {
        assert_eq!(read("rooms = true\nmax-rooms = 1_0"), ["--rooms", "--max-rooms=10"]);
        assert_eq!(read("rooms = false # off"), [""; 0]);
        assert_eq!(read("max-rooms = '7'"), ["--max-rooms=7"]);
        assert_eq!(read("origin = ['a', 'b']"), ["--origin=a", "--origin=b"]);
        assert_eq!(read("origin = 'a,b'"), ["--origin=a,b"]);
        assert_eq!(read("origin = []"), [""; 0]);
        assert_eq!(read("names = []"), ["--names="], "none, and not those by default");
    }

    #[test]
    fn everything_that_is_wrong_is_said_with_its_line() {
        let text = "max-room = 1\nrooms = 'yes'\n\n# …\nmax-rooms = 70000\norigin = [1.5]\nworker = 1\n[limits]\na = 1\n";
        let errors = entries(&command(), text).err().expect("it is refused");
        let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "line 1: there is no option \"max-room\"; did you mean \"max-rooms\"?",
                "line 2: rooms is true or false",
                "line 5: max-rooms: invalid value '70000': 70000 is not in 0..=65535",
                "line 6: origin is a text or a number, not a float",
                "line 7: there is no option \"worker\"",
                "line 8: \"limits\" is a table; options stand by themselves, without tables",
            ]
        );
        let errors =
            entries(&command(), "rooms = true\nrooms = true").err().expect("it is refused");
        assert!(errors[0].to_string().starts_with("line 2: this is no TOML: duplicate key"));
    }
}
