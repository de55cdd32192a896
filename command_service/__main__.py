"""The command server's composition root: settings → log → handlers → server → drain."""

import asyncio
import os
from contextlib import AsyncExitStack

import structlog

from command_service.admin.queues import Queues
from command_service.admin.service import DESCRIPTOR as ADMIN
from command_service.admin.service import CommandAdminService
from command_service.catalogue import Catalogue, CatalogueError
from command_service.deciders import CONTRACTS, deciders
from command_service.event_log import EventLog, LogError
from command_service.handle import Handler
from command_service.log_service import DESCRIPTOR, LogService, shown
from command_service.postgres.event_log import open_event_log
from command_service.postgres.server_check import UnsuitableServer
from command_service.postgres.work_queue import open_work_queue
from command_service.server import command_services
from command_service.settings import Settings
from command_service.states import States
from runtime import logs
from runtime.grpc_server import ServerLimits, Services, serve
from runtime.lifetime import run, until_stopped
from runtime.settings import from_environment
from runtime.siblings import is_sibling, run_siblings
from runtime.status import Status, serve_status

LARGEST_COMMAND_BYTES = 256 * 1024
HEAD_SECONDS = 0.5
"""How often /status learns where the log ends."""

log = structlog.get_logger()


async def main() -> None:
    """Serve until SIGTERM, in one process or several."""
    settings = from_environment(Settings, os.environ)
    output = logs.configure("command_service", settings.log_format, settings.log_level)
    if settings.command_processes > 1 and not is_sibling():
        processes, drain = settings.command_processes, settings.drain_seconds
        await run_siblings("command_service", processes, settings.status_address, drain)
    else:
        await _serve(settings)
    output.flush()


async def _serve(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        status = Status("command_service", "STARTING")
        stack.enter_context(serve_status(status, settings.status_address))
        event_log = await stack.enter_async_context(open_event_log(settings.postgres_dsn))
        work = await stack.enter_async_context(open_work_queue(settings.postgres_dsn))
        catalogue = Catalogue(CONTRACTS, deciders(settings.shop_fulfilment), settings.execution)
        states = States(event_log, settings.state_cache_streams)
        handler = Handler(event_log, states, catalogue, settings.channels, settings.decide_attempts)
        queues = Queues(work, catalogue.channels)
        services: Services = [
            *command_services(catalogue, handler),
            (DESCRIPTOR, LogService(event_log).handlers()),
            (ADMIN, CommandAdminService(handler, catalogue, work, queues).handlers()),
        ]
        port = await stack.enter_async_context(serve(settings.command_address, services, _limits(settings)))
        for watching in (_watch_head(event_log, status), queues.watch()):
            stack.callback(asyncio.create_task(watching).cancel)
        status.state, status.healthy = "SERVING", True
        log.info("serving commands and the log", address=settings.command_address, port=port)
        await until_stopped()
        status.state, status.healthy = "DRAINING", False


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        request_bytes=LARGEST_COMMAND_BYTES,
        most_under_way=settings.most_under_way,
        default_seconds=settings.default_deadline_seconds,
        drain_seconds=settings.drain_seconds,
        share_port=is_sibling(),
    )


async def _watch_head(event_log: EventLog, status: Status) -> None:
    """Keep what /status shows of the log; without the log it shows why."""
    while True:
        try:
            details = shown(await event_log.head())
        except LogError as error:
            status.details = lambda reason=str(error): {"reason": reason}  # type: ignore[misc]
        else:
            status.details = lambda details=details: details  # type: ignore[misc]
        await asyncio.sleep(HEAD_SECONDS)


if __name__ == "__main__":
    run(main, LogError, UnsuitableServer, CatalogueError)
