-- Open work: what asynchronous commands, channels and timers have come to. It is changed by append() with the records
-- that say so, and by the functions of the workers, who note only who is at it and when it is tried again.

CREATE TABLE obverse.open_commands (
    command_id     text COLLATE "C" PRIMARY KEY,
    position       bigint           NOT NULL, -- of its CommandAccepted
    channel        text COLLATE "C" NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    type           text COLLATE "C" NOT NULL,
    version        bigint           NOT NULL, -- of the command's own stream
    failed         boolean          NOT NULL DEFAULT false,
    -- Accepted for a later time: it holds nothing back until then.
    scheduled      boolean          NOT NULL,
    -- An earlier command of the stream, not a scheduled one, is open. Every change of that comes through append(), one
    -- transaction after another, so that it can be kept here and a claim does not walk over a long queue of one stream.
    behind         boolean          NOT NULL,
    attempts       integer          NOT NULL DEFAULT 0,
    accept_time    timestamptz      NOT NULL,
    due_time       timestamptz      NOT NULL,
    -- When it is due, or while it is leased the end of the lease.
    claimable_from timestamptz      NOT NULL,
    lease          text,
    error          text             NOT NULL DEFAULT ''
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.1);

CREATE INDEX open_commands_claimable ON obverse.open_commands (channel, claimable_from, position)
    WHERE NOT failed AND NOT behind;
CREATE INDEX open_commands_in_order ON obverse.open_commands (stream, position) WHERE NOT failed;
CREATE INDEX open_commands_scheduled ON obverse.open_commands (stream, position) WHERE NOT failed AND scheduled;

-- The same with the state that an operator is shown.
CREATE VIEW obverse.open_commands_now AS
SELECT *, CASE
    WHEN failed THEN 'failed'
    WHEN lease IS NOT NULL AND claimable_from > now() THEN 'in flight'
    WHEN due_time <= now() THEN 'ready'
    WHEN attempts > 0 THEN 'waiting'
    ELSE 'scheduled'
END AS state
FROM obverse.open_commands;

CREATE TABLE obverse.channels (
    channel         text COLLATE "C" PRIMARY KEY,
    open            bigint  NOT NULL DEFAULT 0, -- on the table and not failed
    accepted_total  bigint  NOT NULL DEFAULT 0,
    succeeded_total bigint  NOT NULL DEFAULT 0,
    refused_total   bigint  NOT NULL DEFAULT 0, -- with those that were called off
    failed_total    bigint  NOT NULL DEFAULT 0,
    paused          boolean NOT NULL DEFAULT false,
    pause_reason    text    NOT NULL DEFAULT ''
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- A table of its own: put_off() counts here, and must never hold a row that append() waits for while it waits itself.
CREATE TABLE obverse.channel_retries (
    channel text COLLATE "C" PRIMARY KEY,
    count   bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE obverse.channel_run_times (
    channel text COLLATE "C" NOT NULL,
    bound   bigint           NOT NULL, -- milliseconds
    count   bigint           NOT NULL,
    PRIMARY KEY (channel, bound)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE obverse.timers (
    key      text COLLATE "C" PRIMARY KEY,
    process  text COLLATE "C" NOT NULL,
    stream   text COLLATE "C" NOT NULL,
    name     text COLLATE "C" NOT NULL,
    due_time timestamptz      NOT NULL,
    position bigint           NOT NULL
);
CREATE INDEX timers_due ON obverse.timers (process, due_time, position);

CREATE TABLE obverse.process_checkpoints (
    process  text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- A receipt moves on from ACCEPTED (1) to an outcome (2, 3, 4), with the response and the position of that, and from
-- FAILED (4) back to ACCEPTED as it is. Nothing else of it changes, and it never goes.
DROP TRIGGER receipts_stay ON obverse.receipts;
DROP TRIGGER receipts_row_stays ON obverse.receipts;
CREATE TRIGGER receipts_stay BEFORE DELETE OR TRUNCATE ON obverse.receipts
    FOR EACH STATEMENT EXECUTE FUNCTION obverse.refuse_change();
CREATE TRIGGER receipts_row_stays BEFORE DELETE ON obverse.receipts
    FOR EACH ROW EXECUTE FUNCTION obverse.refuse_change();
CREATE TRIGGER receipts_only_move_on BEFORE UPDATE ON obverse.receipts
    FOR EACH ROW WHEN (NOT (
        new.command_id = old.command_id
        AND new.request_hash = old.request_hash
        AND new.stored_time = old.stored_time
        AND new.position >= old.position
        AND (
            (old.state = 1 AND new.state IN (2, 3, 4))
            OR (old.state = 4 AND new.state = 1 AND new.position = old.position AND new.receipt = old.receipt)
        )
    ))
    EXECUTE FUNCTION obverse.refuse_change();
ALTER TABLE obverse.receipts ENABLE ALWAYS TRIGGER receipts_stay;
ALTER TABLE obverse.receipts ENABLE ALWAYS TRIGGER receipts_row_stays;
ALTER TABLE obverse.receipts ENABLE ALWAYS TRIGGER receipts_only_move_on;

GRANT SELECT ON obverse.open_commands, obverse.open_commands_now, obverse.channels, obverse.channel_retries,
    obverse.channel_run_times, obverse.timers, obverse.process_checkpoints TO obverse_service;
