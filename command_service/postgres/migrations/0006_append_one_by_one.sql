-- Appending, anew: entries that carry out accepted commands, and records that change the tables of open work.

-- What an entry's open commands are refused for: 2 the id of record `about` is in use, 7 its channel is full; else 0.
CREATE FUNCTION obverse.refused_work(
    entry_id text, records integer[], kinds smallint[], keys text[], on_channels text[], most_open bigint[], hashes bytea[],
    OUT outcome smallint, OUT about integer
)
LANGUAGE plpgsql SET search_path = obverse, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    opens bigint;
BEGIN
    outcome := 0;
    FOR item IN 1 .. cardinality(kinds) LOOP
        CONTINUE WHEN kinds[item] <> 1;
        about := records[item];
        IF hashes[item] IS NOT NULL AND (
            keys[item] = entry_id OR keys[item] = ANY (keys[1:item - 1])
            OR (SELECT r.position FROM receipts AS r WHERE r.command_id = keys[item]) IS NOT NULL)
        THEN
            outcome := 2;
            RETURN;
        END IF;
        IF most_open[item] > 0 THEN
            opens := (SELECT count(*) FROM unnest(kinds[1:item], on_channels[1:item]) AS w (kind, channel)
                      WHERE w.kind = 1 AND w.channel = on_channels[item]);
            IF coalesce((SELECT c.open FROM channels AS c WHERE c.channel = on_channels[item]), 0) + opens > most_open[item] THEN
                outcome := 7;
                RETURN;
            END IF;
        END IF;
    END LOOP;
    about := NULL;
END
$$;

-- Whether the work of a batch can be done in one go: nothing comes twice, no id is in use, no channel gets full.
CREATE FUNCTION obverse.work_is_plain(
    command_ids text[], kinds smallint[], keys text[], on_channels text[], most_open bigint[], hashes bytea[]
) RETURNS boolean
LANGUAGE plpgsql SET search_path = obverse, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT count(DISTINCT w.key) = count(*) FROM unnest(keys) AS w (key))
       AND (SELECT count(DISTINCT g.id) = count(*)
                   AND count((SELECT r.position FROM receipts AS r WHERE r.command_id = g.id AND g.is_sent)) = 0
            FROM (SELECT i.id, false AS is_sent FROM unnest(command_ids) AS i (id)
                  UNION ALL
                  SELECT w.key, true FROM unnest(keys, hashes) AS w (key, hash) WHERE w.hash IS NOT NULL) AS g)
       AND (SELECT coalesce(bool_and(n.opens + coalesce((SELECT c.open FROM channels AS c WHERE c.channel = n.channel), 0)
                                     <= n.most), true)
            FROM (SELECT w.channel, count(*) AS opens, min(nullif(w.most_open, 0)) AS most
                  FROM unnest(kinds, on_channels, most_open) AS w (kind, channel, most_open)
                  WHERE w.kind IN (1, 5) GROUP BY w.channel) AS n
            WHERE n.most IS NOT NULL);
END
$$;

-- The batch, decided entry by entry, whatever is in it; the parameters and the answer are those of append().
CREATE FUNCTION obverse.append_one_by_one(
    command_ids text[], request_hashes bytea[], states smallint[], responses bytea[],
    read_ends integer[], record_ends integer[], claim_ends integer[],
    read_streams text[], read_versions bigint[], read_after integer[],
    record_streams text[], record_versions bigint[], record_types text[], record_bytes bytea[],
    claim_scopes text[], claim_values text[], claim_owners text[], claim_releases boolean[],
    executes boolean[], work_records integer[], work_kinds smallint[], work_keys text[], work_channels text[],
    work_streams text[], work_types text[], work_dues timestamptz[], work_run_bounds bigint[], work_texts text[],
    work_most_open bigint[], work_hashes bytea[], read_tails bytea[]
) RETURNS TABLE (outcome smallint, log_epoch uuid, at_position bigint, stored bytea, about integer, actual bigint,
                 stored_state smallint)
LANGUAGE plpgsql
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
    first_read     integer := 1;
    first_record   integer := 1;
    first_claim    integer := 1;
    first_work     integer := 1;
    last_work      integer;
    upto           integer;
    is_plain       boolean;
    moment         timestamptz;
    is_news        boolean := false;
    same_request   boolean;
    stream         text;
    expected       bigint;
