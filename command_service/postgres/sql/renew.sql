SELECT renew AS command_id FROM obverse.renew($1, $2, $3)
