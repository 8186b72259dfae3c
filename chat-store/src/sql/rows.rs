//! Values of columns.

use chat_core::{ContentDigest, Kind, Offset};
use sqlx::error::BoxDynError;

/// Converts a number from the database to an offset.
pub(crate) fn offset(number: i64) -> Result<Offset, sqlx::Error> {
    let number = u64::try_from(number).map_err(undecodable)?;
    Offset::new(number).map_err(undecodable)
}

/// Returns the kind of a message that is stored so.
pub(crate) fn kind(name: Option<&str>, target: Option<i64>) -> Result<Kind, sqlx::Error> {
    Ok(Kind::from_stored(name, target.map(offset).transpose()?))
}

/// Converts a number from the database to a digest.
pub(crate) fn digest(number: i64) -> Result<ContentDigest, sqlx::Error> {
    u32::try_from(number).map(ContentDigest::from_stored).map_err(undecodable)
}

/// Returns the error for a value that no version of this program stores.
pub(crate) fn undecodable(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// Returns a limit as a parameter of a statement.
pub(crate) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
