SELECT epoch::text AS epoch, position, chain FROM obverse.head
