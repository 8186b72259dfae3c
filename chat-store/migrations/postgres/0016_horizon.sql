-- The messages up to "horizon" were deleted from the beginning of the log: nobody reads them. Those up to "wiped" have no
-- content any more, and are kept only for their keys.
ALTER TABLE chat_log ADD COLUMN horizon bigint NOT NULL DEFAULT 0;
ALTER TABLE chat_log ADD COLUMN wiped bigint NOT NULL DEFAULT 0;
