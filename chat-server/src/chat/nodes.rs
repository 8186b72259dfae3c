//! What the operator of one node sees and does on all of them.

mod answers;

use std::collections::BTreeSet;
use std::time::Duration;

use chat_core::{Nickname, NodeId, OperatorQuestion};
use serde_json::json;
use tokio::sync::mpsc::Receiver;

pub(super) use self::answers::Commanded;
use self::answers::{DrainState, NodeConnection, NodeState};
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
        let expected = others.len();
        let answers = self.inquiries.ask(others, OperatorQuestion::State).await;
        let others = answers.iter().filter_map(|(&node, answer)| answers::node(node, answer));
        let mut nodes = vec![self.state().of(self.node, true)];
        nodes.extend(others);
        let silent = (expected + 1).saturating_sub(nodes.len());
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
        let mut all = Vec::new();
        if matches!(nodes, Nodes::This | Nodes::All) || nodes == Nodes::One(self.node) {
            let own = self.connections.list(user.as_ref(), limit).into_iter();
            all.extend(own.map(|connection| NodeConnection { connection, node: self.node }));
        }
        let question = OperatorQuestion::Connections { user, limit };
        for (node, answer) in self.inquiries.ask(self.others_of(nodes), question).await {
            all.extend(answers::connections(node, &answer, limit));
        }
        all.sort_by_key(|of| std::cmp::Reverse(of.connection.lag));
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
        self.command(nodes, question, answers::ended).await
    }

    /// Moves the clients of a node away; this one if none is named.
    pub(super) async fn begin_drain(&self, of: Option<NodeId>, seconds: u64) -> Commanded {
        match of {
            Some(node) if node != self.node => {
                let question = OperatorQuestion::Drain { seconds };
                self.command(Nodes::One(node), question, answers::drained).await
            }
            _ => Commanded::Done(self.drain_within(seconds)),
        }
    }

    /// Has other nodes do something. `read` returns what has become of it by an answer.
    async fn command(
        &self,
        nodes: Nodes,
        question: OperatorQuestion,
        read: fn(&str) -> Commanded,
    ) -> Commanded {
        let nodes = self.others_of(nodes);
        if nodes.is_empty() {
            return Commanded::NotFound;
        }
        if !self.inquiries.are_obeyed() {
            return Commanded::NotBelieved;
        }
        let expected = nodes.len();
        let answers = self.inquiries.ask(nodes, question).await;
        let mut outcome =
            if answers.len() < expected { Commanded::NoAnswer } else { Commanded::NotFound };
        for answer in answers.values() {
            match read(answer) {
                Commanded::NotFound => {}
                done @ Commanded::Done(_) => return done,
                other => outcome = other,
            }
        }
        outcome
    }

    /// Does what another node's operator asks, and returns the answer, which is JSON.
    fn answer(&self, question: &OperatorQuestion) -> Option<String> {
        match question {
            OperatorQuestion::State => Some(json!(self.state()).to_string()),
            OperatorQuestion::Connections { user, limit } => {
                let mut limit = (*limit).min(MAX_LISTED);
                loop {
                    let listed = json!(self.connections.list(user.as_ref(), limit)).to_string();
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

    fn state(&self) -> NodeState {
        let mut metrics = String::new();
        for line in self.metrics().lines().filter(|line| !line.starts_with('#')) {
            metrics += line;
            metrics.push('\n');
        }
        let version = env!("CARGO_PKG_VERSION").into();
        NodeState { version, host: process::host(), pid: std::process::id(), metrics }
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
        let connections = polling + websocket;
        json!(DrainState { draining: self.draining.is_cancelled(), connections }).to_string()
    }

    fn other_nodes(&self) -> BTreeSet<NodeId> {
        self.connections.services().presence.nodes()
    }

    /// Returns the other nodes that a request is for, as far as this one knows them.
    fn others_of(&self, nodes: Nodes) -> BTreeSet<NodeId> {
        let mut others = self.other_nodes();
        match nodes {
            Nodes::This => others.clear(),
            Nodes::All => {}
            Nodes::One(node) => others.retain(|&other| other == node),
        }
        others
    }
}
