-- Of the worker's key that claimed the job last: what a retired key holds is put back.
ALTER TABLE jobs ADD COLUMN api_key_id TEXT;
CREATE INDEX jobs_by_key ON jobs (api_key_id, state) WHERE api_key_id IS NOT NULL;
