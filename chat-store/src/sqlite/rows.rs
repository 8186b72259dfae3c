use chat_core::Offset;
use sqlx::error::BoxDynError;

/// Returns how many messages to read for a page of at most `limit`: one more shows whether there are more.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// Converts a number from the database to an offset.
pub(super) fn offset(number: i64) -> Result<Offset, sqlx::Error> {
    let number = u64::try_from(number).map_err(undecodable)?;
    Offset::new(number).map_err(undecodable)
}

pub(super) fn undecodable(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
