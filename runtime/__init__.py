"""What every process needs: records and their chain, refusals, settings, logs, draining."""
