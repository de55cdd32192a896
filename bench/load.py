"""Step 0: the load client. `run_load` drives one gRPC method from a process of its own and says what came back.

`python -m bench.load --address HOST:PORT --path /package.Service/Method` does the same by hand.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.apart import ApartError, apart

_GRACE_SECONDS = 30.0


class LoadError(RuntimeError):
    """The load process could not do its work; says which address and why."""


@dataclass(frozen=True)
class Follow:
    """A second call made from the answer of the first: its server, its method, how its request is made."""

    address: str
    """host:port of the server that is asked."""
    path: str
    """/package.Service/Method."""
    request: str
    """module:function, which takes the first call's answer (bytes) and gives the request (bytes)."""
    per_second: float = 100.0
    """At most so many answers a second are followed."""


@dataclass(frozen=True)
class Load:
    """What to send: closed loop with `callers`, or, where `rate` is set, open loop with that many calls a second."""

    address: str
    path: str
    bodies: str
    """module:function, which takes `body_arguments` and gives an endless iterator of serialised requests."""
    body_arguments: Mapping[str, int | str] = field(default_factory=dict)
    callers: int = 64
    connections: int = 4
    seconds: float = 4.0
    """Length of the measured window."""
    warmup_seconds: float = 1.0
    count: int = 0
    """Where not 0: stop after so many calls, if that is sooner than the window's end."""
    rate: float = 0.0
    """Calls a second in open loop; 0 for a closed loop."""
    follow: Follow | None = None
    settle: Follow | None = None
    """Called once when all answers have come; its function gets the first and the newest answers, oldest first."""
    settle_at_once: Follow | None = None
    """Called at the same moment as `settle`; its answer comes back in `at_once`."""
    watch: Mapping[str, int] = field(default_factory=dict)
    """Processes (name: pid) whose processor time over the window is wanted."""
    cores: tuple[int, ...] = ()
    """Cores that the load process may use; empty for all."""
    keep: int = 0
    """How many answers (the first ones) to bring back."""


@dataclass(frozen=True)
class LoadResult:
    """What came back. Times in seconds, both lists of latencies sorted; failed calls are in `errors` only."""

    calls: int
    """Successful calls in the window."""
    seconds: float
    """Length of the window as it was."""
    latencies: Sequence[float]
    errors: Mapping[str, int]
    """How often each failure came, as `code text`, in the warm-up too."""
    all_calls: int
    """Successful calls, warm-up included."""
    answer_bytes: int
    """Bytes of the answers' messages, in the window."""
    cpu: Mapping[str, float]
    """Processor seconds of each watched process over the window, and of the load process as `load`."""
    follow_latencies: Sequence[float]
    settle_seconds: float | None
    """From the last answer until the answer of `settle`."""
    settled: bytes
    at_once: bytes
    first_newest_last: tuple[bytes, bytes]
    """The first and the newest answer."""
    kept: Sequence[bytes]

    @property
    def per_second(self) -> float:
        """Successful calls a second in the window."""
        return self.calls / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        """How many calls did not succeed."""
        return sum(self.errors.values())

    def cpu_per_call(self, names: Sequence[str]) -> float:
        """Processor seconds a call of these watched processes together."""
        return sum(self.cpu[name] for name in names) / self.calls if self.calls else math.nan


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of an ordered sample lies, nearest rank; nan for an empty one."""
    if not ordered:
        return math.nan
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def run_load(load: Load) -> LoadResult:
    """Run one load in a new process and wait for it; raises LoadError when it cannot be carried out."""
    from bench.drive import drive  # it needs this module's classes

    try:
        return apart(load.warmup_seconds + load.seconds + 2 * _GRACE_SECONDS, drive, load)
    except ApartError as failure:
        raise LoadError(f"The load on {load.address}{load.path} failed: {failure}") from failure


def main() -> None:
    """Drive one method with bodies of zeros and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--bytes", type=int, default=300)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    result = run_load(
        Load(
            given.address,
            given.path,
            "bench.bodies:zeros",
            {"size": given.bytes},
            callers=given.callers,
            rate=given.rate,
            seconds=given.seconds,
        )
    )
    p50, p99 = (percentile(result.latencies, share) * 1e3 for share in (0.5, 0.99))
    print(f"{result.per_second:,.0f} calls/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, failed {dict(result.errors)}")


if __name__ == "__main__":
    main()
