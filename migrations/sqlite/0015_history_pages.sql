-- What changed on a device, packed: all but the fleet's newest rows of history move here, many of a device into one value
-- (server/store/src/history_page.rs). first_id and last_id are ids of its oldest and newest row; first_id stays where old rows are removed.
CREATE TABLE history_page (
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (device_key, first_id)
) STRICT, WITHOUT ROWID;

-- Which pages hold something that is old enough to be removed.
CREATE INDEX history_page_age ON history_page (first_at);

-- Ids only ever grow, also where the newest rows are removed: what is in a page is older than what is not.
CREATE TABLE history_numbered (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    issue TEXT NOT NULL,
    from_state INTEGER NOT NULL,
    to_state INTEGER NOT NULL,
    causes TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;

INSERT INTO history_numbered (id, device_key, at, issue, from_state, to_state, causes, summary)
SELECT id, device_key, at, issue, from_state, to_state, causes, summary FROM history ORDER BY id;

DROP TABLE history;

ALTER TABLE history_numbered RENAME TO history;

CREATE INDEX history_device ON history (device_key, id);

-- Nobody asks by it since changes of status are noted among the changes.
DROP INDEX device_status_at;
