"""What every command of `obverse` begins with: its settings, and errors as clear text."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from command_service.postgres.migrate import MigrationError
from ops.embedded import ServerError
from ops.output import Trouble, fail
from ops.settings import Settings
from runtime.settings import SettingsError, from_environment


@contextmanager
def explained() -> Iterator[Settings]:
    """The settings; what a user can put right ends the program with its text and exit status 1."""
    try:
        yield from_environment(Settings, os.environ)
    except (Trouble, ServerError, MigrationError, SettingsError, OSError) as error:
        fail(str(error))
        raise typer.Exit(1) from error
