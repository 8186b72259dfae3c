use std::borrow::Cow;

/// Replaces each lone surrogate (half a character) in JSON with U+FFFD, as browsers do when they write UTF-8.
/// JavaScript has such strings, for instance `"😀".slice(0, 1)`, and writes them as JSON that no other language can
/// read.
///
/// ```
/// let auth = chat_core::event::mended_json(r#"{"serverOffset":8,"name":"Ada \ud83d"}"#);
/// assert_eq!(auth, "{\"serverOffset\":8,\"name\":\"Ada \u{fffd}\"}");
/// ```
pub fn mended_json(json: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        let start = at + found;
        let (end, is_half) = escape(json, start);
        if is_half {
            mended.push_str(&json[copied..start]);
            mended.push('\u{fffd}');
            copied = end;
        }
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(&json[copied..]);
    Cow::Owned(mended)
}

/// Returns where an escape ends, including its other half if it has one, and whether it is half a character on its
/// own.
fn escape(json: &str, start: usize) -> (usize, bool) {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    match unit(start) {
        Some(0xd800..=0xdbff) if matches!(unit(start + 6), Some(0xdc00..=0xdfff)) => {
            (start + 12, false)
        }
        Some(0xd800..=0xdfff) => (start + 6, true),
        Some(_) => (start + 6, false),
        // A backslash and one more character, which may be a backslash.
        None => {
            let escaped = json[start + 1..].chars().next().map_or(0, char::len_utf8);
            (start + 1 + escaped, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_all_else_stays() {
        for (json, expected) in [
            (r#"{"a":"\ud83d"}"#, "{\"a\":\"\u{fffd}\"}"),
            (r#"["\ude00 \uD83D\ud83d\ude00"]"#, "[\"\u{fffd} \u{fffd}\\ud83d\\ude00\"]"),
            (r#""\ude00\ud83d""#, "\"\u{fffd}\u{fffd}\""),
            (r#""\\\ud83d""#, "\"\\\\\u{fffd}\""),
        ] {
            assert_eq!(mended_json(json), expected);
        }
        for json in [
            r#"{"a":"\ud83d\ude00 \u00e9 😀 \n"}"#,
            // A backslash, and a text.
            r#""\\ud83d""#,
            r#""\u12"#,
            "\"\\",
            r#""\é\ud83"#,
            "",
        ] {
            assert!(matches!(mended_json(json), Cow::Borrowed(same) if same == json), "{json}");
        }
    }
}
