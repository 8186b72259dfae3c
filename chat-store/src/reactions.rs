use std::collections::HashMap;

use chat_core::{AuthorId, Kind, Message, Offset};

/// How often one emoji is given to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reactions {
    /// The message.
    pub message: Offset,
    /// The [`Emoji`](chat_core::Emoji) as text.
    pub emoji: String,
    /// How many authors give it.
    pub count: u64,
    /// Whether the asking author is one of them.
    pub own: bool,
}

impl Reactions {
    /// Creates what is read from a store.
    pub fn new(message: Offset, emoji: String, count: u64, own: bool) -> Self {
        Self { message, emoji, count, own }
    }
}

/// The reactions that are given now, by message: for each emoji its authors, with the offset at which each gave it. The
/// author is none if unknown.
#[derive(Debug, Default)]
pub(crate) struct Given(HashMap<Offset, HashMap<String, HashMap<Option<AuthorId>, Offset>>>);

impl Given {
    /// Notes a message of the log.
    pub(crate) fn note(&mut self, message: &Message) {
        match message.kind {
            Kind::Deletion(of) => self.forget(of),
            Kind::Reaction { to, on: true } => {
                let emoji = message.content.as_str().to_owned();
                let authors = self.0.entry(to).or_default().entry(emoji).or_default();
                authors.entry(message.author).or_insert(message.offset);
            }
            Kind::Reaction { to, on: false } => {
                self.take_back(to, message.content.as_str(), message.author);
            }
            _ => {}
        }
    }

    pub(crate) fn take_back(&mut self, to: Offset, emoji: &str, author: Option<AuthorId>) {
        if let Some(authors) = self.0.get_mut(&to).and_then(|given| given.get_mut(emoji)) {
            authors.remove(&author);
        }
    }

    /// Forgets those of a message.
    pub(crate) fn forget(&mut self, of: Offset) {
        self.0.remove(&of);
    }

    pub(crate) fn of(&self, of: &[Offset], author: Option<AuthorId>) -> Vec<Reactions> {
        let mut all = Vec::new();
        for &message in of {
            let given = self.0.get(&message).into_iter().flatten();
            let given = given.filter_map(|(emoji, authors)| {
                let first = *authors.values().min()?;
                let own = author.is_some() && authors.contains_key(&author);
                let count = authors.len() as u64;
                Some((first, Reactions { message, emoji: emoji.clone(), count, own }))
            });
            let mut given: Vec<_> = given.collect();
            given.sort_unstable_by_key(|(first, _)| *first);
            all.extend(given.into_iter().map(|(_, reactions)| reactions));
        }
        all
    }
}
