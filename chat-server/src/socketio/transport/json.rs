//! Checks incrementally whether text is JSON.

/// Maximum nesting depth that is followed. Whatever reads a packet here goes no deeper, and refuses deeper values.
const MAX_DEPTH: usize = 128;

/// Longer words cannot be any that matter here.
const WORD_BYTES: usize = 16;

/// Follows one JSON value, however it is split, without memory of its own. Finds out whether it is complete and
/// valid, and the few things in it for which a Socket.IO packet may be refused.
///
/// Values nested deeper than 128 levels count as valid, unread.
#[derive(Debug, Default)]
pub(super) struct Json {
    at: At,
    depth: usize,
    /// One bit for each enclosing value: whether it is an array.
    arrays: u128,
    /// Whether it is an object that stands for an attachment.
    placeholders: u128,
    /// Whether it is an object with the number of an existing attachment.
    numbered: u128,
    /// The number of attachments. Without any, no object stands for one.
    attachments: u64,
    key: Key,
    word: Word,
    number: u64,
    /// Whether the next value is the first of the outermost array.
    is_first: bool,
    /// The first value.
    first: Option<First>,
    /// Whether it is a string in which an escape has occurred.
    has_escape: bool,
}

/// The first value of an array that is an event: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    String,
    /// A name that is reserved for Socket.IO itself.
    Reserved,
    Other,
}

/// Text that is not JSON, or that refers to an attachment that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Value,
    /// After `[`.
    FirstValue,
    /// After `{`.
    FirstKey,
    /// After a comma in an object.
    Key,
    Colon,
    /// After a value.
    Next,
    String {
        is_key: bool,
    },
    Escape {
        is_key: bool,
    },
    /// In `\u`: the value so far, and the number of digits.
    Unicode {
        is_key: bool,
        code: u32,
        digits: u8,
    },
    /// In a word of which this is left.
    Literal(&'static [u8]),
    Number(Number),
    /// Too deep.
    Unread,
}

/// The last character of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Digit,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

/// The key of the next value, as far as it matters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Key {
    #[default]
    Other,
    Placeholder,
    Number,
}

/// The beginning of a string, if all of it is plain.
#[derive(Debug, Default, Clone, Copy)]
struct Word {
    bytes: [u8; WORD_BYTES],
    length: usize,
}

impl Json {
    /// Creates a parser for a packet with this many attachments.
    pub(super) fn new(attachments: u64) -> Self {
        Self { attachments, ..Self::default() }
    }

