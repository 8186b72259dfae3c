-- The message that one answers, changes, deletes or reacts to.
ALTER TABLE messages ADD COLUMN target INTEGER;
-- The digest of the first content, once that was changed or deleted.
ALTER TABLE messages ADD COLUMN original INTEGER;

-- What a change has to look at: a message may have any number of reactions, replies and earlier edits.
CREATE INDEX messages_by_edited ON messages (target) WHERE event = 'message edited' AND content <> '';
CREATE INDEX messages_by_deleted ON messages (target) WHERE event = 'message deleted';

-- The reactions that are given now; 'id' is that of the message that gave it.
CREATE TABLE chat_reactions (
    message INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    author INTEGER NOT NULL, -- 0 if unknown
    id INTEGER NOT NULL,
    PRIMARY KEY (message, emoji, author)
) WITHOUT ROWID;
