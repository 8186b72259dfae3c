-- What a name looks like: names that people take for each other have the same one. Those that are there get theirs
-- when all migrations are done.
ALTER TABLE nicknames ADD COLUMN skeleton TEXT;
CREATE INDEX nicknames_by_skeleton ON nicknames (skeleton);
