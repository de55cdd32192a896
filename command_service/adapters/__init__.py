"""The world as effects meet it: each adapter stands behind a port of its own, given to the worker by name."""
