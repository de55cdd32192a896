"""The query server's composition root: settings → store → answers → server → drain."""

import asyncio
import os
from contextlib import AsyncExitStack

import structlog

from query_service.answers import ANSWERS, CONTRACTS
from query_service.freshness import DEFAULT_WAIT_SECONDS, LARGEST_WAIT_SECONDS
from query_service.projections import projections_of, watch_projections
from query_service.redis_read_store import open_redis_read_store
from query_service.server import CatalogueError, query_services
from query_service.settings import Settings
from runtime import logs
from runtime.grpc_server import ServerLimits, serve
from runtime.lifetime import run, until_stopped
from runtime.settings import from_environment
from runtime.siblings import is_sibling, run_siblings
from runtime.status import Status, serve_status

LARGEST_QUERY_BYTES = 64 * 1024

log = structlog.get_logger()


async def main() -> None:
    """Serve until SIGTERM, in one process or several."""
    settings = from_environment(Settings, os.environ)
    output = logs.configure("query_service", settings.log_format, settings.log_level)
    if settings.query_processes > 1 and not is_sibling():
        await run_siblings("query_service", settings.query_processes, settings.status_address, settings.drain_seconds)
    else:
        await _serve(settings)
    output.flush()


async def _serve(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        status = Status("query_service", "STARTING")
        stack.enter_context(serve_status(status, settings.status_address))
        store = await stack.enter_async_context(open_redis_read_store(settings.redis_url))
        services = query_services(CONTRACTS, ANSWERS, store)
        port = await stack.enter_async_context(serve(settings.query_address, services, _limits(settings)))
        watch = asyncio.create_task(watch_projections(projections_of(CONTRACTS), store, status))
        stack.callback(watch.cancel)
        status.state, status.healthy = "SERVING", True
        log.info("serving queries", address=settings.query_address, port=port)
        await until_stopped()
        status.state, status.healthy = "DRAINING", False


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        request_bytes=LARGEST_QUERY_BYTES,
        most_under_way=settings.most_under_way,
        default_seconds=LARGEST_WAIT_SECONDS + DEFAULT_WAIT_SECONDS,
        drain_seconds=settings.drain_seconds,
        share_port=is_sibling(),
    )


if __name__ == "__main__":
    run(main, CatalogueError)
