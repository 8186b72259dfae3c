-- What proves who a user is: a hash of the token of a device, or of what an issuer of signed tokens calls the user.
-- An owner of nicknames who is not here yet is a user too.
CREATE TABLE chat_credentials (
    key bytea PRIMARY KEY,
    owner bytea NOT NULL, -- of the user's nicknames: the key of the first credential
    user_id bigint NOT NULL,
    label text COLLATE "C", -- what the user calls the device
    code bytea UNIQUE, -- with which it was added
    added_at bigint NOT NULL, -- all times in milliseconds since 1970-01-01T00:00:00Z
    used_at bigint NOT NULL, -- to the hour
    revoked_at bigint
);
CREATE INDEX chat_credentials_by_user ON chat_credentials (user_id);

-- Hashes of codes with which users add devices.
CREATE TABLE chat_device_codes (
    key bytea PRIMARY KEY,
    owner bytea NOT NULL,
    user_id bigint NOT NULL,
    nickname text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX chat_device_codes_by_user ON chat_device_codes (user_id);
CREATE INDEX chat_device_codes_by_expiry ON chat_device_codes (expires_at);

CREATE INDEX chat_nicknames_by_owner ON chat_nicknames (owner, expires_at);
