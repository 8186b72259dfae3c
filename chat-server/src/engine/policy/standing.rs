use chat_core::Refusal;
use tokio::time::Instant;

use super::{Access, Action, Decision, PolicyError};

/// Finds out whether a connection may go on with what it does, one action after the other.
pub(crate) struct Standing<'a> {
    access: &'a Access,
    changes: u64,
    /// When the first of the decisions expires.
    until: Instant,
}

impl<'a> Standing<'a> {
    /// Begins. What was decided before may be used as long as it is remembered.
    pub(crate) fn of(access: &'a Access) -> Self {
        let until = Instant::now() + Decision::MAX_AGE;
        Self { access, changes: access.changes(), until }
    }

    /// Asks about one action, and returns the refusal if it is refused. Cancel safe.
    pub(crate) async fn ask(&mut self, action: Action) -> Result<Option<Refusal>, PolicyError> {
        let verdict = self.access.verdict(&action).await?;
        self.until = verdict.until.min(self.until);
        Ok(verdict.refusal.map(|refusal| Refusal::clone(&refusal)))
    }

    /// Notes that the connection may go on, except with what was refused. Returns false if access has changed since
    /// this began: then it must be asked again.
    pub(crate) fn settle(self) -> bool {
        self.access.settle(self.changes, self.until)
    }
}
