-- When a nickname became its user's, or was chosen last: the last one is the user's current nickname. 0 for those that
-- were claimed before this was kept, or by a process of an earlier version.
ALTER TABLE nicknames ADD COLUMN chosen_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX nicknames_by_person ON nicknames (person, chosen_at, expires_at);
