-- Appending: what the records of a batch, or of a part of it, mean to the tables of open work.

-- Work i is of kind kinds[i] and belongs to the record at positions[i], which has version versions[i] on its stream. No
-- key may come twice. hashes[i] is the request hash of a command that is sent from inside an entry and so has no receipt
-- yet, NULL for any other. Kinds:
--   1 open   2 succeeded   3 refused   4 failed   5 reopen   6 discard   7 cancel   8 pause   9 resume
--   10 set a timer   11 clear it
-- Answers whether somebody may have something new to do.
--
-- These tables are empty one minute and long the next, so nothing here is a join, which the planner would then take for
-- cheap: rows are found by a key, or by an array of keys.
CREATE FUNCTION obverse.change_work(
    moment timestamptz,
    kinds smallint[], keys text[], on_channels text[], on_streams text[], types text[], dues timestamptz[],
    run_bounds bigint[], texts text[], positions bigint[], versions bigint[], hashes bytea[]
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = obverse, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    end_of_time CONSTANT bigint := 9223372036854775807;
    is_news     boolean := kinds && '{1,5,9,10}'::smallint[];
    fewer       text[] := '{}'; -- the channels of commands that are not open any more, one for each
    more        text[] := '{}';
    left_behind text[] := '{}'; -- the streams of these
    freed       text[];
    had_later   boolean;
    changed     open_commands;
BEGIN
    IF kinds && '{2,3,7}'::smallint[] THEN
        WITH gone AS (
            DELETE FROM open_commands AS o
            WHERE o.command_id = ANY (ARRAY(
                      SELECT w.key FROM unnest(kinds, keys) AS w (kind, key) WHERE w.kind IN (2, 3, 7)))
              AND NOT o.failed
            RETURNING o.channel::text, o.stream::text, o.scheduled
        )
        SELECT array_agg(g.channel), array_agg(g.stream), coalesce(bool_or(g.scheduled), false)
        INTO fewer, left_behind, had_later FROM gone AS g;
        is_news := is_news OR had_later;
    END IF;

    IF kinds && '{4,5,6,7}'::smallint[] THEN
        DELETE FROM open_commands AS o
        WHERE o.failed
          AND o.command_id = ANY (ARRAY(SELECT w.key FROM unnest(kinds, keys) AS w (kind, key) WHERE w.kind = 6));
        UPDATE receipts AS r SET state = 3
        WHERE r.state = 1
          AND r.command_id = ANY (ARRAY(SELECT w.key FROM unnest(kinds, keys) AS w (kind, key) WHERE w.kind = 7));

        FOR item IN 1 .. cardinality(kinds) LOOP
            IF kinds[item] = 4 THEN
                UPDATE open_commands AS o
                SET failed = true, behind = false, lease = NULL, claimable_from = moment, error = texts[item],
                    version = versions[item]
                WHERE o.command_id = keys[item] AND NOT o.failed RETURNING o.* INTO changed;
                CONTINUE WHEN NOT FOUND;
                fewer := fewer || changed.channel;
                left_behind := left_behind || changed.stream;
                is_news := is_news OR changed.scheduled;
            ELSIF kinds[item] = 5 THEN
                UPDATE receipts AS r SET state = 1 WHERE r.command_id = keys[item] AND r.state = 4;
                UPDATE open_commands AS o
                SET failed = false, attempts = 0, due_time = moment, claimable_from = moment, error = '',
                    version = versions[item],
                    behind = (SELECT e.position FROM open_commands AS e
                              WHERE e.stream = o.stream AND NOT e.failed AND NOT e.scheduled AND e.position < o.position
                              ORDER BY e.position LIMIT 1) IS NOT NULL
                WHERE o.command_id = keys[item] AND o.failed RETURNING o.* INTO changed;
                CONTINUE WHEN NOT FOUND;
                more := more || changed.channel;
                -- Who was at the front of its stream is behind it now.
                UPDATE open_commands AS o SET behind = true
                WHERE o.stream = changed.stream AND NOT o.failed AND NOT o.behind AND NOT changed.scheduled
                  AND o.position > changed.position
                  AND o.position <= coalesce((SELECT n.position FROM open_commands AS n
                                              WHERE n.stream = changed.stream AND NOT n.failed AND NOT n.scheduled
                                                AND n.position > changed.position
                                              ORDER BY n.position LIMIT 1), end_of_time);
            END IF;
        END LOOP;
    END IF;

    -- The next of a stream comes to its front, with the scheduled ones before it.
    IF cardinality(left_behind) > 0 THEN
        freed := ARRAY(
            SELECT b.command_id
            FROM (SELECT DISTINCT d.stream FROM unnest(left_behind) AS d (stream)) AS l
            CROSS JOIN LATERAL (
                SELECT o.command_id FROM open_commands AS o
                WHERE o.stream = l.stream AND NOT o.failed AND o.behind
                  AND o.position <= coalesce((SELECT f.position FROM open_commands AS f
                                              WHERE f.stream = l.stream AND NOT f.failed AND NOT f.scheduled
                                              ORDER BY f.position LIMIT 1), end_of_time)
                OFFSET 0) AS b);
        UPDATE open_commands AS o SET behind = false WHERE o.command_id = ANY (freed);
        is_news := is_news OR FOUND;
    END IF;

    IF kinds && '{1}'::smallint[] THEN
        INSERT INTO receipts (command_id, request_hash, state, position, receipt)
        SELECT w.key, w.hash, 1, w.position, '' FROM unnest(keys, hashes, positions) AS w (key, hash, position)
        WHERE w.hash IS NOT NULL;

        WITH opened AS (
            INSERT INTO open_commands (command_id, position, channel, stream, type, version, scheduled, behind,
                                       accept_time, due_time, claimable_from)
            SELECT w.key, w.position, w.channel, w.stream, w.type, w.version, w.scheduled,
                   count(*) FILTER (WHERE NOT w.scheduled) OVER (
                       PARTITION BY w.stream ORDER BY w.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) > 0
                   OR (SELECT o.position FROM open_commands AS o
                       WHERE o.stream = w.stream AND NOT o.failed AND NOT o.scheduled
                       ORDER BY o.position LIMIT 1) IS NOT NULL,
                   moment, greatest(w.due, moment), greatest(w.due, moment)
            FROM (SELECT g.*, coalesce(g.due > moment, false) AS scheduled
                  FROM unnest(kinds, keys, positions, on_channels, on_streams, types, versions, dues)
                      AS g (kind, key, position, channel, stream, type, version, due)
                  WHERE g.kind = 1) AS w
            ON CONFLICT DO NOTHING
            RETURNING channel::text
        )
        SELECT more || array_agg(o.channel) INTO more FROM opened AS o;
    END IF;

    IF kinds && '{1,2,3,4,5,7}'::smallint[] THEN
        INSERT INTO channels AS c (channel, open, accepted_total, succeeded_total, refused_total, failed_total)
        SELECT s.channel, sum(s.step), count(*) FILTER (WHERE s.kind = 1), count(*) FILTER (WHERE s.kind = 2),
               count(*) FILTER (WHERE s.kind IN (3, 7)), count(*) FILTER (WHERE s.kind = 4)
        FROM (
            SELECT w.channel, w.kind, 0 FROM unnest(kinds, on_channels) AS w (kind, channel)
            WHERE w.kind IN (1, 2, 3, 4, 5, 7)
            UNION ALL SELECT m.channel, 0, 1 FROM unnest(more) AS m (channel)
            UNION ALL SELECT f.channel, 0, -1 FROM unnest(fewer) AS f (channel)
        ) AS s (channel, kind, step)
        GROUP BY s.channel
        ON CONFLICT (channel) DO UPDATE SET
            open = c.open + excluded.open,
            accepted_total = c.accepted_total + excluded.accepted_total,
            succeeded_total = c.succeeded_total + excluded.succeeded_total,
            refused_total = c.refused_total + excluded.refused_total,
            failed_total = c.failed_total + excluded.failed_total;
    END IF;

    IF kinds && '{2,3,4}'::smallint[] THEN
        INSERT INTO channel_run_times AS t (channel, bound, count)
        SELECT w.channel, w.bound, count(*) FROM unnest(kinds, on_channels, run_bounds) AS w (kind, channel, bound)
        WHERE w.kind IN (2, 3, 4) GROUP BY w.channel, w.bound
        ON CONFLICT (channel, bound) DO UPDATE SET count = t.count + excluded.count;
    END IF;

    IF kinds && '{8,9}'::smallint[] THEN
        INSERT INTO channels AS c (channel, paused, pause_reason)
        SELECT w.key, w.kind = 8, CASE w.kind WHEN 8 THEN w.reason ELSE '' END
        FROM unnest(kinds, keys, texts) AS w (kind, key, reason) WHERE w.kind IN (8, 9)
        ON CONFLICT (channel) DO UPDATE SET paused = excluded.paused, pause_reason = excluded.pause_reason;
    END IF;

    IF kinds && '{10,11}'::smallint[] THEN
        DELETE FROM timers AS t
        WHERE t.key = ANY (ARRAY(SELECT w.key FROM unnest(kinds, keys) AS w (kind, key) WHERE w.kind = 11));
        INSERT INTO timers AS t (key, process, stream, name, due_time, position)
        SELECT w.key, w.process, w.stream, w.name, coalesce(w.due, moment), w.position
        FROM unnest(kinds, keys, types, on_streams, texts, dues, positions)
            AS w (kind, key, process, stream, name, due, position)
        WHERE w.kind = 10
        ON CONFLICT (key) DO UPDATE SET
            process = excluded.process, stream = excluded.stream, name = excluded.name,
            due_time = excluded.due_time, position = excluded.position;
    END IF;

    RETURN is_news;
END
$$;

REVOKE ALL ON FUNCTION obverse.change_work FROM PUBLIC;
