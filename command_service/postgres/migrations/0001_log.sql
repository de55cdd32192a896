-- The log, what is stored under a command's id, and the names that are held: written by append() alone.

-- Where the log ends. Its row is the lock that makes positions gap-free and visible in order.
CREATE TABLE obverse.head (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch     uuid   NOT NULL,
    position  bigint NOT NULL CHECK (position >= 0),
    chain     bytea  NOT NULL CHECK (octet_length(chain) = 32)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- The genesis of the chain is the hash of the epoch.
INSERT INTO obverse.head (epoch, position, chain)
SELECT epoch, 0, sha256(uuid_send(epoch)) FROM (SELECT gen_random_uuid() AS epoch) AS new;

CREATE TABLE obverse.log (
    position       bigint PRIMARY KEY,
    stream         text COLLATE "C" NOT NULL,
    version        bigint           NOT NULL CHECK (version > 0),
    type           text COLLATE "C" NOT NULL,
    record         bytea            NOT NULL,
    chain          bytea            NOT NULL,
    committed_time timestamptz      NOT NULL DEFAULT now(),
    -- Also what tells a stream's version: the last entry of its part of the index.
    CONSTRAINT log_stream_version UNIQUE (stream, version)
);

CREATE TABLE obverse.receipts (
    command_id   text COLLATE "C" PRIMARY KEY,
    request_hash bytea       NOT NULL,
    state        smallint    NOT NULL,
    position     bigint      NOT NULL,
    receipt      bytea       NOT NULL,
    stored_time  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE obverse.claims (
    scope text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    PRIMARY KEY (scope, value)
);

CREATE FUNCTION obverse.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: what is in the log stays as it is', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON obverse.log
    FOR EACH STATEMENT EXECUTE FUNCTION obverse.refuse_change();
CREATE TRIGGER receipts_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON obverse.receipts
    FOR EACH STATEMENT EXECUTE FUNCTION obverse.refuse_change();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON obverse.head
    FOR EACH STATEMENT EXECUTE FUNCTION obverse.refuse_change();

-- Logical replication fires row triggers only.
CREATE TRIGGER log_row_stays BEFORE UPDATE OR DELETE ON obverse.log
    FOR EACH ROW EXECUTE FUNCTION obverse.refuse_change();
CREATE TRIGGER receipts_row_stays BEFORE UPDATE OR DELETE ON obverse.receipts
    FOR EACH ROW EXECUTE FUNCTION obverse.refuse_change();

-- ALWAYS: also under session_replication_role = replica, which silences ordinary triggers.
ALTER TABLE obverse.log ENABLE ALWAYS TRIGGER log_stays;
ALTER TABLE obverse.log ENABLE ALWAYS TRIGGER log_row_stays;
ALTER TABLE obverse.receipts ENABLE ALWAYS TRIGGER receipts_stay;
ALTER TABLE obverse.receipts ENABLE ALWAYS TRIGGER receipts_row_stays;
ALTER TABLE obverse.head ENABLE ALWAYS TRIGGER head_stays;

REVOKE ALL ON FUNCTION obverse.refuse_change() FROM PUBLIC;
GRANT USAGE ON SCHEMA obverse TO obverse_service;
GRANT SELECT ON obverse.head, obverse.log, obverse.receipts, obverse.claims, obverse.migrations TO obverse_service;
