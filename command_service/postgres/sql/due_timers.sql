SELECT key, process, stream, name, due_time, position
FROM obverse.timers
WHERE process = $1 AND due_time <= now()
ORDER BY due_time, position
LIMIT $2
