//! The claims of a token, [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519#section-4.1).

use std::borrow::Cow;
use std::collections::BTreeSet;

use chat_core::event::mended_json;
use chat_core::{RoomId, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::key::base64;
use crate::engine::users::token_claims::TokenClaims;

/// The latest time that a claim may name, in seconds: the end of the year 9999. A time beyond it is a mistake, most
/// often one in milliseconds.
const LATEST: f64 = 253_402_300_799.0;

/// Maximum number of rooms of a token; further ones are left out.
pub(super) const MAX_ROOMS: usize = 500;

/// Maximum number of roles of a token; further ones are left out.
pub(super) const MAX_ROLES: usize = 100;

/// Maximum length of a role in bytes; a longer one is left out.
pub(super) const MAX_ROLE_BYTES: usize = 256;

/// The claims as they are in the token. A claim that the chat requires is checked when it is used.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: Option<Json>,
    #[serde(default)]
    pub(super) iss: Json,
    #[serde(default)]
    pub(super) aud: Json,
    #[serde(default, deserialize_with = "present")]
    exp: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<Json>,
    nickname: Option<Json>,
    preferred_username: Option<Json>,
    name: Option<Json>,
    #[serde(default)]
    rooms: Json,
    #[serde(default)]
    roles: Json,
}

/// Reads `null` as a value that is there: as a time it is none, not a missing one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// The times of a token. A fraction of a millisecond is dropped.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) exp: Option<Timestamp>,
    pub(super) nbf: Option<Timestamp>,
}

impl Claims {
    /// Reads the claims of a token without its signature; none if they are no JSON object with each claim once.
    ///
    /// Half a character, as JavaScript writes for a name that was cut within an emoji, does not keep its bearer out.
    /// Who the user is must be whole.
    pub(super) fn read(message: &str) -> Option<Self> {
        let (_, claims) = message.split_once('.')?;
        let json = String::from_utf8(base64(claims)?).ok()?;
        let mended = mended_json(&json);
        let claims: Self = serde_json::from_str(&mended).ok()?;
        let is_whole = |claim: &Json| !claim.as_str().is_some_and(|text| text.contains('\u{fffd}'));
        let is_known = claims.sub.iter().chain([&claims.iss]).all(is_whole);
        (is_known || matches!(mended, Cow::Borrowed(_))).then_some(claims)
    }

    /// Returns the times of the token, or what is wrong with one. `iat` is only read: when a token was issued says
    /// nothing about whether it is valid.
    pub(super) fn times(&self) -> Result<Times, String> {
        time("iat", &self.iat)?;
        Ok(Times { exp: time("exp", &self.exp)?, nbf: time("nbf", &self.nbf)? })
    }

    /// Returns what the token calls its user, the best name first, without names that are no text.
    pub(super) fn names(&self) -> Vec<String> {
        let names = [&self.nickname, &self.preferred_username, &self.name, &self.sub];
        let texts = names.into_iter().filter_map(|name| name.as_ref()?.as_str());
        texts.map(ToOwned::to_owned).collect()
    }

    /// Returns what the token says about rooms and roles, or what is wrong with it. Single rooms and roles that cannot
    /// be used are left out.
    ///
    /// A list of rooms that is none is wrong: to pass over it would let the user into all rooms. Roles give something,
    /// so what cannot be understood gives nothing.
    pub(super) fn token_claims(&self) -> Result<TokenClaims, &'static str> {
        let rooms = match &self.rooms {
            Json::Null => None,
            Json::Array(rooms) => Some(self::rooms(rooms)),
            _ => return Err("the claim `rooms` must be a list of room names"),
        };
        let roles = match &self.roles {
            Json::Null => Vec::new(),
            Json::Array(roles) => self::roles(roles),
            _ => {
                tracing::debug!("the claim `roles` of a token is no list and gives none");
                Vec::new()
            }
        };
        Ok(TokenClaims { rooms, roles })
    }
}

fn time(name: &str, claim: &Option<Json>) -> Result<Option<Timestamp>, String> {
    let Some(value) = claim else { return Ok(None) };
    let Some(seconds) = value.as_f64() else {
        return Err(format!("the claim `{name}` must be a number of seconds since 1970"));
    };
    if seconds.abs() > LATEST {
        return Err(format!("the claim `{name}` is no time in seconds since 1970"));
    }
    // In range: the limit is far below that of an integer.
    Ok(Some(Timestamp::from_millis((seconds * 1000.0).floor() as i64)))
}

fn rooms(claim: &[Json]) -> Vec<RoomId> {
    let mut rooms = BTreeSet::new();
    for room in claim {
        let room = room.as_str().and_then(|name| name.parse::<RoomId>().ok());
        rooms.extend(room.filter(|_| rooms.len() < MAX_ROOMS));
    }
    left_out("rooms", claim.len(), rooms.len());
    rooms.into_iter().collect()
}

fn roles(claim: &[Json]) -> Vec<String> {
    let mut roles = BTreeSet::new();
    for role in claim {
        let fits = |role: &&str| (1..=MAX_ROLE_BYTES).contains(&role.len());
        let role = role.as_str().filter(fits).map(ToOwned::to_owned);
        roles.extend(role.filter(|_| roles.len() < MAX_ROLES));
    }
    left_out("roles", claim.len(), roles.len());
    roles.into_iter().collect()
}

fn left_out(what: &str, named: usize, used: usize) {
    if used < named {
        let left_out = named - used;
        tracing::debug!(
            "of a token's {named} {what}, {left_out} are repeated, invalid, or too many"
        );
    }
}
