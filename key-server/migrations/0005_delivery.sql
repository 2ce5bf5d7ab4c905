-- Standard titles, sessions without the SDK, and what signatures limit (docs/DELIVERY.md).

-- A column's own CHECK goes with the column.
ALTER TABLE titles ADD COLUMN published_mode TEXT NOT NULL DEFAULT 'private' CHECK (published_mode IN ('private', 'standard', 'clear'));
UPDATE titles SET published_mode = mode;
ALTER TABLE titles DROP COLUMN mode;
ALTER TABLE titles RENAME COLUMN published_mode TO mode;

-- Not carried over: they end within a day, and players open new ones by themselves.
DROP TABLE sessions;
CREATE TABLE sessions (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    version INTEGER NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('private', 'standard')),
    uid TEXT,
    us TEXT,
    kid TEXT NOT NULL,
    -- SHA-256 of the signature that opened it.
    signature_hash BLOB NOT NULL CHECK (length(signature_hash) = 32),
    -- None for standard titles.
    build_id TEXT REFERENCES sdk_builds (id),
    max_track INTEGER NOT NULL CHECK (max_track BETWEEN 0 AND 3),
    -- Segments of a preview; none for the whole title.
    preview_segments INTEGER,
    -- SessionLimits as JSON: what later requests have to satisfy too.
    limits TEXT NOT NULL DEFAULT '{}',
    origin TEXT,
    -- The network of the client that opened it, such as 203.0.113.0/24: enough to tell viewers apart, too little to find one.
    ip_class TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    url_expires_at INTEGER NOT NULL,
    last_counter INTEGER NOT NULL,
    last_position_ms INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    -- How often keys were released to it.
    releases INTEGER NOT NULL DEFAULT 1,
    revoked_at INTEGER,
    ended_by TEXT CHECK (ended_by IN ('request', 'viewer', 'signingKey', 'superseded', 'title')),
    CHECK ((mode = 'private') = (build_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_viewer ON sessions (app_id, uid);
CREATE INDEX sessions_by_title ON sessions (file_id, version);
CREATE INDEX sessions_by_age ON sessions (app_id, created_at);
