-- Keys of titles that another vendor encrypted: its playlists name them by a text (docs/DELIVERY.md, "Standard mode").
CREATE TABLE imported_keys (
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    file_id TEXT NOT NULL REFERENCES titles (file_id),
    -- SHA-256 of the text.
    text_hash BLOB NOT NULL CHECK (length(text_hash) = 32),
    -- The vendor's id of the title: text and id belong together.
    media_id TEXT NOT NULL,
    key_ciphertext BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (file_id, text_hash)
) STRICT, WITHOUT ROWID;
