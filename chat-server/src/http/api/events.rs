//! Following rooms by server-sent events: a cursor over the log, as every connection has one.

mod event_stream;
mod frame;

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use chat_core::{Offset, RecoveryOffset, Refusal, RoomId};
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::Duration;

use super::caller::Caller;
use super::error::{ApiError, HttpCode};
use super::refusals::Refusals;
use super::request::{LastEventId, Query};
use super::scope::Right;
use event_stream::EventStream;

/// Asks nginx not to hold back what it gets.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// When to try again for another stream.
const PAUSE: Duration = Duration::from_secs(10);

/// Follows rooms by server-sent events, from an offset on.
///
/// Each `message` is in the form of history. `message edited`, `message deleted` and `reaction` tell of changes. Ids are
/// positions: a client that sends the last one as `Last-Event-ID` goes on there, on any node, without gap or repeat.
/// Comments keep the connection alive.
#[utoipa::path(
    get,
    path = "/events",
    tag = "messages",
    operation_id = "followRooms",
    params(
        ("room" = Vec<String>, Query, description = "The rooms"),
        ("after" = Option<u64>, Query, description = "Begin after this offset, 0 for all; without it, with what is sent from now on"),
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event"),
    ),
    responses(
        (status = 200, description = "A stream of events", body = String, content_type = "text/event-stream"),
        Refusals,
    ),
)]
pub(super) async fn follow(
    caller: Caller,
    LastEventId(last): LastEventId,
    mut query: Query,
) -> Result<Response, ApiError> {
    let rooms = rooms(&caller, &mut query)?;
    let after = query.offset("after")?;
    query.end()?;
    let after = begin(&caller, last, after).await?;
    let Ok(slot) = caller.account.streams.clone().try_acquire_owned() else {
        let most = caller.services().limits.max_streams_per_token;
        let message = format!("the tokens of this name follow with {most} streams; end one first");
        return Err(Refusal::slow_down(message, PAUSE).into());
    };
    // One chunk waits here, one with the task, and what is on its way to the client is bounded by the connection.
    let (sender, receiver) = mpsc::channel(1);
    let (log, author) = (&caller.services().log, caller.account.author);
    let heartbeat = caller.services().limits.ping_interval;
    let stream = EventStream::new(log, rooms, after, author, heartbeat, sender);
    tokio::spawn(async move {
        let Caller { api, token, .. } = &caller;
        let end = async {
            tokio::select! {
                () = api.tokens().until_gone(token) => {}
                () = api.stopping().cancelled() => {}
            }
        };
        stream.run(end).await;
        drop(slot);
    });
    let chunks = unfold(receiver, async |mut receiver| {
        let chunk: Bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(chunk), receiver))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (X_ACCEL_BUFFERING, "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Reads the rooms to follow, each of which the token may read.
fn rooms(caller: &Caller, query: &mut Query) -> Result<Vec<RoomId>, ApiError> {
    let rooms = query.all("room").into_iter().map(|room| room.parse::<RoomId>());
    let rooms: Result<Vec<_>, _> = rooms.collect();
    let rooms = rooms.map_err(|error| ApiError::invalid(error.to_string()))?;
    let most = caller.services().limits.max_rooms;
    if rooms.is_empty() || rooms.len() > most {
        return Err(ApiError::invalid(format!("name 1 to {most} rooms, as in `?room=general`")));
    }
    rooms.iter().try_for_each(|room| caller.may(Right::Read, Some(room)))?;
    Ok(rooms)
}

/// Returns the offset after which the stream begins: that of the last event, that of the query, or the end of the log.
async fn begin(
    caller: &Caller,
    last: Option<RecoveryOffset>,
    after: Option<Offset>,
) -> Result<Offset, ApiError> {
    let log = &caller.services().log;
    let after = match last {
        Some(last) => {
            return if log.has(&last).await? {
                Ok(last.offset)
            } else {
                Err(ApiError::http(HttpCode::OtherLog))
            };
        }
        None => match after {
            Some(after) => after,
            None => return Ok(log.tail()),
        },
    };
    if log.contains(after).await? { Ok(after) } else { Err(ApiError::http(HttpCode::OtherLog)) }
}
