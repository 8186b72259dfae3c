-- How far a user has read a feed.
CREATE TABLE chat_read_positions (
    user_id bigint NOT NULL,
    feed text COLLATE "C" NOT NULL, -- room:NAME, or between:USER:USER with the smaller number first
    position bigint NOT NULL, -- the id of the newest message that was read; it only grows
    PRIMARY KEY (user_id, feed)
);
CREATE INDEX chat_read_positions_by_feed ON chat_read_positions (feed, user_id);
