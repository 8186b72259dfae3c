use std::fmt::Write;

use clap::{Arg, Command};

use super::option;

/// Values for options without a default, of which the first that is allowed stands in the document.
const EXAMPLES: [&str; 2] = ["90days", "1000000"];

/// The length of lines.
const WIDTH: usize = 100;

/// Returns a file with all options, none of them set.
pub(crate) fn document(command: &Command) -> String {
    let mut text = String::from(
        "# Options of chat-server, each with its default, or with an example. Remove the # to set one.\n\
         #\n\
         # The command line overrides the environment, and both override this file. Name the file with\n\
         # --config FILE or CHAT_CONFIG, and check it with: chat-server config check FILE\n",
    );
    let mut heading = "";
    for arg in option::all(command) {
        let own = arg.get_help_heading().unwrap_or_default();
        if own != heading {
            heading = own;
            // It cannot fail.
            let _ = write!(text, "\n# ---- {} ----\n", if own.is_empty() { "Others" } else { own });
        }
        text.push('\n');
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
        for paragraph in help.unwrap_or_default().lines() {
            put_comment(&mut text, paragraph);
        }
        if let Some(variable) = arg.get_env() {
            put_comment(&mut text, &format!("[env: {}]", variable.display()));
        }
        let name = arg.get_long().unwrap_or_default();
        let _ = writeln!(text, "#{name} = {}", value(arg));
    }
    text
}

fn put_comment(text: &mut String, paragraph: &str) {
    let mut line = String::from("#");
    for word in paragraph.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// Returns the default in TOML, or an example.
fn value(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return "false".to_owned();
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    match &defaults[..] {
        [] if option::takes_several(arg) => "[]".to_owned(),
        [] => in_toml(&example(arg)),
        [text] if option::takes_several(arg) => {
            let values = text.split(',').map(in_toml).collect::<Vec<_>>();
            format!("[{}]", values.join(", "))
        }
        [text, ..] => in_toml(text),
    }
}

fn example(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|names| names.first());
    let name = name.map_or("VALUE", |name| name.as_str());
    let long = arg.get_long().unwrap_or_default();
    let is_allowed =
        |value: &&str| option::check(arg, &[format!("--{long}={value}").into()]).is_ok();
    let allowed = std::iter::once(name).chain(EXAMPLES).find(is_allowed);
    allowed.unwrap_or(name).to_owned()
}

fn in_toml(text: &str) -> String {
    if text.parse::<i64>().is_ok() { text.to_owned() } else { format!("{text:?}") }
}
