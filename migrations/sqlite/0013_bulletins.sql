-- What servers of one database tell each other, and what a command asks of them: each server reads what is newer than what it has read.
CREATE TABLE bulletin (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    sender TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Which changes are of a device's status: a server asks for those alone, by the order in which they were written and not by clocks, which
-- differ between machines.
ALTER TABLE change ADD COLUMN of_status INTEGER NOT NULL DEFAULT 0;

CREATE INDEX change_of_status ON change (seq) WHERE of_status = 1;

DROP TRIGGER device_came;
DROP TRIGGER device_changed;
DROP TRIGGER device_went;

CREATE TRIGGER device_came AFTER INSERT ON device BEGIN
    INSERT INTO change (device_key, of_status) VALUES (NEW.key, 1);
END;

CREATE TRIGGER device_changed AFTER UPDATE OF status, version ON device BEGIN
    INSERT INTO change (device_key, of_status) VALUES (NEW.key, NEW.status <> OLD.status);
END;

CREATE TRIGGER device_went AFTER DELETE ON device BEGIN
    INSERT INTO change (device_key, of_status) VALUES (OLD.key, 1);
END;
