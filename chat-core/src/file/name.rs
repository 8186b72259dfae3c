use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a file, as its reader may store it: 1 to 200 bytes of UTF-8, all characters visible, and none that a file
/// system takes for something else.
///
/// Made of any text: what cannot stay becomes `_`.
///
/// ```
/// use chat_core::FileName;
///
/// assert_eq!(FileName::fitted("a photo.jpg").as_str(), "a photo.jpg");
/// assert_eq!(FileName::fitted("../../etc/passwd").as_str(), "_.._etc_passwd");
/// assert_eq!(FileName::fitted("a\n\"b\".txt").as_str(), "a__b_.txt");
/// assert_eq!(FileName::fitted("").as_str(), "file");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FileName(Box<str>);

impl FileName {
    /// The maximum length of a name in bytes of UTF-8.
    pub const MAX_BYTES: usize = 200;

    /// Returns the name that comes closest to a text. Where it is too long, its end stays, which says what kind of file
    /// it is.
    pub fn fitted(text: &str) -> Self {
        let safe: String =
            text.chars().map(|char| if is_safe(char) { char } else { '_' }).collect();
        let is_dropped = |char: char| char == '.' || char.is_whitespace();
        let safe = safe.trim_end_matches(is_dropped);
        let excess = safe.len().saturating_sub(Self::MAX_BYTES);
        let start = safe.ceil_char_boundary(excess);
        let name = safe[start..].trim_start_matches(is_dropped);
        Self(if name.is_empty() { "file" } else { name }.into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as a part of the path of a URL: ASCII, and without anything that ends a link in Markdown.
    pub fn in_url(&self) -> String {
        let mut url = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    url.push(char::from(byte));
                }
                _ => url.push_str(&format!("%{byte:02X}")),
            }
        }
        url
    }
}

/// Returns whether a character may stand in a name. Those that change the writing direction would show `exe.jpg` for what
/// is `gpj.exe`.
fn is_safe(char: char) -> bool {
    let is_hidden = matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    !char.is_control()
        && !is_hidden
        && !matches!(char, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

impl From<String> for FileName {
    fn from(text: String) -> Self {
        Self::fitted(&text)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        let name = FileName::fitted(&format!("{}.tar.gz", "é".repeat(300)));
        assert!(name.as_str().ends_with("é.tar.gz") && name.as_str().len() <= FileName::MAX_BYTES);
    }

    #[test]
    fn what_would_turn_the_name_around_is_replaced() {
        assert_eq!(FileName::fitted("a\u{202e}gpj.exe").as_str(), "a_gpj.exe");
        assert_eq!(FileName::fitted("...").as_str(), "file");
    }

    proptest! {
        #[test]
        fn every_name_is_safe_and_stays_as_it_is(text in "\\PC{0,80}|.{0,300}") {
            let name = FileName::fitted(&text);
            prop_assert!((1..=FileName::MAX_BYTES).contains(&name.as_str().len()));
            prop_assert!(name.as_str().chars().all(is_safe));
            prop_assert_eq!(FileName::fitted(name.as_str()), name.clone());
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            prop_assert!(name.in_url().bytes().all(is_plain));
        }
    }
}
