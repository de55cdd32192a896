"""Step 4: what Postgres's errors mean to whoever wrote a batch."""

from enum import Enum, auto

import asyncpg


class Meaning(Enum):
    """What to do about a failed batch."""

    AGAIN = auto()
    """The server is away, busy or changing: it may or may not have committed; the same batch again is harmless."""
    FAULTY = auto()
    """An entry holds something that the server cannot store: nothing was done, its neighbours are to be saved."""
    BROKEN = auto()
    """The server is not set up as the log needs it: asking again is of no use."""


_CLASSES = {
    "08": Meaning.AGAIN,  # connection exceptions
    "22": Meaning.FAULTY,  # data exceptions, e.g. a NUL in a text
    "25": Meaning.AGAIN,  # read-only: a replica, or a primary on its way down
    "40": Meaning.AGAIN,  # serialisation failures, deadlocks
    "53": Meaning.AGAIN,  # out of disk, memory, connections
    "55": Meaning.AGAIN,  # lock_timeout
    "57": Meaning.AGAIN,  # statement_timeout, shutdown, crash, starting up
    "58": Meaning.AGAIN,  # system errors
    "XX": Meaning.AGAIN,  # internal errors: one connection's, or a damaged page that a human must see to
}

_CLIENT: tuple[tuple[type[BaseException], Meaning], ...] = (
    (asyncpg.DataError, Meaning.FAULTY),  # asyncpg could not encode an argument
    (asyncpg.InterfaceError, Meaning.AGAIN),  # the connection was closed meanwhile
    (asyncpg.InternalClientError, Meaning.AGAIN),  # it was lost at a moment that asyncpg did not expect
    (OSError, Meaning.AGAIN),  # TimeoutError is one
)


def meaning(error: BaseException) -> Meaning:
    """What an error raised by asyncpg means."""
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate:
        return _CLASSES.get(error.sqlstate[:2], Meaning.BROKEN)
    for kind, known in _CLIENT:
        if isinstance(error, kind):
            return known
    return Meaning.BROKEN


def leaves_usable(error: BaseException) -> bool:
    """Whether a connection can be used again after an error: only when the server, still there, refused a statement.

    After a loss asyncpg may hold the connection for open, and its next statement would wait for nobody.
    """
    if isinstance(error, asyncpg.PostgresError):
        return meaning(error) is Meaning.FAULTY or isinstance(error, asyncpg.QueryCanceledError)
    return isinstance(error, asyncpg.DataError)
