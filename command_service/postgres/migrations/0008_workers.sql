-- What workers may note beside the log. None of it waits for append() while it holds a row that append() may want: what is
-- locked is passed over, or it is the only row. Nor is it flushed: a claim or a delay that is lost with a crash costs an
-- attempt's count, and nothing that was decided.

-- At most `most` commands of a channel that can be carried out now, for the worker alone while the lease lasts.
CREATE FUNCTION obverse.claim(on_channel text, most integer, worker text, lease_seconds double precision)
RETURNS TABLE (command_id text, "position" bigint, record bytea, version bigint, attempt integer, lease text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp
-- A plan made while the tables are empty serves the session until they are large: only the indexes may carry it.
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    moment    timestamptz := clock_timestamp();
    new_lease text := worker || ' ' || gen_random_uuid();
    taken     text[];
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    IF (SELECT c.paused FROM channels AS c WHERE c.channel = on_channel) THEN
        RETURN;
    END IF;
    taken := ARRAY(
        SELECT o.command_id FROM open_commands AS o
        WHERE o.channel = on_channel AND NOT o.failed AND NOT o.behind AND o.claimable_from <= moment
          AND (SELECT e.position FROM open_commands AS e
               WHERE e.stream = o.stream AND NOT e.failed AND e.scheduled AND e.position < o.position
                 AND (e.due_time <= moment OR e.attempts > 0)
               LIMIT 1) IS NULL
        ORDER BY o.claimable_from, o.position
        LIMIT greatest(most, 0)
        FOR UPDATE OF o SKIP LOCKED);
    RETURN QUERY
    UPDATE open_commands AS o
    SET attempts = o.attempts + 1, lease = new_lease, claimable_from = moment + make_interval(secs => lease_seconds)
    WHERE o.command_id = ANY (taken)
    RETURNING o.command_id::text, o.position, (SELECT l.record FROM log AS l WHERE l.position = o.position),
              o.version, o.attempts, o.lease;
END
$$;

-- Prolong leases; answers the ids of those that are still held. One whose row is locked is being taken or brought to its
-- end: it is not prolonged, and held while its lease lasts.
CREATE FUNCTION obverse.renew(ids text[], leases text[], lease_seconds double precision) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR item IN 1 .. cardinality(ids) LOOP
        PERFORM o.command_id FROM open_commands AS o
        WHERE o.command_id = ids[item] AND o.lease = leases[item] AND NOT o.failed
        FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE open_commands AS o SET claimable_from = moment + make_interval(secs => lease_seconds)
            WHERE o.command_id = ids[item];
            RETURN NEXT ids[item];
        ELSIF (SELECT o.claimable_from > moment FROM open_commands AS o
               WHERE o.command_id = ids[item] AND o.lease = leases[item] AND NOT o.failed)
        THEN
            RETURN NEXT ids[item];
        END IF;
    END LOOP;
END
$$;

-- Give a command back until a later attempt.
CREATE FUNCTION obverse.put_off(id text, held_lease text, seconds double precision, what_went_wrong text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    later    timestamptz := clock_timestamp() + make_interval(secs => seconds);
    counting text;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE open_commands AS o SET lease = NULL, due_time = later, claimable_from = later, error = what_went_wrong
    WHERE o.command_id = id AND o.lease = held_lease AND NOT o.failed
    RETURNING o.channel INTO counting;
    IF FOUND THEN
        INSERT INTO channel_retries AS r VALUES (counting, 1)
        ON CONFLICT (channel) DO UPDATE SET count = r.count + 1;
    END IF;
END
$$;

-- Give a command back as if it had never been claimed.
CREATE FUNCTION obverse.give_back(id text, held_lease text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE open_commands AS o SET lease = NULL, claimable_from = o.due_time, attempts = o.attempts - 1
    WHERE o.command_id = id AND o.lease = held_lease AND NOT o.failed;
    IF FOUND THEN
        PERFORM pg_notify('obverse_work', '');
    END IF;
END
$$;

-- Seconds until a command of these channels can be claimed that cannot be now; NULL when there is none.
CREATE FUNCTION obverse.next_due(on_channels text[]) RETURNS double precision
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    RETURN (SELECT extract(epoch FROM min((
                SELECT o.claimable_from FROM open_commands AS o
                WHERE o.channel = n.channel AND NOT o.failed AND NOT o.behind AND o.claimable_from > moment
                ORDER BY o.claimable_from LIMIT 1)) - moment)
            FROM unnest(on_channels) AS n (channel)
            WHERE (SELECT c.paused FROM channels AS c WHERE c.channel = n.channel) IS NOT TRUE);
END
$$;

-- Note how far a process manager has come; never back.
CREATE FUNCTION obverse.save_checkpoint(of_process text, at_position bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO process_checkpoints AS p VALUES (of_process, at_position)
    ON CONFLICT (process) DO UPDATE SET position = excluded.position WHERE p.position < excluded.position;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA obverse FROM PUBLIC;
GRANT EXECUTE ON FUNCTION obverse.claim, obverse.renew, obverse.put_off, obverse.give_back, obverse.next_due,
    obverse.save_checkpoint TO obverse_service;
