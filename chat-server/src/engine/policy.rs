//! Who may do what: the rules of an application, asked before any effect.
//!
//! A [`Policy`] decides. The [`Gate`] of a node asks it, with a time limit, and tells of failures. Each connection has
//! an [`Access`], which remembers decisions until they expire or access changes:
//!
//! ```text
//!   request ─→ Access ── remembered? ─→ Grant ─→ effect         a change waits until the grant is dropped
//!                 │ no
//!                 └─→ Gate ─→ Policy::decide ─→ Decision
//!
//!   access_changed ─→ Gate ─→ every Access forgets, and holds the delivery of what may not be read any more
//! ```
//!
//! Without a policy none of this exists: no connection has an [`Access`].

mod access;
mod action;
mod asker;
mod change;
mod decision;
mod elsewhere;
mod gate;
mod identity;
mod room_policy;
mod standing;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

pub(crate) use access::{Access, Denied, Grant};
pub use action::Action;
pub use decision::Decision;
pub(crate) use elsewhere::{Devices, Elsewhere, Noted};
pub(crate) use gate::Gate;
pub use identity::Identity;
pub use room_policy::RoomPolicy;
pub(crate) use standing::Standing;

/// Decides who may do what. Set it with [`ChatBuilder::policy`](crate::ChatBuilder::policy); without one everything is
/// allowed.
///
/// The chat asks before anything happens: before a client is connected or gets its session back, before it joins a
/// room, reads or writes there. A refused request has no effect, and its client gets a refusal with the code
/// [`forbidden`](chat_core::RefusalCode::Forbidden).
///
/// # The contract
///
/// - **Questions.** Each [`Action`] says when it is asked. Questions of one connection about its requests come one
///   after the other, in the order of the requests; those of different connections, and those about what a connection
///   goes on receiving, come at the same time as others.
/// - **Decisions are remembered**, for each connection, for as long as the [`Decision`] says. So a message costs no
///   question while the decision about its author and room is remembered. Decide by the arguments and by what you
///   announce: whenever something changes that decisions depend on, call
///   [`Chat::access_changed`](crate::Chat::access_changed) *after* the change can be seen by this method, on any node.
/// - **Failures.** An error decides nothing. The client is told to try again, a client that connects is cut off so that
///   it connects again, and a connection whose standing must be asked again gets no messages until an answer comes.
///   The same holds for a call that panics, or takes longer than five seconds; the latter is dropped.
/// - **Cancellation.** A call may be dropped at any await point, for instance when its client leaves.
///
/// Do not call [`Chat::access_changed`](crate::Chat::access_changed) from within, and wait for it: it waits for this
/// method.
///
/// ```
/// use chat_core::RoomId;
/// use chat_server::{Action, Decision, Identity, Policy, PolicyError};
///
/// /// Everybody reads the announcements, and only the staff writes them.
/// struct Announcements(RoomId);
///
/// #[async_trait::async_trait]
/// impl Policy for Announcements {
///     async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError> {
///         Ok(match action {
///             Action::Write(room) if *room == self.0 && !who.has_role("staff") => {
///                 Decision::refused().with_message("only the staff writes here")
///             }
///             _ => Decision::allowed(),
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let room: RoomId = "announcements".parse()?;
/// let policy = Announcements(room.clone());
/// let write = Action::Write(room);
/// assert!(!policy.decide(&Identity::anonymous(), &write).await?.is_allowed());
/// let staff = Identity::anonymous().with_roles(["staff"]);
/// assert!(policy.decide(&staff, &write).await?.is_allowed());
///
/// let store = std::sync::Arc::new(chat_store::MemoryStore::new());
/// let chat = chat_server::Chat::builder(store).policy(policy).start().await?;
/// # chat.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Decides whether `who` may do this.
    ///
    /// # Errors
    /// When it cannot decide now, as when a database does not answer. It is asked again when the client tries again.
    async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError>;
}

/// So that an application keeps its policy, and changes what it decides by.
#[async_trait]
impl<P: Policy + ?Sized> Policy for Arc<P> {
    async fn decide(&self, who: &Identity, action: &Action) -> Result<Decision, PolicyError> {
        (**self).decide(who, action).await
    }
}

/// Why a [`Policy`] cannot decide now.
#[derive(Debug, Error)]
#[error("the policy cannot decide")]
pub struct PolicyError(#[source] Box<dyn Error + Send + Sync>);

impl PolicyError {
    /// Creates an error with this cause, which is logged and not told to clients.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
