-- The knowledge pack that was imported; none where the built-in knowledge is in force. One row at most. The bytes are the signed file as
-- it came: whoever uses them verifies them again, so nothing beside them is trusted for more than a question whether they changed.
CREATE TABLE knowledge_pack (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version TEXT NOT NULL,
    dated TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
