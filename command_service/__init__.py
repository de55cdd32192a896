"""The write side: commands in, records in the log out."""
