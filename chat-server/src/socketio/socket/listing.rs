//! The connections of a node, for its operator.

use std::net::IpAddr;
use std::sync::Arc;

use chat_core::{Nickname, Offset, RoomId, UserId};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::connection::Connection;
use super::live::Live;
use super::services::Services;
use crate::engine::log::Reader;
use crate::socketio::transport::Farewell;

/// Maximum length of a `socket.id` in the answer of another node.
const MAX_ID_BYTES: usize = 64;

/// A connection, as its operator sees it. That of another node may be forged.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedConnection {
    /// The client's `socket.id`.
    #[serde(deserialize_with = "socket_id")]
    id: String,
    /// The address that limits count; for IPv6 that of the network.
    address: Option<IpAddr>,
    transport: ListedTransport,
    /// When it was opened, in milliseconds since 1970.
    opened: i64,
    /// None for an anonymous client.
    user: Option<ListedUser>,
    rooms: Vec<RoomId>,
    /// How many messages of the log come after its cursor, if some are for it.
    pub(crate) lag: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ListedTransport {
    Polling,
    WebSocket,
}

#[derive(Debug, Serialize, Deserialize)]
struct ListedUser {
    #[serde(deserialize_with = "user_id")]
    id: String,
    nickname: Nickname,
}

/// Lists the connections of a user, or of all: those first that are furthest behind, at most `limit`.
pub(super) fn list(
    live: &Live,
    services: &Services,
    nickname: Option<&Nickname>,
    limit: usize,
) -> Vec<ListedConnection> {
    let tail = services.log.tail();
    let mut found = live.with_readers();
    found.retain(|(connection, _)| {
        let user = connection.user();
        nickname.is_none_or(|name| user.is_some_and(|user| user.nickname == *name))
    });
    found.sort_by_cached_key(|(connection, reader)| {
        (std::cmp::Reverse(lag(connection, reader, tail)), connection.link.opened.1)
    });
    found.truncate(limit);
    found
        .iter()
        .map(|(connection, reader)| listed(connection, lag(connection, reader, tail)))
        .collect()
}

/// Ends a connection and its session: the client may come back in a new one. Returns whether it was there.
pub(super) fn disconnect(live: &Live, id: &str) -> bool {
    let all = live.all();
    let found = all.iter().filter(|connection| connection.session.id() == id);
    found.map(|connection| connection.shut_out("by the operator", Farewell::SentAway)).count() > 0
}

/// Returns how many messages up to `tail` come after a connection's cursor; 0 if none of them is for it.
pub(super) fn lag(connection: &Connection, reader: &Reader, tail: Offset) -> u64 {
    let cursor = connection.position.cursor();
    let is_behind = cursor < tail && !reader.has_nothing_after(cursor);
    if is_behind { tail.as_u64() - cursor.as_u64() } else { 0 }
}

fn listed(connection: &Arc<Connection>, lag: u64) -> ListedConnection {
    let Connection { link, session, position, .. } = &**connection;
    let user = connection.user();
    let user =
        user.map(|user| ListedUser { id: user.id.to_string(), nickname: user.nickname.clone() });
    ListedConnection {
        id: session.id().to_owned(),
        address: link.address(),
        transport: if link.is_polled() {
            ListedTransport::Polling
        } else {
            ListedTransport::WebSocket
        },
        opened: link.opened.0.as_millis(),
        user,
        rooms: position.following().rooms.keys().cloned().collect(),
        lag,
    }
}

/// Reads an id that can stand in a path.
fn socket_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_sound) {
        Ok(id)
    } else {
        Err(D::Error::custom("it is no id of a socket"))
    }
}

fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    id.parse::<UserId>().map(|id| id.to_string()).map_err(D::Error::custom)
}
