"""Step 6, what a worker tells of its commands: metrics, and lines in the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
from cqrs.admin.v1.events_pb2 import CommandAccepted
from cqrs.common.v1.common_pb2 import CommandState
from cqrs.log.v1.record_pb2 import Record
from prometheus_client import Counter, Gauge, Histogram

from command_service.catalogue import Catalogue
from command_service.endings import Ended, PutOff
from command_service.work_queue import Claimed

log = structlog.get_logger()

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
EXECUTED = Counter("obverse_worker_executed_total", "Attempts at commands, by how they ended", ["channel", "outcome"])
PUT_OFF = Counter("obverse_worker_put_off_total", "Attempts after which another one is due", ["channel"])
SECONDS = Histogram("obverse_worker_run_seconds", "Duration of attempts at commands", ["channel"], buckets=BUCKETS)
IN_FLIGHT = Gauge("obverse_worker_in_flight", "Commands in hand", ["channel"])

Tell = Callable[[Ended | PutOff | None], None]


class Report:
    """Tells of every attempt how it ended; `verbose`, what happens in between too."""

    def __init__(self, catalogue: Catalogue, verbose: bool = False) -> None:
        self._catalogue = catalogue
        self._verbose = verbose

    @contextmanager
    def attempt(self, claim: Claimed) -> Iterator[Tell]:
        """Measure an attempt while the block runs; what it gives is told the ending."""
        if self._verbose:
            self._received(claim)
        began = time.monotonic()
        in_flight = IN_FLIGHT.labels(claim.channel)
        in_flight.inc()
        try:
            yield lambda ending: self._ended(claim, ending, time.monotonic() - began)
        finally:
            in_flight.dec()

    def _received(self, claim: Claimed) -> None:
        accepted = CommandAccepted.FromString(Record.FromString(claim.record).data)
        about = _about(claim)
        log.info(f"received {_short(accepted.type)}", attempt=claim.attempt, **about)
        try:
            decide = self._catalogue.rpc(accepted.rpc).decider.decide
        except KeyError:
            return  # the outcome will say so
        log.info(f"handled by {_function(decide)}", **about)

    def _ended(self, claim: Claimed, ending: Ended | PutOff | None, seconds: float) -> None:
        EXECUTED.labels(claim.channel, _outcome(ending)).inc()
        SECONDS.labels(claim.channel).observe(seconds)
        match ending:
            case PutOff():
                PUT_OFF.labels(claim.channel).inc()
                log.warning(
                    f"put off for {ending.seconds:.3g} s: {ending.error}", attempt=claim.attempt, **_about(claim)
                )
            case None:
                log.warning("another worker has taken the command over while the store was away", **_about(claim))
            case Ended():
                self._told(claim, ending, seconds)

    def _told(self, claim: Claimed, ended: Ended, seconds: float) -> None:
        about = {**_about(claim), "seconds": round(seconds, 4)}
        if not self._verbose:
            about = {"type": _short(ended.type), "events": ",".join(ended.events), **about}
        elif ended.state == CommandState.COMMAND_STATE_SUCCEEDED and not ended.replayed:
            log.info(f"appended {', '.join(ended.events) or 'no event'}", **_about(claim))
        if ended.state == CommandState.COMMAND_STATE_FAILED and not ended.replayed:
            log.error(f"failed: {ended.text}", attempts=claim.attempt, **about)
        else:
            log.info(_words(ended), **about)


def _function(decide: Callable[..., Any]) -> str:
    """Its module and name, also where a part of its arguments is given."""
    while isinstance(decide, partial):
        decide = decide.func
    return f"{decide.__module__}.{decide.__qualname__}"


def _outcome(ending: Ended | PutOff | None) -> str:
    """The label of the metric: what this worker brought about."""
    match ending:
        case PutOff():
            return "put_off"
        case Ended(replayed=False):
            return CommandState.Name(ending.state).removeprefix("COMMAND_STATE_").lower()
        case _:
            return "by_another"


def _words(ended: Ended) -> str:
    if ended.replayed:
        return "handled before: an earlier attempt, another worker or an operator has ended it"
    if ended.state == CommandState.COMMAND_STATE_REFUSED:
        return f"refused: {ended.text}"
    return "handled successfully"


def _about(claim: Claimed) -> dict[str, object]:
    return {"command_id": claim.command_id, "channel": claim.channel}


def _short(name: str) -> str:
    return name.rpartition(".")[2]
