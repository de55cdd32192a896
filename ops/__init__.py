"""Starts, watches and stops Obverse on one machine, and is the `obverse` command line."""
