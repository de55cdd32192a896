"""Step 6: the worker carries accepted commands out, lets process managers react, and fires timers."""
