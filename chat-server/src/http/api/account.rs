use std::sync::Arc;

use chat_core::{Author, AuthorId};
use chat_store::OwnerKey;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::token::TokenName;
use crate::engine::log::ReaderId;

/// What is counted for all tokens of one name, and how the log knows them.
#[derive(Debug)]
pub(super) struct Account {
    /// What limits count by.
    pub(super) owner: OwnerKey,
    /// The author of what they send, the same on all nodes and after a restart: so keys are recognised, and those of other
    /// names are others.
    pub(super) author: Author,
    /// The source of their messages, which takes its turn among the connections.
    pub(super) source: ReaderId,
    /// The streams that may still be opened.
    pub(super) streams: Arc<Semaphore>,
}

impl Account {
    pub(super) fn new(name: &TokenName, source: ReaderId, max_streams: usize) -> Arc<Self> {
        let hash = |kind: &str| -> [u8; 32] {
            Sha256::new_with_prefix(kind).chain_update(name.as_str()).finalize().into()
        };
        let owner = hash("api token");
        let [a, b, c, d, e, f, g, h, ..] = owner;
        let id = [a, b, c, d, e, f, g, h];
        let author = Author::user(AuthorId::of_user(id), AuthorId::of_session(id));
        let streams = Arc::new(Semaphore::new(max_streams));
        Arc::new(Self { owner: OwnerKey(owner), author, source, streams })
    }
}
