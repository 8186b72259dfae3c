//! Each threat that `SECURITY.md` names has a test.

use std::fs;
use std::path::{Path, PathBuf};

const SECURITY: &str = include_str!("../../../SECURITY.md");

/// The cells of the table of threats, without its head.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let table = SECURITY.split_once("| threat |").expect("the table").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| line.split('|').map(str::trim).collect())
}

/// The pieces of a text between two of these marks.
fn between(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

/// Where a test may be that the table names.
fn places(name: &str) -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(name) = name.strip_prefix("it/") {
        return vec![here.join(format!("tests/it/{name}.rs")), here.join("tests/it").join(name)];
    }
    if name.starts_with("js/") || name.starts_with("browser/") {
        return vec![here.join(format!("tests/{name}.test.mjs"))];
    }
    ["src/engine", "src/socketio", "../chat-store/src", "../chat-store/tests"]
        .iter()
        .flat_map(|ring| {
            let ring = here.join(ring);
            [ring.join(format!("{name}.rs")), ring.join(name)]
        })
        .collect()
}

/// The text of a file, or of all files below a folder; empty if it is neither.
fn text(place: &Path) -> String {
    match fs::read_dir(place) {
        Ok(entries) => entries.map(|entry| text(&entry.unwrap().path())).collect(),
        Err(_) => fs::read_to_string(place).unwrap_or_default(),
    }
}

fn has_tests(text: &str) -> bool {
    ["#[test]", "#[tokio::test", "\ntest(", "  test("].iter().any(|mark| text.contains(mark))
}

#[test]
fn each_threat_names_tests_that_exist() {
    let mut count = 0;
    for row in rows() {
        let [_, threat, _, tests, _] = row[..] else { panic!("{row:?}") };
        let mut found = String::new();
        for name in between(tests, '`') {
            let text: String = places(name).iter().map(|place| text(place)).collect();
            assert!(has_tests(&text), "{threat}: there is no test {name}");
            found += &text;
            count += 1;
        }
        let cases = tests.contains("the store's cases");
        assert!(!found.is_empty() || cases, "{threat}: it names no test");
        for title in between(tests, '*') {
            let case = format!("../chat-store/src/testkit/cases/{title}.rs");
            let is_case = cases && Path::new(env!("CARGO_MANIFEST_DIR")).join(case).is_file();
            assert!(is_case || found.contains(title), "{threat}: there is no test {title}");
        }
    }
    assert!(count > 30, "{count} tests were read");
}
