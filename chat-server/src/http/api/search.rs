use axum::response::Response;
use chat_core::event::SearchRequest;
use chat_core::search::SearchQuery;
use chat_core::{Feed, RefusalCode};
use chat_store::SearchScope;
use http::StatusCode;

use super::answer::json;
use super::caller::Caller;
use super::error::ApiError;
use super::refusals::Refusals;
use super::request::Query;
use super::schemas::SearchResults;
use super::scope::Right;
use crate::engine::search::{scope_of_rooms, writers_of};

/// Searches the messages of rooms, the newest first. A token for some rooms searches these. Private messages are not found.
#[utoipa::path(
    get,
    path = "/search",
    tag = "messages",
    operation_id = "searchMessages",
    params(
        ("query" = String, Query, description = "Words, all of them; phrases in quotation marks; `word*`, `-word`, `from:NAME`, `in:ROOM`, `before:` and `after:` with a date or an offset"),
        ("before" = Option<u64>, Query, description = "Only messages before this offset, from the page before"),
        ("limit" = Option<u64>, Query, description = "Maximum number of items, from 1 to 50; 20 without it"),
    ),
    responses(
        (status = 200, description = "A page of what was found", body = SearchResults),
        Refusals,
    ),
)]
pub(super) async fn find(caller: Caller, mut query: Query) -> Result<Response, ApiError> {
    const EXPECTED: &str = "what to search for";
    if !caller.token.has(Right::Read) {
        caller.may(Right::Read, None)?;
    }
    let asked = query.one::<String>("query", EXPECTED)?;
    let asked = asked.ok_or_else(|| ApiError::invalid(format!("`query` has to be {EXPECTED}")))?;
    let before = query.offset("before")?;
    let limit = query.limit(SearchRequest::DEFAULT_LIMIT, SearchRequest::MAX_LIMIT)?;
    query.end()?;
    let asked = asked.parse::<SearchQuery>();
    let asked =
        asked.map_err(|error| ApiError::new(RefusalCode::InvalidQuery, error.to_string()))?;
    let scope = scope(&caller, &asked)?;
    let services = caller.services();
    let Some(search) = &services.search else {
        return Err(ApiError::new(RefusalCode::SearchOff, "this server has no search"));
    };
    let writers = writers_of(&asked, &services.identities).await?;
    let found = search.find(&asked, writers, scope, before, limit).await?;
    Ok(json(StatusCode::OK, &found.shown(None)))
}

/// Returns where the token lets its holder search.
fn scope(caller: &Caller, asked: &SearchQuery) -> Result<SearchScope, ApiError> {
    for room in &asked.rooms {
        caller.may(Right::Read, Some(room))?;
    }
    if !asked.rooms.is_empty() || caller.token.allows(Right::Read, None) {
        return Ok(scope_of_rooms(asked));
    }
    let rooms = caller.token.rooms(Right::Read).into_iter();
    Ok(SearchScope::Feeds(rooms.map(Feed::Room).collect()))
}
