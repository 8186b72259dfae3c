-- The user who wrote a message; NULL for a client without a nickname, and for messages from before this was kept.
ALTER TABLE messages ADD COLUMN user_id INTEGER;
