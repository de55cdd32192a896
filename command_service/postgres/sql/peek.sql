SELECT command_id, channel, type, stream, position, state, attempts, accept_time, due_time, error
FROM obverse.open_commands_now
WHERE ($1 = '' OR channel = $1) AND failed = $3 AND position > $4
ORDER BY position
LIMIT $2
