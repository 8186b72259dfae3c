use std::sync::atomic::{AtomicBool, Ordering};

use chat_store::StoreError;

/// Says in the log once that the store has stopped working, and once that it works again, however many
/// calls fail in between.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    failing: AtomicBool,
}

impl Outage {
    /// Whether the last call failed.
    pub(crate) fn is_on(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Passes a result of the store on.
    pub(crate) fn watch<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let cause = std::error::Error::source(error).map(ToString::to_string);
                    tracing::error!(error.cause = cause, "the store has failed: {error}");
                }
            }
            Ok(_) if self.failing.load(Ordering::Relaxed) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store works again");
                }
            }
            Ok(_) => {}
        }
        result
    }
}
