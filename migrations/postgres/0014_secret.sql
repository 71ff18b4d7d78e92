-- What a column means stands in migrations/sqlite.
CREATE TABLE secret (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    key_id TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL
);
