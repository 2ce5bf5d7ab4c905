-- Workers as they have told of themselves; those that have not been seen for long are forgotten.
CREATE TABLE workers (
    worker_id TEXT PRIMARY KEY,
    -- The key that it registered with last.
    api_key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    protocol_version INTEGER NOT NULL,
    cpus INTEGER NOT NULL,
    memory_bytes INTEGER,
    jobs_max INTEGER NOT NULL,
    -- Two lists as JSON: jobs that it can do, and its ffmpeg's encoders.
    kinds TEXT NOT NULL,
    encoders TEXT NOT NULL,
    -- Somebody here wants it to take no more jobs; or it wants so itself.
    drain INTEGER NOT NULL CHECK (drain IN (0, 1)),
    leaving INTEGER NOT NULL CHECK (leaving IN (0, 1)),
    started_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;

-- Of the worker that claimed the job last, if it had registered.
ALTER TABLE jobs ADD COLUMN worker_id TEXT;
CREATE INDEX jobs_by_worker ON jobs (worker_id, state) WHERE worker_id IS NOT NULL;
