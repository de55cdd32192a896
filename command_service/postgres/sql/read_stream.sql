SELECT position, record, chain
FROM obverse.log
WHERE stream = $1 AND version > $2
ORDER BY version
LIMIT $3
