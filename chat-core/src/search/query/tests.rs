use proptest::prelude::*;

use super::*;
use crate::Timestamp;

fn query(text: &str) -> SearchQuery {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Phrases as a query would have them, with a star behind what may be longer.
fn written(phrases: &[Phrase]) -> Vec<String> {
    let star = |phrase: &Phrase| if phrase.is_prefix { "*" } else { "" };
    phrases.iter().map(|phrase| phrase.words.join(" ") + star(phrase)).collect()
}

#[test]
fn words_phrases_and_exclusions() {
    for (text, with, without) in [
        ("hello", &["hello*"][..], &[][..]),
        ("hello ", &["hello"], &[]),
        ("Hello wor", &["hello", "wor*"], &[]),
        ("he* world ", &["he*", "world"], &[]),
        (r#""Release Notes""#, &["release notes"], &[]),
        (r#"a"b c"d"#, &["a", "b c", "d*"], &[]),
        ("don't ", &["don t"], &[]),
        ("a -b", &["a"], &["b"]),
        (r#"-"x y" -z* a "#, &["a"], &["x y", "z*"]),
        ("a - b ", &["a", "b"], &[]),
        ("e-mail ", &["e mail"], &[]),
        ("http://example.com ", &["http example com"], &[]),
        ("日本語", &["日本 本語"], &[]),
        ("語 ", &["語*"], &[]),
        ("語abc ", &["語 abc"], &[]),
        ("👍", &["👍*"], &[]),
        ("a !! ...", &["a"], &[]),
    ] {
        let found = query(text);
        assert_eq!(written(&found.with), with, "{text}");
        assert_eq!(written(&found.without), without, "{text}");
    }
}

#[test]
fn conditions_have_values() {
    let found =
        query(r#"from:Ada FROM:"Grace H" in:general in:"my room" before:2026-11-28 after:7"#);
    assert_eq!(found.from, ["Ada", "Grace H"]);
    assert_eq!(found.rooms, ["general", "my room"].map(RoomId::from_stored));
    let day = Timestamp::from_millis(1_795_824_000_000);
    assert_eq!(found.before, Some(Moment::Time(day)));
    assert_eq!(found.after, Some(Moment::Offset(Offset::new(7).unwrap())));
    assert_eq!((found.with.len(), found.without.len()), (0, 0));
    // Other words with a colon are words.
    assert_eq!(written(&query("re:plan ").with), ["re plan"]);
}

#[test]
fn a_mistake_is_named_with_its_place() {
    for (text, position, problem) in [
        ("", 0, "name a word"),
        (" !? ", 0, "name a word"),
        ("😀 \"x y", 3, "not closed"),
        ("a from:", 7, "has to follow"),
        ("a from: b", 7, "has to follow"),
        ("from:\"\"", 6, "takes a nickname"),
        ("in:\"\"", 4, "the name of a room"),
        ("a before:yesterday", 9, "a date such as"),
        ("after:2026-02-30", 6, "a date such as"),
        ("after:99999999999999999999", 6, "a date such as"),
        ("after:1 after:2", 14, "one such condition"),
        ("x -from:a", 2, "only words"),
        (&"x ".repeat(33), 64, "more than 32"),
        (&"é".repeat(600), 512, "too long"),
    ] {
        let error = text.parse::<SearchQuery>().unwrap_err();
        assert!(error.problem.contains(problem), "{text}: {error}");
        assert_eq!(error.position, position, "{text}");
    }
    let error = "a before:x".parse::<SearchQuery>().unwrap_err().to_string();
    assert_eq!(error, "a date such as 2026-11-28, or an offset, is expected, at character 10");
}

#[test]
fn it_is_found_where_it_is() {
    let text = "Die Straße, 日本語テスト: Crème brûlée brûlées 👍";
    for (asked, expected) in [
        ("strasse ", Some(vec!["Straße"])),
        ("stras", Some(vec!["Straße"])),
        ("stras ", None),
        ("brulee", Some(vec!["brûlée", "brûlées"])),
        (r#""creme brulee""#, Some(vec!["Crème brûlée"])),
        (r#""brulee creme""#, None),
        ("本語", Some(vec!["本語"])),
        ("語", Some(vec!["語"])),
        ("日本語テ", Some(vec!["日本語テ"])),
        ("日語", None),
        ("👍 die ", Some(vec!["Die", "👍"])),
        ("die -brulees", None),
        ("die -brul", Some(vec!["Die"])),
        ("in:x -nothing", Some(vec![])),
    ] {
        let found = query(asked).find_in(text);
        let found = found.map(|ranges| ranges.into_iter().map(|range| &text[range]).collect());
        assert_eq!(found, expected, "{asked}");
    }
}

proptest! {
    #[test]
    fn every_text_is_a_query_or_a_mistake(text in "\\PC{0,80}") {
        if let Err(error) = text.parse::<SearchQuery>() {
            prop_assert!(error.position <= text.encode_utf16().count());
        }
    }

    /// Whatever is in a text is found by searching for it.
    #[test]
    fn a_part_of_a_text_is_found_in_it(before in "[a-z日本 ]{0,9}", part in "[a-zé日本語ーがท]{1,9}",
        after in "( [a-z日本]{0,9})?") {
        let text = format!("{before} {part}{after}");
        let quoted = query(&format!("\"{part}\""));
        prop_assert!(quoted.find_in(&text).is_some());
        let exclaimed = text + "!";
        prop_assert!(query(&part).find_in(&exclaimed).is_some());
    }
}
