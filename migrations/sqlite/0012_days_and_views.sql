-- What was counted at the end of each day (of today: last), for whoever sees all devices and for each scope that somebody has. A scope is
-- kept as people write it, empty for all devices; a day is its number since 1970-01-01, UTC. A day without a row was not counted: the
-- server did not run, or nobody had the scope yet.
CREATE TABLE fleet_day (
    scope TEXT NOT NULL,
    day INTEGER NOT NULL,
    at INTEGER NOT NULL,
    serious INTEGER NOT NULL,
    warning INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    healthy INTEGER NOT NULL,
    never_reported INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    never_enrolled INTEGER NOT NULL,
    PRIMARY KEY (scope, day)
) STRICT, WITHOUT ROWID;

-- Of a day that has a row above, an issue without a row here stood on no device.
CREATE TABLE issue_day (
    scope TEXT NOT NULL,
    day INTEGER NOT NULL,
    issue TEXT NOT NULL,
    open_count INTEGER NOT NULL,
    serious_count INTEGER NOT NULL,
    unknown_count INTEGER NOT NULL,
    accepted_count INTEGER NOT NULL,
    primary_count INTEGER NOT NULL,
    PRIMARY KEY (scope, day, issue),
    FOREIGN KEY (scope, day) REFERENCES fleet_day (scope, day) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Lists as people left them: what they filter, order and show. A list is an issue's id, or 'devices'.
CREATE TABLE saved_view (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    name TEXT NOT NULL,
    list TEXT NOT NULL,
    filter TEXT NOT NULL,
    columns TEXT NOT NULL,
    sort TEXT NOT NULL,
    shared INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;
