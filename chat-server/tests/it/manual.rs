//! The manual says what to do about each line of the log that warns, and about each alert.

use std::fs;
use std::path::Path;

const MANUAL: &str = include_str!("../../../docs/OPERATIONS.md");
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");

/// The crates whose log is the program's.
const SOURCES: [&str; 3] = ["../chat-adapter/src", "../chat-store/src", "src"];

#[test]
fn each_line_that_warns_is_in_the_manual() {
    let manual = one_line(MANUAL);
    let mut texts = Vec::new();
    for folder in SOURCES {
        find(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut texts);
    }
    assert!(texts.len() > 50, "{texts:#?}");
    let missing: Vec<_> = texts.iter().filter(|text| !manual.contains(beginning(text))).collect();
    assert!(missing.is_empty(), "what to do about {missing:#?}?");
}

#[test]
fn each_alert_is_in_the_manual() {
    let names = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let missing: Vec<_> = names.filter(|name| !MANUAL.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "what to do about {missing:#?}?");
}

/// Reads the messages of all warnings and errors below a folder.
fn find(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            for level in ["tracing::warn!(", "tracing::error!("] {
                let calls = source.split(level).skip(1);
                texts.extend(calls.map(|call| literal(call).unwrap_or_else(|| panic!("{path:?}"))));
            }
        }
    }
}

/// Returns the first text in quotes, in one line.
fn literal(source: &str) -> Option<String> {
    let (text, _) = source.split_once('"')?.1.split_once('"')?;
    Some(one_line(&text.replace("\\\n", "")))
}

/// Returns the first part that tells something, without values and marks: the manual leaves out the ends of some.
fn beginning(text: &str) -> &str {
    let parts = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, part)| part));
    let parts = parts.flat_map(|part| part.split([':', ';', '(']));
    parts.map(str::trim).find(|part| part.len() >= "refused".len()).expect("it says something")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
