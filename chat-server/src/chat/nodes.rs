//! What the operator of one node sees and does on all of them.

use std::time::Duration;

use chat_core::{Nickname, NodeId, OperatorQuestion};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use super::Chat;
use crate::engine::inquiry::{Asked, MAX_ANSWER_BYTES};
use crate::http::process;

/// The pause after each answer to another node, so that questions cannot occupy this one.
const PAUSE: Duration = Duration::from_millis(50);

/// The most time that moving all clients may take.
pub(super) const MAX_DRAIN_SECONDS: u64 = 3600;

/// Maximum number of connections that another node is told.
const MAX_LISTED: usize = 1000;

/// Which nodes a request of the operator is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nodes {
    This,
    All,
    One(NodeId),
}

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Commanded {
    /// It was obeyed; with the answer.
    Done(String),
    /// Nobody has what it is about.
    NotFound,
    /// Other nodes cannot know who has sent it.
    NotBelieved,
}

/// A node, as an operator sees it.
#[derive(Serialize)]
struct NodeState {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    pid: u32,
    /// In the text format of Prometheus, without comments.
    metrics: String,
}

impl Chat {
    /// Answers operators of other nodes until the chat stops.
    pub(super) async fn answer_operators(self, mut questions: Receiver<Asked>) {
        while let Some(asked) = questions.recv().await {
            if let Some(answer) = self.answer(&asked.question) {
                self.inquiries.answer(&asked, &answer).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns all nodes, this one first, as JSON.
    pub(super) async fn list_nodes(&self) -> String {
        let others = self.other_nodes();
        let answers = self.inquiries.ask(None, OperatorQuestion::State, others).await;
        let silent = others.saturating_sub(answers.len());
        let of = |node: NodeId, is_this: bool, answer: &str| {
            let mut state: Value = serde_json::from_str(answer).ok()?;
            let fields = state.as_object_mut()?;
            fields.insert("node".into(), json!(node));
            fields.insert("this".into(), json!(is_this));
            Some(state)
        };
        let own = of(self.node, true, &self.state());
        let others = answers.iter().filter_map(|(node, answer)| of(*node, false, answer));
        let nodes: Vec<Value> = own.into_iter().chain(others).collect();
        let obeyed = self.inquiries.are_obeyed();
        json!({ "nodes": nodes, "silent": silent, "obeyed": obeyed }).to_string()
    }

    /// Lists connections as JSON: those first that are furthest behind.
    pub(super) async fn list_connections(
        &self,
        nodes: Nodes,
        user: Option<Nickname>,
        limit: usize,
    ) -> String {
        let own = || self.connections_of_this(user.as_ref(), limit);
        let (of, expected) = match nodes {
            Nodes::This => return own(),
            Nodes::One(node) if node == self.node => return own(),
            Nodes::One(node) => (Some(node), 1),
            Nodes::All => (None, self.other_nodes()),
        };
        let own = if of.is_none() { own() } else { "[]".into() };
        let question = OperatorQuestion::Connections { user, limit };
        let answers = self.inquiries.ask(of, question, expected).await;
        let mut all: Vec<Value> = answers
            .values()
            .chain([&own])
            .filter_map(|answer| serde_json::from_str::<Vec<Value>>(answer).ok())
            .flatten()
            .collect();
        all.sort_by_key(|connection| std::cmp::Reverse(connection["lag"].as_u64()));
        all.truncate(limit);
        json!(all).to_string()
    }

    /// Ends a connection and its session, on whichever of the nodes.
    pub(super) async fn end_connection(&self, nodes: Nodes, id: &str) -> Commanded {
        let is_here = match nodes {
            Nodes::One(node) if node != self.node => false,
            _ => self.connections.disconnect(id),
        };
        if is_here {
            tracing::info!(socket.id = id, "the operator has ended a connection");
            return Commanded::Done(String::new());
        }
        let question = OperatorQuestion::EndConnection { id: id.into() };
        self.command(nodes, question).await
    }

    /// Moves the clients of a node away; this one if none is named.
    pub(super) async fn begin_drain(&self, of: Option<NodeId>, seconds: u64) -> Commanded {
        match of {
            Some(node) if node != self.node => {
                self.command(Nodes::One(node), OperatorQuestion::Drain { seconds }).await
            }
            _ => Commanded::Done(self.drain_within(seconds)),
        }
    }

    /// Has other nodes do something; the first answer that is not `null` says that one has.
    async fn command(&self, nodes: Nodes, question: OperatorQuestion) -> Commanded {
        let (of, expected) = match nodes {
            Nodes::One(node) if node != self.node => (Some(node), 1),
            Nodes::All if self.other_nodes() > 0 => (None, self.other_nodes()),
            _ => return Commanded::NotFound,
        };
        if !self.inquiries.are_obeyed() {
            return Commanded::NotBelieved;
        }
        let answers = self.inquiries.ask(of, question, expected).await;
        let done = answers.into_values().find(|answer| answer != "null");
        done.map_or(Commanded::NotFound, Commanded::Done)
    }

    /// Does what another node's operator asks, and returns the answer, which is JSON.
    fn answer(&self, question: &OperatorQuestion) -> Option<String> {
        match question {
            OperatorQuestion::State => Some(self.state()),
            OperatorQuestion::Connections { user, limit } => {
                let mut limit = (*limit).min(MAX_LISTED);
                loop {
                    let listed = self.connections_of_this(user.as_ref(), limit);
                    // They may be in many rooms with long names.
                    if limit == 0 || listed.len() <= MAX_ANSWER_BYTES {
                        break Some(listed);
                    }
                    limit /= 2;
                }
            }
            OperatorQuestion::EndConnection { id } => {
                let is_here = self.connections.disconnect(id);
                if is_here {
                    tracing::info!(socket.id = id, "the operator has ended a connection");
                }
                Some(if is_here { "true" } else { "null" }.into())
            }
            OperatorQuestion::Drain { seconds } => {
                Some(self.drain_within((*seconds).min(MAX_DRAIN_SECONDS)))
            }
            // One of a later version of this program.
            _ => None,
        }
    }

    fn connections_of_this(&self, user: Option<&Nickname>, limit: usize) -> String {
        let listed = self.connections.list(user, limit);
        let with_node = |connection| {
            let mut connection = json!(connection);
            connection["node"] = json!(self.node);
            connection
        };
        let listed: Vec<Value> = listed.iter().map(with_node).collect();
        json!(listed).to_string()
    }

    fn state(&self) -> String {
        let mut metrics = String::new();
        for line in self.metrics().lines().filter(|line| !line.starts_with('#')) {
            metrics += line;
            metrics.push('\n');
        }
        let (host, pid) = (process::host(), std::process::id());
        json!(NodeState { version: env!("CARGO_PKG_VERSION"), host, pid, metrics }).to_string()
    }

    fn drain_within(&self, seconds: u64) -> String {
        // Before the answer says so.
        self.draining.cancel();
        let chat = self.clone();
        tokio::spawn(async move { chat.drain(Duration::from_secs(seconds)).await });
        self.drain_state()
    }

    /// Returns how far a drain is, as JSON.
    pub(super) fn drain_state(&self) -> String {
        let [polling, websocket, _] = self.transport.sessions();
        let state = json!({
            "draining": self.draining.is_cancelled(),
            "connections": polling + websocket,
        });
        state.to_string()
    }

    fn other_nodes(&self) -> usize {
        self.connections.services().presence.known().nodes
    }
}
