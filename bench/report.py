"""Beside the flow: the goals' values over all runs as JSON, as a table and as a picture."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.goals import BY_ID, GOALS, Figures, Goal

Results = dict[str, dict[str, Any]]
NONE_SET = "none set"
"""What stands for the floor, the stretch and the verdict of a goal that has no limits."""


def evaluate(goals: Iterable[Goal], runs: Sequence[Figures]) -> Results:
    """Every goal that some run measured: median, all runs, floor, stretch; arrays where a goal has two figures."""
    results: Results = {}
    for goal in goals:
        values = [value for value in (_measured(goal, run) for run in runs) if value is not None]
        if values:
            medians = tuple(statistics.median(column) for column in zip(*values, strict=True))
            results[goal.id] = {
                "value": _plain(medians),
                "floor": _plain(goal.floor),
                "stretch": _plain(goal.stretch),
                "unit": goal.unit,
                "runs": [_plain(value) for value in values],
                "text": goal.text,
                "verdict": _verdict(goal, medians),
            }
    return results


def write(folder: Path, results: Results, runs: Sequence[Figures], failures: Sequence[str]) -> str:
    """Write the results and return the tables.

    Earlier results of goals that were not measured now are kept, unless something failed: then only P15 to P17's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    latest = folder / "latest.json"
    earlier: Results = json.loads(latest.read_text()) if latest.exists() else {}
    if failures:
        earlier = {name: kept for name, kept in earlier.items() if BY_ID[name].full}
    together = {goal.id: kept for goal in GOALS if (kept := results.get(goal.id) or earlier.get(goal.id))}
    latest.write_text(json.dumps(together, indent=2, ensure_ascii=False) + "\n")
    (folder / "figures.json").write_text(json.dumps([dict(run) for run in runs], indent=2) + "\n")
    text = f"{goal_table(together)}\n\n{figure_table(runs)}\n"
    if failures:
        text += "\nNot measured:\n" + "\n".join(f"- {failure}" for failure in failures) + "\n"
    (folder / "latest.md").write_text(f"# Benchmark\n\n{text}")
    _plot(together, folder / "latest.png")
    return text


def goal_table(results: Results) -> str:
    """One line a goal: minimum, median, maximum, floor, stretch and the verdict."""
    lines = [
        "| goal | what | min | median | max | floor | stretch | unit | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        columns = list(zip(*[_several(run) for run in result["runs"]], strict=True))
        spread = [
            _join(min(column) for column in columns),
            _join(_several(result["value"])),
            _join(max(c) for c in columns),
        ]
        limits = [_join(_several(result[key])) or NONE_SET for key in ("floor", "stretch")]
        lines.append(
            "| " + " | ".join([name, result["text"], *spread, *limits, result["unit"], result["verdict"]]) + " |"
        )
    return "\n".join(lines)


def figure_table(runs: Sequence[Figures]) -> str:
    """One line a figure: minimum, median and maximum over the runs, in the unit that is easiest to read."""
    lines = ["| figure | min | median | max | unit |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(name for run in runs for name in run):
        values = [run[name] for run in runs if name in run]
        factor, unit = _unit(name)
        row = (
            f"{value * factor:,.{1 if factor > 1 else 0}f}" if factor > 1 or value > 20 else f"{value:.3g}"
            for value in (min(values), statistics.median(values), max(values))
        )
        lines.append(f"| {name} | {' | '.join(row)} | {unit} |")
    return "\n".join(lines)


def _unit(name: str) -> tuple[float, str]:
    if name.endswith("_per_s"):
        return 1, "1/s"
    if name.endswith("_s"):
        return (1e6, "µs") if "_cpu" in name else (1e3, "ms")
    return 1, ""


def _measured(goal: Goal, run: Figures) -> tuple[float, ...] | None:
    try:
        return goal.measure(run)
    except (KeyError, ValueError):  # a figure, or every figure of a kind, is missing in this run
        return None


def _verdict(goal: Goal, values: Sequence[float]) -> str:
    def reached(limits: Sequence[float]) -> bool:
        pairs = enumerate(zip(values, limits, strict=True))
        return all(v >= limit if goal.direction(i) == "higher" else v <= limit for i, (v, limit) in pairs)

    if not goal.floor:
        return NONE_SET
    return "stretch" if reached(goal.stretch) else "floor" if reached(goal.floor) else "SHORT"


def _plot(results: Results, file: Path) -> None:
    import matplotlib  # takes half a second, and only the report needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot  # after the choice of the backend

    bars = list(_bars(results))
    picture, axes = pyplot.subplots(figsize=(9, 0.34 * len(bars) + 1.4))
    colours = {"stretch": "#2a7f4f", "floor": "#4c78a8", "SHORT": "#c44e52"}
    axes.barh([bar[0] for bar in bars], [bar[1] for bar in bars], color=[colours[bar[3]] for bar in bars], height=0.6)
    axes.plot([bar[2] for bar in bars], range(len(bars)), "k|", markersize=11, label="stretch")
    axes.axvline(1, color="black", linewidth=1, label="floor")
    axes.set_xscale("log")
    axes.set_xlabel("how many times better than the floor (green: stretch reached, red: short of the floor)")
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    picture.tight_layout()
    picture.savefig(file, dpi=110)
    pyplot.close(picture)


def _bars(results: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, float, float, str]]:
    for name, result in results.items():
        goal, values = BY_ID[name], _several(result["value"])
        if not goal.floor:
            continue
        for index, (value, floor, stretch) in enumerate(zip(values, goal.floor, goal.stretch, strict=True)):
            if not floor or not stretch:
                continue
            higher = goal.direction(index) == "higher"
            label = name if len(values) == 1 else f"{name}.{index + 1}"
            ratio = (value / floor, stretch / floor) if higher else (floor / max(value, 1e-9), floor / stretch)
            yield label, *ratio, result["verdict"]


def _plain(values: Sequence[float]) -> float | list[float]:
    rounded = [float(f"{value:.4g}") for value in values]
    return rounded[0] if len(rounded) == 1 else rounded


def _several(value: float | list[float]) -> list[float]:
    return value if isinstance(value, list) else [value]


def _join(values: Iterable[float]) -> str:
    return "; ".join(f"{value:.3g}" for value in values)
