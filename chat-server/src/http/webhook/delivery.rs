use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use chat_core::{Audience, Epoch, Message, RoomId};
use http::header::{CONTENT_TYPE, InvalidHeaderValue};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use thiserror::Error;

use super::receiver::{Receiver, ReceiverAnswer};
use super::retry_after;
use super::secrets::WebhookSecrets;
use crate::engine::consumers::{Consumer, ConsumerError};
use crate::http::told::Told;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Sends messages of a log to a receiver.
pub(crate) struct Delivery {
    pub(super) receiver: Receiver,
    pub(super) secrets: WebhookSecrets,
    pub(super) epoch: Epoch,
    /// None for all.
    pub(super) rooms: Option<Vec<RoomId>>,
    pub(super) has_private_messages: bool,
}

/// What is sent.
#[derive(Serialize)]
struct Body<'a> {
    epoch: &'a Epoch,
    messages: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    kind: &'static str,
    #[serde(flatten)]
    told: Told,
}

/// Why an answer is no success.
#[derive(Debug, Error)]
enum Refused {
    #[error("the receiver leads elsewhere (status {}), which is not followed: give the URL where it leads", .0.as_u16())]
    Redirect(StatusCode),
    #[error(
        "the receiver says that it is gone (status 410); take the webhook away, or let the receiver come back"
    )]
    Gone,
    #[error("the receiver answers with status {}", .0.as_u16())]
    Status(StatusCode),
}

#[async_trait]
impl Consumer for Delivery {
    async fn consume(&self, messages: &[Message]) -> Result<(), ConsumerError> {
        let messages: Vec<_> = messages.iter().filter(|message| self.is_for(message)).collect();
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return Ok(());
        };
        let id = format!("{}-{}-{}", self.epoch, first.offset, last.offset);
        let items = messages.iter().map(|message| Item::of(message)).collect();
        let body = serde_json::to_vec(&Body { epoch: &self.epoch, messages: items });
        let body = body.map_err(ConsumerError::new)?;
        let headers = self.headers(&id, &body).map_err(ConsumerError::new)?;
        let answer = self.receiver.post(headers, body.into()).await;
        self.judge(&answer.map_err(ConsumerError::new)?)
    }
}

impl Delivery {
    fn is_for(&self, message: &Message) -> bool {
        match &message.audience {
            Audience::Room(room) => self.rooms.as_ref().is_none_or(|rooms| rooms.contains(room)),
            Audience::Private { .. } => self.has_private_messages,
        }
    }

    fn headers(&self, id: &str, body: &[u8]) -> Result<HeaderMap, InvalidHeaderValue> {
        // The time of the attempt: receivers refuse what is old.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = self.secrets.sign(id, now, body);
        Ok(HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (WEBHOOK_ID, HeaderValue::from_str(id)?),
            (WEBHOOK_TIMESTAMP, now.into()),
            (WEBHOOK_SIGNATURE, HeaderValue::from_str(&signature)?),
        ]))
    }

    /// Returns whether an answer is a success, and otherwise when to try again.
    fn judge(&self, answer: &ReceiverAnswer) -> Result<(), ConsumerError> {
        let status = answer.status;
        let refused = match status {
            _ if status.is_success() => return Ok(()),
            StatusCode::GONE => {
                let refused = Refused::Gone;
                tracing::error!("webhook {}: {refused}", self.receiver.url());
                return Err(ConsumerError::new(refused).retry_after(retry_after::LONGEST));
            }
            _ if status.is_redirection() => Refused::Redirect(status),
            _ => Refused::Status(status),
        };
        let error = ConsumerError::new(refused);
        Err(match retry_after::pause(&answer.headers) {
            Some(pause) => error.retry_after(pause),
            None => error,
        })
    }
}

impl Item {
    fn of(message: &Message) -> Self {
        let told = Told::of(message, None);
        Self { kind: told.kind(), told }
    }
}
