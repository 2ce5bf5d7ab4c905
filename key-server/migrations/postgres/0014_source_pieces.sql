-- Sources in S3. Objects never grow, so such a source lies there in pieces, and what is not listed here does not count.
CREATE TABLE source_writers (
    upload_id TEXT COLLATE "C" PRIMARY KEY REFERENCES uploads (upload_id),
    -- Counts those who began to write: only the last one may record.
    writer BIGINT NOT NULL,
    -- How many pieces were ever recorded.
    pieces BIGINT NOT NULL
);

CREATE TABLE source_pieces (
    upload_id TEXT COLLATE "C" NOT NULL REFERENCES source_writers (upload_id),
    start BIGINT NOT NULL,
    length BIGINT NOT NULL CHECK (length > 0),
    -- Of its keystream; also its object's name.
    nonce BYTEA NOT NULL CHECK (length(nonce) = 12),
    -- Of what lies there.
    sha256 BYTEA NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (upload_id, start)
);
