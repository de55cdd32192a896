"""Goals, their values and what is written about them."""

import json
from pathlib import Path

import pytest

from bench.goals import GOALS, Goal
from bench.report import evaluate, write

_HIGHER = Goal("P1", "a ÷ b", lambda f: (f["a"] / f["b"],), (0.5,), (0.75,))
_TWO = Goal(
    "P7b", "ratio; lost", lambda f: (f["a"] / f["b"], f["lost_count"]), (0.5, 0), (0.9, 0), better=("higher", "lower")
)
_RUNS = [
    {"a": 6.0, "b": 10.0, "lost_count": 0.0},
    {"a": 9.0, "b": 10.0, "lost_count": 0.0},
    {"a": 5.5, "b": 10.0, "lost_count": 1.0},
]


def test_every_goal_has_as_many_floors_as_stretches_and_a_name_of_its_own() -> None:
    assert len({goal.id for goal in GOALS}) == len(GOALS)
    assert all(len(goal.floor) == len(goal.stretch) for goal in GOALS)
    for goal in GOALS:
        for index, (floor, stretch) in enumerate(zip(goal.floor, goal.stretch, strict=True)):
            assert stretch >= floor if goal.direction(index) == "higher" else stretch <= floor


def test_the_value_is_the_median_of_the_runs_and_two_figures_make_arrays() -> None:
    results = evaluate([_HIGHER, _TWO], _RUNS)
    assert results["P1"]["value"] == 0.6
    assert results["P1"]["runs"] == [0.6, 0.9, 0.55]
    assert (results["P1"]["floor"], results["P1"]["stretch"], results["P1"]["unit"]) == (0.5, 0.75, "ratio")
    assert results["P7b"]["value"] == [0.6, 0.0]
    assert results["P7b"]["floor"] == [0.5, 0]


@pytest.mark.parametrize(("a", "verdict"), [(4.0, "SHORT"), (6.0, "floor"), (8.0, "stretch")])
def test_a_goal_is_short_at_its_floor_or_at_its_stretch(a: float, verdict: str) -> None:
    assert evaluate([_HIGHER], [{"a": a, "b": 10.0}])["P1"]["verdict"] == verdict


def test_a_goal_whose_figure_is_missing_in_every_run_has_no_result() -> None:
    assert evaluate([_HIGHER], [{"a": 1.0}]) == {}


def test_a_goal_without_limits_is_measured_but_has_no_verdict_and_no_bar(tmp_path: Path) -> None:
    only = Goal("A1", "a ÷ b", lambda f: (f["a"] / f["b"],))
    results = evaluate([only, _HIGHER], _RUNS)
    assert (results["A1"]["value"], results["A1"]["verdict"]) == (0.6, "none set")
    assert "| A1 | a ÷ b | 0.55 | 0.6 | 0.9 | none set | none set | ratio | none set |" in write(
        tmp_path, results, [], []
    )


def test_results_are_written_as_json_table_and_picture_and_keep_what_was_not_measured_again(tmp_path: Path) -> None:
    write(tmp_path, evaluate([_HIGHER], _RUNS), _RUNS, [])
    write(tmp_path, evaluate([_TWO], _RUNS), _RUNS, [])
    assert list(json.loads((tmp_path / "latest.json").read_text())) == ["P1", "P7b"]
    text = write(tmp_path, evaluate([_HIGHER], _RUNS), _RUNS, ["lag: no answer"])
    assert list(json.loads((tmp_path / "latest.json").read_text())) == ["P1"]
    assert "| P1 | a ÷ b | 0.55 | 0.6 | 0.9 | 0.5 | 0.75 | ratio | floor |" in text
    assert "- lag: no answer" in (tmp_path / "latest.md").read_text()
    assert (tmp_path / "latest.png").read_bytes().startswith(b"\x89PNG")
