SELECT obverse.give_back($1, $2)
