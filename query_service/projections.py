"""What /status shows of the projections that this server answers from."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from cqrs.options.v1.options_pb2 import query as query_option
from cqrs.options.v1.options_pb2 import view as view_option
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor

from query_service.read_store import ReadStore, ReadStoreUnavailable
from query_service.standing import Standing
from runtime.status import Status

SECONDS = 0.5
"""How often /status learns where the projections stand."""


def projections_of(contracts: Iterable[FileDescriptor]) -> tuple[str, ...]:
    """The projections behind the views that the query contracts name, in order of name."""
    pool = descriptor_pool.Default()
    services = [service for contract in contracts for service in contract.services_by_name.values()]
    views = {method.GetOptions().Extensions[query_option].view for service in services for method in service.methods}
    options = [pool.FindMessageTypeByName(view).GetOptions().Extensions[view_option] for view in views]
    return tuple(sorted({option.projection for option in options}))


async def watch_projections(names: Iterable[str], store: ReadStore, status: Status) -> None:
    """Keep what /status shows up to date until cancelled; without the store it shows why."""
    while True:
        try:
            shown: dict[str, Any] = {"projections": [_shown(name, await store.standing(name)) for name in names]}
        except ReadStoreUnavailable as error:
            shown = {"projections": [], "reason": str(error)}
        status.details = lambda shown=shown: shown  # type: ignore[misc]
        await asyncio.sleep(SECONDS)


def _shown(name: str, standing: Standing) -> dict[str, Any]:
    return {
        "name": name,
        "state": standing.state,
        "position": standing.position,
        "head": standing.head_position,
        "lag_seconds": standing.lag_seconds(time.time()),
        "error": standing.error,
    }
