/// The entropy that a token chosen by a client needs: about that of six characters of random base64.
const MIN_BITS: f64 = 36.0;

/// Neighbours in these rows are often typed one after the other.
const ROWS: &str = "qwertyuiopasdfghjklzxcvbnm";

/// Returns whether a token is so weak that guessing would find it: a repeated character, a repeated short piece, or
/// digits or letters in sequence.
///
/// This is an estimate without a word list: each character that the previous ones do not predict counts as a choice
/// among the distinct characters of the token. Random tokens of 16 characters pass, also in hexadecimal;
/// `aaaaaaaaaaaaaaaa`, `0123456789abcdef` and `passwordpassword` do not.
pub(super) fn is_weak(token: &str) -> bool {
    let chars: Vec<char> = token.chars().collect();
    let mut different = chars.clone();
    different.sort_unstable();
    different.dedup();
    let choices = (0..period(&chars)).filter(|&at| !is_foretold(&chars[..=at])).count();
    (choices as f64) * (different.len() as f64).log2() < MIN_BITS
}

/// Returns the length of the piece that the text repeats; its whole length if there is none.
fn period(chars: &[char]) -> usize {
    let repeats = |&period: &usize| chars.iter().skip(period).eq(&chars[..chars.len() - period]);
    (1..=chars.len() / 2).find(repeats).unwrap_or(chars.len())
}

/// Returns whether the last character repeats the one before it or follows it in some sequence.
fn is_foretold(chars: &[char]) -> bool {
    let &[.., before, last] = chars else { return false };
    if before == last {
        return true;
    }
    let row = |c: char| ROWS.find(c.to_ascii_lowercase()).map(|at| at as i64);
    let step = |one: char, next: char| i64::from(u32::from(next)) - i64::from(u32::from(one));
    let typed = |one: char, next: char| Some(row(next)? - row(one)?);
    let &[.., first, _, _] = chars else { return false };
    let (now, earlier) = (step(before, last), step(first, before));
    let (key, earlier_key) = (typed(before, last), typed(first, before));
    now.abs() == 1 && now == earlier || key.is_some_and(|key| key.abs() == 1) && key == earlier_key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_would_try_first_is_weak() {
        for token in [
            "aaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaab",
            "abababababababab",
            "abcabcabcabcabcabc",
            "0123456789abcdef",
            "1234567890123456",
            "9876543210987654",
            "abcdefghijklmnopqrstuvwxyz",
            "qwertyuiopasdfghjkl",
            "QWERTYUIOP123456",
            "passwordpassword",
            "password12345678",
            "0000000000000000000000000000",
            "                ",
            "ääääääääääääääää",
        ] {
            assert!(is_weak(token), "{token}");
        }
    }

    #[test]
    fn random_tokens_pass() {
        let mut state = 7_u64;
        let mut random = |range: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % range
        };
        let hexadecimal: Vec<char> = "0123456789abcdef".chars().collect();
        let refused = (0..10_000)
            .filter(|_| {
                let token: String = (0..16).map(|_| hexadecimal[random(16) as usize]).collect();
                is_weak(&token)
            })
            .count();
        assert!(refused < 100, "{refused} of the shortest");
        for _ in 0..10_000 {
            let token: String = (0..32).map(|_| hexadecimal[random(16) as usize]).collect();
            assert!(!is_weak(&token), "{token}");
        }
        for token in ["3f0c9f5e-5b0c-4b0e-9a55-0d6a7a9b1c2d", "correct horse battery staple"] {
            assert!(!is_weak(token), "{token}");
        }
    }
}
