-- Before the messages, as everybody who appends: nodes of an earlier version may be at work.
LOCK TABLE chat_log IN ACCESS EXCLUSIVE MODE;

-- The message that one answers, changes, deletes or reacts to.
ALTER TABLE chat_messages ADD COLUMN target bigint;
-- The digest of the first content, once that was changed or deleted.
ALTER TABLE chat_messages ADD COLUMN original bigint;

-- What a change has to look at: a message may have any number of reactions, replies and earlier edits.
CREATE INDEX chat_messages_by_edited ON chat_messages (target)
    WHERE event = 'message edited' AND content <> '';
CREATE INDEX chat_messages_by_deleted ON chat_messages (target) WHERE event = 'message deleted';

-- The reactions that are given now; "id" is that of the message that gave it.
CREATE TABLE chat_reactions (
    message bigint NOT NULL,
    emoji text COLLATE "C" NOT NULL,
    author bigint NOT NULL, -- 0 if unknown
    id bigint NOT NULL,
    PRIMARY KEY (message, emoji, author)
);

-- As before, with what messages refer to. Nodes of an earlier version go on with the one that they know.
CREATE FUNCTION chat_append(
    keys text[], rooms text[], senders text[], contents bytea[], times bigint[],
    sender_ids bigint[], receiver_ids bigint[], receivers text[], authors bigint[],
    users bigint[], events text[], targets bigint[], care smallint[], earlier text[]
) RETURNS TABLE (
    tail_before bigint, stored bigint,
    id bigint, room text, content bytea, client_offset text, sender text, at bigint,
    sender_id bigint, receiver_id bigint, receiver text, author bigint, user_id bigint, event text,
    target bigint, original bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known bigint;
BEGIN
    LOCK TABLE chat_log IN SHARE ROW EXCLUSIVE MODE;
    IF earlier IS NOT NULL AND EXISTS (
        SELECT 1 FROM chat_messages AS one WHERE one.client_offset = ANY (earlier)
    ) THEN
        RAISE 'a message may be in the log since before it had an author' USING ERRCODE = 'CH001';
    END IF;
    tail_before := greatest(
        (SELECT last_deleted FROM chat_log), (SELECT max(id) FROM chat_messages));
    INSERT INTO chat_messages
        (id, client_offset, content, room, sender, at, sender_id, receiver_id, receiver, author,
            user_id, event, target)
    SELECT tail_before + row_number() OVER (ORDER BY position),
        key, content, room, sender, at, sender_id, receiver_id, receiver, author, user_id,
        event, target
    FROM unnest(
            keys, rooms, senders, contents, times, sender_ids, receiver_ids, receivers, authors, users,
            events, targets)
        WITH ORDINALITY
        AS new (key, room, sender, content, at, sender_id, receiver_id, receiver, author, user_id,
            event, target, position)
    WHERE key IS NULL
        OR (SELECT one.id FROM chat_messages AS one WHERE one.client_offset = new.key) IS NULL
    ORDER BY position;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored = cardinality(contents) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF EXISTS (
        SELECT 1
        FROM unnest(keys, rooms, contents, events, targets, care)
            AS new (key, room, content, event, target, care)
        JOIN chat_messages AS one ON one.client_offset = new.key AND one.id <= tail_before
        WHERE care = 2
            OR care = 1 AND (
                one.content <> new.content OR one.room IS DISTINCT FROM new.room
                OR one.event IS DISTINCT FROM new.event OR one.target IS DISTINCT FROM new.target
                OR one.original IS NOT NULL
            )
    ) THEN
        RAISE 'a key may be that of somebody else' USING ERRCODE = 'CH001';
    END IF;
    RETURN QUERY
    SELECT tail_before, stored, one.id, one.room, one.content, one.client_offset, one.sender, one.at,
        one.sender_id, one.receiver_id, one.receiver, one.author, one.user_id, one.event,
        one.target, one.original
    FROM chat_messages AS one WHERE one.client_offset = ANY (keys) AND one.id <= tail_before;
    GET DIAGNOSTICS known = ROW_COUNT;
    IF stored + known <> cardinality(contents) THEN
        RAISE 'a message was deleted while it was looked at' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
