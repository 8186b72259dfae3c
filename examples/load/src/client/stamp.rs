use std::sync::OnceLock;
use std::time::Instant;

/// The length of each message: with what plain socketioxide puts around it, a frame has 102 bytes.
pub(crate) const CONTENT_BYTES: usize = 79;

const SENDER_DIGITS: usize = 5;
const SEQUENCE_DIGITS: usize = 10;
const TIME_DIGITS: usize = 13;

/// What every message says: who sent it, as which of their messages, and when.
///
/// As text it begins with three numbers of fixed width, so that it is read without a parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: usize,
    /// The first message of a sender is 0.
    pub(crate) sequence: u64,
    /// Microseconds, see [`now_micros`].
    pub(crate) sent_at: u64,
}

impl Stamp {
    /// Writes the content of the message.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let end = out.len() + CONTENT_BYTES;
        put_number::<SENDER_DIGITS>(out, self.sender as u64);
        put_number::<SEQUENCE_DIGITS>(out, self.sequence);
        put_number::<TIME_DIGITS>(out, self.sent_at);
        out.resize(end, b'x');
    }

    /// Reads what `text` begins with.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let (sender, text) = text.split_at_checked(SENDER_DIGITS)?;
        let (sequence, text) = text.split_at_checked(SEQUENCE_DIGITS)?;
        let sender = usize::try_from(number(sender)?).ok()?;
        let sequence = number(sequence)?;
        Some(Self { sender, sequence, sent_at: number(text.get(..TIME_DIGITS)?)? })
    }
}

/// Microseconds since the program began.
pub(crate) fn now_micros() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_micros() as u64
}

fn put_number<const DIGITS: usize>(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend(digits);
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number: u64, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let stamp = Stamp { sender: 12_345, sequence: 1_234_567_890, sent_at: 9_876_543_210 };
        let mut text = Vec::new();
        stamp.write(&mut text);
        assert_eq!(text.len(), CONTENT_BYTES);
        assert_eq!(Stamp::read(&text), Some(stamp));
        assert_eq!(Stamp::read(b"hello, this is no message of a measurement"), None);
        assert_eq!(Stamp::read(b"1"), None);
    }
}
