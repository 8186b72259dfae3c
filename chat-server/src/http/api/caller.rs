use std::sync::Arc;

use axum::extract::FromRequestParts;
use chat_core::{Refusal, RefusalCode, RoomId};
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::account::Account;
use super::error::ApiError;
use super::scope::Right;
use super::state::Api;
use super::token::ApiToken;
use crate::engine::quota::Quota;
use crate::engine::source::Source;
use crate::socketio::client_address::ClientAddress;
use crate::socketio::socket::Services;

/// Who asks, by a valid token. Each request counts in the rate of events.
pub(super) struct Caller {
    pub(super) api: Api,
    pub(super) token: Arc<ApiToken>,
    pub(super) account: Arc<Account>,
    source: Source,
}

impl Caller {
    pub(super) fn services(&self) -> &Services {
        self.api.services()
    }

    /// Checks that the token may do something in a room, or, without one, everywhere.
    pub(super) fn may(&self, right: Right, room: Option<&RoomId>) -> Result<(), ApiError> {
        if self.token.allows(right, room) {
            return Ok(());
        }
        let name = right.name();
        let message = match room {
            Some(room) => format!("this takes a token with the scope {name} or {name}:{room}"),
            None => format!("this takes a token with the scope {name}, for no room alone"),
        };
        Err(ApiError::new(RefusalCode::Forbidden, message))
    }

    /// Returns the quota that what the token sends counts in.
    pub(super) fn quota(&self) -> Quota {
        self.services().quotas.of(Some(&self.account.owner), self.source)
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let secret = secret(parts)?;
        let Some(token) = api.tokens().find(secret) else {
            let message = "this server knows no such token; it may have been replaced";
            return Err(ApiError::new(RefusalCode::InvalidToken, message));
        };
        let account = api.account(token.name());
        if let Some(events) = &api.services().events {
            let message = "this token has sent many requests; send them more slowly";
            let taken = events.of(&account.owner).take(1);
            taken.map_err(|wait| Refusal::slow_down(message, wait))?;
        }
        let source = match ClientAddress::of(&parts.extensions) {
            Some(address) => Source::Address(address.group()),
            None => Source::Connection(account.source.0),
        };
        Ok(Self { api: api.clone(), token, account, source })
    }
}

/// Returns the secret in the headers of a request.
fn secret(parts: &Parts) -> Result<&str, ApiError> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let (header, another) = (headers.next(), headers.next());
    let secret = header.filter(|_| another.is_none()).and_then(|header| {
        let (scheme, secret) = header.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    secret.ok_or_else(|| {
        let message = "this takes a token: `authorization: Bearer TOKEN`";
        ApiError::new(RefusalCode::InvalidToken, message)
    })
}
