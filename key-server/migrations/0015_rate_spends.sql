-- What servers over one database tell each other of rates: units of a counter spent in a minute.
CREATE TABLE rate_spends (
    slot INTEGER NOT NULL,
    counters TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (slot, counters, bucket)
) STRICT, WITHOUT ROWID;
