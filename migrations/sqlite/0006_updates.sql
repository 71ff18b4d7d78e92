-- Which update is on which device, and which update brings which build.

-- What the question about an update needs of a device, in a form of the server's own. Beside the device and not in it, so that asking
-- a whole fleet reads nothing else.
CREATE TABLE device_updates (
    device_key INTEGER PRIMARY KEY REFERENCES device (key) ON DELETE CASCADE,
    profile BLOB NOT NULL
) STRICT;

-- What devices said of updates: most devices that said so at one time, how many of them by the update's title, since when five had it,
-- and when the server first heard of it. Imported ones were written by a person.
CREATE TABLE learned_update (
    kb INTEGER NOT NULL,
    kind TEXT NOT NULL,
    package_build INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    devices INTEGER NOT NULL,
    by_title INTEGER NOT NULL,
    since INTEGER NOT NULL,
    learned_at INTEGER NOT NULL,
    imported INTEGER NOT NULL,
    PRIMARY KEY (kb, kind, package_build, revision)
) STRICT, WITHOUT ROWID;

-- How many devices run which revision.
CREATE INDEX device_revision ON device (status, kind, build, ubr);
