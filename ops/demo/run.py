"""Demo, in order: read the file, put it through the shop, read everything back, compare, say so in one line."""

import time
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

import uuid_utils

from ops.demo.client import connect
from ops.demo.compare import Comparison
from ops.demo.expected import Expected, expect
from ops.demo.invoices import read_invoices
from ops.demo.lag import Lag
from ops.demo.progress import progress
from ops.demo.replay import Counts, Replay
from ops.output import Output

_SHOWN = 10


@dataclass(frozen=True)
class Outcome:
    """What a run came to; `str` is the demo's last line."""

    invoices: int
    orders: int
    lines: int
    cancelled: int
    unmatched: int
    refused: int
    revenue: Decimal
    equal: bool
    commands_per_s: float
    lag_p50_ms: float
    lag_p99_ms: float

    def __str__(self) -> str:
        shown = {
            **asdict(self),
            "revenue": f"{self.revenue:.2f}",
            "equal": "yes" if self.equal else "no",
            "commands_per_s": f"{self.commands_per_s:.0f}",
            "lag_p50_ms": f"{self.lag_p50_ms:.1f}",
            "lag_p99_ms": f"{self.lag_p99_ms:.1f}",
        }
        return "demo: " + " ".join(f"{name}={value}" for name, value in shown.items())


async def run(path: Path, command_address: str, query_address: str, output: Output) -> Outcome:
    """One run over the file against a running system; ids of its own make it independent of every other run."""
    invoices = read_invoices(path)
    run_id = f"demo-{str(uuid_utils.uuid7())[-12:]}"
    async with connect(command_address) as commands, connect(query_address) as queries:
        lag = Lag(queries)
        with progress(output, f"Replaying {len(invoices):,} invoices", len(invoices)) as advance:
            begin = time.perf_counter()
            counts = await Replay(run_id, commands, lag, advance).put_through(invoices)
            rate = commands.answered / (time.perf_counter() - begin)
        for words, often in counts.refusals.most_common():
            output.line(f"Refused {often} times: {words}")
        output.line("Reading every order and every customer's list back")
        expected = expect(path)
        comparison = Comparison(queries, run_id, commands.last)
        await comparison.compare(expected)
    differences = [*_counted_differently(counts, expected), *comparison.differences]
    _show(output, differences)
    return _outcome(counts, comparison.revenue, not differences, rate, lag)


def _outcome(counts: Counts, revenue: Decimal, equal: bool, commands_per_s: float, lag: Lag) -> Outcome:
    return Outcome(
        invoices=counts.orders + counts.cancelled + counts.unmatched + counts.refused,
        orders=counts.orders,
        lines=counts.lines,
        cancelled=counts.cancelled,
        unmatched=counts.unmatched,
        refused=counts.refused,
        revenue=revenue,
        equal=equal,
        commands_per_s=commands_per_s,
        lag_p50_ms=lag.percentile(50),
        lag_p99_ms=lag.percentile(99),
    )


def _counted_differently(counts: Counts, expected: Expected) -> list[str]:
    done = counts.orders + counts.cancelled + counts.unmatched + counts.refused
    pairs = {
        "invoices": (done, expected.invoices),
        "orders": (counts.orders, len(expected.orders)),
        "lines": (counts.lines, expected.lines),
        "cancelled": (counts.cancelled, expected.cancelled),
        "unmatched": (counts.unmatched, expected.unmatched),
        "refused": (counts.refused, expected.refused),
    }
    return [f"{name} {ours}, the file says {right}" for name, (ours, right) in pairs.items() if ours != right]


def _show(output: Output, differences: list[str]) -> None:
    for difference in differences[:_SHOWN]:
        output.line(f"Differs: {difference}")
    if len(differences) > _SHOWN:
        output.line(f"… and {len(differences) - _SHOWN} more differences")
