//! The table of the reactions that are given now: what to do with it, as statements.

use chat_core::{Author, Kind, Offset};

use crate::Plan;

const GIVE: &str = "INSERT INTO chat_reactions (message, emoji, author, id) VALUES ($1, $2, $3, $4)
    ON CONFLICT (message, emoji, author) DO NOTHING";

const TAKE_BACK: &str =
    "DELETE FROM chat_reactions WHERE message = $1 AND emoji = $2 AND author = $3";

/// Forgets those of a message that is deleted.
pub(crate) const FORGET: &str = "DELETE FROM chat_reactions WHERE message = $1";

/// A statement with its parameters, in this order.
pub(crate) struct Statement<'a> {
    pub(crate) sql: &'static str,
    pub(crate) message: i64,
    pub(crate) emoji: &'a str,
    pub(crate) author: i64,
    /// None if it has only three.
    pub(crate) id: Option<i64>,
}

/// Returns what gives and takes back the reactions of a plan, whose new messages are stored from `first` on. Before contents
/// are replaced: a message may be deleted in the same batch.
pub(crate) fn statements<'a>(plan: &Plan<'a>, first: Offset) -> Vec<Statement<'a>> {
    let mut statements = Vec::new();
    for (new, number) in plan.reactions() {
        let Kind::Reaction { to, on } = new.kind else { continue };
        let (message, emoji) = (to.as_u64().cast_signed(), new.content.as_str());
        // What the user gave before it had a name.
        if let Some(session) = new.author.and_then(Author::earlier) {
            let author = session.as_i64();
            statements.push(Statement { sql: TAKE_BACK, message, emoji, author, id: None });
        }
        let author = new.author.map_or(0, |author| author.id().as_i64());
        let id = on.then_some(first.plus(number as u64).as_u64().cast_signed());
        let sql = if on { GIVE } else { TAKE_BACK };
        statements.push(Statement { sql, message, emoji, author, id });
    }
    statements
}
