-- What proves who a user is: a hash of the token of a device, or of what an issuer of signed tokens calls the user.
-- An owner of nicknames who is not here yet is a user too.
CREATE TABLE credentials (
    key BLOB PRIMARY KEY,
    owner BLOB NOT NULL, -- of the user's nicknames: the key of the first credential
    user_id INTEGER NOT NULL,
    label TEXT, -- what the user calls the device
    code BLOB UNIQUE, -- with which it was added
    added_at INTEGER NOT NULL, -- all times in milliseconds since 1970-01-01T00:00:00Z
    used_at INTEGER NOT NULL, -- to the hour
    revoked_at INTEGER
) WITHOUT ROWID;
CREATE INDEX credentials_by_user ON credentials (user_id);

-- Hashes of codes with which users add devices.
CREATE TABLE device_codes (
    key BLOB PRIMARY KEY,
    owner BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    nickname TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX device_codes_by_user ON device_codes (user_id);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);

CREATE INDEX nicknames_by_owner ON nicknames (owner, expires_at);
