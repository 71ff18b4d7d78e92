-- See migrations/sqlite/0015_history_pages.sql. Ids of history only ever grow here, as they are.
CREATE TABLE history_page (
    device_key BIGINT NOT NULL REFERENCES device (key) ON DELETE CASCADE,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    entries BYTEA NOT NULL,
    PRIMARY KEY (device_key, first_id)
) WITH (fillfactor = 80);

CREATE INDEX history_page_age ON history_page (first_at);

DROP INDEX device_status_at;
