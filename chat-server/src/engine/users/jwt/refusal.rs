use chat_core::{Refusal, RefusalCode};

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::InvalidToken, message)
}

pub(super) fn no_token() -> Refusal {
    invalid("the token is no JSON Web Token")
}
