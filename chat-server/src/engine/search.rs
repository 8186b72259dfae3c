//! Full-text search: an index beside the log, which the [`Indexer`] keeps, and messages as the log has them.
//!
//! ```text
//!   log ──▶ indexer ──▶ SearchIndex            in the background, on one of all nodes
//!                            │ offsets
//!   query ──────────────────▶▼
//!   log ──▶ the messages as they are now, if they still match ──▶ found
//! ```

mod indexer;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use chat_core::event::{Moment, SearchHit, SearchResults};
use chat_core::search::{Excerpt, SearchQuery};
use chat_core::{Feed, Kind, Message, Nickname, Offset, Refusal, RefusalCode, UserId};
use chat_store::{Document, IndexSearch, SearchIndex, SearchScope, StoreError, Writer};

pub(crate) use indexer::Indexer;

use crate::engine::log::Log;
use crate::engine::outage::Outage;
use crate::engine::users::{Identities, IdentityError};

/// How often the index is asked for one page: what it finds may have changed since it was indexed.
const ROUNDS: usize = 4;

/// Finds messages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Search {
    log: Arc<Log>,
    index: Arc<dyn SearchIndex>,
    searching: Arc<Outage>,
}

/// A page of what was found.
#[derive(Debug, Default)]
pub(crate) struct SearchPage {
    /// The messages, newest first, with the places in their texts.
    pub(crate) messages: Vec<(Message, Vec<Range<usize>>)>,
    /// Where the next page ends; none on the last page.
    pub(crate) before: Option<Offset>,
}

/// Returns where a query searches that may read every room.
pub(crate) fn scope_of_rooms(query: &SearchQuery) -> SearchScope {
    match &*query.rooms {
        [] => SearchScope::Rooms,
        rooms => SearchScope::Feeds(rooms.iter().cloned().map(Feed::Room).collect()),
    }
}

/// Returns the writers that a query names: of each name its user, and who has used it without being one.
pub(crate) async fn writers_of(
    query: &SearchQuery,
    identities: &Identities,
) -> Result<Vec<Writer>, IdentityError> {
    let mut writers = Vec::new();
    for name in &query.from {
        writers.extend(name.parse::<UserId>().ok().map(Writer::User));
        let parsed: Result<Nickname, _> = name.parse();
        let nickname = match parsed {
            Ok(nickname) => nickname,
            Err(_) if !writers.is_empty() => continue,
            Err(error) => {
                return Err(Refusal::invalid(RefusalCode::InvalidNickname, error).into());
            }
        };
        match identities.find(&nickname).await {
            Ok((user, _)) => writers.push(Writer::User(user)),
            // Nobody is found then, or whom an application has called so.
            Err(IdentityError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        writers.push(Writer::Name(nickname.key()));
    }
    Ok(writers)
}

impl SearchPage {
    /// Returns the page as it is shown to `reader`, or to a program.
    pub(crate) fn shown(self, reader: Option<UserId>) -> SearchResults {
        let hits = self.messages.into_iter().map(|(message, places)| {
            let excerpt = Excerpt::of(message.content.as_str(), &places);
            SearchHit::new(message, excerpt, reader)
        });
        SearchResults::new(hits.collect(), self.before)
    }
}

impl Search {
    pub(crate) fn new(log: Arc<Log>, index: Arc<dyn SearchIndex>) -> Self {
        Self { log, index, searching: Outage::new("searching the index") }
    }

    /// Returns messages in `scope` that match, newest first, at most `limit`: those before an offset, by one of the writers
    /// unless there are none. Cancel safe.
    ///
    /// The rooms and the names of the query are left to the caller, who knows what may be read.
    pub(crate) async fn find(
        &self,
        query: &SearchQuery,
        writers: Vec<Writer>,
        scope: SearchScope,
        before: Option<Offset>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        let before = match query.before {
            None => before,
            Some(moment) => {
                let moment = self.offset_of(moment).await?;
                Some(before.map_or(moment, |before| before.min(moment)))
            }
        };
        let after = match query.after {
            None => Offset::ZERO,
            Some(Moment::Offset(after)) => after,
            Some(moment) => self.offset_of(moment).await?.previous(),
        };
        let (with, without) = (query.with.clone(), query.without.clone());
        let mut search = IndexSearch { with, without, scope, writers, after, before, limit };
        let mut found = SearchPage::default();
        for _ in 0..ROUNDS {
            search.limit = limit - found.messages.len();
            let offsets = self.searching.watch(self.index.search(&search).await)?;
            for offset in &offsets {
                found.messages.extend(self.match_at(*offset, query, &search).await?);
            }
            search.before = offsets.last().copied();
            found.before = search.before.filter(|_| offsets.len() == search.limit);
            if found.before.is_none() || found.messages.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// Returns the message at an offset if it matches as it is now.
    async fn match_at(
        &self,
        offset: Offset,
        query: &SearchQuery,
        search: &IndexSearch,
    ) -> Result<Option<(Message, Vec<Range<usize>>)>, StoreError> {
        let Some(message) = self.log.message(offset).await? else { return Ok(None) };
        let is_text = matches!(message.kind, Kind::Text | Kind::Reply(_));
        if !is_text || message.is_deleted() || !search.scope.contains(&message.audience) {
            return Ok(None);
        }
        let is_by_one = search.writers.is_empty()
            || Document::writer_of(&message).is_some_and(|it| search.writers.contains(&it));
        let places = query.find_in(message.content.as_str()).filter(|_| is_by_one);
        Ok(places.map(|places| (message, places)))
    }

    async fn offset_of(&self, moment: Moment) -> Result<Offset, StoreError> {
        match moment {
            Moment::Offset(offset) => Ok(offset),
            Moment::Time(time) => self.log.offset_at(time).await,
        }
    }
}
