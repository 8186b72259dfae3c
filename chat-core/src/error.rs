use thiserror::Error;

/// The error of parsing a value from outside.
///
/// The text addresses the user who sent the value. It never repeats the value itself, which may be long or private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The value is empty.
    #[error("{what} must not be empty")]
    Empty {
        /// The kind of value, in words for people.
        what: &'static str,
    },
    /// The value is longer than the limit.
    #[error("{what} is {bytes} bytes long, {max} is the most")]
    TooLong {
        /// The kind of value, in words for people.
        what: &'static str,
        /// Its length in bytes of UTF-8.
        bytes: usize,
        /// The limit in bytes of UTF-8.
        max: usize,
    },
    /// The value has more characters than the limit.
    #[error("{what} has {characters} characters, {max} is the most")]
    TooManyCharacters {
        /// The kind of value, in words for people.
        what: &'static str,
        /// The number of characters.
        characters: usize,
        /// The limit.
        max: usize,
    },
    /// The value contains a control character.
    #[error("{what} must not contain control characters")]
    ControlCharacter {
        /// The kind of value, in words for people.
        what: &'static str,
    },
    /// The value contains characters that are invisible where they stand: control characters, blank characters other
    /// than spaces, or those that change the writing direction.
    #[error("{what} must not contain characters that cannot be seen")]
    Hidden {
        /// The kind of value, in words for people.
        what: &'static str,
    },
    /// The value begins or ends with white space.
    #[error("{what} must not begin or end with white space")]
    SurroundingSpace {
        /// The kind of value, in words for people.
        what: &'static str,
    },
    /// The value does not have the form of its kind.
    #[error("{what} must be {form}")]
    Form {
        /// The kind of value, in words for people.
        what: &'static str,
        /// The form it should have.
        form: &'static str,
    },
}

/// Checks the rules that all short names share: not empty, within the limit, no control characters.
pub(crate) fn check_name(what: &'static str, value: &str, max: usize) -> Result<(), ParseError> {
    if value.is_empty() {
        return Err(ParseError::Empty { what });
    }
    if value.len() > max {
        return Err(ParseError::TooLong { what, bytes: value.len(), max });
    }
    if value.chars().any(char::is_control) {
        return Err(ParseError::ControlCharacter { what });
    }
    Ok(())
}
