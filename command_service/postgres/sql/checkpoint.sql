SELECT position FROM obverse.process_checkpoints WHERE process = $1
