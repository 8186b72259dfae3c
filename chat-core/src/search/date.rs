use crate::Timestamp;

const DAY: i64 = 86_400_000;

/// Reads a date or a time in UTC: `2026-11-28`, `2026-11-28T14:30`, `2026-11-28T14:30:05`, also with `Z`.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (date, clock) = match text.split_once(['T', 't']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4, 1..=9999)?;
    let month = number(parts.next()?, 2, 1..=12)?;
    let day = number(parts.next()?, 2, 1..=days_of(year, month))?;
    let clock = clock.map_or(Some(0), millis)?;
    let is_whole = parts.next().is_none();
    is_whole.then(|| Timestamp::from_millis(days_to(year, month, day) * DAY + clock))
}

fn millis(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2, 0..=23)?;
    let minute = number(parts.next()?, 2, 0..=59)?;
    let second = parts.next().map_or(Some(0), |second| number(second, 2, 0..=59))?;
    let is_whole = parts.next().is_none();
    is_whole.then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

fn number(digits: &str, count: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let is_number = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten().filter(|number| range.contains(number))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from 1970-01-01 to a date.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_in_utc() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2001-09-09T01:46:40Z", 1_000_000_000),
            ("2026-11-28T14:30", 1_795_876_200),
            ("1969-12-31", -86_400),
            ("0001-01-01", -62_135_596_800),
            ("9999-12-31T23:59:59", 253_402_300_799),
        ] {
            assert_eq!(time(text), Some(Timestamp::from_millis(seconds * 1000)), "{text}");
        }
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-13-01",
            "2025-02-29",
            "1900-02-29",
            "2026-11-28-1",
            "26-11-28",
            "2026-11-28T24:00",
            "2026-11-28T14",
            "2026-11-28T1:30",
            "+026-11-28",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
