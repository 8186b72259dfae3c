use axum::response::Response;
use chat_core::{Ack, Content, NewMessage, ParseError, RefusalCode};
use chat_store::Appended;
use http::StatusCode;
use tokio::sync::oneshot;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use crate::engine::log::{Outcome, unknown_message};

/// Commits a message in the name of the caller, and answers with its offset.
pub(super) async fn submit(caller: &Caller, message: NewMessage) -> Result<Response, ApiError> {
    let services = caller.services();
    services.limits.admit(&message.content)?;
    let mut message = message.with_author(caller.account.author);
    let spent = caller.quota().spend(&mut message)?;
    let (answer, answered) = oneshot::channel();
    // Also if nobody waits for the answer any more.
    let finish = move |outcome| {
        let _ = answer.send(spent.settle(&outcome).map_or(Ok(outcome), Err));
    };
    services.log.submit(caller.account.source, message, None, finish);
    let Ok(outcome) = answered.await else { return Err(ApiError::unavailable()) };
    match outcome? {
        Outcome::Answered(Appended::New(offset)) => {
            Ok(json(StatusCode::CREATED, &Ack::new(offset, false)))
        }
        Outcome::Answered(Appended::Duplicate(offset)) => {
            Ok(json(StatusCode::OK, &Ack::new(offset, true)))
        }
        Outcome::Answered(Appended::Conflict(offset)) => Err(ApiError::conflict(offset)),
        Outcome::Answered(Appended::Missing) => Err(unknown_message().into()),
        Outcome::Unavailable => Err(ApiError::unavailable()),
    }
}

/// Reads a text.
pub(super) fn content(text: String) -> Result<Content, ApiError> {
    Content::try_from(text).map_err(refused_content)
}

/// Returns the refusal of content.
pub(super) fn refused_content(error: ParseError) -> ApiError {
    let code = match error {
        ParseError::TooLong { .. } => RefusalCode::TooLarge,
        _ => RefusalCode::InvalidContent,
    };
    ApiError::new(code, error.to_string())
}
