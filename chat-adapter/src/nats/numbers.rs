use std::collections::HashMap;
use std::str::FromStr;

use async_nats::HeaderMap;

/// The header with the publisher and the number of a frame, in hexadecimal.
const HEADER: &str = "Chat-Number";

/// The bytes that the header takes, at most.
pub(super) const HEADER_BYTES: usize = 64;

/// The maximum number of publishers to remember. Whoever can publish can invent some.
const PUBLISHERS: usize = 1024;

/// Numbers what this process publishes. The server confirms nothing, and the client keeps what it is given while it
/// reconnects: so a frame can be on the new connection before anybody knows that earlier ones were lost with the old
/// one. Its number tells.
#[derive(Debug)]
pub(super) struct Numbering {
    publisher: u64,
    last: u64,
}

impl Numbering {
    /// `publisher` is a random number.
    pub(super) const fn new(publisher: u64) -> Self {
        Self { publisher, last: 0 }
    }

    pub(super) fn next(&mut self) -> HeaderMap {
        self.last += 1;
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, format!("{:x}-{:x}", self.publisher, self.last));
        headers
    }
}

/// What a subscriber knows of the numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<u64, u64>);

impl Numbers {
    /// Takes the number of a frame. Returns whether one that was published before it has not come. Frames of earlier
    /// versions have no number.
    pub(super) fn miss_one_before(&mut self, headers: Option<&HeaderMap>) -> bool {
        let number = headers.and_then(|headers| headers.get(HEADER));
        let Some(Number(publisher, number)) = number.and_then(|text| text.as_str().parse().ok())
        else {
            return false;
        };
        if self.0.len() >= PUBLISHERS && !self.0.contains_key(&publisher) {
            self.0.clear();
        }
        let last = self.0.insert(publisher, number);
        last.is_some_and(|last| number > last.saturating_add(1))
    }

    /// Forgets all: a gap stands for whatever was missed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

struct Number(u64, u64);

impl FromStr for Number {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (publisher, number) = text.split_once('-').ok_or(())?;
        let number_of = |text| u64::from_str_radix(text, 16).map_err(|_| ());
        Ok(Self(number_of(publisher)?, number_of(number)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_is_noticed_for_each_publisher_on_its_own() {
        let [mut ada, mut bob] = [1, 2].map(Numbering::new);
        let mut numbers = Numbers::default();
        let mut misses = |headers| numbers.miss_one_before(Some(&headers));
        ada.next();
        assert!(!misses(ada.next()), "what was before the first one is unknown");
        assert!(!misses(bob.next()));
        assert!(!misses(ada.next()));
        let (late, next) = (ada.next(), ada.next());
        assert!(misses(next));
        assert!(!misses(late), "it came after all");
        assert!(!misses(bob.next()));
        assert!(!numbers.miss_one_before(None));
    }

    #[test]
    fn invented_publishers_take_little_memory_and_no_text_is_too_odd() {
        let mut numbers = Numbers::default();
        for publisher in 0..10_000 {
            numbers.miss_one_before(Some(&Numbering::new(publisher).next()));
        }
        assert!(numbers.0.len() <= PUBLISHERS);
        for text in ["", "-", "1", "1-", "g-1", "1-10000000000000000", "1-1-1"] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text);
            assert!(!numbers.miss_one_before(Some(&headers)));
        }
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, "1-ffffffffffffffff");
        numbers.miss_one_before(Some(&headers));
        assert!(!numbers.miss_one_before(Some(&headers)));
    }
}
