"""Goals P10 and P11: from a command's receipt to the answer of a query that must see it.

The clock starts when the receipt is here and stops when the answer of a GetOrder with the receipt's token is here, so
the query's own round trip is in the figure and nothing is subtracted. At most a hundred receipts a second are followed.
"""

from __future__ import annotations

from dataclasses import replace

from bench import bodies
from bench.load import Follow, LoadError, percentile
from bench.rig import Rig

_LOW_PER_SECOND, _SHARE_OF_SATURATION = 50.0, 0.7


def low(rig: Rig) -> None:
    """At 50 commands a second: P10."""
    _measure(rig, "lag_low", _LOW_PER_SECOND, 8)


def high(rig: Rig) -> None:
    """At 70 % of what this run's full-speed commands reached: P11."""
    _measure(rig, "lag_high", _SHARE_OF_SATURATION * rig.figures["commands_64_per_s"], 6)


def _measure(rig: Rig, name: str, rate: float, seconds: float) -> None:
    follow = Follow(rig.system.query_address, bodies.GET_ORDER, "bench.bodies:fresh_query", per_second=100)
    result = rig.load(replace(rig.commands(seconds=seconds), rate=rate, follow=follow))
    if not result.follow_latencies:
        raise LoadError(f"No receipt was followed at {rate:.0f} commands/s; did any command succeed?")
    rig.figures[f"{name}_rate_per_s"] = result.per_second
    rig.figures[f"{name}_p50_s"] = percentile(result.follow_latencies, 0.5)
    rig.figures[f"{name}_p99_s"] = percentile(result.follow_latencies, 0.99)
    rig.figures[f"{name}_samples_count"] = float(len(result.follow_latencies))
