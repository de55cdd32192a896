"""The projector's composition root: settings → stores → projections → until stopped."""

import asyncio
import gc
import os
from contextlib import AsyncExitStack
from functools import partial

import structlog

from projector.delivery import deliveries
from projector.log_client import open_log
from projector.projections import PROJECTIONS, DuplicateProjection, checked
from projector.projector import Projector
from projector.redis_views import open_views
from projector.settings import Settings
from runtime import logs
from runtime.ending import ended
from runtime.lifetime import run, until_stopped
from runtime.settings import from_environment
from runtime.status import Status, serve_status

log = structlog.get_logger()


async def main() -> None:
    """Project until SIGTERM. A batch underway then is applied or not, as a whole: nothing needs draining."""
    settings = from_environment(Settings, os.environ)
    # Remembered views are many objects that live long: looking through them for cycles took a sixth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    output = logs.configure("projector", settings.log_format, settings.log_level)
    projections = checked(PROJECTIONS)
    async with AsyncExitStack() as stack:
        status = Status("projector", "RUNNING")
        address = stack.enter_context(serve_status(status, settings.status_address))
        views = await stack.enter_async_context(open_views(settings.redis_url, settings.projector_store_seconds))
        log_client = await stack.enter_async_context(open_log(settings.log_address))
        projector = Projector(projections, views, log_client, partial(deliveries, settings.nats_url), settings)
        status.details = projector.shown
        log.info("Projector started", projections=[each.name for each in projections], status=address)
        projecting = asyncio.create_task(projector.run())
        starting = asyncio.create_task(_healthy_after(projector.beat.known, status))
        stack.callback(starting.cancel)
        await _until_either(projecting)
    log.info("Projector stopped")
    output.flush()


async def _healthy_after(known: asyncio.Event, status: Status) -> None:
    await known.wait()
    status.healthy = True


async def _until_either(projecting: asyncio.Task[None]) -> None:
    stopping = asyncio.create_task(until_stopped())
    await asyncio.wait((projecting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if projecting.done():
        stopping.cancel()
        projecting.result()
    await ended(projecting)


if __name__ == "__main__":
    run(main, DuplicateProjection)
