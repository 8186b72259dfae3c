-- Which of two records of a session is newer: the one with the higher generation, and of one generation the
-- one with the higher revision.
ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
