//! When a certificate expires, read from its DER encoding: `Validity` of [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280),
//! section 4.1.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SEQUENCE: u8 = 0x30;
/// `[0]`, the version; missing in version 1.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What stands between the version and the validity: serial number, signature algorithm and issuer.
const BEFORE: usize = 3;

/// Returns when the certificate expires; none if it is no certificate.
pub(super) fn expires_at(certificate: &[u8]) -> Option<SystemTime> {
    let signed = element(certificate)?.inside(SEQUENCE)?;
    let mut fields = element(signed)?.inside(SEQUENCE)?;
    let first = element(fields)?;
    if first.tag == VERSION {
        fields = first.after;
    }
    for _ in 0..BEFORE {
        fields = element(fields)?.after;
    }
    let validity = element(fields)?.inside(SEQUENCE)?;
    let not_after = element(element(validity)?.after)?;
    let digits = std::str::from_utf8(not_after.content).ok()?.strip_suffix('Z')?;
    match not_after.tag {
        // Two digits of the year: of the next century before 50.
        UTC_TIME if digits.starts_with(['0', '1', '2', '3', '4']) => time(&format!("20{digits}")),
        UTC_TIME => time(&format!("19{digits}")),
        GENERALIZED_TIME => time(digits),
        _ => None,
    }
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    after: &'a [u8],
}

impl<'a> Element<'a> {
    fn inside(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.content)
    }
}

/// Reads the first element.
fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&[tag, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        // The number of bytes that the length has.
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        let length = digits.iter().try_fold(0_usize, |length, digit| {
            length.checked_mul(256)?.checked_add(usize::from(*digit))
        })?;
        (length, rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some(Element { tag, content, after })
}

/// Reads `YYYYMMDDHHMMSS`.
fn time(digits: &str) -> Option<SystemTime> {
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
    let days = days_since_1970(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
    let seconds = number(8, 10)? * 3600 + number(10, 12)? * 60 + number(12, 14)?;
    Some(UNIX_EPOCH + Duration::from_secs(days * 86_400 + seconds))
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    /// Days of the year before each month.
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leaps(year) > leaps(year.checked_sub(1)?);
    let in_year = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let leap_day = u64::from(is_leap && month > 2);
    let years = year.checked_sub(1970)? * 365 + leaps(year - 1) - leaps(1969);
    Some(years + in_year + leap_day + day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(digits: &str) -> Option<u64> {
        Some(time(digits)?.duration_since(UNIX_EPOCH).ok()?.as_secs())
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (digits, expected) in [
            ("19700101000000", 0),
            ("20000229235959", 951_868_799),
            ("20240301000000", 1_709_251_200),
            ("20261128155000", 1_795_881_000),
            ("21000301000000", 4_107_542_400),
        ] {
            assert_eq!(seconds(digits), Some(expected), "{digits}");
        }
        for digits in ["", "2026", "20261328000000", "2026112815500x", "19691231235959"] {
            assert_eq!(seconds(digits), None, "{digits}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_certificate() {
        let whole =
            [&[SEQUENCE, 0x82, 0, 9][..], &[SEQUENCE, 7, 2, 1, 1, SEQUENCE, 0, 5, 0]].concat();
        for end in 0..=whole.len() {
            assert_eq!(expires_at(&whole[..end]), None);
        }
        assert_eq!(expires_at(&[SEQUENCE, 0xff, 0, 1]), None);
    }
}
