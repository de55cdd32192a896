-- Every channel that was ever used, or the one that is named, with what there is of it now. The commands are gone over
-- once, whatever the number of channels.
SELECT
    c.channel,
    coalesce(o.ready, 0) AS ready,
    coalesce(o.in_flight, 0) AS in_flight,
    coalesce(o.waiting, 0) AS waiting,
    coalesce(o.scheduled, 0) AS scheduled,
    coalesce(o.failed, 0) AS failed,
    o.oldest_time,
    c.paused,
    c.pause_reason,
    c.accepted_total,
    c.succeeded_total,
    c.refused_total,
    c.failed_total,
    coalesce((SELECT r.count FROM obverse.channel_retries AS r WHERE r.channel = c.channel), 0) AS retried_total,
    ARRAY(SELECT t.bound FROM obverse.channel_run_times AS t WHERE t.channel = c.channel ORDER BY t.bound) AS bounds,
    ARRAY(SELECT t.count FROM obverse.channel_run_times AS t WHERE t.channel = c.channel ORDER BY t.bound) AS counts
FROM obverse.channels AS c
LEFT JOIN (
    SELECT
        channel,
        count(*) FILTER (WHERE state = 'ready') AS ready,
        count(*) FILTER (WHERE state = 'in flight') AS in_flight,
        count(*) FILTER (WHERE state = 'waiting') AS waiting,
        count(*) FILTER (WHERE state = 'scheduled') AS scheduled,
        count(*) FILTER (WHERE state = 'failed') AS failed,
        min(accept_time) FILTER (WHERE state IN ('ready', 'in flight', 'waiting')) AS oldest_time
    FROM obverse.open_commands_now
    WHERE $1 = '' OR channel = $1
    GROUP BY channel
) AS o ON o.channel = c.channel
WHERE $1 = '' OR c.channel = $1
ORDER BY c.channel
