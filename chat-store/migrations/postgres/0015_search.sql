-- The words of messages, and labels that say where they are and whose, which begin with an equals sign.
CREATE TABLE chat_search (
    id bigint PRIMARY KEY, -- that of the message
    words tsvector NOT NULL
);
CREATE INDEX chat_search_by_words ON chat_search USING gin (words);

-- The last message that the index knows. One row, or none.
CREATE TABLE chat_search_position (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch text NOT NULL,
    version bigint NOT NULL, -- that of the words
    position bigint NOT NULL
);
