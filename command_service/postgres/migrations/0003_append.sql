-- The only way into the log: one call appends a batch of entries, in order, each all or nothing.

-- Entry i of the batch is command_ids[i]. Its reads, records and claims follow on those of entry i - 1 and end at
-- read_ends[i], record_ends[i], claim_ends[i]. Read j was decided when the batch had read_after[j] records.
-- An entry whose response is NULL is checked only.
--
-- Answers one row for each entry, in order:
--   outcome  0 appended   1 done already   2 the id belongs to another request   3 read `about` is out of date
--            4 claim `about` is taken   5 record `about` is too large   6 record `about` does not follow on its stream
--   actual   for 3 and 6 the stream's version
--
-- Nearly every batch has nothing in it that could be refused. That is found out for the whole of it in two statements,
-- and no other session can change it meanwhile: whoever writes holds the head row. Any other batch goes entry by entry.
CREATE FUNCTION obverse.append(
    command_ids text[], request_hashes bytea[], states smallint[], responses bytea[],
    read_ends integer[], record_ends integer[], claim_ends integer[],
    read_streams text[], read_versions bigint[], read_after integer[],
    record_streams text[], record_versions bigint[], record_types text[], record_bytes bytea[],
    claim_scopes text[], claim_values text[], claim_owners text[], claim_releases boolean[]
) RETURNS TABLE (outcome smallint, log_epoch uuid, at_position bigint, stored bytea, about integer, actual bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = obverse, pg_temp
-- A plan made while the tables are empty serves the session until they are large: only the indexes may carry it.
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    largest_record CONSTANT integer := 384 * 1024;
    first_position bigint;
    last_position  bigint;
    last_chain     bytea;
    chains         bytea[];
    is_new         boolean;
    is_in_turn     boolean;
BEGIN
    -- An acknowledged entry is on disk, whatever the session, the role or a pooler has set. Not as a SET clause of the
    -- function: that is undone before the commit.
    IF current_setting('synchronous_commit') <> 'remote_apply' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    SELECT h.epoch, h.position, h.chain INTO log_epoch, first_position, last_chain FROM head AS h FOR UPDATE;

    -- Scalar subqueries: a join, or EXISTS, would one day be planned as a hash of the whole table.
    SELECT count(DISTINCT given.id) = cardinality(command_ids)
       AND count((SELECT r.position FROM receipts AS r WHERE r.command_id = given.id)) = 0
    INTO is_new FROM unnest(command_ids) AS given (id);

    -- What a stream goes through in the batch: a read must find what came before, a record must follow on it.
    SELECT bool_and(step.version = step.grows + coalesce(step.before, (
               SELECT l.version FROM log AS l WHERE l.stream = step.stream ORDER BY l.version DESC LIMIT 1), 0))
    INTO is_in_turn
    FROM (
        SELECT s.stream, s.version, s.grows,
               lag(s.version) OVER (PARTITION BY s.stream ORDER BY s.place, s.grows DESC) AS before
        FROM (
            SELECT stream, version, place, 0 AS grows
            FROM unnest(read_streams, read_versions, read_after) AS r (stream, version, place)
            UNION ALL
            SELECT stream, version, place, 1
            FROM unnest(record_streams, record_versions) WITH ORDINALITY AS n (stream, version, place)
        ) AS s (stream, version, place, grows)
    ) AS step;

    IF NOT is_new OR NOT is_in_turn OR cardinality(claim_scopes) > 0
        OR EXISTS (SELECT FROM unnest(record_bytes) AS n (bytes) WHERE octet_length(n.bytes) > largest_record)
        OR EXISTS (SELECT FROM unnest(responses, record_ends, array_prepend(0, record_ends)) AS e (response, upto, before)
                   WHERE e.response IS NULL AND e.upto > e.before)
    THEN
        RETURN QUERY SELECT * FROM append_one_by_one(
            command_ids, request_hashes, states, responses, read_ends, record_ends, claim_ends,
            read_streams, read_versions, read_after, record_streams, record_versions, record_types, record_bytes,
            claim_scopes, claim_values, claim_owners, claim_releases);
        RETURN;
    END IF;

    last_position := first_position;
    FOR item IN 1 .. cardinality(record_bytes) LOOP
        last_position := last_position + 1;
        last_chain := sha256(last_chain || int8send(last_position) || record_bytes[item]);
        chains[item] := last_chain;
    END LOOP;

    INSERT INTO log (position, stream, version, type, record, chain)
    SELECT first_position + n.place, n.stream, n.version, n.type, n.record, n.chain
    FROM unnest(record_streams, record_versions, record_types, record_bytes, chains)
        WITH ORDINALITY AS n (stream, version, type, record, chain, place);

    INSERT INTO receipts (command_id, request_hash, state, position, receipt)
    SELECT e.id, e.request_hash, e.state, first_position + e.upto, e.response
    FROM unnest(command_ids, request_hashes, states, record_ends, responses) AS e (id, request_hash, state, upto, response)
    WHERE e.response IS NOT NULL;

    IF last_position > first_position THEN
        UPDATE head AS h SET position = last_position, chain = last_chain;
        PERFORM pg_notify('obverse_log', last_position::text);
    END IF;

    RETURN QUERY SELECT 0::smallint, log_epoch, first_position + e.upto, NULL::bytea, NULL::integer, NULL::bigint
    FROM unnest(record_ends) AS e (upto);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA obverse FROM PUBLIC;
GRANT EXECUTE ON FUNCTION obverse.append TO obverse_service;
