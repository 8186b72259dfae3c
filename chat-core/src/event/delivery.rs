use serde::{Deserialize, Serialize};

use crate::{ClientOffset, Content, Nickname, Offset, RecoveryOffset, RoomId, Timestamp};

/// The arguments of [`CHAT_MESSAGE`](crate::CHAT_MESSAGE) from the server: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery(pub Content, pub Offset, pub DeliveryMeta, pub RecoveryOffset);

/// The third argument of [`CHAT_MESSAGE`](crate::CHAT_MESSAGE) from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryMeta {
    /// The room that the message was sent to.
    pub room: RoomId,
    /// The sender's nickname; `null` if anonymous.
    pub from: Option<Nickname>,
    /// When the server received it; `null` if the log does not know.
    pub at: Option<Timestamp>,
    /// The author's key, by which the author recognises its own messages; `null` for all other users, and if the
    /// author gave none.
    pub client_offset: Option<ClientOffset>,
}

/// The arguments of [`PRIVATE_MESSAGE`](crate::PRIVATE_MESSAGE) from the server: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDelivery(pub Content, pub Offset, pub PrivateDeliveryMeta, pub RecoveryOffset);

/// The third argument of [`PRIVATE_MESSAGE`](crate::PRIVATE_MESSAGE) from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateDeliveryMeta {
    /// The sender's nickname.
    pub from: Option<Nickname>,
    /// The receiver's nickname.
    pub to: Nickname,
    /// When the server received it.
    pub at: Option<Timestamp>,
    /// The author's key; `null` for the other user, and if the author gave none.
    pub client_offset: Option<ClientOffset>,
}
