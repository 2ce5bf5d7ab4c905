-- The library: lists of titles by every sort and by search, samples of key releases, the audit log by session.

-- Name, description and file id in lower case, which SQLite itself does for ASCII only; the store keeps it.
ALTER TABLE titles ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
UPDATE titles SET search_text = lower(name || char(10) || description || char(10) || file_id);

CREATE INDEX titles_by_update ON titles (app_id, updated_at, file_id);
CREATE INDEX titles_by_name ON titles (app_id, name COLLATE NOCASE, file_id);
CREATE INDEX titles_by_duration ON titles (app_id, coalesce(duration_ms, -1), file_id);
CREATE INDEX titles_by_size ON titles (app_id, coalesce(size_bytes, -1), file_id);

-- How often keys were released to it.
ALTER TABLE sessions ADD COLUMN releases INTEGER NOT NULL DEFAULT 1;

CREATE INDEX audit_by_session ON audit (session_id, seq) WHERE session_id IS NOT NULL;
