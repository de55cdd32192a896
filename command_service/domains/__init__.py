"""The domains, each a package of the same name on every side."""
