-- Rooms that are kept: they have members, and are there also while nobody is in them. The messages of a room hang on
-- its name; most rooms have no row here.
CREATE TABLE chat_rooms (
    key TEXT PRIMARY KEY, -- names that are the same have the same one
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    visibility TEXT NOT NULL, -- public or private
    posting TEXT NOT NULL, -- everyone, members or moderators
    created_by INTEGER, -- a user; NULL for the server itself, as below
    created_at INTEGER NOT NULL, -- milliseconds since 1970-01-01T00:00:00Z, as all times below
    owners INTEGER NOT NULL, -- how many of the members
    members INTEGER NOT NULL -- how many there are in all
) WITHOUT ROWID;

-- What everybody may find, in order.
CREATE INDEX chat_rooms_by_visibility ON chat_rooms (visibility, key);

CREATE TABLE chat_members (
    room TEXT NOT NULL, -- the key of a room, as below
    user_id INTEGER NOT NULL,
    role TEXT NOT NULL, -- member, moderator or owner
    since INTEGER NOT NULL,
    PRIMARY KEY (room, user_id)
) WITHOUT ROWID;
CREATE INDEX chat_members_by_user ON chat_members (user_id, room);

CREATE TABLE chat_invitations (
    code BLOB PRIMARY KEY, -- a hash of the code
    room TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    uses_left INTEGER NOT NULL,
    created_by INTEGER,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX chat_invitations_by_room ON chat_invitations (room, expires_at, code);
CREATE INDEX chat_invitations_by_expiry ON chat_invitations (expires_at, code);

-- Who has redeemed which invitation, for as long as it is there.
CREATE TABLE chat_redeemed (
    code BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    PRIMARY KEY (code, user_id)
) WITHOUT ROWID;

-- Bans and mutes. A room here need not be kept; '' is everywhere, and the key of none.
CREATE TABLE chat_sanctions (
    subject TEXT NOT NULL, -- user:NUMBER or address:TEXT
    kind TEXT NOT NULL, -- ban or mute
    room TEXT NOT NULL,
    until INTEGER, -- NULL until it is lifted
    imposed_by INTEGER,
    imposed_at INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (subject, kind, room)
) WITHOUT ROWID;
CREATE INDEX chat_sanctions_by_room ON chat_sanctions (room, subject, kind);
CREATE INDEX chat_sanctions_by_end ON chat_sanctions (until) WHERE until IS NOT NULL;

-- Every change of the tables above, except that what has expired is deleted. Whoever writes holds the
-- lock of the file, so the numbers are visible in order.
CREATE TABLE chat_access_log (
    number INTEGER PRIMARY KEY, -- from 1, without gaps
    at INTEGER NOT NULL,
    changed_by INTEGER,
    action TEXT NOT NULL,
    room TEXT, -- NULL for everywhere
    subject TEXT,
    role TEXT,
    until INTEGER,
    reason TEXT
);
CREATE INDEX chat_access_log_by_room ON chat_access_log (room, number) WHERE room IS NOT NULL;
