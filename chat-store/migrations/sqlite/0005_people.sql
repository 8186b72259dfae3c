-- A private message is from one person to another, and in no room: its room is the empty text, which is the
-- name of none. These are NULL for a message to a room.
ALTER TABLE messages ADD COLUMN sender_id INTEGER;
ALTER TABLE messages ADD COLUMN receiver_id INTEGER;
ALTER TABLE messages ADD COLUMN receiver TEXT; -- the receiver's name when it was sent

-- What a person has sent, has received, and what was sent from one to another. A message to a room has no entry.
CREATE INDEX messages_by_sender ON messages (sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX messages_by_receiver ON messages (receiver_id) WHERE receiver_id IS NOT NULL;
CREATE INDEX messages_by_pair ON messages (sender_id, receiver_id) WHERE sender_id IS NOT NULL;

CREATE TABLE nicknames (
    key TEXT PRIMARY KEY, -- names that are the same have the same one
    nickname TEXT NOT NULL,
    owner BLOB NOT NULL, -- a hash of the owner's secret
    person INTEGER NOT NULL,
    expires_at INTEGER NOT NULL -- milliseconds since 1970-01-01T00:00:00Z
) WITHOUT ROWID;
