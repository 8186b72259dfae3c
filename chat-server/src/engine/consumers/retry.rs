use std::error::Error;
use std::iter::successors;
use std::time::Duration;

use chat_core::{Message, Offset};
use chat_store::Page;
use tokio::time::Instant;

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause, unless a failure asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Messages that are handed over again until that succeeds.
pub(super) struct Retry {
    /// The offset of the last one: the batch does not grow meanwhile.
    end: Offset,
    begun: Instant,
    pause: Duration,
    /// What was logged last.
    said: String,
}

/// A call that has to be repeated.
pub(super) struct Failure {
    pub(super) reason: String,
    /// The shortest pause before that.
    pub(super) pause: Duration,
}

impl Retry {
    /// Begins with the first failure of messages up to an offset.
    pub(super) fn new(end: Offset) -> Self {
        Self { end, begun: Instant::now(), pause: FIRST_PAUSE, said: String::new() }
    }

    /// Leaves of a page that was read again what is in the batch.
    pub(super) fn limit(&self, page: &mut Page) {
        let count = page.messages.len();
        page.messages.retain(|message| message.offset <= self.end);
        page.more |= page.messages.len() < count;
    }

    /// Logs a failure, if it is another one than before, and returns the pause before the next call.
    pub(super) fn failed(
        &mut self,
        name: &str,
        messages: &[Message],
        failure: Failure,
    ) -> Duration {
        if failure.reason != self.said {
            self.said = failure.reason;
            let offset = messages.first().map(|message| message.offset).unwrap_or_default();
            tracing::warn!(consumer.name = %name, message.offset = %offset,
                "consuming fails, trying again: {}", self.said);
        }
        let pause = self.pause.max(failure.pause);
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        pause
    }

    /// Logs that it has succeeded.
    pub(super) fn succeeded(self, name: &str) {
        let seconds = self.begun.elapsed().as_secs();
        tracing::info!(consumer.name = %name, "consuming works again after {seconds} s");
    }
}

impl Failure {
    /// Creates a failure for a reason.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), pause: Duration::ZERO }
    }

    /// Creates a failure for an error and its causes, with the shortest pause before the next call.
    pub(super) fn of(error: &(dyn Error + 'static), pause: Duration) -> Self {
        let causes = successors(Some(error), |error| (*error).source());
        let reason = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        Self { reason, pause }
    }
}
