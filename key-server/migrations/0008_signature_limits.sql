-- What signatures with limits were used for (docs/DELIVERY.md, "Signature limits"). A row goes once its signature can't be
-- valid any more, however the application's maximum age changes meanwhile.

-- Signatures for one use that were used.
CREATE TABLE used_signatures (
    signature_hash BLOB PRIMARY KEY CHECK (length(signature_hash) = 32),
    forget_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_signatures_by_age ON used_signatures (forget_at);

-- The client addresses that a signature with a limit of them was used at: as MACs under a key that is not in the database.
CREATE TABLE signature_addresses (
    signature_hash BLOB NOT NULL CHECK (length(signature_hash) = 32),
    address_mac BLOB NOT NULL CHECK (length(address_mac) = 32),
    forget_at INTEGER NOT NULL,
    PRIMARY KEY (signature_hash, address_mac)
) STRICT, WITHOUT ROWID;
CREATE INDEX signature_addresses_by_age ON signature_addresses (forget_at);
