SELECT extract(epoch FROM (
    SELECT due_time FROM obverse.timers WHERE process = $1 ORDER BY due_time LIMIT 1
) - now())::double precision AS seconds
