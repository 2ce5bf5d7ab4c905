-- What servers over one database tell each other of rates: units of a counter spent in a minute.
CREATE UNLOGGED TABLE rate_spends (
    slot BIGINT NOT NULL,
    counters TEXT COLLATE "C" NOT NULL,
    bucket BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    PRIMARY KEY (slot, counters, bucket)
);
