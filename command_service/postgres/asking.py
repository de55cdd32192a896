"""Step 4: a statement by the name of its file, its errors as those of the ports."""

from typing import Any

import asyncpg

from command_service.event_log import LogUnavailable, Unstorable
from command_service.postgres.connections import Readers
from command_service.postgres.queries import query
from command_service.postgres.sqlstates import Meaning, meaning


async def ask(readers: Readers, name: str, *arguments: Any) -> list[asyncpg.Record]:
    """The rows of `sql/<name>.sql`; raises LogUnavailable, or Unstorable for an argument that no row can have."""
    try:
        return await readers.fetch(query(name), *arguments)
    except Exception as error:
        if meaning(error) is Meaning.FAULTY:
            raise Unstorable(str(error)) from error
        raise LogUnavailable(f"The log cannot be read: {error}") from error
