-- Workers as they have told of themselves; those that have not been seen for long are forgotten.
CREATE TABLE workers (
    worker_id TEXT COLLATE "C" PRIMARY KEY,
    -- The key that it registered with last.
    api_key_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    protocol_version BIGINT NOT NULL,
    cpus BIGINT NOT NULL,
    memory_bytes BIGINT,
    jobs_max BIGINT NOT NULL,
    -- Two lists as JSON: jobs that it can do, and its ffmpeg's encoders.
    kinds TEXT COLLATE "C" NOT NULL,
    encoders TEXT COLLATE "C" NOT NULL,
    -- Somebody here wants it to take no more jobs; or it wants so itself.
    drain BIGINT NOT NULL CHECK (drain IN (0, 1)),
    leaving BIGINT NOT NULL CHECK (leaving IN (0, 1)),
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);

-- Of the worker that claimed the job last, if it had registered.
ALTER TABLE jobs ADD COLUMN worker_id TEXT COLLATE "C";
CREATE INDEX jobs_by_worker ON jobs (worker_id, state) WHERE worker_id IS NOT NULL;
