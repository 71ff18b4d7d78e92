-- What only the fleet and the server know: sightings, accepted findings, primary causes, baselines, sources by kind.

ALTER TABLE device ADD COLUMN clock_ahead_ms INTEGER;
ALTER TABLE device ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN stack INTEGER;
ALTER TABLE device ADD COLUMN accepted_count INTEGER NOT NULL DEFAULT 0;

-- Which ids more than one device has.
CREATE INDEX device_client_id ON device (client_id, status) WHERE client_id <> '';

-- Until when an open finding is accepted; its state is then 5 (see server/store/src/codes.rs).
ALTER TABLE finding ADD COLUMN accepted_until INTEGER;

ALTER TABLE issue_count ADD COLUMN accepted_count INTEGER NOT NULL DEFAULT 0;
-- Devices whose primary cause it is.
ALTER TABLE issue_count ADD COLUMN primary_count INTEGER NOT NULL DEFAULT 0;

INSERT INTO issue_count (issue, open_count, serious_count, unknown_count, primary_count)
SELECT primary_issue, 0, 0, 0, COUNT(*) FROM device WHERE status = 1 AND primary_issue <> '' GROUP BY primary_issue
ON CONFLICT (issue) DO UPDATE SET primary_count = excluded.primary_count;

-- Sources are counted for clients and servers apart.
DROP TABLE source_count;

CREATE TABLE source_count (
    kind TEXT NOT NULL,
    class INTEGER NOT NULL,
    source TEXT NOT NULL,
    devices INTEGER NOT NULL,
    PRIMARY KEY (kind, class, source)
) STRICT, WITHOUT ROWID;

INSERT INTO source_count (kind, class, source, devices)
SELECT kind, 0, source_quality, COUNT(*) FROM device WHERE status = 1 AND source_quality IS NOT NULL GROUP BY kind, source_quality;
INSERT INTO source_count (kind, class, source, devices)
SELECT kind, 1, source_feature, COUNT(*) FROM device WHERE status = 1 AND source_feature IS NOT NULL GROUP BY kind, source_feature;
INSERT INTO source_count (kind, class, source, devices)
SELECT kind, 2, source_driver, COUNT(*) FROM device WHERE status = 1 AND source_driver IS NOT NULL GROUP BY kind, source_driver;
INSERT INTO source_count (kind, class, source, devices)
SELECT kind, 3, source_other, COUNT(*) FROM device WHERE status = 1 AND source_other IS NOT NULL GROUP BY kind, source_other;

-- Who had a revision first: at most five devices for each, the earliest. What is 1 for Windows, 2 for the servicing stack. The device
-- may be gone: that the fleet has seen the revision stays true.
CREATE TABLE baseline_claim (
    what INTEGER NOT NULL,
    kind TEXT NOT NULL,
    build INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    device_key INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (what, kind, build, revision, device_key)
) STRICT, WITHOUT ROWID;

INSERT INTO baseline_claim (what, kind, build, revision, device_key, at)
SELECT 1, kind, build, ubr, key, at FROM (
    SELECT kind, build, ubr, key, last_report_at AS at,
           ROW_NUMBER() OVER (PARTITION BY kind, build, ubr ORDER BY last_report_at, key) AS place
    FROM device
    WHERE status = 1 AND kind <> '' AND build IS NOT NULL AND ubr IS NOT NULL AND last_report_at IS NOT NULL
) WHERE place <= 5;

-- Open findings that somebody accepted for a time.
CREATE TABLE acceptance (
    id TEXT PRIMARY KEY,
    issue TEXT NOT NULL,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
