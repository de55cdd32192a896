SELECT pg_try_advisory_lock(hashtext('obverse process manager'), hashtext($1)) AS is_alone
