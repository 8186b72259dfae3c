//! The walkthrough shows what compiles: each of its snippets stands in the file, and in the function, that the line
//! above it names.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;
use std::path::Path;

const WALKTHROUGH: &str = "docs/TUTORIAL.md";

/// The languages of snippets that are taken from a file.
const CODE: [&str; 3] = ["rust", "html", "js"];

/// The lines above whole files of the reader's own program, which `own_program.rs` builds.
const OWN: [&str; 3] = ["`Cargo.toml`:", "`src/main.rs`:", "`src/index.html`:"];

/// Each program and page with the one that it changes.
const STEPS: [(&str, &str); 24] = [
    ("", "src/bin/step_1_hello_world.rs"),
    ("src/bin/step_1_hello_world.rs", "src/bin/step_2_serving_the_page.rs"),
    ("src/bin/step_2_serving_the_page.rs", "src/bin/step_3_integrating_socket_io.rs"),
    ("src/bin/step_3_integrating_socket_io.rs", "src/bin/step_4_emitting_events.rs"),
    ("src/bin/step_4_emitting_events.rs", "src/bin/step_5_broadcasting.rs"),
    ("src/bin/step_5_broadcasting.rs", "src/bin/step_6_connection_state_recovery.rs"),
    ("src/bin/step_6_connection_state_recovery.rs", "src/bin/step_7_server_delivery.rs"),
    ("src/bin/step_7_server_delivery.rs", "src/bin/step_8_client_delivery.rs"),
    ("src/bin/step_7_server_delivery.rs", "src/bin/step_9_scaling.rs"),
    ("src/bin/step_7_server_delivery.rs", "src/bin/step_10_events_of_your_own.rs"),
    ("src/bin/step_7_server_delivery.rs", "src/bin/step_11_who_may_what.rs"),
    ("src/bin/step_7_server_delivery.rs", "src/bin/step_12_other_programs.rs"),
    ("src/bin/step_12_other_programs.rs", "src/bin/step_12_bot.rs"),
    ("", "pages/step_2.html"),
    ("pages/step_2.html", "pages/step_3.html"),
    ("pages/step_3.html", "pages/step_4.html"),
    ("pages/step_4.html", "pages/step_5.html"),
    ("pages/step_5.html", "pages/step_6.html"),
    ("pages/step_6.html", "pages/step_7.html"),
    ("pages/step_7.html", "pages/step_8.html"),
    ("pages/step_7.html", "pages/step_9.html"),
    ("pages/step_7.html", "pages/step_10.html"),
    ("pages/step_7.html", "pages/step_11.html"),
    ("pages/step_11.html", "pages/step_12.html"),
];

struct Snippet {
    /// The line of its fence.
    line: usize,
    language: String,
    /// What the line above it says.
    source: Option<Source>,
    /// Whether it is a file of the reader's own program.
    is_own: bool,
    code: Vec<String>,
}

/// "[src/bin/a.rs](../examples/a/src/bin/a.rs), in `main`:", for instance.
struct Source {
    path: String,
    function: Option<String>,
}

impl Source {
    fn parse(line: &str) -> Option<Self> {
        let (shown, rest) = line.strip_prefix('[')?.split_once("](../")?;
        let (path, place) = rest.strip_suffix(':')?.split_once(')')?;
        let function = match place {
            "" => None,
            place => Some(place.strip_prefix(", in `")?.strip_suffix('`')?.to_owned()),
        };
        path.ends_with(shown).then(|| Self { path: path.to_owned(), function })
    }
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All fenced blocks of a page.
fn snippets(page: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    let (mut source, mut is_own) = (None, false);
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code = lines.by_ref().map(|(_, line)| line.to_owned());
            let code = code.take_while(|line| line != "```").collect();
            let language = language.to_owned();
            snippets.push(Snippet {
                line: number + 1,
                language,
                source: source.take(),
                is_own: std::mem::take(&mut is_own),
                code,
            });
        } else if !line.trim().is_empty() {
            source = Source::parse(line);
            is_own = OWN.contains(&line);
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

/// The lines between the first one of a function and its closing brace.
fn body<'a>(file: &'a str, function: &str) -> Option<Vec<&'a str>> {
    let head = format!("fn {function}(");
    let mut lines = file.lines().skip_while(|line| !line.contains(&head));
    let first = lines.next()?;
    let indentation = first.len() - first.trim_start().len();
    let end = format!("{}}}", " ".repeat(indentation));
    Some(lines.take_while(|line| *line != end).collect())
}

/// Whether the code stands in these lines. "// …" marks what is left out.
fn contains(lines: &[&str], code: &[String]) -> bool {
    let mut rest = lines;
    !code.is_empty()
        && code.split(|line| line.trim() == "// …").all(|part| {
            let part: Vec<_> = part.iter().map(String::as_str).collect();
            let wanted = flush_left(&part);
            let found = (!part.is_empty())
                .then(|| rest.windows(part.len()).position(|window| flush_left(window) == wanted));
            let Some(start) = found.flatten() else { return false };
            rest = &rest[start + part.len()..];
            true
        })
}