    /// Takes the next bytes. Returns how many: all, unless the first escape in the first string of an array begins
    /// after them. It stops there once, and continues when called again.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<usize, Wrong> {
        let mut rest = bytes;
        while let Some((&byte, others)) = rest.split_first() {
            if let At::String { is_key } = self.at {
                let plain = plain_bytes(rest);
                if plain > 0 {
                    self.word.put(&rest[..plain]);
                    rest = &rest[plain..];
                    continue;
                }
                if byte == b'\\' && self.is_first && !is_key && !self.has_escape {
                    self.has_escape = true;
                    return Ok(bytes.len() - rest.len());
                }
            }
            self.byte(byte)?;
            rest = others;
        }
        Ok(bytes.len())
    }

    /// Returns the first value of the array; none if it is no array, or empty.
    pub(super) fn first(&self) -> Option<First> {
        self.first
    }

    /// Returns whether it is an array, as soon as it has begun.
    pub(super) fn is_array(&self) -> bool {
        self.arrays & 1 != 0
    }

    /// Returns whether it may end here.
    pub(super) fn is_whole(&self) -> bool {
        let at_end = match self.at {
            At::Next => true,
            At::Number(number) => number.may_end(),
            At::Unread => return true,
            _ => false,
        };
        at_end && self.depth == 0
    }

    fn byte(&mut self, byte: u8) -> Result<(), Wrong> {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.at {
            At::Unread => {}
            At::Value | At::FirstValue | At::FirstKey | At::Key | At::Colon | At::Next
                if is_space => {}
            At::FirstValue if byte == b']' => self.close(),
            At::Value | At::FirstValue => self.value(byte)?,
            At::FirstKey if byte == b'}' => self.close(),
            At::FirstKey | At::Key => {
                (byte == b'"').then(|| self.string(true)).ok_or(Wrong)?;
            }
            At::Colon => self.at = (byte == b':').then_some(At::Value).ok_or(Wrong)?,
            At::Next => self.next(byte)?,
            At::String { is_key } => match byte {
                b'"' => self.string_ended(is_key),
                b'\\' => self.at = At::Escape { is_key },
                // A control character.
                _ => return Err(Wrong),
            },
            At::Escape { is_key } => self.escape(byte, is_key)?,
            At::Unicode { is_key, code, digits } => {
                let digit = char::from(byte).to_digit(16).ok_or(Wrong)?;
                let (code, digits) = (code << 4 | digit, digits + 1);
                self.at = At::Unicode { is_key, code, digits };
                if digits == 4 {
                    // Non-ASCII characters are in none of the words that matter.
                    self.word.put(&[u8::try_from(code).unwrap_or(u8::MAX)]);
                    self.at = At::String { is_key };
                }
            }
            At::Literal(word) => {
                let (_, rest) =
                    word.split_first().filter(|(next, _)| **next == byte).ok_or(Wrong)?;
                self.at = if rest.is_empty() { At::Next } else { At::Literal(rest) };
            }
            At::Number(number) => match number.then(byte) {
                Some(then) => self.number(then, byte),
                None if number.may_end() => {
                    self.number_ended(number);
                    self.next_or_space(byte, is_space)?;
                }
                None => return Err(Wrong),
            },
        }
        Ok(())
    }

    fn next_or_space(&mut self, byte: u8, is_space: bool) -> Result<(), Wrong> {
        self.at = At::Next;
        if is_space { Ok(()) } else { self.next(byte) }
    }

    /// Begins a value.
    fn value(&mut self, byte: u8) -> Result<(), Wrong> {
        let key = std::mem::take(&mut self.key);
        self.is_first = self.depth == 1 && self.at == At::FirstValue;
        if self.is_first {
            self.first = Some(First::Other);
        }
        // The last value of a key counts.
        match key {
            Key::Placeholder => self.placeholders = self.with(self.placeholders, byte == b't'),
            Key::Number => self.numbered = self.with(self.numbered, false),
            Key::Other => {}
        }
        match byte {
            b'[' | b'{' => self.open(byte == b'['),
            b'"' => self.string(false),
            b't' => self.at = At::Literal(b"rue"),
            b'f' => self.at = At::Literal(b"alse"),
            b'n' => self.at = At::Literal(b"ull"),
            b'-' | b'0'..=b'9' => {
                // Kept to its end.
                self.key = key;
                // Numbers of attachments are not negative.
                self.number = if byte == b'-' { u64::MAX } else { 0 };
                self.number(Number::first(byte), byte);
            }
            _ => return Err(Wrong),
        }
        Ok(())
    }

    fn open(&mut self, is_array: bool) {
        if self.depth == MAX_DEPTH {
            self.at = At::Unread;
            return;
        }
        self.depth += 1;
        self.arrays = self.with(self.arrays, is_array);
        self.placeholders = self.with(self.placeholders, false);
        self.numbered = self.with(self.numbered, false);
        self.at = if is_array { At::FirstValue } else { At::FirstKey };
    }

    /// Ends the innermost array or object.
    fn close(&mut self) {
        self.depth -= 1;
        self.at = At::Next;
    }

    /// Takes the character after a value.
    fn next(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.depth == 0 {
            return Err(Wrong);
        }
        let is_array = self.has(self.arrays);
        match (byte, is_array) {
            (b',', true) => self.at = At::Value,
            (b',', false) => self.at = At::Key,
            (b']', true) => self.close(),
            (b'}', false) => {
                let is_placeholder = self.attachments > 0 && self.has(self.placeholders);
                if is_placeholder && !self.has(self.numbered) {
                    return Err(Wrong);
                }
                self.close();
            }
            _ => return Err(Wrong),
        }
        Ok(())
    }

    fn string(&mut self, is_key: bool) {
        self.word.length = 0;
        self.at = At::String { is_key };
    }

    fn string_ended(&mut self, is_key: bool) {
        if is_key {
            self.key = match self.word.get() {
                b"_placeholder" => Key::Placeholder,
                b"num" => Key::Number,
                _ => Key::Other,
            };
            self.at = At::Colon;
            return;
        }
        self.at = At::Next;
        if self.is_first {
            self.first =
                Some(if self.word.is_reserved() { First::Reserved } else { First::String });
        }
    }

    fn escape(&mut self, byte: u8, is_key: bool) -> Result<(), Wrong> {
        self.at = At::String { is_key };
        match byte {
            b'u' => self.at = At::Unicode { is_key, code: 0, digits: 0 },
            b'"' | b'\\' | b'/' => self.word.put(&[byte]),
            b'b' | b'f' | b'n' | b'r' | b't' => self.word.put(b" "),
            _ => return Err(Wrong),
        }
        Ok(())
    }

    fn number(&mut self, number: Number, byte: u8) {
        self.at = At::Number(number);
        if matches!(number, Number::Zero | Number::Digit) {
            let digit = u64::from(byte.saturating_sub(b'0'));
            self.number = self.number.saturating_mul(10).saturating_add(digit);
        }
    }

    fn number_ended(&mut self, number: Number) {
        let is_plain = matches!(number, Number::Zero | Number::Digit);
        if std::mem::take(&mut self.key) == Key::Number {
            self.numbered = self.with(self.numbered, is_plain && self.number < self.attachments);
        }
    }

    /// Returns the bits with that of the innermost value set to `bit`.
    fn with(&self, bits: u128, bit: bool) -> u128 {
        let mask = self.mask();
        if bit { bits | mask } else { bits & !mask }
    }

    fn has(&self, bits: u128) -> bool {
        bits & self.mask() != 0
    }

    fn mask(&self) -> u128 {
        1 << self.depth.saturating_sub(1)
    }
}

