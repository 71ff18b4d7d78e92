-- Secrets of the servers that share this database, each wrapped (AES-256-GCM, its name as associated data) by a key that no database
-- holds and every server has as a file. key_id names that key. Empty on SQLite, whose server keeps its secrets as files; what was moved
-- here from Postgres stands here until the server starts.
CREATE TABLE secret (
    name TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;
