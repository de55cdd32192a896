SELECT obverse.next_due($1) AS seconds
