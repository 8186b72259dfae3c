-- Which of two records of a session is newer: the one with the higher generation, and of one generation the
-- one with the higher revision.
ALTER TABLE chat_sessions
    ADD COLUMN generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN revision bigint NOT NULL DEFAULT 0;
