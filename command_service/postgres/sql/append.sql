SELECT outcome, log_epoch, at_position, stored, about, actual, stored_state
FROM obverse.append(
    $1, $2, $3, $4,
    $5, $6, $7,
    $8, $9, $10,
    $11, $12, $13, $14,
    $15, $16, $17, $18,
    read_tails => $19, tail_reads => $20
)
