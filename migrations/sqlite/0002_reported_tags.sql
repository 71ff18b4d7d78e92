-- What a device says of itself stays apart from what a token gave it: whoever runs a machine can write its policy's Tags, and nothing that
-- decides who may see a device may rest on that.
ALTER TABLE device ADD COLUMN reported_tags TEXT NOT NULL DEFAULT '[]';

CREATE TABLE device_reported_tag (
    device_key INTEGER NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device_key, tag)
) STRICT, WITHOUT ROWID;
