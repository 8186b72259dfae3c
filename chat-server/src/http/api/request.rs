//! What requests consist of: parts of the path, a query, a key, and a body of JSON.

use std::str::FromStr;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams};
use chat_core::event::DeviceId;
use chat_core::{ClientOffset, Nickname, Offset, ParseError, RecoveryOffset, RefusalCode, RoomId};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use super::error::{ApiError, HttpCode};
use super::state::Api;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The room that the path names.
pub(super) struct InRoom(pub(super) RoomId);

/// The user that the path names.
pub(super) struct OfUser(pub(super) Nickname);

/// The device that the path names.
pub(super) struct OfDevice(pub(super) DeviceId);

/// The offset that the path names.
pub(super) struct At(pub(super) Offset);

/// The key of a message, if there is one.
pub(super) struct Key(pub(super) Option<ClientOffset>);

/// The position of the last event of a stream that goes on, if it does.
pub(super) struct LastEventId(pub(super) Option<RecoveryOffset>);

/// A body of JSON.
pub(super) struct Json<T>(pub(super) T);

/// The query of a URL. Each name is taken once, and none may be left.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Takes all values of a name.
    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(other, _)| other == name).map(|(_, value)| value).collect()
    }

    /// Takes the value of a name, if it is there.
    pub(super) fn one<T: FromStr>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, ApiError> {
        let mut values = self.all(name).into_iter();
        let (value, another) = (values.next(), values.next());
        let value = value.map(|value| value.parse::<T>()).transpose();
        match (value, another) {
            (Ok(value), None) => Ok(value),
            _ => Err(ApiError::invalid(format!("`{name}` has to be {expected}, once"))),
        }
    }

    /// Takes an offset, if it is there.
    pub(super) fn offset(&mut self, name: &str) -> Result<Option<Offset>, ApiError> {
        const EXPECTED: &str = "an offset, a whole number from 0 on";
        let offset = self.one::<u64>(name, EXPECTED)?.map(Offset::new).transpose();
        offset.map_err(|error| ApiError::invalid(error.to_string()))
    }

    /// Takes `limit`: from 1 to `max`, and `default` if it is not there.
    pub(super) fn limit(&mut self, default: usize, max: usize) -> Result<usize, ApiError> {
        let expected = format!("a whole number from 1 to {max}");
        let limit = self.one("limit", &expected)?.unwrap_or(default);
        if (1..=max).contains(&limit) {
            Ok(limit)
        } else {
            Err(ApiError::invalid(format!("`limit` has to be {expected}")))
        }
    }

    /// Checks that nothing is left.
    pub(super) fn end(self) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(64).collect();
                Err(ApiError::invalid(format!("`{name}` is nothing that this takes in its query")))
            }
        }
    }
}

impl FromRequestParts<Api> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl FromRequestParts<Api> for InRoom {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let code = RefusalCode::InvalidArguments;
        let room = in_path(parts, api, "room", code, str::parse).await?;
        room.map(Self).ok_or_else(|| ApiError::http(HttpCode::NotFound))
    }
}

impl FromRequestParts<Api> for OfUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let nickname =
            in_path(parts, api, "nickname", RefusalCode::InvalidNickname, str::parse).await?;
        nickname.map(Self).ok_or_else(|| ApiError::http(HttpCode::NotFound))
    }
}

impl FromRequestParts<Api> for OfDevice {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let code = RefusalCode::UnknownDevice;
        let device = in_path(parts, api, "device", code, str::parse).await?;
        device.map(Self).ok_or_else(|| ApiError::http(HttpCode::NotFound))
    }
}

impl FromRequestParts<Api> for At {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        const OFFSET: ParseError =
            ParseError::Form { what: "an offset", form: "a whole number from 1 on" };
        let parse = |text: &str| {
            let offset = Offset::new(text.parse().map_err(|_| OFFSET)?)?;
            if offset > Offset::ZERO { Ok(offset) } else { Err(OFFSET) }
        };
        let offset = in_path(parts, api, "offset", RefusalCode::InvalidArguments, parse).await?;
        offset.map(Self).ok_or_else(|| ApiError::http(HttpCode::NotFound))
    }
}

impl FromRequestParts<Api> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let invalid = |message: String| ApiError::new(RefusalCode::InvalidClientOffset, message);
        let Some(value) = single(&parts.headers, &IDEMPOTENCY_KEY)
            .map_err(|()| invalid("`idempotency-key` has to be there once, in UTF-8".to_owned()))?
        else {
            return Ok(Self(None));
        };
        // As the draft of the header's standard writes it, or as most do.
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let key = quoted.unwrap_or(value).parse();
        Ok(Self(Some(key.map_err(|error: ParseError| invalid(error.to_string()))?)))
    }
}

impl FromRequestParts<Api> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let invalid = || ApiError::invalid("`last-event-id` has to be the id of an event, once");
        let id = single(&parts.headers, &LAST_EVENT_ID).map_err(|()| invalid())?;
        // A client that has had no event sends none, or an empty one.
        let id = id.filter(|id| !id.is_empty()).map(|id| id.parse().map_err(|_| invalid()));
        id.transpose().map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, api: &Api) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::http(HttpCode::UnsupportedMediaType));
        }
        let most = api.services().limits.max_packet_bytes;
        let body = Limited::new(request.into_body(), most).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => {
                let message = format!("the body has more than {most} bytes");
                ApiError::new(RefusalCode::TooLarge, message)
            }
            None => ApiError::invalid("the body did not arrive"),
        })?;
        let read = serde_json::from_slice(&body.to_bytes());
        // The text of the error may repeat what was sent, to the one who has sent it.
        read.map(Self).map_err(|error| ApiError::invalid(format!("the body is wrong: {error}")))
    }
}

/// Deserialises a nickname, or nothing, from text that is checked: for `deserialize_with`.
pub(super) fn nickname<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Nickname>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse()).transpose().map_err(D::Error::custom)
}

/// Reads a part of the path, if there is one of this name.
async fn in_path<T>(
    parts: &mut Parts,
    api: &Api,
    name: &str,
    code: RefusalCode,
    parse: impl Fn(&str) -> Result<T, ParseError>,
) -> Result<Option<T>, ApiError> {
    let all = RawPathParams::from_request_parts(parts, api).await;
    let all = all.map_err(|_| ApiError::invalid("the path has to be UTF-8"))?;
    let value = all.iter().find(|(other, _)| *other == name).map(|(_, value)| parse(value));
    value.transpose().map_err(|error: ParseError| ApiError::new(code, error.to_string()))
}

/// Returns the value of a header, which may occur once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = str::from_utf8(value.as_bytes()).map_err(drop)?;
    if values.next().is_none() { Ok(Some(text)) } else { Err(()) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = single(headers, &CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let mime = content_type.split(';').next().unwrap_or_default().trim();
    mime.eq_ignore_ascii_case("application/json")
}
