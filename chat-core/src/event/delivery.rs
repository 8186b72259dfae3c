use serde::{Deserialize, Serialize};

use crate::{ClientOffset, Content, Nickname, Offset, RecoveryOffset, RoomId, Timestamp};

/// The arguments of [`CHAT_MESSAGE`](crate::CHAT_MESSAGE) as the server sends it: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery(pub Content, pub Offset, pub DeliveryMeta, pub RecoveryOffset);

/// The third argument of [`CHAT_MESSAGE`](crate::CHAT_MESSAGE) as the server sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryMeta {
    /// The room that the message was sent to.
    pub room: RoomId,
    /// Who sent it; `null` when anonymous.
    pub from: Option<Nickname>,
    /// When the server received it; `null` when the log does not know.
    pub at: Option<Timestamp>,
    /// The key that the author gave it, by which the author recognises its own; `null` for everybody else, and
    /// when it gave none.
    pub client_offset: Option<ClientOffset>,
}

/// The arguments of [`PRIVATE_MESSAGE`](crate::PRIVATE_MESSAGE) as the server sends it: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDelivery(pub Content, pub Offset, pub PrivateDeliveryMeta, pub RecoveryOffset);

/// The third argument of [`PRIVATE_MESSAGE`](crate::PRIVATE_MESSAGE) as the server sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateDeliveryMeta {
    /// Who sent it.
    pub from: Option<Nickname>,
    /// Who receives it.
    pub to: Nickname,
    /// When the server received it.
    pub at: Option<Timestamp>,
    /// The key that the author gave it; `null` for the other one, and when it gave none.
    pub client_offset: Option<ClientOffset>,
}
