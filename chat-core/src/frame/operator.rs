use serde::{Deserialize, Serialize};

use crate::Nickname;

/// What the operator of a node asks another one, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum OperatorQuestion {
    /// What the node is, and what it has counted.
    State,
    /// The connections of a user, or of all: those first that are furthest behind.
    Connections {
        /// Whose; none for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<Nickname>,
        /// Maximum number of connections.
        limit: usize,
    },
    /// Asks to end a connection and its session, if the node has it.
    EndConnection {
        /// The client's `socket.id`.
        id: String,
    },
    /// Asks to move all clients to other nodes. Only for one node.
    Drain {
        /// How long that may take.
        seconds: u64,
    },
}

impl OperatorQuestion {
    /// Returns whether it changes something. Such a question is obeyed only if it is certain that a node has sent it.
    pub const fn is_command(&self) -> bool {
        matches!(self, Self::EndConnection { .. } | Self::Drain { .. })
    }
}
