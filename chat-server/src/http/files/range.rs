use std::ops::Range;

/// What of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    Part(Range<u64>),
    /// Nothing that is there.
    Beyond,
}

/// Reads the header `Range` for a file of this size, which is not empty. Several ranges, and what is no range, count as all:
/// a server may ignore them (RFC 9110, section 14.2).
pub(super) fn asked(header: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) = header.and_then(|text| text.strip_prefix("bytes=")?.split_once('-'))
    else {
        return Asked::All;
    };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(from), Some(to)) if to < from => Asked::All,
        (Some(from), _) if from >= size && (last.is_empty() || number(last).is_some()) => {
            Asked::Beyond
        }
        (Some(from), Some(to)) => Asked::Part(from..to.saturating_add(1).min(size)),
        (Some(from), None) if last.is_empty() => Asked::Part(from..size),
        (None, Some(0)) if first.is_empty() => Asked::Beyond,
        (None, Some(most)) if first.is_empty() => Asked::Part(size.saturating_sub(most)..size),
        _ => Asked::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_of_the_file() {
        for (header, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=2-", 2..10),
            ("bytes=2-99999999999999999999", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
        ] {
            assert_eq!(asked(Some(header), 10), Asked::Part(part), "{header}");
        }
        for header in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(asked(Some(header), 10), Asked::Beyond, "{header}");
        }
        for header in
            ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=x-"]
        {
            assert_eq!(asked(Some(header), 10), Asked::All, "{header}");
        }
        assert_eq!(asked(None, 10), Asked::All);
    }
}
