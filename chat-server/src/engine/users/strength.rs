/// The shortest token that a client can choose for a new name: 128 bits in random base64.
const MIN_CHARS: usize = 22;

/// The entropy that it needs, as estimated here, which is less than random characters have.
const MIN_BITS: f64 = 56.0;

/// Neighbours in these rows are often typed one after the other.
const ROWS: &str = "qwertyuiopasdfghjklzxcvbnm";

/// Returns whether a token is so weak that guessing might find it: a short one, a repeated character, a repeated short
/// piece, or digits or letters in sequence.
///
/// This is an estimate without a word list: each character that the previous ones do not predict counts as a choice
/// among the distinct characters of the token. Random tokens of 22 characters pass, also in hexadecimal.
pub(super) fn is_weak(token: &str) -> bool {
    let chars: Vec<char> = token.chars().collect();
    if chars.len() < MIN_CHARS {
        return true;
    }
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
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaab",
            "abababababababababababab",
            "abcabcabcabcabcabcabcabc",
            "0123456789abcdef01234567",
            "123456789012345678901234",
            "987654321098765432109876",
            "abcdefghijklmnopqrstuvwxyz",
            "qwertyuiopasdfghjklzxcvbnm",
            "QWERTYUIOP12345678901234",
            "passwordpasswordpassword",
            "password1234567812345678",
            "0000000000000000000000000000",
            "                        ",
            "ääääääääääääääääääääääää",
            "kV3_q9ZtR0aLx7WmB2cYd",
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
                let token: String = (0..22).map(|_| hexadecimal[random(16) as usize]).collect();
                is_weak(&token)
            })
            .count();
        assert!(refused < 100, "{refused} of the shortest");
        for _ in 0..10_000 {
            let token: String = (0..32).map(|_| hexadecimal[random(16) as usize]).collect();
            assert!(!is_weak(&token), "{token}");
        }
        for token in [
            "3f0c9f5e-5b0c-4b0e-9a55-0d6a7a9b1c2d",
            "correct horse battery staple",
            "kV3_q9ZtR0aLx7WmB2cYdE",
        ] {
            assert!(!is_weak(token), "{token}");
        }
    }
}
