//! What an application does with messages of clients before they are stored.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chat_core::{Content, Kind, NewMessage, Refusal, RefusalCode, check_payload};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::engine::episode::Episode;
use crate::engine::policy::Identity;

/// How long the interceptor may take for a message.
const PATIENCE: Duration = Duration::from_secs(5);

/// When to try again what it could not decide.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Looks at what clients send before it is stored: changes it, or refuses it. Set it with
/// [`ChatBuilder::intercept`](crate::ChatBuilder::intercept).
///
/// It gets texts, events and edits of clients that may write them, one after the other for each connection and at the same
/// time for different ones: a slow call delays the client that waits for it, and nobody else. What the application sends
/// itself, deletions and reactions do not come here.
///
/// Decide by the message alone if you can: a client that gets no answer sends its message again, and what is then another
/// content under the same key is refused with `client_offset_conflict`.
///
/// ```
/// use chat_core::{Content, NewMessage, Refusal, RefusalCode};
/// use chat_server::{Identity, Interceptor};
///
/// struct NoShouting;
///
/// #[async_trait::async_trait]
/// impl Interceptor for NoShouting {
///     async fn before(
///         &self,
///         _who: &Identity,
///         message: &NewMessage,
///     ) -> Result<Option<Content>, Refusal> {
///         let text = message.content.as_str();
///         if text.ends_with("!!!") {
///             return Err(Refusal::new(RefusalCode::Forbidden, "one exclamation mark will do"));
///         }
///         let calm = text.to_lowercase();
///         Ok((calm != text).then(|| Content::from_stored(calm)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = std::sync::Arc::new(chat_store::MemoryStore::new());
/// let chat = chat_server::Chat::builder(store).intercept(NoShouting).start().await?;
/// # chat.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Interceptor: Send + Sync + 'static {
    /// Returns another content to store, or none if the message is stored as it is. The content of an event is JSON.
    ///
    /// If a call panics, takes longer than five seconds, or returns an empty content or invalid JSON, the message is refused
    /// with `unavailable`, and the client sends it again later. The call may be dropped at any await point.
    ///
    /// # Errors
    /// The refusal for the client. Nothing is stored.
    async fn before(
        &self,
        who: &Identity,
        message: &NewMessage,
    ) -> Result<Option<Content>, Refusal>;
}

/// Returns whether a message of this kind may have this content.
fn may_be(kind: &Kind, content: &Content) -> bool {
    let text = content.as_str();
    let is_readable = kind.event().is_none() || check_payload(text).is_ok();
    (1..=Content::MAX_BYTES).contains(&text.len()) && is_readable
}

/// Asks the interceptor, and logs when it fails. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Interception {
    interceptor: Arc<dyn Interceptor>,
    failures: Arc<Episode>,
}

impl Interception {
    pub(crate) fn new(interceptor: Arc<dyn Interceptor>) -> Self {
        Self { interceptor, failures: Episode::new("messages could not be intercepted") }
    }

    /// Lets the interceptor change a message. Cancel safe.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub(crate) async fn apply(
        &self,
        who: &Identity,
        message: &mut NewMessage,
    ) -> Result<(), Refusal> {
        let asked = AssertUnwindSafe(self.interceptor.before(who, message)).catch_unwind();
        let problem = match timeout(PATIENCE, asked).await {
            Ok(Ok(changed)) => match changed? {
                None => return Ok(()),
                Some(content) if may_be(&message.kind, &content) => {
                    message.content = content;
                    return Ok(());
                }
                Some(_) => "it returned no content that can be stored",
            },
            Ok(Err(_)) => "it panicked",
            Err(_) => "it took too long",
        };
        let begin = || tracing::error!("a message could not be intercepted: {problem}");
        self.failures.happens(begin);
        let message = "your message cannot be checked now; send it again";
        Err(Refusal::new(RefusalCode::Unavailable, message).with_retry_after(RETRY_AFTER))
    }
}
