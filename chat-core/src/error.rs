use thiserror::Error;

/// Why a value from outside is not what it should be.
///
/// The text is written for the person who sent the value; it never repeats the value itself, which
/// may be long or private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing was given where something has to be.
    #[error("{what} must not be empty")]
    Empty {
        /// The kind of value, as a person would name it.
        what: &'static str,
    },
    /// Longer than the limit.
    #[error("{what} is {bytes} bytes long, {max} is the most")]
    TooLong {
        /// The kind of value, as a person would name it.
        what: &'static str,
        /// Its length in bytes of UTF-8.
        bytes: usize,
        /// The limit in bytes of UTF-8.
        max: usize,
    },
    /// More characters than the limit.
    #[error("{what} has {characters} characters, {max} is the most")]
    TooManyCharacters {
        /// The kind of value, as a person would name it.
        what: &'static str,
        /// How many it has.
        characters: usize,
        /// The limit.
        max: usize,
    },
    /// A control character where none is allowed.
    #[error("{what} must not contain control characters")]
    ControlCharacter {
        /// The kind of value, as a person would name it.
        what: &'static str,
    },
    /// Characters that are shown as nothing where they stand: control characters, blanks that are no spaces, and
    /// those that turn the direction of writing.
    #[error("{what} must not contain characters that cannot be seen")]
    Hidden {
        /// The kind of value, as a person would name it.
        what: &'static str,
    },
    /// White space at the beginning or the end.
    #[error("{what} must not begin or end with white space")]
    SurroundingSpace {
        /// The kind of value, as a person would name it.
        what: &'static str,
    },
    /// Not in the form that this kind of value has.
    #[error("{what} must be {form}")]
    Form {
        /// The kind of value, as a person would name it.
        what: &'static str,
        /// The form it should have.
        form: &'static str,
    },
}

/// The rules that all short names share: not empty, bounded, no control characters.
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
