-- What stands in front of this server as CDN, per application (docs/DELIVERY.md, "Media origins").
CREATE TABLE media_origins (
    app_id INTEGER NOT NULL REFERENCES apps (app_id),
    origin_id TEXT NOT NULL,
    base_url TEXT NOT NULL,
    scheme TEXT NOT NULL,
    -- Of vendors' schemes only: path-hmac has its key from the installation.
    key_ciphertext BLOB,
    backup_key_ciphertext BLOB,
    ttl_secs INTEGER NOT NULL,
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, origin_id),
    CHECK ((scheme = 'path-hmac') = (key_ciphertext IS NULL)),
    CHECK (backup_key_ciphertext IS NULL OR key_ciphertext IS NOT NULL)
) STRICT, WITHOUT ROWID;
-- At most one.
CREATE UNIQUE INDEX media_origins_default ON media_origins (app_id) WHERE is_default = 1;

-- From where an address with a limit of client addresses was used. A row lives as long as its address.
CREATE TABLE url_addresses (
    -- SHA-256 of the signature's own words.
    url_hash BLOB NOT NULL,
    address TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (url_hash, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX url_addresses_by_expiry ON url_addresses (expires_at);
