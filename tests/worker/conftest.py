"""A Postgres for workers in processes of their own."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from command_service.domains.shop.cart import CARTS
from command_service.postgres.event_log import open_event_log
from command_service.postgres.migrate import migrate
from command_service.postgres.work_queue import open_work_queue
from ops.embedded import EmbeddedPostgres
from ops.service import SERVICES, ServiceProcess
from ops.supervisor import ROOT
from tests.worker.trial import SERVICE
from tests.worker.world import World

(WORKER,) = (service for service in SERVICES if service.name == "worker")
EXECUTION = f"{SERVICE}.AddItemToCart=async:orders;{SERVICE}.RemoveItemFromCart=async:removals"


@dataclass(frozen=True)
class Place:
    """A database, those who accept commands there, and workers in processes of their own."""

    postgres: EmbeddedPostgres
    world: World
    environ: dict[str, str]
    start: Callable[[], ServiceProcess]
    """One more worker, healthy."""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


_databases = count(1)


@pytest.fixture
async def place(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Place]:
    database = f"worker_{next(_databases)}"
    postgres.create_database(database)
    await migrate(postgres.dsn("obverse_migrator", database), lambda _: None)
    address = postgres.dsn("obverse_service", database)
    environ = {
        "OBVERSE_POSTGRES_DSN": address,
        "OBVERSE_EXECUTION": EXECUTION,
        "OBVERSE_CHANNELS": "*:first=0.05,longest=0.2;orders:concurrency=4",
        "OBVERSE_WORKER_LEASE_SECONDS": "1",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
    }
    workers: list[ServiceProcess] = []

    def start() -> ServiceProcess:
        worker = ServiceProcess(WORKER, tmp_path / f"worker-{len(workers)}.log", ROOT, lambda: environ)
        workers.append(worker)
        worker.start()
        worker.wait_healthy(30)
        return worker

    try:
        async with open_event_log(address) as log, open_work_queue(address) as queue:
            yield Place(postgres, World.on(log, queue, CARTS, EXECUTION), environ, start)
    finally:
        for worker in workers:
            worker.kill()
