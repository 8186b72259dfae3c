//! How events answer whose answer is JSON made for it.

use chat_core::Refusal;
use chat_store::StoreError;
use serde::Serialize;
use serde_json::value::to_raw_value;

use crate::engine::delivery::Answer;
use crate::engine::policy::Denied;
use crate::engine::users::IdentityError;

/// Why a request gets no answer of its own.
pub(super) enum Failed {
    Refused(Refusal),
    /// Silence makes the client retry.
    Store,
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
