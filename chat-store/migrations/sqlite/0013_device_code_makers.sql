-- The device that has made a code: a hash of its token. None where those who run the chat have.
ALTER TABLE device_codes ADD COLUMN made_by BLOB;
