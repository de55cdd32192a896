"""Step 4, before it: refuses a server that could lose or fork the log."""

from command_service.event_log import LogUnavailable
from command_service.postgres.connections import Readers
from command_service.postgres.migrate import migrations
from command_service.postgres.queries import query
from command_service.postgres.sqlstates import Meaning, meaning

OLDEST_VERSION = 15

_WANTED = {
    "fsync": ("on", "a power failure would damage the database"),
    "full_page_writes": ("on", "a page torn by a power failure could not be repaired"),
    "data_checksums": ("on", "damaged pages would be served as if they were whole (initdb --data-checksums)"),
    "data_sync_retry": ("off", "a failed fsync would be taken for a success"),
}


class UnsuitableServer(Exception):
    """The server or its database cannot hold the log; the text has a line for each reason, with what to do."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("This Postgres cannot hold the log:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = faults


async def check_server(readers: Readers) -> None:
    """Raises UnsuitableServer naming everything that is wrong."""
    (server,) = await readers.fetch(query("server"))
    faults = [
        f"{name} is {server[name]}: {danger}; set it to {wanted} and restart"
        for name, (wanted, danger) in _WANTED.items()
        if server[name] != wanted
    ]
    if server["synchronous_commit"] in ("off", "local"):
        faults.append(
            f"synchronous_commit is {server['synchronous_commit']}: set it to on for server, database and role"
        )
    if server["version"] < OLDEST_VERSION * 10_000:
        faults.append(f"it is version {server['version'] // 10_000}: at least {OLDEST_VERSION} is needed")
    if server["is_replica"]:
        faults.append("it is a replica: connect to the primary (target_session_attrs=read-write)")
    applied = await readers.fetch(query("applied")) if server["is_migrated"] else []
    if len(applied) < (known := len(migrations())):
        faults.append(f"{known - len(applied)} of {known} migrations are missing: run `obverse migrate`")
    if faults:
        raise UnsuitableServer(faults)


async def check_reachable(readers: Readers) -> None:
    """The same; raises LogUnavailable where the server is away."""
    try:
        await check_server(readers)
    except Exception as error:
        if meaning(error) is Meaning.AGAIN:
            raise LogUnavailable(
                f"Postgres cannot be reached: {error}; is it running, and is the address right?"
            ) from error
        raise
