"""The platform's own answers: what becomes of asynchronous commands."""

from query_service.domains.platform.commands import ANSWERS as COMMANDS

ANSWERS = (*COMMANDS,)
