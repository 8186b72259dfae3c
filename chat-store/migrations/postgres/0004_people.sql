-- A private message is from one person to another, and in no room. A message to a room has none of these.
ALTER TABLE chat_messages
    ALTER COLUMN room DROP NOT NULL,
    ADD COLUMN sender_id bigint,
    ADD COLUMN receiver_id bigint,
    ADD COLUMN receiver text COLLATE "C"; -- the receiver's name when it was sent

-- What a person has sent, has received, and what was sent from one to another. A message to a room has no entry.
CREATE INDEX chat_messages_by_sender ON chat_messages (sender_id, id) WHERE sender_id IS NOT NULL;
CREATE INDEX chat_messages_by_receiver ON chat_messages (receiver_id, id) WHERE receiver_id IS NOT NULL;
CREATE INDEX chat_messages_by_pair ON chat_messages (sender_id, receiver_id, id)
    WHERE sender_id IS NOT NULL;

CREATE TABLE chat_nicknames (
    key text COLLATE "C" PRIMARY KEY, -- names that are the same have the same one
    nickname text COLLATE "C" NOT NULL,
    owner bytea NOT NULL, -- a hash of the owner's secret
    person bigint NOT NULL,
    expires_at bigint NOT NULL -- milliseconds since 1970-01-01T00:00:00Z
);

-- As before, with the new columns.
DROP FUNCTION chat_append;

CREATE FUNCTION chat_append(
    keys text[], rooms text[], senders text[], contents bytea[], times bigint[],
    sender_ids bigint[], receiver_ids bigint[], receivers text[]
) RETURNS TABLE (
    tail_before bigint, stored bigint,
    id bigint, room text, content bytea, client_offset text, sender text, at bigint,
    sender_id bigint, receiver_id bigint, receiver text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known bigint;
BEGIN
    LOCK TABLE chat_log IN SHARE ROW EXCLUSIVE MODE;
    tail_before := greatest(
        (SELECT last_deleted FROM chat_log), (SELECT max(id) FROM chat_messages));
    INSERT INTO chat_messages
        (id, client_offset, content, room, sender, at, sender_id, receiver_id, receiver)
    SELECT tail_before + row_number() OVER (ORDER BY position),
        key, content, room, sender, at, sender_id, receiver_id, receiver
    FROM unnest(keys, rooms, senders, contents, times, sender_ids, receiver_ids, receivers)
        WITH ORDINALITY
        AS new (key, room, sender, content, at, sender_id, receiver_id, receiver, position)
    WHERE key IS NULL
        OR (SELECT one.id FROM chat_messages AS one WHERE one.client_offset = new.key) IS NULL
    ORDER BY position;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored = cardinality(contents) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT tail_before, stored, one.id, one.room, one.content, one.client_offset, one.sender, one.at,
        one.sender_id, one.receiver_id, one.receiver
    FROM chat_messages AS one WHERE one.client_offset = ANY (keys) AND one.id <= tail_before;
    GET DIAGNOSTICS known = ROW_COUNT;
    IF stored + known <> cardinality(contents) THEN
        RAISE 'a message was deleted while it was looked at' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
