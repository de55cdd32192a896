"""Step 4: the event log in Postgres."""