#[test]
fn every_snippet_of_the_walkthrough_stands_in_the_file_that_it_names() {
    let page = read(WALKTHROUGH);
    let mut checked = 0;
    for Snippet { line, language, source, is_own, code } in snippets(&page) {
        let place = format!("{WALKTHROUGH}:{line}");
        let Some(source) = source else {
            assert!(
                is_own || !CODE.contains(&&*language),
                "{place}: the line above has to name the file"
            );
            continue;
        };
        let Source { path, function } = source;
        let file = read(&path);
        let lines = match &function {
            Some(function) => body(&file, function).unwrap_or_default(),
            None => file.lines().collect(),
        };
        assert!(contains(&lines, &code), "{place}: this is not in {path}, {function:?}");
        checked += 1;
    }
    assert!(checked >= 20, "only {checked} snippets were found");
}

#[test]
fn the_walkthrough_shows_something_of_every_step() {
    let page = read(WALKTHROUGH);
    let sources: Vec<_> =
        snippets(&page).into_iter().filter_map(|snippet| Some(snippet.source?.path)).collect();
    for step in 1..=12 {
        // In step 8 the page is what is new.
        let file = format!("/step_{step}");
        assert!(sources.iter().any(|source| source.contains(&file)), "nothing of step {step}");
    }
}

/// The lines of a program or of the code of a page, without those that only tell about it.
fn code_of(file: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut is_prose = false;
    for line in file.lines().map(str::trim) {
        is_prose |= line.starts_with("<p class=\"quiet\">");
        let tells = ["//!", "<title>", "<h1>"].iter().any(|start| line.starts_with(start));
        let is_code = line.contains(char::is_alphanumeric) && !line.contains("include_str!");
        if !is_prose && !tells && is_code && line != "</script>" {
            lines.push(line);
        }
        is_prose &= !line.ends_with("</p>");
    }
    lines
}

#[test]
fn everything_that_a_step_adds_is_shown() {
    let snippets = snippets(&read(WALKTHROUGH));
    for (before, file) in STEPS {
        let path = |name: &str| format!("examples/tutorial_steps/{name}");
        let file = path(file);
        let of_file = |snippet: &&Snippet| snippet.source.as_ref().is_some_and(|s| s.path == file);
        let shown: HashSet<_> = snippets
            .iter()
            .filter(of_file)
            .flat_map(|snippet| &snippet.code)
            .map(|line| line.trim())
            .collect();
        let before = if before.is_empty() { String::new() } else { read(&path(before)) };
        let known: HashSet<_> = code_of(&before).into_iter().collect();
        let text = read(&file);
        let missing: Vec<_> = code_of(&text)
            .into_iter()
            .filter(|line| !known.contains(line) && !shown.contains(line))
            .collect();
        assert!(missing.is_empty(), "not shown of {file}: {missing:#?}");
    }
}

#[test]
fn every_picture_of_the_walkthrough_is_there_and_small() {
    let page = read(WALKTHROUGH);
    let pictures: Vec<_> =
        page.split("](pictures/").skip(1).filter_map(|rest| rest.split_once(')')).collect();
    assert!(pictures.len() >= 9, "{pictures:?}");
    for (picture, _) in pictures {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures").join(picture);
        let size = path.metadata().unwrap_or_else(|error| panic!("{picture}: {error}")).len();
        assert!(size < 40_000, "{picture} has {size} bytes");
    }
}

#[test]
fn a_snippet_that_differs_is_found_out() {
    let file: Vec<_> = "fn main() {\n    if true {\n        one();\n\n        two();\n    }\n}\n"
        .lines()
        .collect();
    let contains =
        |text: &str| contains(&file, &text.lines().map(ToOwned::to_owned).collect::<Vec<_>>());
    assert!(contains("one();\n\ntwo();"));
    assert!(contains("if true {\n    one();"));
    assert!(contains("one();\n// …\ntwo();"));
    assert!(!contains("two();\n// …\none();"), "in another order");
    assert!(!contains("one();\n// …"), "nothing after what is left out");
    assert!(!contains("if true {\none();"), "indented otherwise");
    assert!(!contains("one();\ntwo();"), "a line is left out");
    assert!(!contains("one()"), "part of a line");
    assert!(!contains(""), "nothing");
}

#[test]
fn a_snippet_in_another_function_is_found_out() {
    let file =
        "fn main() {\n    one();\n}\n\nimpl A {\n    fn two(&self) {\n        two();\n    }\n}\n";
    assert_eq!(body(file, "main").unwrap(), ["    one();"]);
    assert_eq!(body(file, "two").unwrap(), ["        two();"]);
    assert!(body(file, "three").is_none());
}
