"""The relay's composition root: settings → lease → log → stream → copy until stopped."""

import asyncio
import os
from functools import partial

import structlog

from command_service.postgres.event_log import open_event_log
from command_service.postgres.server_check import UnsuitableServer
from command_service.relay.connection import connected
from command_service.relay.lease import LeaseLost, lease
from command_service.relay.relay import Relay
from command_service.relay.report import Report, State
from command_service.relay.settings import Settings
from runtime import logs
from runtime.ending import ended
from runtime.lifetime import run, until_stopped
from runtime.settings import from_environment
from runtime.status import Status, serve_status

LEASE_RETRY_SECONDS = 1.0

log = structlog.get_logger()


async def main() -> None:
    """Relay until SIGTERM. A batch underway then is found by the next relay's comparison: nothing needs draining."""
    settings = from_environment(Settings, os.environ)
    output = logs.configure("relay", settings.log_format, settings.log_level)
    status = Status("relay", State.CONNECT, healthy=True)
    report = Report(status)
    with serve_status(status, settings.status_address) as address:
        log.info("Relay started", status=address)
        relaying = asyncio.create_task(_relay(settings, report))
        stopping = asyncio.create_task(until_stopped())
        await asyncio.wait((relaying, stopping), return_when=asyncio.FIRST_COMPLETED)
        await ended(relaying)
    log.info("Relay stopped", stream=report.stream_position)
    output.flush()
    if not relaying.cancelled():
        relaying.result()


async def _relay(settings: Settings, report: Report) -> None:
    while True:
        try:
            report.enter(State.CONNECT, "standing by while another relay is active, if there is one")
            async with lease(settings.postgres_dsn) as lost, open_event_log(settings.postgres_dsn) as event_log:
                connect = partial(connected, settings.nats_url, settings.relay_ack_seconds)
                relaying = asyncio.create_task(Relay(event_log, connect, settings, report).run())
                try:
                    await _either(relaying, lost)
                finally:
                    await ended(relaying)
        except LeaseLost as error:
            report.enter(State.CONNECT, str(error))
            await asyncio.sleep(LEASE_RETRY_SECONDS)


async def _either(relaying: asyncio.Task[None], lost: asyncio.Event) -> None:
    waiting = asyncio.create_task(lost.wait())
    done, _ = await asyncio.wait((relaying, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if relaying in done:
        relaying.result()
    raise LeaseLost("the connection that holds the relay's lock broke")


if __name__ == "__main__":
    run(main, UnsuitableServer)
