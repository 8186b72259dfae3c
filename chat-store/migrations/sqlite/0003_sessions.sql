CREATE TABLE sessions (
    key BLOB PRIMARY KEY,
    state TEXT NOT NULL,
    expires_at INTEGER NOT NULL -- milliseconds since 1970-01-01T00:00:00Z
) WITHOUT ROWID;

-- What a sweep walks along.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
