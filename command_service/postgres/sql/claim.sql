SELECT command_id, "position", record, version, attempt, lease FROM obverse.claim($1, $2, $3, $4) ORDER BY 2
