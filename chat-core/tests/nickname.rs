//! Names as RFC 8266 has them: which there are, how they are written, and which are the same.

#![allow(clippy::unwrap_used)]

use chat_core::{Nickname, ParseError};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Nickname, ParseError> {
    text.parse()
}

fn same(one: &str, other: &str) -> bool {
    parse(one).unwrap().key() == parse(other).unwrap().key()
}

/// <https://www.rfc-editor.org/rfc/rfc8266#section-3>: the name, and what it is compared by.
#[test]
fn the_examples_of_rfc_8266() {
    for (name, key) in [
        ("Foo", "foo"),
        ("foo", "foo"),
        ("Foo Bar", "foo bar"),
        ("  Foo     Bar     ", "foo bar"),
        ("Σ", "σ"),
        ("σ", "σ"),
        ("ς", "ς"),
        ("\u{3d4}", "\u{3cb}"),
        ("∞", "∞"),
        ("Richard \u{2163}", "richard iv"),
    ] {
        let name = parse(name).unwrap();
        assert_eq!(name.key().as_str(), key, "{name}");
    }
}

#[test]
fn names_that_differ_in_case_width_or_spaces_are_the_same() {
    for (one, other) in [
        ("Ada", "aDA"),
        ("ＡＤＡ", "ada"),
        ("ｱ", "ア"),
        ("Ada Lovelace", "  Ada \u{a0}\u{3000} Lovelace\u{2003}"),
        ("é", "e\u{301}"),
        ("É", "e\u{301}"),
        ("ﬁn", "fin"),
        ("Å", "\u{212b}"),
        ("\u{1fbc}", "\u{1fb3}"),
    ] {
        assert!(same(one, other), "{one} {other}");
    }
    for (one, other) in [("Ada", "Adа"), ("Ada", "A da"), ("e", "é"), ("😀", "😁"), ("ss", "ß")]
    {
        assert!(!same(one, other), "{one} {other}");
    }
}

#[test]
fn a_name_is_written_without_spaces_around_and_with_plain_characters() {
    for (text, written) in [
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("Ａｄａ", "Ada"),
        ("e\u{301}", "é"),
        ("😀 ☺", "😀 ☺"),
        ("שלום", "שלום"),
        ("x\u{323}\u{307}", "\u{1e8b}\u{323}"),
    ] {
        assert_eq!(parse(text).unwrap().as_str(), written);
    }
}

#[test]
fn characters_that_cannot_be_seen_are_refused() {
    for hidden in [
        '\0',
        '\n',
        '\t',
        '\u{7f}',
        '\u{85}',
        '\u{ad}',
        '\u{61c}',
        '\u{200b}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{feff}',
        '\u{e0041}',
        '\u{e000}',
        '\u{ffff}',
        '\u{10ffff}',
        '\u{115f}',
        '\u{3164}',
    ] {
        for text in
            [format!("a{hidden}b"), format!("{hidden}a"), format!("a{hidden}"), hidden.into()]
        {
            assert!(parse(&text).is_err(), "U+{:04X} in {text:?}", u32::from(hidden));
        }
    }
}

/// <https://www.iana.org/assignments/precis-tables>: emoji of later years, and those that are made of several.
#[test]
fn characters_that_are_newer_than_the_rules_are_refused() {
    for newer in ["🤖", "🦀", "👩\u{1f3fd}", "👩\u{200d}🚀", "❤\u{fe0f}", "\u{1c90}"] {
        assert!(parse(newer).is_err(), "{newer}");
    }
}

#[test]
fn a_name_has_an_end() {
    let emoji = "😀".repeat(32);
    for longest in ["x".repeat(40), "é".repeat(40), "e\u{301}".repeat(40), emoji.clone()] {
        assert!(parse(&longest).is_ok(), "{longest}");
        assert!(parse(&format!("{longest}x")).is_err(), "{longest}");
    }
    // More than enough, before anything is computed of them.
    for long in ["x", " ", "\u{fdfa}", "\u{301}", "😀", "\0"] {
        assert!(matches!(parse(&long.repeat(10_000)), Err(ParseError::TooLong { .. })));
    }
    // One character that becomes eighteen.
    assert!(parse(&"\u{fdfa}".repeat(3)).is_err());
    assert!(matches!(parse(""), Err(ParseError::Empty { .. })));
    for empty in [" ", "\u{a0}", "\u{3000} ", "\u{2003}"] {
        assert!(matches!(parse(empty), Err(ParseError::Empty { .. })), "{empty:?}");
    }
}

proptest! {
    #[test]
    fn a_name_that_was_parsed_is_parsed_to_the_same(text in "\\PC{1,45}") {
        if let Ok(name) = parse(&text) {
            prop_assert_eq!(parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn a_key_is_a_name_with_the_same_key(text in "\\PC{1,30}") {
        if let Ok(name) = parse(&text) {
            let key = name.key();
            prop_assert_eq!(Nickname::from_stored(key.as_str()).key(), key.clone());
            let lower: String = name.as_str().chars().flat_map(char::to_lowercase).collect();
            prop_assert_eq!(Nickname::from_stored(lower).key(), key);
        }
    }

    #[test]
    fn a_name_keeps_to_its_limits(text in any::<String>()) {
        if let Ok(name) = parse(&text) {
            let name = name.as_str();
            prop_assert!((1..=Nickname::MAX_CHARACTERS).contains(&name.chars().count()));
            prop_assert!(name.len() <= Nickname::MAX_BYTES);
            prop_assert!(!name.contains(char::is_control) && name.trim() == name);
        }
    }
}
