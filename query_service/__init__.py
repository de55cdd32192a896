"""The read side: queries in, views out."""
