-- Whose a message is: a user, or if negative a session without one. A key that belongs to somebody is kept in
-- `client_offset` as text that no client can send, with its owner before it.
ALTER TABLE messages ADD COLUMN author INTEGER;

-- Users' messages with keys that are kept as they were sent end here. Not there when there are none: then no key has to
-- be looked for in both forms.
INSERT INTO chat_meta (name, value)
SELECT 'plain_keys_upto', id FROM (
    SELECT id FROM messages WHERE sender IS NOT NULL AND client_offset IS NOT NULL ORDER BY id DESC LIMIT 1
);
