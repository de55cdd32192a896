"""Step 5, published: the relay copies the log to the JetStream stream LOG, record by record, byte by byte."""
