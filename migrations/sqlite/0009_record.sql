-- The record is a chain: the hash of a line covers the line and the hash of the one before. Lines that are older than this migration have
-- none; they are chained when the database is opened the next time.
ALTER TABLE audit ADD COLUMN hash BLOB NOT NULL DEFAULT X'';

-- Where the chain ends, signed with a key that is not in this database. One row.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT;

-- Where it begins, once lines were removed by age: after this one. Signed too. At most one row.
CREATE TABLE audit_checkpoint (
    last INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    seal BLOB NOT NULL
) STRICT;
