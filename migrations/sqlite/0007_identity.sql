-- Who lets a machine in, whose place it takes, how its life as a device ends, and a record of all of that.

-- token.approves says who lets its machines in: 0 a person, 1 nobody has to, 2 the imported list.
-- What a machine has to say of itself (a filter; empty: anything), how many may come in an hour, and after how long a silence its devices
-- retire by themselves.
ALTER TABLE token ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN per_hour INTEGER;
ALTER TABLE token ADD COLUMN ephemeral_ms INTEGER;
-- The hour that is being counted, and how many came in it.
ALTER TABLE token ADD COLUMN hour_began INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN hour_uses INTEGER NOT NULL DEFAULT 0;

-- By which token it came; empty for one that came before this was kept, or by another way.
ALTER TABLE device ADD COLUMN token_id TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN ephemeral_ms INTEGER;
-- Why it is retired or replaced, and which device stands in its place.
ALTER TABLE device ADD COLUMN ended INTEGER;
ALTER TABLE device ADD COLUMN successor_key INTEGER;

CREATE INDEX device_place ON device (name_lower, status);
CREATE INDEX device_successor ON device (successor_key) WHERE successor_key IS NOT NULL;
CREATE INDEX device_ephemeral ON device (status, key) WHERE ephemeral_ms IS NOT NULL;

-- Every machine of the imported list, also those that a device stands for: entries of the list leave it then, and who enrols again has to
-- be found in it all the same. Filled by the next import.
CREATE TABLE listed_name (
    name_lower TEXT NOT NULL,
    domain TEXT NOT NULL,
    PRIMARY KEY (name_lower, domain)
) STRICT, WITHOUT ROWID;

INSERT INTO listed_name (name_lower, domain) SELECT DISTINCT name_lower, domain FROM device WHERE status = 4;

-- What was done to devices, tokens and certificates, by whom. Only ever added to. The device may be gone.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    device_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE INDEX audit_device ON audit (device_id, id) WHERE device_id <> '';
