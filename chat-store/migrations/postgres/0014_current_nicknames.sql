-- When a nickname became its user's, or was chosen last: the last one is the user's current nickname. 0 for those that
-- were claimed before this was kept, or by a node of an earlier version.
ALTER TABLE chat_nicknames ADD COLUMN chosen_at bigint NOT NULL DEFAULT 0;
CREATE INDEX chat_nicknames_by_person ON chat_nicknames (person, chosen_at, expires_at);

-- Returns who has the name now, or NULL when it is not granted. `kind`: 0 to go on having it, 1 to have it also when
-- nobody has it nor one that looks like it, 2 also when somebody has one that looks like it, 3 also when somebody has it.
-- Nodes of an earlier version go on with the function that they know.
CREATE FUNCTION chat_claim_nickname(
    new_key text, new_nickname text, new_owner bytea, new_person bigint, new_expires_at bigint,
    new_skeleton text, claimed_at bigint, kind integer,
    is_chosen boolean
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    granted bigint;
BEGIN
    -- Who goes on having a name that is written as before is not asked what it looks like.
    UPDATE chat_nicknames SET expires_at = new_expires_at, skeleton = new_skeleton,
        chosen_at = CASE WHEN is_chosen THEN claimed_at ELSE chosen_at END
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
    INSERT INTO chat_nicknames AS held
        (key, nickname, owner, person, expires_at, skeleton, chosen_at)
    VALUES (new_key, new_nickname, new_owner, new_person, new_expires_at, new_skeleton, claimed_at)
    ON CONFLICT (key) DO UPDATE SET
        nickname = excluded.nickname, owner = excluded.owner, expires_at = excluded.expires_at,
        skeleton = excluded.skeleton,
        chosen_at = CASE WHEN held.owner = excluded.owner AND NOT is_chosen
            THEN held.chosen_at ELSE excluded.chosen_at END,
        person = CASE WHEN held.owner = excluded.owner THEN held.person ELSE excluded.person END
    WHERE held.owner = excluded.owner OR held.expires_at <= claimed_at OR kind = 3
    RETURNING person INTO granted;
    RETURN granted;
END $$;
