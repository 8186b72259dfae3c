use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use super::{Action, Decision, Identity, Policy, PolicyError};
use crate::engine::episode::Episode;

/// How long the policy may take for a decision.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the policy, and logs when it fails. Cheap to clone.
#[derive(Clone)]
pub(super) struct Asker {
    policy: Arc<dyn Policy>,
    failures: Arc<Episode>,
}

impl Asker {
    pub(super) fn new(policy: Arc<dyn Policy>) -> Self {
        Self { policy, failures: Episode::new("times the policy could not decide") }
    }

    /// Asks the policy. A call that panics, or that takes too long, is an error. Cancel safe.
    pub(super) async fn ask(
        &self,
        who: &Identity,
        action: &Action,
    ) -> Result<Decision, PolicyError> {
        let asked = AssertUnwindSafe(self.policy.decide(who, action)).catch_unwind();
        let decided = match timeout(PATIENCE, asked).await {
            Ok(Ok(decided)) => decided,
            Ok(Err(_)) => Err(PolicyError::new("it panicked")),
            Err(_) => Err(PolicyError::new("it took too long")),
        };
        decided.inspect_err(|error| {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            let begin = || tracing::error!(error.cause = cause, "{error}; clients have to wait");
            self.failures.happens(begin);
        })
    }
}
