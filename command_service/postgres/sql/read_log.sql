-- What is wanted of the positions after $1 up to $2, at most $5, beside the log's end at the same moment; always a row.
SELECT head.position AS head, part.position, part.record, part.chain
FROM obverse.head
LEFT JOIN LATERAL (
    SELECT log.position, log.record, log.chain
    FROM obverse.log
    WHERE log.position > $1 AND log.position <= $2
      AND (cardinality($3::text[]) = 0 OR log.stream = ANY ($3) OR split_part(log.stream, '-', 1) = ANY ($3))
      AND (cardinality($4::text[]) = 0 OR log.type = ANY ($4))
    ORDER BY log.position
    LIMIT $5
) AS part ON true
ORDER BY part.position
