use std::fmt;
use std::sync::Arc;

/// What to do when a response may not have reached its client: the connection failed before the response was written,
/// or before the client sent its next request. An extension of responses, used by the HTTP server of this crate.
#[derive(Clone)]
pub(crate) struct OnLoss(Arc<dyn Fn() + Send + Sync>);

impl OnLoss {
    pub(crate) fn new(lost: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(lost))
    }

    pub(crate) fn lost(&self) {
        (self.0)();
    }
}

impl fmt::Debug for OnLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnLoss")
    }
}
