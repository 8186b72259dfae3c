use chat_core::Offset;
use sqlx::error::BoxDynError;

/// Converts a number from the database to an offset.
pub(super) fn offset(number: i64) -> Result<Offset, sqlx::Error> {
    let number = u64::try_from(number).map_err(undecodable)?;
    Offset::new(number).map_err(undecodable)
}

pub(super) fn undecodable(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
