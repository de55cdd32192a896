-- What pgbench inserts into: one identity column and a record's bytes, emptied before each run.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench_insert (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record bytea NOT NULL
);
TRUNCATE bench_insert;
