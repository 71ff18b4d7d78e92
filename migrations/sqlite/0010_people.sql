-- People who sign in. Those of a directory are known by what the directory never changes; their role and scope are what its groups came to
-- when it was last asked.
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    source INTEGER NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    role INTEGER NOT NULL,
    scope TEXT NOT NULL,
    password TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    signed_in_at INTEGER,
    disabled_at INTEGER,
    UNIQUE (source, subject)
) STRICT;

-- Links and sessions do not outlive an upgrade: those that were open did not know whose they are.
DROP TABLE sign_in_link;

CREATE TABLE sign_in_link (
    hash BLOB PRIMARY KEY,
    account TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP TABLE session;

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    csrf TEXT NOT NULL,
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    grant_sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_end ON session (expires_at);
CREATE INDEX session_account ON session (account);

-- Tokens that were there may do what they could.
ALTER TABLE api_token ADD COLUMN role INTEGER NOT NULL DEFAULT 3;
ALTER TABLE api_token ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE api_token ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE api_token ADD COLUMN used_at INTEGER;
