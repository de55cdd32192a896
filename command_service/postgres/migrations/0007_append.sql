-- The only way into the log, anew, in the place of the one before: one call appends a batch of entries, in order, each all or nothing.

DROP FUNCTION obverse.append;
DROP FUNCTION obverse.append_one_by_one (
    text[], bytea[], smallint[], bytea[], integer[], integer[], integer[], text[], bigint[], integer[],
    text[], bigint[], text[], bytea[], text[], text[], text[], boolean[]);

-- Entry i of the batch is command_ids[i]. Its reads, records and claims follow on those of entry i - 1 and end at
-- read_ends[i], record_ends[i], claim_ends[i]. Read j was decided when the batch had read_after[j] records.
-- An entry whose response is NULL is checked only.
--
-- Answers one row for each entry, in order:
--   outcome  0 appended   1 done already   2 the id belongs to another request   3 read `about` is out of date
--            4 claim `about` is taken   5 record `about` is too large   6 record `about` does not follow on its stream
--            7 the channel of record `about` is full
--   actual   for 3 and 6 the stream's version
--   stored, stored_state   for 1 what is kept under the id
--
-- Read j was decided on a record that its process had not seen committed where read_tails[j] is not empty: it is sha256 of
-- that, with which the stream must end. tail_reads names those of them that no record of the batch fulfils.
--
-- An entry that executes[i] is the outcome of a command whose receipt is ACCEPTED (1): it replaces that, whatever request
-- it was for, and is done already once the receipt has moved on. Work k belongs to record work_records[k], in their order;
-- see change_work().
--
-- Nearly every batch has nothing in it that could be refused. That is found out for the whole of it in two statements,
-- and no other session can change it meanwhile: whoever writes holds the head row. Any other batch goes entry by entry.
CREATE FUNCTION obverse.append(
    command_ids text[], request_hashes bytea[], states smallint[], responses bytea[],
    read_ends integer[], record_ends integer[], claim_ends integer[],
    read_streams text[], read_versions bigint[], read_after integer[],
    record_streams text[], record_versions bigint[], record_types text[], record_bytes bytea[],
    claim_scopes text[], claim_values text[], claim_owners text[], claim_releases boolean[],
    executes boolean[] DEFAULT '{}', work_records integer[] DEFAULT '{}', work_kinds smallint[] DEFAULT '{}',
    work_keys text[] DEFAULT '{}', work_channels text[] DEFAULT '{}', work_streams text[] DEFAULT '{}',
    work_types text[] DEFAULT '{}', work_dues timestamptz[] DEFAULT '{}', work_run_bounds bigint[] DEFAULT '{}',
    work_texts text[] DEFAULT '{}', work_most_open bigint[] DEFAULT '{}', work_hashes bytea[] DEFAULT '{}',
    read_tails bytea[] DEFAULT '{}', tail_reads integer[] DEFAULT '{}'
) RETURNS TABLE (outcome smallint, log_epoch uuid, at_position bigint, stored bytea, about integer, actual bigint,
                 stored_state smallint)
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
    moment         timestamptz;
BEGIN
    -- An acknowledged entry is on disk, whatever the session, the role or a pooler has set. Not as a SET clause of the
    -- function: that is undone before the commit.
    IF current_setting('synchronous_commit') <> 'remote_apply' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    SELECT h.epoch, h.position, h.chain INTO log_epoch, first_position, last_chain FROM head AS h FOR UPDATE;

    -- Scalar subqueries: a join, or EXISTS, would one day be planned as a hash of the whole table.
    SELECT count(DISTINCT given.id) = cardinality(command_ids)
       AND bool_and((SELECT r.state FROM receipts AS r WHERE r.command_id = given.id)
                    IS NOT DISTINCT FROM CASE WHEN given.executes THEN 1 END)
    INTO is_new FROM unnest(command_ids, executes) AS given (id, executes);

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
        OR EXISTS (SELECT FROM unnest(tail_reads) AS t (read)
                   WHERE read_tails[t.read] IS DISTINCT FROM (SELECT sha256(l.record) FROM log AS l WHERE l.stream = read_streams[t.read]
                                                              ORDER BY l.version DESC LIMIT 1))
        OR EXISTS (SELECT FROM unnest(record_bytes) AS n (bytes) WHERE octet_length(n.bytes) > largest_record)
        OR EXISTS (SELECT FROM unnest(responses, record_ends, array_prepend(0, record_ends)) AS e (response, upto, before)
                   WHERE e.response IS NULL AND e.upto > e.before)
        OR (cardinality(work_records) > 0
            AND NOT work_is_plain(command_ids, work_kinds, work_keys, work_channels, work_most_open, work_hashes))
    THEN
        RETURN QUERY SELECT * FROM append_one_by_one(
            command_ids, request_hashes, states, responses, read_ends, record_ends, claim_ends,
            read_streams, read_versions, read_after, record_streams, record_versions, record_types, record_bytes,
            claim_scopes, claim_values, claim_owners, claim_releases,
            executes, work_records, work_kinds, work_keys, work_channels, work_streams, work_types, work_dues,
            work_run_bounds, work_texts, work_most_open, work_hashes, read_tails);
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
    FROM unnest(command_ids, request_hashes, states, record_ends, responses, executes)
        AS e (id, request_hash, state, upto, response, executes)
    WHERE e.response IS NOT NULL AND e.executes IS NOT TRUE;

    IF executes @> '{true}' THEN
        -- An upsert, all of whose rows are there: it has no plan that could age.
        INSERT INTO receipts AS r (command_id, request_hash, state, position, receipt)
        SELECT e.id, '', e.state, first_position + e.upto, e.response
        FROM unnest(command_ids, states, record_ends, responses, executes) AS e (id, state, upto, response, executes)
        WHERE e.response IS NOT NULL AND e.executes
        ON CONFLICT (command_id) DO UPDATE SET
            state = excluded.state, position = excluded.position, receipt = excluded.receipt;
    END IF;

    IF cardinality(work_records) > 0 THEN
        moment := clock_timestamp();
        IF change_work(
            moment, work_kinds, work_keys, work_channels, work_streams, work_types, work_dues, work_run_bounds, work_texts,
            (SELECT array_agg(first_position + w.record ORDER BY w.place)
             FROM unnest(work_records) WITH ORDINALITY AS w (record, place)),
            (SELECT array_agg(record_versions[w.record] ORDER BY w.place)
             FROM unnest(work_records) WITH ORDINALITY AS w (record, place)),
            work_hashes)
        THEN
            PERFORM pg_notify('obverse_work', '');
        END IF;
    END IF;

    IF last_position > first_position THEN
        UPDATE head AS h SET position = last_position, chain = last_chain;
        PERFORM pg_notify('obverse_log', last_position::text);
    END IF;

    RETURN QUERY SELECT 0::smallint, log_epoch, first_position + e.upto, NULL::bytea, NULL::integer, NULL::bigint, NULL::smallint
    FROM unnest(record_ends) AS e (upto);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA obverse FROM PUBLIC;
GRANT EXECUTE ON FUNCTION obverse.append TO obverse_service;
