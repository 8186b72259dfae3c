use serde::{Deserialize, Serialize};

use crate::{ClientOffset, Content, Nickname, Offset, RecoveryOffset, RoomId, Timestamp, UserId};

/// The arguments of [`CHAT_MESSAGE`](super::CHAT_MESSAGE) from the server: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery(pub Content, pub Offset, pub DeliveryMeta, pub RecoveryOffset);

/// The third argument of [`CHAT_MESSAGE`](super::CHAT_MESSAGE) from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeliveryMeta {
    /// The room that the message was sent to.
    pub room: RoomId,
    /// The sender's nickname; `null` if anonymous.
    pub from: Option<Nickname>,
    /// The user who wrote it, who may have another nickname by now; `null` if anonymous, or if the log does not know.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// When the server received it; `null` if the log does not know.
    pub at: Option<Timestamp>,
    /// The author's key, by which the author recognises its own messages; `null` for all other users, and if the
    /// author gave none.
    pub client_offset: Option<ClientOffset>,
    /// The offset of the message that it answers; absent if it answers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Offset>,
    /// Whether this is another text than at first; absent if not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edited: bool,
}

impl DeliveryMeta {
    /// Creates the description of an anonymous message to `room` without a time, for a user who is not its author.
    pub fn new(room: RoomId) -> Self {
        Self {
            room,
            from: None,
            user: None,
            at: None,
            client_offset: None,
            reply_to: None,
            edited: false,
        }
    }
}

/// The arguments of [`PRIVATE_MESSAGE`](super::PRIVATE_MESSAGE) from the server: a JSON array of four.
///
/// The last one is a string on purpose: see [`RecoveryOffset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDelivery(pub Content, pub Offset, pub PrivateDeliveryMeta, pub RecoveryOffset);

/// The third argument of [`PRIVATE_MESSAGE`](super::PRIVATE_MESSAGE) from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PrivateDeliveryMeta {
    /// The sender's nickname.
    pub from: Option<Nickname>,
    /// The user who wrote it, who may have another nickname by now; `null` if anonymous, or if the log does not know.
    #[serde(default, serialize_with = "UserId::public", deserialize_with = "UserId::from_public")]
    pub user: Option<UserId>,
    /// The receiver's nickname.
    pub to: Nickname,
    /// When the server received it.
    pub at: Option<Timestamp>,
    /// The author's key; `null` for the other user, and if the author gave none.
    pub client_offset: Option<ClientOffset>,
    /// The offset of the message that it answers; absent if it answers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Offset>,
    /// Whether this is another text than at first; absent if not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub edited: bool,
}

impl PrivateDeliveryMeta {
    /// Creates the description of a private message to `to` without a sender's nickname and a time, for a user who is
    /// not its author.
    pub fn new(to: Nickname) -> Self {
        Self {
            from: None,
            user: None,
            to,
            at: None,
            client_offset: None,
            reply_to: None,
            edited: false,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}
