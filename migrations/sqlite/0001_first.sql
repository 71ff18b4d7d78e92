-- Tables of the first version. Times are milliseconds UTC. Codes of states stand in server/store/src/codes.rs.

CREATE TABLE device (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- What lists and filters need. name_lower orders every list.
    name TEXT NOT NULL,
    name_lower TEXT NOT NULL,
    domain TEXT NOT NULL,
    ou TEXT NOT NULL,
    site TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL DEFAULT '',
    release TEXT NOT NULL DEFAULT '',
    build INTEGER,
    ubr INTEGER,
    edition TEXT NOT NULL DEFAULT '',
    arch TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL,
    source_quality TEXT,
    source_feature TEXT,
    source_driver TEXT,
    source_other TEXT,
    primary_issue TEXT NOT NULL DEFAULT '',
    -- Where its reports stand; the epoch is empty until the first one.
    epoch BLOB NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0,
    digest BLOB NOT NULL,
    -- Counted at write time.
    open_count INTEGER NOT NULL DEFAULT 0,
    serious_count INTEGER NOT NULL DEFAULT 0,
    unknown_count INTEGER NOT NULL DEFAULT 0,
    health INTEGER NOT NULL DEFAULT 0,
    last_seen_at INTEGER,
    last_report_at INTEGER,
    confirmed_at INTEGER,
    due_at INTEGER,
    enrolled_at INTEGER NOT NULL,
    collector_version TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    -- When the status last changed; NULL since enrolment.
    status_at INTEGER
) STRICT;

CREATE INDEX device_list ON device (status, name_lower, key);
-- Keys of active devices in their order, for diagnosing the whole fleet again.
CREATE INDEX device_active ON device (status, key);
CREATE INDEX device_due ON device (status, due_at, key) WHERE due_at IS NOT NULL;

-- How a running server learns what another process revoked.
CREATE INDEX device_status_at ON device (status_at) WHERE status_at IS NOT NULL;

CREATE TABLE device_tag (
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device_key, tag)
) STRICT, WITHOUT ROWID;

-- All observations of a device in one value, so that a report costs one row.
CREATE TABLE device_facts (
    device_key INTEGER PRIMARY KEY REFERENCES device (key) ON DELETE CASCADE,
    facts BLOB NOT NULL
) STRICT;

CREATE TABLE device_key (
    key_sha256 BLOB PRIMARY KEY,
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    serial BLOB PRIMARY KEY,
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    key_sha256 BLOB NOT NULL,
    issued_at INTEGER NOT NULL,
    not_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX certificate_device ON certificate (device_key, not_after);

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    approves INTEGER NOT NULL,
    tags TEXT NOT NULL,
    expires_at INTEGER,
    use_limit INTEGER,
    uses INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

-- A row only while open or unknown. The name is the device's, so that an issue's list pages by one index.
CREATE TABLE finding (
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    issue TEXT NOT NULL,
    name_lower TEXT NOT NULL,
    state INTEGER NOT NULL,
    severity INTEGER,
    summary TEXT NOT NULL,
    causes TEXT NOT NULL,
    since INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (device_key, issue)
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_list ON finding (issue, name_lower, device_key);

CREATE TABLE finding_cause (
    device_key INTEGER NOT NULL,
    issue TEXT NOT NULL,
    cause_key TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (device_key, issue, cause_key),
    FOREIGN KEY (device_key, issue) REFERENCES finding (device_key, issue) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX finding_cause_group ON finding_cause (issue, cause_key, device_key);

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    issue TEXT NOT NULL,
    from_state INTEGER NOT NULL,
    to_state INTEGER NOT NULL,
    causes TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;

CREATE INDEX history_device ON history (device_key, id);

-- Counters, moved in the transaction that moves what they count. Only active devices count in the first two.
CREATE TABLE issue_count (
    issue TEXT PRIMARY KEY,
    open_count INTEGER NOT NULL,
    serious_count INTEGER NOT NULL,
    unknown_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE source_count (
    class INTEGER NOT NULL,
    source TEXT NOT NULL,
    devices INTEGER NOT NULL,
    PRIMARY KEY (class, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE fleet_count (
    status INTEGER NOT NULL,
    health INTEGER NOT NULL,
    devices INTEGER NOT NULL,
    PRIMARY KEY (status, health)
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_in_link (
    hash BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    csrf TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_end ON session (expires_at);

CREATE TABLE api_token (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Written by every check that the database can be written.
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
