-- The media workflow: versions of titles, uploads, jobs, workflows, events, webhooks, people (docs/WORKFLOW.md).

-- Sessions are the one thing not carried over: they end within a day, and players open new ones by themselves.
DROP TABLE sessions;

-- Labels and versions refer to titles, so the table is built anew under its own name.
CREATE TEMP TABLE old_titles AS SELECT * FROM titles;
DROP TABLE titles;

-- A file id is unique over all apps because media addresses name it alone. A deleted title keeps its row, so that its
-- file id (and the segments a CDN still caches under it) is never taken again; its versions are gone.
CREATE TABLE titles (
    file_id TEXT PRIMARY KEY,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    mode TEXT NOT NULL CHECK (mode IN ('private', 'clear')),
    state TEXT NOT NULL CHECK (state IN ('uploading', 'queued', 'transcoding', 'encrypting', 'ready', 'published', 'failed', 'deleted')),
    failure_code TEXT,
    failure_message TEXT,
    workflow_id TEXT,
    -- The version that is played.
    version INTEGER,
    -- The highest version number ever given: numbers are not given twice.
    last_version INTEGER NOT NULL DEFAULT 0,
    file_name TEXT,
    size_bytes INTEGER,
    stored_bytes INTEGER,
    duration_ms INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    published_at INTEGER,
    -- Of the title's latest change; see `changes`.
    change_seq INTEGER NOT NULL,
    CHECK ((state IN ('ready', 'published')) <= (version IS NOT NULL)),
    CHECK ((state = 'failed') = (failure_code IS NOT NULL)),
    CHECK ((failure_code IS NULL) = (failure_message IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX titles_by_app ON titles (app_id, state, file_id);
CREATE INDEX titles_by_creation ON titles (app_id, created_at, file_id);
CREATE INDEX titles_by_change ON titles (app_id, change_seq);

CREATE TABLE title_labels (
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    label TEXT NOT NULL,
    PRIMARY KEY (file_id, label)
) STRICT, WITHOUT ROWID;

-- One encryption of a title, by one run of one packager. Its row goes with its media.
CREATE TABLE title_versions (
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    version INTEGER NOT NULL CHECK (version > 0),
    -- None for clear titles.
    secret_ciphertext BLOB,
    -- Of the packager's run that holds the secret.
    public_key TEXT NOT NULL,
    -- MediaInfo as JSON, once committed.
    publication TEXT,
    cover TEXT,
    sprites TEXT,
    stored_bytes INTEGER,
    created_at INTEGER NOT NULL,
    committed_at INTEGER,
    PRIMARY KEY (file_id, version),
    CHECK ((publication IS NULL) = (committed_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Grows by one with each change of any title.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO changes (id, seq) VALUES (1, (SELECT count(*) FROM old_titles));

INSERT INTO titles (file_id, app_id, name, mode, state, failure_code, failure_message, version, last_version, duration_ms, created_at, updated_at,
                    published_at, change_seq)
SELECT file_id, app_id, name, mode, CASE state WHEN 'packaging' THEN 'transcoding' ELSE state END, NULL, NULL,
       CASE state WHEN 'published' THEN 1 END, 1, duration_ms, created_at, coalesce(published_at, created_at), published_at,
       row_number() OVER (ORDER BY created_at, file_id)
FROM old_titles;
INSERT INTO title_versions (file_id, version, secret_ciphertext, public_key, publication, created_at, committed_at)
SELECT file_id, 1, secret_ciphertext, public_key, publication, created_at, CASE WHEN publication IS NOT NULL THEN coalesce(published_at, created_at) END
FROM old_titles WHERE state <> 'deleted';
DROP TABLE old_titles;

CREATE TABLE sessions (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    version INTEGER NOT NULL,
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
CREATE INDEX sessions_by_title ON sessions (file_id, version);
CREATE INDEX sessions_by_age ON sessions (app_id, created_at);

ALTER TABLE apps ADD COLUMN default_workflow_id TEXT;
ALTER TABLE apps ADD COLUMN upload_bytes_max INTEGER NOT NULL DEFAULT 107374182400;
-- File name extensions, comma-separated, lower case.
ALTER TABLE apps ADD COLUMN upload_types TEXT NOT NULL DEFAULT 'mp4,m4v,mov,mkv,webm,avi,flv,mpg,mpeg,ts,m2ts,mts,wmv,mxf,ogv,3gp';

-- A worker's key is of no application. Scopes are comma-separated.
CREATE TABLE new_api_keys (
    id TEXT PRIMARY KEY,
    app_id INTEGER REFERENCES apps (app_id),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    psk_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    retired_at INTEGER,
    CHECK ((app_id IS NULL) = (scopes = 'worker'))
) STRICT, WITHOUT ROWID;
INSERT INTO new_api_keys (id, app_id, name, scopes, secret_hash, psk_ciphertext, created_at, retired_at)
SELECT id, app_id, 'first', 'read,write,pack,sign,manage', secret_hash, psk_ciphertext, created_at, retired_at FROM api_keys;
DROP TABLE api_keys;
ALTER TABLE new_api_keys RENAME TO api_keys;
CREATE INDEX api_keys_by_app ON api_keys (app_id);

-- Built-in workflows are in the program.
CREATE TABLE workflows (
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    workflow_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- WorkflowSettings as JSON.
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, workflow_id)
) STRICT, WITHOUT ROWID;

-- A source on its way in, and then at rest until its version is committed.
CREATE TABLE uploads (
    upload_id TEXT PRIMARY KEY,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    kind TEXT NOT NULL CHECK (kind IN ('tus', 'url')),
    state TEXT NOT NULL CHECK (state IN ('receiving', 'complete', 'gone')),
    -- Unknown until a server that is pulled from tells it.
    length INTEGER,
    offset INTEGER NOT NULL DEFAULT 0,
    -- Upload-Metadata as it was sent.
    metadata TEXT NOT NULL DEFAULT '',
    sha256 BLOB CHECK (length(sha256) = 32),
    url TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    -- Of the key that the source is written under; none once it is gone.
    key_ciphertext BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_title ON uploads (file_id);
CREATE INDEX uploads_by_state ON uploads (state, expires_at);

-- A source is written in stretches, each with a nonce of its own: no byte of keystream is ever used twice.
CREATE TABLE source_stretches (
    upload_id TEXT NOT NULL REFERENCES uploads (upload_id),
    number INTEGER NOT NULL CHECK (number > 0),
    start INTEGER NOT NULL,
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    job_id TEXT PRIMARY KEY,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    kind TEXT NOT NULL CHECK (kind IN ('package', 'reencrypt')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
    -- WorkflowSettings as JSON, as they were when the job was made; none for a re-encryption.
    settings TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    -- Of the latest attempt: the fence. Whoever carries another one has lost the job.
    version INTEGER,
    worker TEXT,
    lease_expires_at INTEGER,
    -- Not before this, after a failed attempt.
    run_after INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    stage TEXT CHECK (stage IN ('transcoding', 'encrypting')),
    percent REAL,
    left_secs INTEGER,
    speed REAL,
    failure_code TEXT,
    failure_message TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    CHECK ((state = 'running') <= (lease_expires_at IS NOT NULL AND version IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_to_claim ON jobs (state, priority, run_after, created_at);
CREATE INDEX jobs_by_title ON jobs (file_id, created_at);
CREATE INDEX jobs_by_app ON jobs (app_id, created_at);

CREATE TABLE job_log (
    job_id TEXT NOT NULL REFERENCES jobs (job_id),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    type TEXT NOT NULL,
    file_id TEXT,
    data TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_app ON events (app_id, seq);
CREATE INDEX events_by_title ON events (file_id, seq);

CREATE TABLE webhooks (
    webhook_id TEXT PRIMARY KEY,
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    url TEXT NOT NULL,
    secret_ciphertext BLOB NOT NULL,
    -- Comma-separated; empty means all.
    types TEXT NOT NULL DEFAULT '',
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_by_app ON webhooks (app_id);

CREATE TABLE deliveries (
    delivery_id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (event_id),
    webhook_id TEXT NOT NULL REFERENCES webhooks (webhook_id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempt INTEGER NOT NULL DEFAULT 0,
    run_after INTEGER NOT NULL,
    lease_expires_at INTEGER,
    give_up_at INTEGER NOT NULL,
    last_status INTEGER,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (state, run_after);
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, created_at);
CREATE INDEX deliveries_by_event ON deliveries (event_id);

CREATE TABLE users (
    user_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    -- argon2id in PHC form.
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_ins (
    -- SHA-256 of the cookie's value.
    token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id TEXT NOT NULL REFERENCES users (user_id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);

-- Answers to creates, for repetitions. Sealed, because some hold a secret that is told once.
CREATE TABLE idempotency (
    -- Who asked: an API key or a user.
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    status INTEGER NOT NULL,
    body_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_title ON audit (file_id, seq);
CREATE INDEX audit_by_app ON audit (app_id, seq);