impl Number {
    fn first(byte: u8) -> Self {
        match byte {
            b'-' => Self::Minus,
            b'0' => Self::Zero,
            _ => Self::Digit,
        }
    }

    /// Returns the state after this character, if the number continues with it.
    fn then(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Digit, b'0'..=b'9') => Self::Digit,
            (Self::Zero | Self::Digit, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Digit | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Digit | Self::Fraction | Self::Exponent)
    }
}

impl Word {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.length = self.length.saturating_add(bytes.len());
    }

    /// Returns the word, or nothing for a longer one.
    fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Returns whether it is the name of an event that is reserved for Socket.IO itself.
    fn is_reserved(&self) -> bool {
        const RESERVED: [&[u8]; 6] = [
            b"connect",
            b"connect_error",
            b"disconnect",
            b"disconnecting",
            b"newListener",
            b"removeListener",
        ];
        RESERVED.contains(&self.get())
    }
}

/// Returns how many of the first bytes stand for themselves in a string. Nearly all of a packet is such text, so
/// eight bytes are checked at a time.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The lowest high bit that is set is that of the first byte below `limit`; bytes above 0x7f set none.
    let below = |eight: u64, limit: u8| eight.wrapping_sub(ONES * u64::from(limit)) & !eight & HIGH;
    let (eights, rest) = bytes.as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let equal = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
        let found = below(eight, b' ') | equal(b'"') | equal(b'\\');
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| **byte >= b' ' && !matches!(**byte, b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn read(text: &str, attachments: u64, cut: usize) -> Result<Json, Wrong> {
        let mut json = Json::new(attachments);
        for part in text.as_bytes().chunks(cut) {
            let read = json.read(part)?;
            assert_eq!(json.read(&part[read..])?, part.len() - read);
        }
        if json.is_whole() { Ok(json) } else { Err(Wrong) }
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    /// Text that nearly is JSON.
    fn nearly_json() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\"a\":",
            "\\",
            "\"\\u00e9\"",
            "\"\\ud83d\"",
            "\\u12",
            "1",
            "0",
            "-",
            "-1.5e+10",
            ".",
            "e",
            "true",
            "false",
            "null",
            "nul",
            " ",
            "\n",
            "\t",
            "\u{1}",
            "é",
            "{}",
            "[]",
            "[1,",
            "{\"b\":2}",
        ]);
        vec(token, 0..12).prop_map(|tokens| tokens.concat())
    }

    fn some_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e300..1e300).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map("\\PC{0,4}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_on_what_is_json(text in nearly_json(), cut in 1..9_usize) {
            prop_assert_eq!(read(&text, 0, cut).is_ok(), is_json(&text), "{}", text);
        }

        #[test]
        fn json_is_whole_and_with_a_change_it_is_what_serde_says(
            value in some_json(),
            cut in 1..50_usize,
            at in any::<prop::sample::Index>(),
            change in any::<char>(),
        ) {
            let text = value.to_string();
            prop_assert!(read(&text, 0, cut).is_ok(), "{}", text);
            let mut changed: Vec<char> = text.chars().collect();
            let at = at.index(changed.len());
            changed[at] = change;
            let changed: String = changed.into_iter().collect();
            prop_assert_eq!(read(&changed, 0, cut).is_ok(), is_json(&changed), "{}", changed);
        }

        #[test]
        fn plain_bytes_are_counted_as_one_by_one(bytes in vec(prop_oneof![8 => b'a'..=b'z', 1 => any::<u8>()], 0..40)) {
            let is_plain = |byte: &&u8| **byte >= b' ' && **byte != b'"' && **byte != b'\\';
            prop_assert_eq!(plain_bytes(&bytes), bytes.iter().take_while(is_plain).count());
        }

        #[test]
        fn no_bytes_do_harm(bytes in vec(any::<u8>(), 0..200), attachments in 0..3_u64) {
            let mut json = Json::new(attachments);
            let read = json.read(&bytes).unwrap_or_default();
            let _ = json.read(&bytes[read..]);
            let _ = (json.is_whole(), json.first());
        }
    }

    #[test]
    fn what_is_deeper_than_anybody_reads_passes_unread() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for depth in [1, 127, 128, 129, 1000] {
            assert!(read(&nested(depth), 0, 7).is_ok(), "{depth}");
        }
        assert!(read(&"[".repeat(128), 0, 7).is_err());
        assert!(read(&nested(128).replace("[]", "[}"), 0, 7).is_err());
    }

    #[test]
    fn names_of_events_are_known_however_they_are_written() {
        for (text, first) in [
            ("[]", None),
            ("{}", None),
            ("\"connect\"", None),
            (" [ \"chat message\" , 1]", Some(First::String)),
            ("[\"\"]", Some(First::String)),
            ("[\"connect\"]", Some(First::Reserved)),
            ("[\"conn\\u0065ct\",\"x\"]", Some(First::Reserved)),
            ("[\"removeListener\"]", Some(First::Reserved)),
            ("[\"removeListeners\"]", Some(First::String)),
            ("[\"connect\\n\"]", Some(First::String)),
            ("[\"connected\",\"connect\"]", Some(First::String)),
            ("[\"x\",[\"connect\"]]", Some(First::String)),
            ("[5]", Some(First::Other)),
            ("[null,\"x\"]", Some(First::Other)),
            ("[[\"x\"]]", Some(First::Other)),
            ("[{\"x\":\"y\"},\"z\"]", Some(First::Other)),
        ] {
            for cut in [1, 5, 100] {
                assert_eq!(read(text, 0, cut).unwrap().first(), first, "{text}");
            }
        }
    }

    #[test]
    fn it_stops_at_the_first_escape_of_a_name_and_at_no_other() {
        for (text, at) in [
            (r#"["caf\u00e9\n",1]"#, Some(5)),
            (r#" [ "\n"]"#, Some(4)),
            (r#"["x","\n",{"\n":"\n"}]"#, None),
            (r#"[["\n"]]"#, None),
            (r#"[{"\n":1}]"#, None),
            (r#"[5,"\n"]"#, None),
            (r#""\n""#, None),
        ] {
            let mut json = Json::default();
            assert_eq!(json.read(text.as_bytes()), Ok(at.unwrap_or(text.len())), "{text}");
        }
    }

    #[test]
    fn who_refers_to_an_attachment_that_there_is_not_is_refused() {
        for (text, right) in [
            (r#"["e"]"#, true),
            (r#"["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#, true),
            (r#"["e",{"num":1,"_placeholder":true}]"#, true),
            (r#"["e",{"a":[{"_placeholder":true,"num":1}]}]"#, true),
            (r#"["e",{"_placeholder":true,"num":2}]"#, false),
            (r#"["e",{"_placeholder":true,"num":-1}]"#, false),
            (r#"["e",{"_placeholder":true,"num":"0"}]"#, false),
            (r#"["e",{"_placeholder":true,"num":18446744073709551616}]"#, false),
            (r#"["e",{"_placeholder":true}]"#, false),
            (r#"["e",{"_place\u0068older":true}]"#, false),
            (r#"["e",{"_placeholder":true,"num":0,"num":9}]"#, false),
            (r#"["e",{"_placeholder":true,"x":{"num":0}}]"#, false),
            (r#"["e",{"x":{"_placeholder":true},"num":0}]"#, false),
            (r#"["e",{"_placeholder":false}]"#, true),
            (r#"["e",{"_placeholder":true,"_placeholder":1}]"#, true),
            (r#"["e",{"num":9}]"#, true),
        ] {
            for cut in [1, 5, 100] {
                assert_eq!(read(text, 2, cut).is_ok(), right, "{text}");
                assert!(
                    read(text, 0, cut).is_ok(),
                    "without attachments nothing refers to one: {text}"
                );
            }
        }
    }
}
