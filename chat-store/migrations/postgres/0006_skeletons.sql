-- What a name looks like: names that people take for each other have the same one. Those that are there get theirs
-- when all migrations are done, those of a node of an earlier version when they are renewed.
ALTER TABLE chat_nicknames ADD COLUMN skeleton text COLLATE "C";
CREATE INDEX chat_nicknames_by_skeleton ON chat_nicknames (skeleton);

-- Returns who has the name now, or NULL when it is not granted. `kind`: 0 to go on having it, 1 to have it also when
-- nobody has it nor one that looks like it, 2 also when somebody has one that looks like it.
CREATE FUNCTION chat_claim_nickname(
    new_key text, new_nickname text, new_owner bytea, new_person bigint, new_expires_at bigint,
    new_skeleton text, claimed_at bigint, kind integer
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    granted bigint;
BEGIN
    -- Who goes on having a name that is written as before is not asked what it looks like.
    UPDATE chat_nicknames SET expires_at = new_expires_at, skeleton = new_skeleton
    WHERE key = new_key AND owner = new_owner AND expires_at > claimed_at AND nickname = new_nickname
    RETURNING person INTO granted;
    IF FOUND THEN
        RETURN granted;
    END IF;
    IF kind = 0 AND NOT EXISTS (
        SELECT FROM chat_nicknames WHERE key = new_key AND owner = new_owner
    ) THEN
        RETURN NULL;
    END IF;
    IF kind < 2 THEN
        -- Of claims to names that look alike each waits for the one before, and then sees what it has made. The seed
        -- sets these locks apart from others: "nickname" in ASCII.
        PERFORM pg_advisory_xact_lock(hashtextextended(new_skeleton, 7955999529791221093));
        IF EXISTS (
            SELECT FROM chat_nicknames
            WHERE skeleton = new_skeleton AND owner <> new_owner AND expires_at > claimed_at
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO chat_nicknames AS held (key, nickname, owner, person, expires_at, skeleton)
    VALUES (new_key, new_nickname, new_owner, new_person, new_expires_at, new_skeleton)
    ON CONFLICT (key) DO UPDATE SET
        nickname = excluded.nickname, owner = excluded.owner, expires_at = excluded.expires_at,
        skeleton = excluded.skeleton,
        person = CASE WHEN held.owner = excluded.owner THEN held.person ELSE excluded.person END
    WHERE held.owner = excluded.owner OR held.expires_at <= claimed_at
    RETURNING person INTO granted;
    RETURN granted;
END $$;
