"""Beside the flow: `python -m bench` measures P1 to P14 and A1 to A4 in ten minutes; `--full` adds P15 to P17."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.runner import GROUPS, Plan, measure

_RESULTS = Path(__file__).with_name("results")


def main() -> int:
    """Measure, write the results, print the table; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="measure P15 to P17 too (half an hour)")
    parser.add_argument("--runs", type=int, default=3, help="how often, where time allows")
    parser.add_argument("--minutes", type=float, default=9.0, help="begin no further run that would end after this")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the length of every measured window")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=(), help="these groups alone")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="folder of latest.json, latest.md, latest.png")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="obverse-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user where this is root
        plan = Plan(
            Path(folder), given.results, given.runs, given.minutes * 60, given.scale, frozenset(given.only), given.full
        )
        return measure(plan)


if __name__ == "__main__":
    sys.exit(main())
