use std::ops::Range;

/// The part of a text around what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The part, with `…` where it was cut.
    pub text: String,
    /// What was found in it: beginnings and ends in UTF-16 code units of [`text`](Self::text), as JavaScript counts.
    pub matches: Vec<(usize, usize)>,
}

impl Excerpt {
    /// The maximum number of characters, without those that tell that it was cut.
    pub const MAX_CHARS: usize = 300;

    /// How many characters are before the first thing that was found, if it has to be cut.
    const BEFORE: usize = 60;

    /// Cuts the part of a text that begins shortly before the first of these ranges of bytes, which are in order.
    pub fn of(text: &str, found: &[Range<usize>]) -> Self {
        let begin = match text.chars().nth(Self::MAX_CHARS) {
            None => 0,
            Some(_) => {
                let first = found.first().map_or(0, |range| range.start);
                let before = text.get(..first).unwrap_or("").char_indices();
                before.rev().take(Self::BEFORE).last().map_or(0, |(index, _)| index)
            }
        };
        let rest = &text[begin..];
        let length = rest.char_indices().nth(Self::MAX_CHARS).map_or(rest.len(), |(end, _)| end);
        let (end, part) = (begin + length, &rest[..length]);
        let [cut_before, cut_after] =
            [begin > 0, end < text.len()].map(|is_cut| if is_cut { "…" } else { "" });
        let units = |upto: usize| {
            let inside = upto.clamp(begin, end) - begin;
            let inside = part.get(..inside).unwrap_or(part).encode_utf16().count();
            cut_before.encode_utf16().count() + inside
        };
        let inside = found.iter().filter(|range| range.start < end && range.end > begin);
        let matches = inside.map(|range| (units(range.start), units(range.end))).collect();
        Self { text: format!("{cut_before}{part}{cut_after}"), matches }
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one place was found")]
mod tests {
    use super::*;

    fn found(excerpt: &Excerpt) -> Vec<String> {
        let units: Vec<_> = excerpt.text.encode_utf16().collect();
        let of = |&(start, end): &(usize, usize)| String::from_utf16(&units[start..end]).unwrap();
        excerpt.matches.iter().map(of).collect()
    }

    #[test]
    fn a_short_text_is_whole() {
        let excerpt = Excerpt::of("😀 hello 😀", &[5..10]);
        assert_eq!((excerpt.text.as_str(), &excerpt.matches), ("😀 hello 😀", &vec![(3, 8)]));
        assert_eq!(Excerpt::of("", &[]).text, "");
    }

    #[test]
    fn a_long_text_is_cut_around_what_was_found() {
        let text = format!("{}needle{} needle", "é".repeat(1000), "😀".repeat(400));
        let last = text.len() - 6;
        let excerpt = Excerpt::of(&text, &[2000..2006, last..text.len()]);
        assert_eq!(found(&excerpt), ["needle"]);
        assert!(excerpt.text.starts_with(&format!("…{}needle", "é".repeat(60))));
        assert!(excerpt.text.ends_with("😀…"));
        assert_eq!(excerpt.text.chars().count(), Excerpt::MAX_CHARS + 2);
        let excerpt = Excerpt::of(&text, &[last..text.len()]);
        assert!(excerpt.text.ends_with("needle"));
        assert_eq!(found(&excerpt), ["needle"]);
        let whole = 0..text.len();
        assert_eq!(found(&Excerpt::of(&text, &[whole]))[0].chars().count(), Excerpt::MAX_CHARS);
    }
}
