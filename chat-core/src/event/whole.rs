use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// A whole number as clients write it: 8; 8.0, the same number in JSON, as Lua or PHP write it; or "8", as from a
/// form or a store of strings.
pub(super) struct Whole(pub(super) u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = match &value {
            Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(exact)),
            Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok()
            }
            _ => None,
        };
        number.map(Self).ok_or_else(|| de::Error::custom("no whole number"))
    }
}

/// Returns the number if it is whole and below 10¹⁴: larger ones with a fraction are not read exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in the range")]
fn exact(number: f64) -> Option<u64> {
    const BEYOND: f64 = 1e14;
    (number.fract() == 0.0 && (0.0..BEYOND).contains(&number)).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_languages_are_read_and_nothing_else() {
        let read = |json| serde_json::from_str(json).ok().map(|Whole(number)| number);
        for json in ["8", "8.0", "8e0", "0.8e1", "\"8\"", "\"08\""] {
            assert_eq!(read(json), Some(8), "{json}");
        }
        assert_eq!((read("0"), read("-0.0"), read("\"0\"")), (Some(0), Some(0), Some(0)));
        assert_eq!(read("9007199254740991"), Some((1 << 53) - 1));
        assert_eq!(read("\"9007199254740991\""), Some((1 << 53) - 1));
        assert_eq!(read("99999999999999.0"), Some(99_999_999_999_999));
        for json in [
            "-1",
            "8.5",
            "\"\"",
            "\" 8\"",
            "\"8.0\"",
            "\"-8\"",
            "\"+8\"",
            "\"8e0\"",
            "1e300",
            "true",
            "null",
            "[8]",
            "{}",
            "\"٨\"",
            "\"99999999999999999999\"",
            "9007199254740991.0",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
