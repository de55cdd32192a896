-- Appending: what append() does with the entries of a batch that must be looked at one after another.

-- The first of an entry's claims that somebody else holds; NULL when all can be had. Claims of one entry follow on
-- one another: a name that it gives back can be taken by what comes after.
CREATE FUNCTION obverse.refused_claim(
    first_claim integer, last_claim integer, scopes text[], names text[], owners text[], releases boolean[]
) RETURNS integer
LANGUAGE plpgsql SET search_path = obverse, pg_temp SET enable_seqscan = off AS $$
DECLARE
    holder text;
BEGIN
    FOR claim IN first_claim .. last_claim LOOP
        holder := (SELECT c.owner FROM claims AS c WHERE c.scope = scopes[claim] AND c.value = names[claim]);
        FOR earlier IN first_claim .. claim - 1 LOOP
            IF scopes[earlier] = scopes[claim] AND names[earlier] = names[claim] THEN
                holder := CASE WHEN releases[earlier] THEN NULL ELSE owners[earlier] END;
            END IF;
        END LOOP;
        IF holder <> owners[claim] THEN
            RETURN claim;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- Take and give back an entry's claims, none of which is refused.
CREATE FUNCTION obverse.apply_claims(
    first_claim integer, last_claim integer, scopes text[], names text[], owners text[], releases boolean[]
) RETURNS void
LANGUAGE plpgsql SET search_path = obverse, pg_temp SET enable_seqscan = off AS $$
BEGIN
    FOR claim IN first_claim .. last_claim LOOP
        IF releases[claim] THEN
            DELETE FROM claims AS c WHERE c.scope = scopes[claim] AND c.value = names[claim];
        ELSE
            INSERT INTO claims VALUES (scopes[claim], names[claim], owners[claim]) ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
END
$$;

-- The batch, decided entry by entry, whatever is in it; the parameters and the answer are those of append().
CREATE FUNCTION obverse.append_one_by_one(
    command_ids text[], request_hashes bytea[], states smallint[], responses bytea[],
    read_ends integer[], record_ends integer[], claim_ends integer[],
    read_streams text[], read_versions bigint[], read_after integer[],
    record_streams text[], record_versions bigint[], record_types text[], record_bytes bytea[],
    claim_scopes text[], claim_values text[], claim_owners text[], claim_releases boolean[]
) RETURNS TABLE (outcome smallint, log_epoch uuid, at_position bigint, stored bytea, about integer, actual bigint)
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
    same_request   boolean;
    stream         text;
    expected       bigint;
BEGIN
    SELECT h.epoch, h.position, h.chain INTO log_epoch, last_position, last_chain FROM head AS h FOR UPDATE;
    first_position := last_position;

    FOR entry IN 1 .. cardinality(command_ids) LOOP
        outcome := 0; about := NULL; actual := NULL; stored := NULL;

        <<checked>>
        BEGIN
            SELECT r.request_hash = request_hashes[entry], r.position, r.receipt INTO same_request, at_position, stored
            FROM receipts AS r WHERE r.command_id = command_ids[entry];
            IF FOUND THEN
                outcome := CASE WHEN same_request THEN 1 ELSE 2 END;
                EXIT checked;
            END IF;

            FOR read IN first_read .. read_ends[entry] LOOP
                actual := coalesce((SELECT l.version FROM log AS l WHERE l.stream = read_streams[read]
                                    ORDER BY l.version DESC LIMIT 1), 0);
                IF actual <> read_versions[read] THEN
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
                INSERT INTO receipts (command_id, request_hash, state, position, receipt)
                VALUES (command_ids[entry], request_hashes[entry], states[entry], last_position, responses[entry]);
            END IF;
            at_position := last_position;
        END checked;

        first_read := read_ends[entry] + 1;
        first_record := record_ends[entry] + 1;
        first_claim := claim_ends[entry] + 1;
        RETURN NEXT;
    END LOOP;

    IF last_position > first_position THEN
        UPDATE head AS h SET position = last_position, chain = last_chain;
        PERFORM pg_notify('obverse_log', last_position::text);
    END IF;
END
$$;
