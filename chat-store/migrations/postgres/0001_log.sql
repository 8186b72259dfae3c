-- Texts that are compared have the collation "C": byte for byte, and no index depends on the locales of the
-- operating system. A content may hold NUL characters, which the type `text` does not take: it is stored
-- as its UTF-8 (`convert_from(content, 'UTF8')` shows it).
CREATE TABLE chat_messages (
    id bigint PRIMARY KEY,
    client_offset text COLLATE "C" CONSTRAINT chat_messages_by_key UNIQUE,
    content bytea NOT NULL,
    room text COLLATE "C" NOT NULL,
    sender text COLLATE "C",
    at bigint NOT NULL -- milliseconds since 1970-01-01T00:00:00Z
);

CREATE INDEX chat_messages_by_room ON chat_messages (room, id);

-- One row. Whoever appends locks this table: it is locked per schema, in the order of asking, without
-- leaving a dead row behind for each batch.
CREATE TABLE chat_log (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    version integer NOT NULL,
    epoch text NOT NULL,
    -- The largest number among the messages that were deleted: it is not used again.
    last_deleted bigint NOT NULL DEFAULT 0
);

INSERT INTO chat_log (version, epoch) VALUES (0, left(replace(gen_random_uuid()::text, '-', ''), 16));

CREATE FUNCTION chat_keep_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE chat_log SET last_deleted =
            greatest(last_deleted, (SELECT max(id) FROM chat_messages));
    ELSE
        UPDATE chat_log SET last_deleted =
            greatest(last_deleted, (SELECT max(id) FROM deleted));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER chat_messages_deleted AFTER DELETE ON chat_messages
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION chat_keep_number();
CREATE TRIGGER chat_messages_truncated BEFORE TRUNCATE ON chat_messages
    FOR EACH STATEMENT EXECUTE FUNCTION chat_keep_number();

-- Stores the messages of a batch whose keys the log does not have, and returns the number before the
-- first of them and how many there are; with the messages that have the other keys, one a row.
--
-- It is a function because a statement sees what was committed when it began: here the ones after the
-- lock begin when the lock is there, and so see all batches before this one. No key occurs twice.
CREATE FUNCTION chat_append(
    keys text[], rooms text[], senders text[], contents bytea[], times bigint[]
) RETURNS TABLE (
    tail_before bigint, stored bigint,
    id bigint, room text, content bytea, client_offset text, sender text, at bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known bigint;
BEGIN
    LOCK TABLE chat_log IN SHARE ROW EXCLUSIVE MODE;
    tail_before := greatest(
        (SELECT last_deleted FROM chat_log), (SELECT max(id) FROM chat_messages));
    INSERT INTO chat_messages (id, client_offset, content, room, sender, at)
    SELECT tail_before + row_number() OVER (ORDER BY position), key, content, room, sender, at
    FROM unnest(keys, rooms, senders, contents, times)
        WITH ORDINALITY AS new (key, room, sender, content, at, position)
    WHERE key IS NULL
        OR (SELECT one.id FROM chat_messages AS one WHERE one.client_offset = new.key) IS NULL
    ORDER BY position;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored = cardinality(contents) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT tail_before, stored, one.id, one.room, one.content, one.client_offset, one.sender, one.at
    FROM chat_messages AS one WHERE one.client_offset = ANY (keys) AND one.id <= tail_before;
    GET DIAGNOSTICS known = ROW_COUNT;
    IF stored + known <> cardinality(contents) THEN
        RAISE 'a message was deleted while it was looked at' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
