-- The name of an application's event, whose content is its payload as JSON; NULL for a text.
ALTER TABLE messages ADD COLUMN event TEXT;
