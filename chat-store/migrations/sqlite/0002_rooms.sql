-- What the tutorial wrote was said in its only room, by nobody in particular, at a time nobody noted.
ALTER TABLE messages ADD COLUMN room TEXT NOT NULL DEFAULT 'general';
ALTER TABLE messages ADD COLUMN sender TEXT;
ALTER TABLE messages ADD COLUMN at INTEGER; -- milliseconds since 1970-01-01T00:00:00Z

-- An index ends with the id of its row, so one room's messages stand in it in their order.
CREATE INDEX messages_by_room ON messages (room);

CREATE TABLE chat_meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO chat_meta (name, value) VALUES ('epoch', lower(hex(randomblob(8))));
