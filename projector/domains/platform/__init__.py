"""The platform's own views: asynchronous commands, from their acceptance to their outcome."""

from projector.domains.platform.commands import COMMANDS

PROJECTIONS = (COMMANDS,)
"""Every projection of the platform."""
