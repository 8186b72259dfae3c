//! What nodes answer each other's operators. Without a secret, answers may be forged: what does not fit is dropped.

use chat_core::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::socketio::socket::ListedConnection;

/// Maximum length of the metrics of a node, which is several times what they have, and of its version and host.
const MAX_METRICS_BYTES: usize = 256 * 1024;
const MAX_NAME_BYTES: usize = 255;

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::chat) enum Commanded {
    /// It was obeyed; with the answer.
    Done(String),
    /// Nobody has what it is about.
    NotFound,
    /// A node has not answered: it may have obeyed, or may do so yet.
    NoAnswer,
    /// Other nodes cannot know who has sent it.
    NotBelieved,
}

/// What a node answers about itself.
#[derive(Serialize, Deserialize)]
pub(super) struct NodeState {
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    pub(super) pid: u32,
    /// In the text format of Prometheus, without comments.
    pub(super) metrics: String,
}

/// A node, as an operator sees it.
#[derive(Serialize)]
pub(super) struct ListedNode {
    #[serde(flatten)]
    state: NodeState,
    node: NodeId,
    this: bool,
}

/// A connection, with the node that has it.
#[derive(Debug, Serialize)]
pub(super) struct NodeConnection {
    #[serde(flatten)]
    pub(super) connection: ListedConnection,
    pub(super) node: NodeId,
}

/// How far a drain is.
#[derive(Serialize, Deserialize)]
pub(super) struct DrainState {
    pub(super) draining: bool,
    pub(super) connections: usize,
}

impl NodeState {
    pub(super) fn of(self, node: NodeId, this: bool) -> ListedNode {
        ListedNode { state: self, node, this }
    }
}

/// Reads what another node answers about itself.
pub(super) fn node(node: NodeId, answer: &str) -> Option<ListedNode> {
    let state: NodeState = serde_json::from_str(answer).ok()?;
    let are_names = [Some(&state.version), state.host.as_ref()]
        .into_iter()
        .flatten()
        .all(|name| name.len() <= MAX_NAME_BYTES);
    (are_names && state.metrics.len() <= MAX_METRICS_BYTES).then(|| state.of(node, false))
}

/// Reads the connections of another node, at most `limit`.
pub(super) fn connections(node: NodeId, answer: &str, limit: usize) -> Vec<NodeConnection> {
    let listed: Vec<Value> = serde_json::from_str(answer).unwrap_or_default();
    let connections = listed.into_iter().filter_map(|one| serde_json::from_value(one).ok());
    connections.take(limit).map(|connection| NodeConnection { connection, node }).collect()
}

/// Reads whether a node has ended a connection.
pub(super) fn ended(answer: &str) -> Commanded {
    match answer {
        "true" => Commanded::Done(String::new()),
        "null" => Commanded::NotFound,
        _ => Commanded::NoAnswer,
    }
}

/// Reads how far a node that drains is.
pub(super) fn drained(answer: &str) -> Commanded {
    let state = serde_json::from_str::<DrainState>(answer);
    let state = state.and_then(|state| serde_json::to_string(&state));
    state.map_or(Commanded::NoAnswer, Commanded::Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NODE: NodeId = NodeId::from_random([1; 8]);

    #[test]
    fn only_what_fits_is_taken_of_a_node() {
        let sound =
            json!({ "version": "0.1.0", "pid": 7, "metrics": "a 1\n", "node": "x", "this": true });
        let listed = node(NODE, &sound.to_string()).expect("it fits");
        let expected = json!({
            "version": "0.1.0", "pid": 7, "metrics": "a 1\n", "node": NODE, "this": false,
        });
        assert_eq!(json!(listed), expected, "whose it is, its frame says");
        for (name, value) in [
            ("metrics", Value::Null),
            ("metrics", json!(7)),
            ("metrics", json!("x".repeat(MAX_METRICS_BYTES + 1))),
            ("version", json!([])),
            ("version", json!("x".repeat(MAX_NAME_BYTES + 1))),
            ("host", json!("x".repeat(MAX_NAME_BYTES + 1))),
            ("pid", json!(-1)),
        ] {
            let mut other = sound.clone();
            other[name] = value;
            assert!(node(NODE, &other.to_string()).is_none(), "{name}");
        }
        for other in ["", "null", "7", "[]", "{}"] {
            assert!(node(NODE, other).is_none(), "{other}");
        }
    }

    #[test]
    fn one_bad_connection_does_not_hide_others() {
        let sound = json!({
            "id": "aB-_0", "address": "192.0.2.1", "transport": "websocket", "opened": 1,
            "user": { "id": "0123456789abcdef", "nickname": "Ada" }, "rooms": ["general"], "lag": 2,
            "node": "forged",
        });
        let mut listed = vec![json!(null), json!(7), json!({})];
        for (name, value) in [
            ("rooms", json!(7)),
            ("id", json!("..")),
            ("id", json!("x".repeat(65))),
            ("transport", json!("carrier pigeon")),
            ("opened", json!("yesterday")),
            ("user", json!("Ada")),
            ("user", json!({ "id": "Ada", "nickname": "Ada" })),
            ("lag", json!(-1)),
        ] {
            let mut other = sound.clone();
            other[name] = value;
            listed.push(other);
        }
        listed.push(sound.clone());
        listed.push(sound.clone());
        let taken = connections(NODE, &json!(listed).to_string(), 10);
        let mut expected = sound;
        expected["node"] = json!(NODE);
        assert_eq!(json!(taken), json!([expected, expected]));
        assert_eq!(connections(NODE, &json!(listed).to_string(), 1).len(), 1);
        assert!(connections(NODE, "null", 10).is_empty());
    }

    #[test]
    fn an_answer_to_a_command_is_no_text_of_others() {
        assert_eq!(ended("true"), Commanded::Done(String::new()));
        assert_eq!(ended("null"), Commanded::NotFound);
        assert_eq!(ended("\"forged\""), Commanded::NoAnswer);
        let state = r#"{"draining":true,"connections":3}"#;
        assert_eq!(drained(state), Commanded::Done(state.into()));
        assert_eq!(drained("null"), Commanded::NoAnswer);
    }
}
