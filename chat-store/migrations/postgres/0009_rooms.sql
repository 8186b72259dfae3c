-- Rooms that are kept: they have members, and are there also while nobody is in them. The messages of a room hang on
-- its name; most rooms have no row here.
CREATE TABLE chat_rooms (
    key text COLLATE "C" PRIMARY KEY, -- names that are the same have the same one
    name text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    visibility text COLLATE "C" NOT NULL, -- public or private
    posting text COLLATE "C" NOT NULL, -- everyone, members or moderators
    created_by bigint, -- a user; NULL for the server itself, as below
    created_at bigint NOT NULL, -- milliseconds since 1970-01-01T00:00:00Z, as all times below
    owners bigint NOT NULL, -- how many of the members
    members bigint NOT NULL -- how many there are in all
);

-- What everybody may find, in order.
CREATE INDEX chat_rooms_by_visibility ON chat_rooms (visibility, key);

CREATE TABLE chat_members (
    room text COLLATE "C" NOT NULL, -- the key of a room, as below
    user_id bigint NOT NULL,
    role text COLLATE "C" NOT NULL, -- member, moderator or owner
    since bigint NOT NULL,
    PRIMARY KEY (room, user_id)
);
CREATE INDEX chat_members_by_user ON chat_members (user_id, room);

CREATE TABLE chat_invitations (
    code bytea PRIMARY KEY, -- a hash of the code
    room text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    uses_left bigint NOT NULL,
    created_by bigint,
    created_at bigint NOT NULL
);
CREATE INDEX chat_invitations_by_room ON chat_invitations (room, expires_at, code);
CREATE INDEX chat_invitations_by_expiry ON chat_invitations (expires_at, code);

-- Who has redeemed which invitation, for as long as it is there.
CREATE TABLE chat_redeemed (
    code bytea NOT NULL,
    user_id bigint NOT NULL,
    PRIMARY KEY (code, user_id)
);

-- Bans and mutes. A room here need not be kept; '' is everywhere, and the key of none.
CREATE TABLE chat_sanctions (
    subject text COLLATE "C" NOT NULL, -- user:NUMBER or address:TEXT
    kind text COLLATE "C" NOT NULL, -- ban or mute
    room text COLLATE "C" NOT NULL,
    until bigint, -- NULL until it is lifted
    imposed_by bigint,
    imposed_at bigint NOT NULL,
    reason text COLLATE "C",
    PRIMARY KEY (subject, kind, room)
);
CREATE INDEX chat_sanctions_by_room ON chat_sanctions (room, subject, kind);
CREATE INDEX chat_sanctions_by_end ON chat_sanctions (until) WHERE until IS NOT NULL;

-- Every change of the tables above, except that what has expired is deleted. Whoever writes locks
-- this table until the commit, so the numbers are visible in order over all nodes.
CREATE TABLE chat_access_log (
    number bigint PRIMARY KEY, -- from 1, without gaps
    at bigint NOT NULL,
    changed_by bigint,
    action text COLLATE "C" NOT NULL,
    room text COLLATE "C", -- NULL for everywhere
    subject text COLLATE "C",
    role text COLLATE "C",
    until bigint,
    reason text COLLATE "C"
);
CREATE INDEX chat_access_log_by_room ON chat_access_log (room, number) WHERE room IS NOT NULL;
