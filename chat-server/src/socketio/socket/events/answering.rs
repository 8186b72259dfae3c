//! How events answer that ask the store.

use std::sync::Arc;

use chat_core::Refusal;
use chat_store::StoreError;
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::super::connection::{Connection, Request};
use crate::engine::delivery::Answer;
use crate::engine::policy::Denied;
use crate::engine::users::IdentityError;

/// Why a request gets no answer of its own.
pub(super) enum Failed {
    Refused(Refusal),
    /// Silence makes the client retry.
    Store,
}

/// Answers a request in its turn, with what `answer` returns.
pub(super) fn later(
    connection: &Arc<Connection>,
    request: Request,
    answer: impl Future<Output = Result<Answer, Failed>> + Send + 'static,
) {
    let gone = connection.gone.clone();
    connection.requests.later(async move {
        settle(request, gone.run_until_cancelled(answer).await);
    });
}

/// Answers a request after the others of this connection that read from the store, with what `answer` returns. Messages do
/// not wait for it.
pub(super) fn after_reads(
    connection: &Arc<Connection>,
    mut request: Request,
    answer: impl Future<Output = Result<Answer, Failed>> + Send + 'static,
) {
    let gone = connection.gone.clone();
    connection.reads.later_with(move |turn| async move {
        request.keep(turn);
        settle(request, gone.run_until_cancelled(answer).await);
    });
}

fn settle(request: Request, answered: Option<Result<Answer, Failed>>) {
    match answered {
        Some(Ok(answer)) => request.answer(answer),
        Some(Err(Failed::Refused(refusal))) => request.refuse(refusal),
        // The failure has been logged. If the client is gone, nobody waits any more.
        Some(Err(Failed::Store)) | None => {}
    }
}

/// Returns an answer of this JSON.
pub(super) fn made(answer: &impl Serialize) -> Result<Answer, Failed> {
    match to_raw_value(answer) {
        Ok(json) => Ok(Answer::Made(json.into())),
        Err(error) => {
            tracing::error!("an answer cannot be serialised: {error}");
            Err(Failed::Store)
        }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Denied> for Failed {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        tracing::debug!("what was asked for could not be read or changed: {error}");
        Self::Store
    }
}

impl From<IdentityError> for Failed {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Refused(refusal) => Self::Refused(refusal),
            IdentityError::Store(error) => error.into(),
        }
    }
}
