//! The walkthrough shows what compiles: each of its snippets stands in the file that it names.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

const WALKTHROUGH: &str = "docs/TUTORIAL.md";

/// The languages of snippets that are taken from a file.
const CODE: [&str; 3] = ["rust", "html", "js"];

struct Snippet {
    /// The line of its fence.
    line: usize,
    language: String,
    /// What the comment before it says.
    source: Option<String>,
    code: Vec<String>,
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All fenced blocks of a page.
fn snippets(page: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    let mut source = None;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code = lines.by_ref().map(|(_, line)| line.to_owned());
            let code = code.take_while(|line| line != "```").collect();
            let language = language.to_owned();
            snippets.push(Snippet { line: number + 1, language, source: source.take(), code });
        } else if !line.trim().is_empty() {
            let named = line.strip_prefix("<!-- from ").and_then(|rest| rest.strip_suffix(" -->"));
            source = named.map(ToOwned::to_owned);
        }
    }
    snippets
}

/// Without the indentation that all lines have in common.
fn flush_left(lines: &[&str]) -> Vec<String> {
    let indentation = |line: &&&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| indentation(&line));
    let common = common.min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or_default().trim_end().to_owned()).collect()
}

fn contains(file: &str, code: &[String]) -> bool {
    let lines: Vec<_> = file.lines().collect();
    let code: Vec<_> = code.iter().map(String::as_str).collect();
    let wanted = flush_left(&code);
    !code.is_empty() && lines.windows(code.len()).any(|window| flush_left(window) == wanted)
}

#[test]
fn every_snippet_of_the_walkthrough_stands_in_the_file_that_it_names() {
    let page = read(WALKTHROUGH);
    let mut checked = 0;
    for Snippet { line, language, source, code } in snippets(&page) {
        let place = format!("{WALKTHROUGH}:{line}");
        let Some(source) = source else {
            assert!(!CODE.contains(&&*language), "{place}: a comment has to name the file");
            continue;
        };
        assert!(contains(&read(&source), &code), "{place}: this is not in {source}");
        checked += 1;
    }
    assert!(checked >= 20, "only {checked} snippets were found");
}

#[test]
fn the_walkthrough_shows_something_of_every_step() {
    let page = read(WALKTHROUGH);
    let sources: Vec<_> =
        snippets(&page).into_iter().filter_map(|snippet| snippet.source).collect();
    for step in 1..=9 {
        // In step 8 the page is what is new.
        let file = format!("/step_{step}");
        assert!(sources.iter().any(|source| source.contains(&file)), "nothing of step {step}");
    }
}

#[test]
fn a_snippet_that_differs_is_found_out() {
    let file = "fn main() {\n    if true {\n        one();\n\n        two();\n    }\n}\n";
    let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    assert!(contains(file, &lines("one();\n\ntwo();")));
    assert!(contains(file, &lines("if true {\n    one();")));
    assert!(!contains(file, &lines("if true {\none();")), "indented otherwise");
    assert!(!contains(file, &lines("one();\ntwo();")), "a line is left out");
    assert!(!contains(file, &lines("one()")), "part of a line");
    assert!(!contains(file, &[]), "nothing");
}
