SELECT obverse.put_off($1, $2, $3, $4)
