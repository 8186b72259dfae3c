use std::time::Duration;

use chat_core::{Refusal, RefusalCode};

/// The answer of a [`Policy`](super::Policy): whether something is allowed, and for how long that may be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    refusal: Option<Refusal>,
    age: Duration,
}

impl Decision {
    /// How long a decision is remembered unless [`for_up_to`](Self::for_up_to) says otherwise: one minute.
    ///
    /// A change that is announced takes effect at once. This is how long one lasts that a node was not told of, because
    /// the frame between the nodes was lost. With 10,000 connections in one room each, it costs about 500 questions a
    /// second.
    pub const DEFAULT_AGE: Duration = Duration::from_secs(60);

    /// The longest time that a decision is remembered: one hour.
    pub const MAX_AGE: Duration = Duration::from_secs(60 * 60);

    /// Allows it.
    pub fn allowed() -> Self {
        Self { refusal: None, age: Self::DEFAULT_AGE }
    }

    /// Refuses it, with a message that says no more than that. A client gets it with the code
    /// [`forbidden`](RefusalCode::Forbidden).
    pub fn refused() -> Self {
        let refusal = Refusal::new(RefusalCode::Forbidden, "you may not do this");
        Self { refusal: Some(refusal), age: Self::DEFAULT_AGE }
    }

    /// Allows it if `is_allowed`, else refuses it.
    pub fn allow_if(is_allowed: bool) -> Self {
        if is_allowed { Self::allowed() } else { Self::refused() }
    }

    /// Sets the message of a refusal, for people. Nothing changes if it is allowed.
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        if let Some(refusal) = &mut self.refusal {
            refusal.message = message.into();
        }
        self
    }

    /// Sets how long the decision may be remembered, [`MAX_AGE`](Self::MAX_AGE) at most. With zero it is asked each
    /// time; what a connection [goes on](super::Action::Read) doing, once a second.
    pub fn for_up_to(self, age: Duration) -> Self {
        Self { age: age.min(Self::MAX_AGE), ..self }
    }

    /// Shortens how long the decision may be remembered.
    pub(super) fn for_at_most(self, age: Duration) -> Self {
        Self { age: age.min(self.age), ..self }
    }

    /// Returns whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    pub(super) fn into_parts(self) -> (Option<Refusal>, Duration) {
        (self.refusal, self.age)
    }
}
