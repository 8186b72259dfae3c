//! What an import says of itself.

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) messages: u64,
    pub(super) reactions: u64,
    /// Messages that were stored before.
    pub(super) known: u64,
    pub(super) empty: u64,
    pub(super) shortened: u64,
    /// Reactions that no emoji is known for.
    pub(super) unknown: u64,
    /// Messages of which the export does not say where they are.
    pub(super) nowhere: u64,
    /// Reactions of users who are not in the export.
    pub(super) strangers: u64,
}

impl Done {
    pub(super) fn tell(&self, users: usize, rooms: usize) {
        let Self { messages, reactions, known, .. } = self;
        println!(
            "imported {messages} messages, {reactions} reactions, {rooms} rooms and {users} users"
        );
        for (number, what) in [
            (known, "messages had been imported before"),
            (&self.empty, "messages were left out: they have no text"),
            (&self.shortened, "messages were shortened to 64 KiB"),
            (&self.unknown, "reactions were left out: no emoji has their name"),
            (&self.strangers, "reactions were left out: the export does not have who gave them"),
            (&self.nowhere, "messages were left out: the export does not say where they belong"),
        ] {
            if *number > 0 {
                println!("{number} {what}");
            }
        }
        println!("each user comes in with a code: chat-server code NICKNAME");
        println!("start the server with --rooms: without it, everybody may read private rooms");
    }
}
