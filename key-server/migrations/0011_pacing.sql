-- How fast viewers take keys, and what looks like theft (docs/PACING.md).

-- Highest score of a session so far, and the names of its reasons as JSON.
ALTER TABLE sessions ADD COLUMN score INTEGER NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 100);
ALTER TABLE sessions ADD COLUMN reasons TEXT NOT NULL DEFAULT '[]';

-- A column's own CHECK goes with the column.
ALTER TABLE sessions ADD COLUMN ended_how TEXT
    CHECK (ended_how IN ('request', 'viewer', 'signingKey', 'superseded', 'title', 'pacing'));
UPDATE sessions SET ended_how = ended_by;
ALTER TABLE sessions DROP COLUMN ended_by;
ALTER TABLE sessions RENAME COLUMN ended_how TO ended_by;

-- What a viewer has taken of a version of a title. A row is forgotten a day after its last request.
CREATE TABLE pacing_accounts (
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- 'uid:' and the viewer, or 'session:' and the session where its signature names none.
    viewer TEXT NOT NULL,
    -- The periods released: bit n % 8 of byte n / 8.
    periods BLOB NOT NULL,
    -- Account as JSON.
    account TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, file_id, version, viewer)
) STRICT, WITHOUT ROWID;
CREATE INDEX pacing_accounts_by_age ON pacing_accounts (last_seen_at);