BEGIN
    SELECT h.epoch, h.position, h.chain INTO log_epoch, last_position, last_chain FROM head AS h FOR UPDATE;
    first_position := last_position;
    moment := clock_timestamp();

    FOR entry IN 1 .. cardinality(command_ids) LOOP
        outcome := 0; about := NULL; actual := NULL; stored := NULL; stored_state := NULL;
        last_work := first_work - 1;
        WHILE work_records[last_work + 1] <= record_ends[entry] LOOP
            last_work := last_work + 1;
        END LOOP;

        <<checked>>
        BEGIN
            SELECT r.request_hash = request_hashes[entry], r.position, r.receipt, r.state
            INTO same_request, at_position, stored, stored_state
            FROM receipts AS r WHERE r.command_id = command_ids[entry];
            IF executes[entry] THEN
                IF stored_state IS DISTINCT FROM 1 THEN
                    outcome := CASE WHEN FOUND THEN 1 ELSE 2 END;
                    EXIT checked;
                END IF;
                stored := NULL; stored_state := NULL;
            ELSIF FOUND THEN
                outcome := CASE WHEN same_request THEN 1 ELSE 2 END;
                EXIT checked;
            END IF;

            FOR read IN first_read .. read_ends[entry] LOOP
                actual := coalesce((SELECT l.version FROM log AS l WHERE l.stream = read_streams[read]
                                    ORDER BY l.version DESC LIMIT 1), 0);
                IF actual <> read_versions[read] OR (
                    octet_length(read_tails[read]) > 0
                    AND read_tails[read] IS DISTINCT FROM (SELECT sha256(l.record) FROM log AS l WHERE l.stream = read_streams[read]
                                                           ORDER BY l.version DESC LIMIT 1))
                THEN
                    outcome := 3; about := read;
                    EXIT checked;
                END IF;
            END LOOP;

            stream := NULL;
            FOR item IN first_record .. record_ends[entry] LOOP
                IF octet_length(record_bytes[item]) > largest_record THEN
                    outcome := 5; about := item;
                    EXIT checked;
                END IF;
                IF record_streams[item] IS DISTINCT FROM stream THEN
                    stream := record_streams[item];
                    expected := NULL;
                    FOR read IN first_read .. read_ends[entry] LOOP
                        IF read_streams[read] = stream THEN
                            expected := read_versions[read];
                        END IF;
                    END LOOP;
                    IF expected IS NULL THEN
                        expected := coalesce((SELECT l.version FROM log AS l WHERE l.stream = record_streams[item]
                                              ORDER BY l.version DESC LIMIT 1), 0);
                    END IF;
                END IF;
                expected := expected + 1;
                IF record_versions[item] <> expected THEN
                    outcome := 6; about := item; actual := expected - 1;
                    EXIT checked;
                END IF;
            END LOOP;

            IF first_claim <= claim_ends[entry] THEN
                about := refused_claim(first_claim, claim_ends[entry], claim_scopes, claim_values, claim_owners, claim_releases);
                IF about IS NOT NULL THEN
                    outcome := 4;
                    EXIT checked;
                END IF;
            END IF;

            -- A decision may send hundreds of commands: what needs no second look at each of them is done in one go.
            is_plain := first_work < last_work AND work_is_plain(
                command_ids[entry:entry], work_kinds[first_work:last_work], work_keys[first_work:last_work],
                work_channels[first_work:last_work], work_most_open[first_work:last_work],
                work_hashes[first_work:last_work]);
            IF first_work <= last_work AND NOT is_plain THEN
                SELECT r.outcome, r.about INTO outcome, about FROM refused_work(
                    command_ids[entry], work_records[first_work:last_work], work_kinds[first_work:last_work],
                    work_keys[first_work:last_work], work_channels[first_work:last_work],
                    work_most_open[first_work:last_work], work_hashes[first_work:last_work]) AS r;
                EXIT checked WHEN outcome <> 0;
            END IF;

            IF responses[entry] IS NOT NULL THEN
                FOR item IN first_record .. record_ends[entry] LOOP
                    last_position := last_position + 1;
                    last_chain := sha256(last_chain || int8send(last_position) || record_bytes[item]);
                    INSERT INTO log (position, stream, version, type, record, chain)
                    VALUES (last_position, record_streams[item], record_versions[item], record_types[item],
                            record_bytes[item], last_chain);
                END LOOP;
                IF first_claim <= claim_ends[entry] THEN
                    PERFORM apply_claims(first_claim, claim_ends[entry], claim_scopes, claim_values, claim_owners, claim_releases);
                END IF;
                IF executes[entry] THEN
                    UPDATE receipts AS r
                    SET state = states[entry], position = last_position, receipt = responses[entry]
                    WHERE r.command_id = command_ids[entry];
                ELSE
                    INSERT INTO receipts (command_id, request_hash, state, position, receipt)
                    VALUES (command_ids[entry], request_hashes[entry], states[entry], last_position, responses[entry]);
                END IF;
                -- Otherwise one after another: two of them may be about the same thing.
                WHILE first_work <= last_work LOOP
                    upto := CASE WHEN is_plain THEN last_work ELSE first_work END;
                    is_news := change_work(
                        moment, work_kinds[first_work:upto], work_keys[first_work:upto], work_channels[first_work:upto],
                        work_streams[first_work:upto], work_types[first_work:upto], work_dues[first_work:upto],
                        work_run_bounds[first_work:upto], work_texts[first_work:upto],
                        (SELECT array_agg(last_position - record_ends[entry] + w.record ORDER BY w.place)
                         FROM unnest(work_records[first_work:upto]) WITH ORDINALITY AS w (record, place)),
                        (SELECT array_agg(record_versions[w.record] ORDER BY w.place)
                         FROM unnest(work_records[first_work:upto]) WITH ORDINALITY AS w (record, place)),
                        work_hashes[first_work:upto]) OR is_news;
                    first_work := upto + 1;
                END LOOP;
            END IF;
            at_position := last_position;
        END checked;

        first_read := read_ends[entry] + 1;
        first_record := record_ends[entry] + 1;
        first_claim := claim_ends[entry] + 1;
        first_work := last_work + 1;
        RETURN NEXT;
    END LOOP;

    IF last_position > first_position THEN
        UPDATE head AS h SET position = last_position, chain = last_chain;
        PERFORM pg_notify('obverse_log', last_position::text);
    END IF;
    IF is_news THEN
        PERFORM pg_notify('obverse_work', '');
    END IF;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA obverse FROM PUBLIC;
