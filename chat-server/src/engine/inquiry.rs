//! What the operator of one node asks the others.
//!
//! A question goes to all nodes as a frame, and each that it concerns answers with frames. Frames may be lost, so whoever
//! asks waits for a second at most and gets the answers that came. Without a secret, anyone who can reach the broker may ask
//! and answer: commands are not obeyed then, only nodes that presence knows are listened to, and how many questions are
//! answered and how much of the answers is kept is bounded.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_core::{FrameBody, NodeId, OperatorQuestion};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout_at};

use crate::engine::outgoing::Outgoing;

/// How long to wait for answers.
const PATIENCE: Duration = Duration::from_secs(1);

/// Maximum length of a part of an answer, in bytes. Escaped, it has to fit into a notification of PostgreSQL.
const PART_BYTES: usize = 3000;

/// Maximum number of parts of an answer. For each node that is asked, as many are taken at most.
const MAX_PARTS: u32 = 256;

/// Maximum length of an answer. A character may be left over in each part.
pub(crate) const MAX_ANSWER_BYTES: usize = MAX_PARTS as usize * (PART_BYTES - 3);

/// Maximum number of questions of other nodes that wait.
const ASKED: usize = 8;

/// The questions of this node and of others. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inquiries(Arc<Shared>);

struct Shared {
    node: NodeId,
    /// Whether only nodes of this chat can have sent the frames.
    believed: bool,
    outgoing: Outgoing,
    asked: Sender<Asked>,
    /// This node's questions that wait for answers.
    waiting: Mutex<HashMap<u64, Wanted>>,
}

/// The answers that a question waits for.
struct Wanted {
    /// The nodes that are asked. Answers of others are dropped: they are forged, or of nodes that have just started.
    of: BTreeSet<NodeId>,
    answered: Sender<Part>,
}

/// A question of another node.
pub(crate) struct Asked {
    inquiry: u64,
    pub(crate) question: OperatorQuestion,
}

/// A part of an answer.
struct Part {
    node: NodeId,
    part: u32,
    parts: u32,
    text: String,
}

/// Takes the question from those that wait once nobody waits any more.
struct Waiting<'a> {
    inquiries: &'a Inquiries,
    inquiry: u64,
}

impl Inquiries {
    /// Creates it, with the questions of other nodes that are to be [answered](Self::answer).
    pub(crate) fn new(node: NodeId, believed: bool, outgoing: Outgoing) -> (Self, Receiver<Asked>) {
        let (asked, questions) = mpsc::channel(ASKED);
        let shared = Shared { node, believed, outgoing, asked, waiting: Mutex::default() };
        (Self(Arc::new(shared)), questions)
    }

    /// Returns whether other nodes obey commands.
    pub(crate) fn are_obeyed(&self) -> bool {
        self.0.believed
    }

    /// Asks nodes, and returns their answers: as soon as all have answered, or those that have come after a second. One node
    /// is asked alone; otherwise the question goes to all.
    ///
    /// Cancel safe: the nodes may have been asked.
    pub(crate) async fn ask(
        &self,
        nodes: BTreeSet<NodeId>,
        question: OperatorQuestion,
    ) -> BTreeMap<NodeId, String> {
        let mut whole = BTreeMap::new();
        let (expected, of) = (nodes.len(), nodes.first().copied().filter(|_| nodes.len() == 1));
        let max_parts = expected * MAX_PARTS as usize;
        let Ok(inquiry) = getrandom::u64() else { return whole };
        if expected == 0 {
            return whole;
        }
        let (answered, mut parts) = mpsc::channel(max_parts);
        self.waiting().insert(inquiry, Wanted { of: nodes, answered });
        let _waiting = Waiting { inquiries: self, inquiry };
        let until = Instant::now() + PATIENCE;
        if !self.0.outgoing.operator(FrameBody::OperatorAsked { inquiry, of, question }).await {
            return whole;
        }
        let mut partial: BTreeMap<NodeId, BTreeMap<u32, String>> = BTreeMap::new();
        let mut taken = 0;
        while whole.len() < expected && taken < max_parts {
            let Ok(Some(Part { node, part, parts, text })) = timeout_at(until, parts.recv()).await
            else {
                break;
            };
            taken += 1;
            let of_node = partial.entry(node).or_default();
            of_node.insert(part, text);
            if of_node.len() == parts as usize {
                let texts = partial.remove(&node).into_iter().flatten().map(|(_, text)| text);
                whole.entry(node).or_insert_with(|| texts.collect());
            }
        }
        whole
    }

    /// Answers a question. Waits for room in the queue of frames.
    pub(crate) async fn answer(&self, asked: &Asked, answer: &str) {
        let texts = split(answer);
        let Some(parts) = u32::try_from(texts.len()).ok().filter(|parts| *parts <= MAX_PARTS)
        else {
            return tracing::debug!("an answer for the operator of another node is too long");
        };
        for (part, text) in (0..).zip(texts) {
            let inquiry = asked.inquiry;
            let text = text.to_owned();
            let frame = FrameBody::OperatorAnswered { inquiry, part, parts, text };
            if !self.0.outgoing.operator(frame).await {
                return;
            }
        }
    }

    /// Takes a frame of another node if it is about questions, and returns it otherwise. Does not wait: what exceeds the queues
    /// is dropped.
    pub(crate) fn take(&self, node: NodeId, body: FrameBody) -> Option<FrameBody> {
        match body {
            FrameBody::OperatorAsked { inquiry, of, question } => {
                let is_for_this = match question {
                    // A recorded one must not drain a node that was started since.
                    OperatorQuestion::Drain { .. } => of == Some(self.0.node),
                    _ => of.is_none_or(|of| of == self.0.node),
                };
                if is_for_this && (self.0.believed || !question.is_command()) {
                    let _ = self.0.asked.try_send(Asked { inquiry, question });
                }
                None
            }
            FrameBody::OperatorAnswered { inquiry, part, parts, text } => {
                let is_sound = part < parts && parts <= MAX_PARTS && text.len() <= PART_BYTES;
                if is_sound
                    && let Some(wanted) = self.waiting().get(&inquiry)
                    && wanted.of.contains(&node)
                {
                    let _ = wanted.answered.try_send(Part { node, part, parts, text });
                }
                None
            }
            body => Some(body),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Wanted>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.inquiries.waiting().remove(&self.inquiry);
    }
}

/// Splits a text into parts of at most [`PART_BYTES`]; one, if it is empty.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while rest.len() > PART_BYTES {
        let (part, after) = rest.split_at(rest.floor_char_boundary(PART_BYTES));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}
