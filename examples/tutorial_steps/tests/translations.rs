//! The walkthrough in other languages cannot drift from the English one: it has the same headings, snippets, pictures,
//! lists and tables in the same order, with the same code in its texts, and its links lead somewhere. The first screen of
//! the project's README, too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const LANGUAGES: [&str; 2] = ["zh", "ja"];

/// Where the first screen of the README ends.
const SECOND_SCREEN: &str = "\n## Talking to it\n";

/// A part of a page, as far as it is the same in all languages.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    /// Its level, and the name by which links find it.
    Heading(usize, String),
    /// A snippet. The words in a drawing are those of its language.
    Code(String, Vec<String>),
    Drawing,
    Picture(String),
    /// The line above a snippet: the file and the function.
    Source(String, Option<String>),
    Item,
    Row,
    Text,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The name that GitHub gives to a heading.
fn anchor_of(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// The parts of a page in their order. Headings of other languages have their names in a line of their own.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut anchor = None;
    let mut goes_on = false;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let was_text = std::mem::replace(&mut goes_on, false);
        let block = if let Some(language) = line.strip_prefix("```") {
            let code = lines.by_ref().take_while(|line| *line != "```");
            let code: Vec<_> = code.map(ToOwned::to_owned).collect();
            match language {
                "mermaid" => Block::Drawing,
                _ => Block::Code(language.to_owned(), code),
            }
        } else if let Some(rest) = line.strip_prefix("<a id=\"") {
            anchor = rest.strip_suffix("\"></a>").map(ToOwned::to_owned);
            continue;
        } else if line.starts_with('#') {
            let level = line.chars().take_while(|c| *c == '#').count();
            let own = || anchor_of(line[level..].trim());
            let anchor = anchor.take().unwrap_or_else(own);
            // Links lead to the top without a name.
            Block::Heading(level, if level == 1 { String::new() } else { anchor })
        } else if let Some((_, path)) = line.strip_prefix("![").and_then(|l| l.split_once("](")) {
            Block::Picture(path.trim_start_matches("../").to_owned())
        } else if let Some(source) = source(line) {
            source
        } else if line.starts_with("- ") || is_numbered(line) {
            goes_on = true;
            Block::Item
        } else if line.starts_with('|') {
            Block::Row
        } else if line.trim().is_empty() {
            continue;
        } else {
            goes_on = true;
            if was_text {
                continue;
            }
            Block::Text
        };
        blocks.push(block);
    }
    blocks
}

/// "1. first", for instance.
fn is_numbered(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(". ")
}

/// "[src/bin/a.rs](../examples/a/src/bin/a.rs), in `main`:", in any language.
fn source(line: &str) -> Option<Block> {
    let line = line.strip_suffix([':', '：'])?;
    let (_, rest) = line.strip_prefix('[')?.split_once("](")?;
    let (path, place) = rest.split_once(')')?;
    let function = match place {
        "" => None,
        place => Some([", in `", "，`", "、`"].iter().find_map(|name| place.strip_prefix(name))?),
    };
    let function = function.and_then(|name| Some(name.split_once('`')?.0.to_owned()));
    Some(Block::Source(path.trim_start_matches("../").to_owned(), function))
}

/// What stands between backticks outside of snippets.
fn code_spans(page: &str) -> BTreeSet<&str> {
    let outside = page.split("```").step_by(2);
    outside.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

/// The targets of links and pictures.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let outside = page.split("```").step_by(2);
    outside
        .flat_map(|text| text.split("](").skip(1))
        .filter_map(|rest| Some(rest.split_once(')')?.0))
}

fn assert_same(page: &str, english: &[Block], translated: &[Block]) {
    for (number, (english, translated)) in english.iter().zip(translated).enumerate() {
        assert_eq!(english, translated, "{page}, part {number}");
    }
    assert_eq!(english.len(), translated.len(), "{page}: the number of parts");
}

#[test]
fn the_walkthrough_is_the_same_in_all_languages() {
    let english = read(&docs().join("TUTORIAL.md"));
    let parts = blocks(&english);
    assert!(parts.len() > 200, "only {} parts were found", parts.len());
    for language in LANGUAGES {
        let translated = read(&docs().join(language).join("TUTORIAL.md"));
        assert_same(&format!("{language}/TUTORIAL.md"), &parts, &blocks(&translated));
        assert_eq!(code_spans(&english), code_spans(&translated), "{language}: code in texts");
    }
}

#[test]
fn the_first_screen_of_the_readme_is_the_same_in_all_languages() {
    let english = read(&docs().join("../README.md"));
    let (english, _) = english.split_once(SECOND_SCREEN).unwrap();
    for language in LANGUAGES {
        let translated = read(&docs().join(language).join("README.md"));
        // What comes last says where to read on.
        let (translated, _) = translated.rsplit_once("\n## ").unwrap();
        let headings = |page| {
            let level = |block| match block {
                Block::Heading(level, _) => Block::Heading(level, String::new()),
                other => other,
            };
            blocks(page).into_iter().map(level).collect::<Vec<_>>()
        };
        assert_same(&format!("{language}/README.md"), &headings(english), &headings(translated));
    }
}

#[test]
fn every_link_leads_somewhere() {
    let of_language = |name| LANGUAGES.map(|language| docs().join(language).join(name));
    let pages = [of_language("TUTORIAL.md"), of_language("README.md")].concat();
    for page in pages.into_iter().chain([docs().join("TUTORIAL.md"), docs().join("../README.md")]) {
        let text = read(&page);
        for link in links(&text).filter(|link| !link.starts_with("http")) {
            let place = format!("{}: {link}", page.display());
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.with_file_name("").join(path),
            };
            assert!(target.exists(), "{place}");
            let target = if target.is_dir() { target.join("README.md") } else { target };
            let is_there =
                |block: &Block| matches!(block, Block::Heading(_, name) if name == anchor);
            let found = anchor.is_empty() || blocks(&read(&target)).iter().any(is_there);
            assert!(found, "{place}");
        }
    }
}

#[test]
fn what_differs_is_found_out() {
    let page = "# One\n\ntext\n\n```rust\none();\n```\n\n- item\n";
    let same = "# Eins\n\nText\n\n```rust\none();\n```\n\n- Punkt\n";
    assert_eq!(blocks(page), blocks(same));
    for other in [
        same.replace("one();", "two();"),
        same.replace("# Eins", "## Eins"),
        same.replace("- Punkt\n", "- Punkt\n- noch einer\n"),
        same.replace("Text\n", "Text\n\nmehr\n"),
        same.replace("- Punkt\n", "- Punkt\n\n1. erstens\n2. zweitens\n"),
    ] {
        assert_ne!(blocks(page), blocks(&other), "{other}");
    }
    let (of_english, of_other) = ("## The code\n", "<a id=\"the-code\"></a>\n\n## Der Code\n");
    assert_eq!(blocks(of_english), blocks(of_other));
    assert_eq!(
        source("[a.rs](../x/a.rs), in `main`:"),
        source("[a.rs](../../x/a.rs)，`main` 中：")
    );
}
