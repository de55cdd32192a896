"""The worker's composition root: settings → log and queue → executor → lanes → drain."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import structlog

from command_service.catalogue import Catalogue, CatalogueError
from command_service.deciders import CONTRACTS, deciders
from command_service.event_log import EventLog, LogError
from command_service.execute import Executor
from command_service.handle import Handler
from command_service.postgres.event_log import open_event_log
from command_service.postgres.process_store import open_process_store
from command_service.postgres.server_check import UnsuitableServer
from command_service.postgres.work_queue import open_work_queue
from command_service.processes import DuplicateProcess, UnusableName, checked, processes
from command_service.states import States
from command_service.work_queue import WorkQueue
from command_service.worker.alarm import Alarm
from command_service.worker.allowance import Allowance
from command_service.worker.arguments import Arguments, UnknownChannel, parse
from command_service.worker.attempts import Attempts
from command_service.worker.lane import Lane
from command_service.worker.leases import Leases
from command_service.worker.outage import Outage
from command_service.worker.ports import open_ports
from command_service.worker.processes import ProcessRunner
from command_service.worker.report import Report
from command_service.worker.runner import Runner
from command_service.worker.settings import Settings
from command_service.worker.worker import Worker
from runtime import logs
from runtime.lifetime import run, until_stopped
from runtime.settings import from_environment
from runtime.status import Status, serve_status

log = structlog.get_logger()


async def main(arguments: Arguments) -> None:
    """Work until SIGTERM, or until as many messages are processed as the command line says."""
    settings = from_environment(Settings, os.environ)
    level = "info" if arguments.verbose and settings.log_level != "debug" else settings.log_level
    output = logs.configure("worker", settings.log_format, level)
    try:
        await _work(settings, arguments)
    finally:
        output.flush()


async def _work(settings: Settings, arguments: Arguments) -> None:
    async with AsyncExitStack() as stack:
        status = Status("worker", "STARTING")
        address = stack.enter_context(serve_status(status, settings.status_address))
        event_log = await stack.enter_async_context(open_event_log(settings.postgres_dsn))
        queue = await stack.enter_async_context(open_work_queue(settings.postgres_dsn))
        catalogue = Catalogue(CONTRACTS, deciders(settings.shop_fulfilment), settings.execution)
        channels = arguments.chosen(await _known(catalogue, queue))
        outage = Outage(partial(_note, status))
        executor = _executor(settings, event_log, catalogue, stack.enter_context(open_ports(settings)))
        worker = _worker(settings, arguments, channels, queue, executor, Report(catalogue, arguments.verbose), outage)
        status.details = worker.shown
        status.state, status.healthy = "RUNNING", True
        log.info(f"worker {worker.name} works on {len(channels)} channels", channels=",".join(channels), status=address)
        runners = await stack.enter_async_context(_runners(settings, arguments, event_log, catalogue))
        await worker.run(_told(status), settings.drain_seconds, runners)


async def _known(catalogue: Catalogue, queue: WorkQueue) -> Sequence[str]:
    """The channels on which commands can wait, or on which some still do from before another setting."""
    return sorted({*catalogue.channels, *(counts.channel for counts in await queue.counts())})


@asynccontextmanager
async def _runners(
    settings: Settings, arguments: Arguments, event_log: EventLog, catalogue: Catalogue
) -> AsyncIterator[Sequence[Runner]]:
    """The process managers of this worker."""
    if not arguments.processes:
        yield ()
        return
    listed = checked(processes(settings.shop_fulfilment, settings.shop_step_seconds))
    async with open_process_store(settings.postgres_dsn) as store:
        most = settings.state_cache_streams
        yield [ProcessRunner(process, event_log, store, catalogue, most) for process in listed]


def _executor(settings: Settings, event_log: EventLog, catalogue: Catalogue, ports: Mapping[str, Any]) -> Executor:
    states = States(event_log, settings.state_cache_streams)
    handler = Handler(event_log, states, catalogue, settings.channels, settings.decide_attempts)
    return Executor(event_log, handler, catalogue, settings.channels, ports)


def _worker(
    settings: Settings,
    arguments: Arguments,
    channels: Sequence[str],
    queue: WorkQueue,
    executor: Executor,
    report: Report,
    outage: Outage,
) -> Worker:
    leases = Leases(queue, settings.worker_lease_seconds, outage)
    attempts = Attempts(queue, executor, settings.channels, leases, outage, report)
    allowance = Allowance(arguments.limit)
    lanes = [
        Lane(channel, settings.channels.policy(channel).concurrency, queue, attempts, allowance, outage)
        for channel in channels
    ]
    alarm = Alarm(queue, channels, settings.worker_poll_seconds, outage)
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
    return Worker(name, queue, lanes, leases, alarm, allowance)


def _note(status: Status, away: bool) -> None:
    if status.state != "DRAINING":
        status.state = "STORE_AWAY" if away else "RUNNING"


async def _told(status: Status) -> None:
    await until_stopped()
    status.state, status.healthy = "DRAINING", False


if __name__ == "__main__":
    faults = (LogError, UnsuitableServer, CatalogueError, UnknownChannel, DuplicateProcess, UnusableName)
    run(partial(main, parse(sys.argv[1:])), *faults)
