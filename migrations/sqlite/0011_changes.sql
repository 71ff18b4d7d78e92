-- Every device that was written, in the order of writing, by whichever process: what a server that keeps the fleet in memory has to read
-- again. Triggers, so that no statement can forget it: whatever writes a device raises its version or changes its status, but for signs
-- of life, which change nothing that the memory holds.

CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    device_key INTEGER NOT NULL
) STRICT;

CREATE TRIGGER device_came AFTER INSERT ON device BEGIN
    INSERT INTO change (device_key) VALUES (NEW.key);
END;

CREATE TRIGGER device_changed AFTER UPDATE OF status, version ON device BEGIN
    INSERT INTO change (device_key) VALUES (NEW.key);
END;

CREATE TRIGGER device_went AFTER DELETE ON device BEGIN
    INSERT INTO change (device_key) VALUES (OLD.key);
END;

-- Lists are ordered in that memory.
DROP INDEX finding_list;
ALTER TABLE finding DROP COLUMN name_lower;
