use utoipa::IntoResponses;

use super::schemas::Error;

/// The answers to what is not carried out, for the [document](super::document).
#[allow(dead_code, reason = "they are described, and made of errors")]
#[derive(IntoResponses)]
pub(super) enum Refusals {
    /// Something of the request is wrong
    #[response(status = 400)]
    Invalid(Error),
    /// There is no token, or the server does not know it
    #[response(status = 401)]
    Unauthorized(Error),
    /// The token has no scope for this, or the page may not use the server
    #[response(status = 403)]
    Forbidden(Error),
    /// There is no such user, message or path, or the server keeps no rooms
    #[response(status = 404)]
    NotFound(Error),
    /// The key was used for something else (`client_offset_conflict`), or the offset is not in this log (`other_log`)
    #[response(status = 409)]
    Conflict(Error),
    /// A message or the body is too long
    #[response(status = 413)]
    TooLarge(Error),
    /// The body is no JSON
    #[response(status = 415)]
    MediaType(Error),
    /// Too many requests, messages or streams; `Retry-After` says when to try again
    #[response(status = 429)]
    TooMany(Error),
    /// The store fails; try again, with the same key
    #[response(status = 503)]
    Unavailable(Error),
}
