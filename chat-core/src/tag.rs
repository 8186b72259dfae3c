use std::fmt;
use std::str::FromStr;

use crate::{ContentDigest, Message, ParseError};

/// 32 bits by which two messages that got the same offset in two logs are told apart. Written as 8 lower-case hexadecimal
/// digits.
///
/// It is made of the message's first content and its time, so it stays the same when the message is edited or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(u32);

impl Tag {
    /// Returns the tag of a message.
    pub fn of(message: &Message) -> Self {
        let digest = message.original.unwrap_or_else(|| ContentDigest::of(&message.content));
        // Many messages say the same, such as "ok", or nothing, as deletions do.
        let time = message.at.map_or(0, |at| spread(at.as_millis().cast_unsigned()));
        Self(digest.as_u32() ^ time)
    }

    /// Appends it as text.
    pub(crate) fn write_to(self, text: &mut String) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let places = [28, 24, 20, 16, 12, 8, 4, 0];
        let digits = places.map(|place| DIGITS[(self.0 >> place & 0xf) as usize]);
        text.push_str(str::from_utf8(&digits).unwrap_or_default());
    }
}

/// Changes about half of the bits for each bit that changes: the last step of SplitMix64.
const fn spread(number: u64) -> u32 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((number ^ (number >> 31)) >> 32) as u32
}

impl FromStr for Tag {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match u32::from_str_radix(text, 16) {
            Ok(tag) if text.len() == 8 && text.bytes().all(is_digit) => Ok(Self(tag)),
            _ => Err(ParseError::Form { what: "a tag", form: "8 hexadecimal digits" }),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, Offset, RoomId, Timestamp};

    fn message(content: &str, at: i64) -> Message {
        let content = Content::from_stored(content);
        let mut message = Message::new(Offset::FIRST, RoomId::general(), content);
        message.at = Some(Timestamp::from_millis(at));
        message
    }

    #[test]
    fn a_tag_stays_when_its_message_is_edited_and_deleted() {
        let mut message = message("hi", 7);
        let tag = Tag::of(&message);
        for content in ["hello", ""] {
            message.change_content(Content::from_stored(content));
            assert_eq!(Tag::of(&message), tag);
        }
    }

    #[test]
    fn both_ways_to_write_it_agree() {
        for tag in [Tag(0), Tag(0xf), Tag(0x0123_cdef), Tag(u32::MAX)] {
            let mut text = String::new();
            tag.write_to(&mut text);
            assert_eq!(text, tag.to_string());
            assert_eq!(text.parse(), Ok(tag));
        }
    }

    #[test]
    fn messages_that_say_the_same_at_other_times_differ() {
        let mut tags: Vec<_> = (0..1000).map(|at| Tag::of(&message("ok", at)).0).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), 1000);
    }

    #[test]
    fn messages_of_one_time_that_say_something_else_differ() {
        assert_ne!(Tag::of(&message("a", 7)), Tag::of(&message("b", 7)));
    }
}
