"""Runs the `obverse` command line as `python -m ops`."""

from ops.cli import app

app()
