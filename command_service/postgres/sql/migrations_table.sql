CREATE SCHEMA IF NOT EXISTS obverse;
CREATE TABLE IF NOT EXISTS obverse.migrations (
    number       integer PRIMARY KEY,
    name         text        NOT NULL,
    checksum     bytea       NOT NULL,
    applied_time timestamptz NOT NULL DEFAULT now()
);
