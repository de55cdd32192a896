SELECT number, name, checksum FROM obverse.migrations ORDER BY number
