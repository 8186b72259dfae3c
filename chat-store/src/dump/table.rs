/// What both SQL stores keep of one kind, under different names.
#[derive(Debug)]
#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    expect(dead_code, reason = "one of the names")
)]
pub(crate) struct Table {
    /// What one row is called in an export.
    pub(crate) record: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
    pub(crate) columns: &'static [Column],
    /// The columns of the primary key.
    pub(crate) order: &'static str,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
}

/// How a column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Number,
    Text,
    /// Text that PostgreSQL keeps as bytes, as it may have NUL characters, and that is never absent.
    Content,
    /// The name of a room, which SQLite keeps as an empty text for private messages.
    Room,
    /// Written in hexadecimal digits.
    Bytes,
}

const fn column(name: &'static str, kind: Type) -> Column {
    Column { name, kind }
}

use Type::{Bytes, Content, Number, Room, Text};

/// The log first: it is most of all.
pub(crate) const TABLES: [Table; 12] = [
    Table {
        record: "message",
        sqlite: "messages",
        postgres: "chat_messages",
        columns: &[
            column("id", Number),
            column("client_offset", Text),
            column("content", Content),
            column("room", Room),
            column("sender", Text),
            column("at", Number),
            column("sender_id", Number),
            column("receiver_id", Number),
            column("receiver", Text),
            column("author", Number),
            column("user_id", Number),
            column("event", Text),
            column("target", Number),
            column("original", Number),
        ],
        order: "id",
    },
    Table {
        record: "reaction",
        sqlite: "chat_reactions",
        postgres: "chat_reactions",
        columns: &[
            column("message", Number),
            column("emoji", Text),
            column("author", Number),
            column("id", Number),
        ],
        order: "message, emoji, author",
    },
    Table {
        record: "nickname",
        sqlite: "nicknames",
        postgres: "chat_nicknames",
        columns: &[
            column("key", Text),
            column("nickname", Text),
            column("owner", Bytes),
            column("person", Number),
            column("expires_at", Number),
            column("skeleton", Text),
            column("chosen_at", Number),
        ],
        order: "key",
    },
    Table {
        record: "credential",
        sqlite: "credentials",
        postgres: "chat_credentials",
        columns: &[
            column("key", Bytes),
            column("owner", Bytes),
            column("user_id", Number),
            column("label", Text),
            column("code", Bytes),
            column("added_at", Number),
            column("used_at", Number),
            column("revoked_at", Number),
        ],
        order: "key",
    },
    Table {
        record: "deviceCode",
        sqlite: "device_codes",
        postgres: "chat_device_codes",
        columns: &[
            column("key", Bytes),
            column("owner", Bytes),
            column("user_id", Number),
            column("nickname", Text),
            column("expires_at", Number),
            column("made_by", Bytes),
        ],
        order: "key",
    },
    Table {
        record: "room",
        sqlite: "chat_rooms",
        postgres: "chat_rooms",
        columns: &[
            column("key", Text),
            column("name", Text),
            column("topic", Text),
            column("visibility", Text),
            column("posting", Text),
            column("created_by", Number),
            column("created_at", Number),
            column("owners", Number),
            column("members", Number),
        ],
        order: "key",
    },
    Table {
        record: "member",
        sqlite: "chat_members",
        postgres: "chat_members",
        columns: &[
            column("room", Text),
            column("user_id", Number),
            column("role", Text),
            column("since", Number),
        ],
        order: "room, user_id",
    },
    Table {
        record: "invitation",
        sqlite: "chat_invitations",
        postgres: "chat_invitations",
        columns: &[
            column("code", Bytes),
            column("room", Text),
            column("expires_at", Number),
            column("uses_left", Number),
            column("created_by", Number),
            column("created_at", Number),
        ],
        order: "code",
    },
    Table {
        record: "redeemed",
        sqlite: "chat_redeemed",
        postgres: "chat_redeemed",
        columns: &[column("code", Bytes), column("user_id", Number)],
        order: "code, user_id",
    },
    Table {
        record: "sanction",
        sqlite: "chat_sanctions",
        postgres: "chat_sanctions",
        columns: &[
            column("subject", Text),
            column("kind", Text),
            column("room", Text),
            column("until", Number),
            column("imposed_by", Number),
            column("imposed_at", Number),
            column("reason", Text),
        ],
        order: "subject, kind, room",
    },
    Table {
        record: "accessChange",
        sqlite: "chat_access_log",
        postgres: "chat_access_log",
        columns: &[
            column("number", Number),
            column("at", Number),
            column("changed_by", Number),
            column("action", Text),
            column("room", Text),
            column("subject", Text),
            column("role", Text),
            column("until", Number),
            column("reason", Text),
        ],
        order: "number",
    },
    Table {
        record: "readPosition",
        sqlite: "chat_read_positions",
        postgres: "chat_read_positions",
        columns: &[column("user_id", Number), column("feed", Text), column("position", Number)],
        order: "user_id, feed",
    },
];
