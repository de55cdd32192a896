SELECT obverse.save_checkpoint($1, $2)
