use chat_core::Offset;
use chat_core::event::SearchResults;
use chat_core::search::QueryError;
use chat_store::StoreError;
use thiserror::Error;

use super::Chat;
use crate::engine::search::{scope_of_rooms, writers_of};
use crate::engine::users::IdentityError;

/// Why a [search](Chat::search) finds nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SearchError {
    /// Its query has a mistake.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The query names a user by what is no nickname.
    #[error(transparent)]
    Refused(chat_core::Refusal),
    /// The chat has no index.
    #[error("the chat has no search index; give it a store that has one")]
    Off,
    /// The store has failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Chat {
    /// Searches the messages of all rooms, or of those that the [query](chat_core::search::SearchQuery) names: returns the
    /// newest before an offset, newest first, at most `limit`. What was said a moment ago may be missing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = std::sync::Arc::new(chat_store::MemoryStore::new());
    /// let chat = chat_server::Chat::builder(store).start().await?;
    /// chat.room("ci".parse()?).send("build 123 has failed").await?;
    ///
    /// let mut found = chat.search("failed in:ci", None, 10).await?;
    /// while found.hits.is_empty() {
    ///     // It is indexed in the background.
    ///     tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    ///     found = chat.search("failed in:ci", None, 10).await?;
    /// }
    /// assert_eq!(found.hits[0].matches, [(14, 20)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the query has a mistake, there is no index, or the store fails.
    pub async fn search(
        &self,
        query: &str,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<SearchResults, SearchError> {
        let services = self.connections.services();
        let search = services.search.as_ref().ok_or(SearchError::Off)?;
        let query = query.parse()?;
        let writers = writers_of(&query, &services.identities).await?;
        let found = search.find(&query, writers, scope_of_rooms(&query), before, limit).await?;
        Ok(found.shown(None))
    }
}

impl From<IdentityError> for SearchError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Refused(refusal) => Self::Refused(refusal),
            IdentityError::Store(error) => Self::Store(error),
        }
    }
}
