-- Times are seconds since 1970. A column named *_ciphertext is KMS ciphertext; nothing secret lies here bare.

CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE server_keys (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    private_key_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE TABLE sdk_builds (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    secret_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

-- Which server keys a build was compiled with.
CREATE TABLE sdk_build_server_keys (
    build_id TEXT NOT NULL REFERENCES sdk_builds (id),
    server_key_id TEXT NOT NULL REFERENCES server_keys (id),
    PRIMARY KEY (build_id, server_key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
    app_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    max_age_secs INTEGER NOT NULL CHECK (max_age_secs > 0),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO sqlite_sequence (name, seq) VALUES ('apps', 1000000);

CREATE TABLE app_domains (
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    pattern TEXT NOT NULL,
    PRIMARY KEY (app_id, pattern)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    kid TEXT NOT NULL,
    text_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER,
    UNIQUE (app_id, kid)
) STRICT;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    psk_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT, WITHOUT ROWID;

-- A file id is unique over all apps because media addresses name it alone. A deleted title keeps its row, so that its
-- file id (and the segments a CDN still caches under it) is never taken again; its secret is gone.
CREATE TABLE titles (
    file_id TEXT PRIMARY KEY,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    name TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('private', 'clear')),
    state TEXT NOT NULL CHECK (state IN ('packaging', 'published', 'deleted')),
    secret_ciphertext BLOB,
    -- Of the packager's run that holds the secret.
    public_key TEXT NOT NULL,
    publication TEXT,
    duration_ms INTEGER,
    created_at INTEGER NOT NULL,
    published_at INTEGER,
    CHECK ((state = 'published') <= (publication IS NOT NULL)),
    CHECK ((mode = 'private' AND state <> 'deleted') = (secret_ciphertext IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX titles_by_app ON titles (app_id, file_id);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    uid TEXT,
    kid TEXT NOT NULL,
    build_id TEXT NOT NULL REFERENCES sdk_builds (id),
    max_track INTEGER NOT NULL CHECK (max_track BETWEEN 0 AND 3),
    origin TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    url_expires_at INTEGER NOT NULL,
    last_counter INTEGER NOT NULL,
    last_position_ms INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_viewer ON sessions (app_id, uid);

-- Each row's hash covers the row and the hash before it.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    app_id INTEGER,
    file_id TEXT,
    session_id TEXT,
    detail TEXT NOT NULL,
    prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
