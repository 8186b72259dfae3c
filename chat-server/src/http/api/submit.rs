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
    let message = message.with_author(caller.account.author);
    let (quota, bytes) = (caller.quota(), message.content.as_str().len());
    quota.take(bytes)?;
    let (answer, answered) = oneshot::channel();
    // Also if nobody waits for the answer any more.
    let finish = move |outcome| {
        if !matches!(outcome, Outcome::Answered(Appended::New(_))) {
            quota.give_back(bytes);
        }
        let _ = answer.send(outcome);
    };
    services.log.submit(caller.account.source, message, None, finish);
    match answered.await {
        Ok(Outcome::Answered(Appended::New(offset))) => {
            Ok(json(StatusCode::CREATED, &Ack::new(offset, false)))
        }
        Ok(Outcome::Answered(Appended::Duplicate(offset))) => {
            Ok(json(StatusCode::OK, &Ack::new(offset, true)))
        }
        Ok(Outcome::Answered(Appended::Conflict(offset))) => Err(ApiError::conflict(offset)),
        Ok(Outcome::Answered(Appended::Missing)) => Err(unknown_message().into()),
        Ok(Outcome::Unavailable) | Err(_) => Err(ApiError::unavailable()),
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
