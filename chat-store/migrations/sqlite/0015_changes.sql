-- The message that one answers, changes, deletes or reacts to.
ALTER TABLE messages ADD COLUMN target INTEGER;
-- The digest of the first content, once that was changed or deleted.
ALTER TABLE messages ADD COLUMN original INTEGER;

CREATE INDEX messages_by_target ON messages (target) WHERE target IS NOT NULL;
