-- Both ends of the audit log under a MAC: rows that are gone from its end show, and a chain that was built anew.
CREATE TABLE audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- The last row that retention took away, which the first one still here continues.
    start_seq INTEGER NOT NULL,
    start_hash BLOB NOT NULL CHECK (length(start_hash) = 32),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- Empty until the first row after this migration.
    mac BLOB NOT NULL CHECK (length(mac) IN (0, 32))
) STRICT;
INSERT INTO audit_head (one, start_seq, start_hash, seq, hash, mac)
    SELECT 1, 0, zeroblob(32), seq, hash, x'' FROM audit ORDER BY seq DESC LIMIT 1;

-- Failed attempts to sign in since the first one of an hour: by person, and of all other names together.
CREATE TABLE sign_in_failures (
    user_id TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT;
