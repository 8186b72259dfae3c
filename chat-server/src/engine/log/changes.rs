use chat_core::{Refusal, RefusalCode};

/// Returns the refusal of a change of a message that is not there, or not for the client.
pub(crate) fn unknown_message() -> Refusal {
    let message = "there is no such message here, it has been deleted, or it cannot be changed";
    Refusal::new(RefusalCode::UnknownMessage, message)
}
