//! Event names without escapes. Clients may write any character of a name as a JSON escape, as Python's do with all
//! but ASCII. socketioxide ends a connection for one, because it reads names in place.

/// Replaces a character that JSON can only write as an escape: a quote, a backslash, a control character or half of a
/// surrogate pair. No handled event has it in its name, so the client is told that its event is unknown.
const UNWRITABLE: char = '\u{7f}';

/// Writes a name without escapes, however it is split, from its first escape on. Spaces after the name make up for
/// the difference, so that the length of a packet, which comes before it, stays the same.
///
/// The text has to be JSON; for other text it writes something that is no longer.
#[derive(Debug, Default)]
pub(super) struct PlainName {
    at: At,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// How many bytes fewer were written than read.
    behind: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Name,
    Escape,
    /// In `\u`: the value so far, and the number of digits.
    Unicode {
        code: u32,
        digits: u8,
    },
    Ended,
}

impl PlainName {
    /// Writes the whole rest of a message, which begins with the first escape of its event's name.
    pub(super) fn write(rest: &mut [u8]) {
        let mut plain = Vec::with_capacity(rest.len());
        Self::default().read(rest, &mut plain);
        rest[..plain.len()].copy_from_slice(&plain);
    }

    /// Returns how many bytes fewer were written than read; none after the name.
    pub(super) fn behind(&self) -> usize {
        self.behind
    }

    /// Returns whether everything that follows passes as it is.
    pub(super) fn has_ended(&self) -> bool {
        self.at == At::Ended
    }

    /// Takes the next bytes of a message, the first of which begin an escape, and writes what is read instead of
    /// them.
    pub(super) fn read(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        for (index, &byte) in bytes.iter().enumerate() {
            match self.at {
                At::Ended => {
                    out.extend_from_slice(&bytes[index..]);
                    return;
                }
                At::Name if byte == b'\\' => self.at = At::Escape,
                At::Name if byte == b'"' => {
                    self.no_low(out);
                    out.push(byte);
                    let (read, written) = (index + 1, out.len() - before);
                    let spaces = (self.behind + read).saturating_sub(written);
                    out.extend(std::iter::repeat_n(b' ', spaces));
                    (self.at, self.behind) = (At::Ended, 0);
                }
                At::Name => {
                    self.no_low(out);
                    out.push(byte);
                }
                At::Escape if byte == b'u' => self.at = At::Unicode { code: 0, digits: 0 },
                At::Escape => {
                    self.at = At::Name;
                    self.no_low(out);
                    put(if byte == b'/' { '/' } else { UNWRITABLE }, out);
                }
                At::Unicode { code, digits } => {
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    let (code, digits) = (code << 4 | digit, digits + 1);
                    self.at = At::Unicode { code, digits };
                    if digits == 4 {
                        self.at = At::Name;
                        self.unit(code, out);
                    }
                }
            }
        }
        if !self.has_ended() {
            self.behind = (self.behind + bytes.len()).saturating_sub(out.len() - before);
        }
    }

    /// Writes the character of `\u` with four digits.
    fn unit(&mut self, code: u32, out: &mut Vec<u8>) {
        if let (Some(high), 0xdc00..0xe000) = (self.high, code) {
            self.high = None;
            let code = 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00);
            put(char::from_u32(code).unwrap_or(UNWRITABLE), out);
            return;
        }
        self.no_low(out);
        if matches!(code, 0xd800..0xdc00) {
            self.high = Some(code);
            return;
        }
        let char = char::from_u32(code).filter(|char| !matches!(char, '\0'..' ' | '"' | '\\'));
        put(char.unwrap_or(UNWRITABLE), out);
    }

    /// Handles the first half of a pair, if there was one, that has no second half.
    fn no_low(&mut self, out: &mut Vec<u8>) {
        if self.high.take().is_some() {
            put(UNWRITABLE, out);
        }
    }
}

fn put(char: char, out: &mut Vec<u8>) {
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The name as a client might write it: each character as it is, or as an escape.
    fn escaped(name: &[(char, bool)]) -> String {
        let mut text = String::new();
        for &(char, escape) in name {
            match char {
                '"' | '\\' | '/' if !escape => text.extend(['\\', char]),
                '\n' if !escape => text.push_str("\\n"),
                ' '.. if !escape => text.push(char),
                _ => {
                    for unit in char.encode_utf16(&mut [0; 2]) {
                        text.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
        }
        text
    }

    fn read(text: &str, cut: usize) -> String {
        let Some(start) = text.find('\\') else { return text.to_owned() };
        let mut plain = text.as_bytes()[..start].to_vec();
        let mut name = PlainName::default();
        for (count, part) in text.as_bytes()[start..].chunks(cut).enumerate() {
            name.read(part, &mut plain);
            assert_eq!(plain.len() + name.behind(), text.len().min(start + (count + 1) * cut));
        }
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn names_are_written_without_escapes() {
        for (text, plain) in [
            (r#"["caf\u00e9",1]"#, r#"["café"    ,1]"#),
            (r#"["chat\u0020message","\u0020"]"#, r#"["chat message"     ,"\u0020"]"#),
            (r#"["\ud83d\ude00"]"#, r#"["😀"        ]"#),
            (r#"["\ud83d"]"#, "[\"\u{7f}\"     ]"),
            (r#"["\ud83d\ud83d\ude00x"]"#, "[\"\u{7f}😀x\"             ]"),
            (r#"["\ude00\ud83d"]"#, "[\"\u{7f}\u{7f}\"          ]"),
            (r#"["\ud83d\n"]"#, "[\"\u{7f}\u{7f}\"      ]"),
            (
                r#"["a\"b\\c\/d\u0022",{"\n":1}]"#,
                "[\"a\u{7f}b\u{7f}c/d\u{7f}\"        ,{\"\\n\":1}]",
            ),
        ] {
            for cut in [1, 2, 3, 7, 100] {
                assert_eq!(read(text, cut), plain, "{text}");
            }
            let mut whole = text.to_owned().into_bytes();
            let start = text.find('\\').unwrap();
            PlainName::write(&mut whole[start..]);
            assert_eq!(whole, plain.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn serde_reads_the_same_name_and_the_same_arguments(
            name in vec((any::<char>(), any::<bool>()), 0..12),
            arguments in vec(any::<String>(), 0..3),
            cut in 1..20_usize,
        ) {
            let text = format!("[\"{}\",{}]", escaped(&name), serde_json::to_string(&arguments).unwrap());
            let name: String = name.iter().map(|(char, _)| *char).collect();
            let read_by_serde: Vec<Value> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read_by_serde[0], &Value::from(name.clone()));
            // The first backslash may be one of the arguments, which nobody asks for then.
            prop_assume!(text.find('\\').is_some_and(|at| at < text.find("\",").unwrap()));
            let plain = read(&text, cut);
            prop_assert_eq!(plain.len(), text.len());
            let (plain_name, rest) = plain[2..].split_once('"').unwrap();
            let is_unwritable = |char: char| char < ' ' || char == '"' || char == '\\';
            prop_assert_eq!(plain_name, name.replace(is_unwritable, "\u{7f}"));
            let rest: Vec<Value> = serde_json::from_str(&format!("[\"\"{rest}")).unwrap();
            prop_assert_eq!(&rest[1..], &read_by_serde[1..]);
        }

        #[test]
        fn no_text_does_harm(text in "\\\\[\\\\\"ud8cx0-9 ]{0,20}", cut in 1..5_usize) {
            prop_assert!(read(&text, cut).len() <= text.len());
            PlainName::write(&mut text.into_bytes());
        }
    }
}
