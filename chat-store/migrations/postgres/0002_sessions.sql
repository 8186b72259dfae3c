CREATE TABLE chat_sessions (
    key bytea PRIMARY KEY,
    state bytea NOT NULL, -- UTF-8, which may hold NUL characters
    expires_at bigint NOT NULL -- milliseconds since 1970-01-01T00:00:00Z
);

-- What a sweep walks along.
CREATE INDEX chat_sessions_by_expiry ON chat_sessions (expires_at);
