-- Which messages each room has. An index on `messages` would have a commit write a page for every room that it has a
-- message of; this is brought up to date for many messages at a time. The rows of the room '', which is the name of
-- none, say up to which message it is.
DROP INDEX messages_by_room;
CREATE TABLE room_messages (
    room TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (room, id)
) WITHOUT ROWID;

INSERT INTO room_messages
SELECT room, id FROM messages WHERE sender_id IS NULL
UNION ALL SELECT '', coalesce(max(id), 0) FROM messages
ORDER BY room, id;
