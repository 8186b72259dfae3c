//! Names: which there are, how they are written, which are the same, and which look alike.

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
fn what_is_accepted_is_accepted_again() {
    // The first emoji becomes two letters, between which and the other one nothing is to be joined.
    assert!("\u{1f201}\u{200d}\u{1f680}".parse::<Nickname>().is_err());
    let apart: Nickname = "\u{1f201}\u{1f680}".parse().unwrap();
    assert_eq!(apart.as_str(), "ココ\u{1f680}");
    assert_eq!(apart.as_str().parse(), Ok(apart.clone()));
}

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

#[test]
fn emoji_and_scripts_of_any_year_are_taken() {
    for name in [
        "🤖",
        "🦀 Ferris",
        "👩\u{1f3fd}",
        "👩\u{1f3fd}\u{200d}🚀",
        "👩\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨",
        "👁\u{fe0f}\u{200d}🗨\u{fe0f}",
        "🏳\u{fe0f}\u{200d}⚧\u{fe0f}",
        "Ada ❤\u{fe0f}",
        "☺\u{fe0e}",
        "🇯🇵 Aiko",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} Ewan",
        "1\u{fe0f}\u{20e3} #\u{20e3}",
        "🫩",
        "\u{1c90}\u{1c91}",
        "\u{1e900}\u{1e922}",
        "\u{10d00}",
        "می\u{200c}خواهم",
        "ක්\u{200d}ෂ",
    ] {
        assert_eq!(parse(name).map(|name| name.as_str().to_owned()), Ok(name.to_owned()));
        assert_eq!(parse(name).unwrap().check_new(), Ok(()), "{name}");
    }
    // How it is drawn does not make it another name, and goes where the plain characters are letters.
    assert!(same("Ada ❤\u{fe0f}", "ada ❤"));
    assert_eq!(parse("Ada ™\u{fe0f}").unwrap().as_str(), "Ada TM");
}

/// Joiners, styles and tags that make no emoji, and everything else that leaves no mark where it stands.
#[test]
fn what_is_blank_is_refused_wherever_it_stands() {
    for blank in [
        "\u{2800}",
        "\u{13441}",
        "\u{1d159}",
        "\u{16fe4}",
        "\u{34f}",
        "\u{ffa0}",
        "\u{1160}",
        "\u{17b5}",
        "\u{180b}",
        "\u{200c}",
        "\u{200d}",
        "\u{fe0e}",
        "\u{fe0f}",
        "\u{fff3}",
        "\u{fff9}",
        "\u{e0001}",
        "\u{e0100}",
        "\u{1d173}",
        "👩\u{200d}",
        "\u{200d}👩",
        "👩\u{fe0f}\u{fe0f}",
        "🏴\u{e0067}\u{e007f}",
        "😀\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "1\u{fe0f}",
    ] {
        for text in [blank.to_owned(), format!("Ada{blank}"), format!("{blank}Ada")] {
            let refused = Err(ParseError::Hidden { what: "a nickname" });
            assert_eq!(parse(&text), refused, "{}", text.escape_unicode());
        }
    }
}

#[test]
fn an_accent_needs_something_to_stand_on() {
    for alone in ["\u{301}", "\u{301}Ada", "\u{20e3}", "\u{ff9e}", "\u{93e}"] {
        assert!(matches!(parse(alone), Err(ParseError::Form { .. })), "{alone:?}");
    }
    let apostrophe = parse("O´Brien").unwrap();
    assert_eq!(apostrophe.as_str(), "O´Brien");
    // What the rules of Unicode 6.3 made of it.
    assert_eq!(apostrophe.key().as_str(), "o \u{301}brien");
    assert_eq!(parse("O \u{301}Brien").unwrap().key(), apostrophe.key());
    assert!(parse(&format!("a{}", "\u{323}".repeat(4))).unwrap().check_new().is_ok());
    assert!(parse(&format!("a{}", "\u{323}".repeat(5))).unwrap().check_new().is_err());
}

#[test]
fn names_that_look_alike_have_the_same_skeleton() {
    let skeleton = |name: &str| parse(name).unwrap().skeleton();
    for (name, other) in [
        ("Ada", "Аdа"),
        ("Ada", "Ꭺⅾa"),
        ("paypal", "paypaI"),
        ("paypal", "раураl"),
        ("Ivan", "lvan"),
        ("Ivan", "lVAN"),
        ("Bob", "B0b"),
        ("Bob", "ВОВ"),
        ("BOB", "ВОВ"),
        ("admin", "аdmіn"),
        ("mia", "rnia"),
        ("O'Brien", "O´Brien"),
        ("O'Brien", "O’Brien"),
        ("👩🚀", "👩\u{200d}🚀"),
        ("Ada ❤", "Ada ❤\u{fe0f}"),
        ("دانا", "دا\u{200c}نا"),
    ] {
        assert_eq!(skeleton(name), skeleton(other), "{name} {other}");
    }
    for (name, other) in
        [("Ada", "Adà"), ("Neil", "Nell"), ("Kai", "Kal"), ("Ada", "A da"), ("😀", "😁")]
    {
        assert_ne!(skeleton(name), skeleton(other), "{name} {other}");
    }
}

#[test]
fn a_new_name_is_in_one_script_or_in_words_that_are() {
    for name in [
        "Ada Lovelace",
        "Ада",
        "Ада Лавлейс",
        "Αδα",
        "Анна Anna",
        "Anna (Анна)",
        "Ada 2 😀",
        "Ада2 😀",
        "漢字かなカナABC",
        "한글abc漢字",
        "ㄅㄆ漢字a",
        "DJสมชาย",
        "Zoë",
        "Straße_7",
        "עדה",
        "रवि",
        "محمد",
        "О'Брайен",
        "O’Brien-Smith",
    ] {
        assert_eq!(parse(name).unwrap().check_new(), Ok(()), "{name}");
    }
    for name in ["Аda", "pаypal", "Βob", "Ivaж", "λambda", "Bոb", "Ada Lоvelace", "Аda😀", "ОкαΩ"]
    {
        let refused = parse(name).unwrap().check_new();
        assert!(matches!(refused, Err(ParseError::Form { .. })), "{name}");
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
