-- The generations of the CA. The keys are files beside the database; who may issue and who is trusted is decided here, so that the command
-- line and every running server see one truth.
CREATE TABLE ca (
    generation INTEGER PRIMARY KEY,
    -- 1 known and trusted, does not issue yet; 2 issues; 3 trusted, issues no more; 4 retired: its devices may come home, nothing else.
    standing INTEGER NOT NULL,
    certificate BLOB NOT NULL,
    -- Its key certified by the generation before and after it, so that whoever trusts one of them can follow to the other.
    by_older BLOB,
    by_newer BLOB,
    since INTEGER NOT NULL
) STRICT;

-- Which generation issued it; NULL for one that was issued before this was kept.
ALTER TABLE certificate ADD COLUMN ca INTEGER;
