"""Writes docs/promises.md: which test shows which promise, read from the `# promise …` marks in tests/."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "promises.md"
SOURCES = {"000": 60, "001": 63, "002": 25, "003": 23, "004": 17, "card": 4}
MARK = re.compile(r"promises?:? ((?:(?:\d{3}|card)-\d+(?: to \d+)?(?:, )?)+)")
ONE = re.compile(r"(\d{3}|card)-(\d+)(?: to (\d+))?")
HEAD = """# Promises and the tests that show them

Written by `make promises` from the marks in `tests/`; a test keeps it true. A promise is `source-number`: 000 async
commands, 001 the social demo, 002 the order system, 003 the templates, 004 the pipelines, card the design card.

| promise | shown by |
|---|---|
"""


def page() -> str:
    """The page as the tests' marks make it."""
    shown: dict[tuple[str, int], list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for promise, where in marks(path):
            shown.setdefault(promise, []).append(where)
    rows = [f"| {source}-{number} | {'<br>'.join(places)} |" for (source, number), places in sorted(shown.items())]
    return HEAD + "\n".join(rows) + "\n\n## Still owed\n\n" + "\n".join(_owed(set(shown))) + "\n"


def marks(path: Path) -> Iterator[tuple[tuple[str, int], str]]:
    """(promise, place) of every mark in a file: above a test it is the test's, in the module's docstring the file's."""
    text = path.read_text()
    name = path.relative_to(ROOT).as_posix()
    tests = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for number, line in enumerate(text.splitlines(), 1):
        for mark in MARK.findall(line):
            after = [test for test in tests if test.name.startswith("test") and test.lineno > number]
            first = min(after, key=lambda test: test.lineno, default=None)
            place = f"`{name}`" if first is None or not line.lstrip().startswith("#") else f"`{name}` {first.name}"
            for source, low, high in ONE.findall(mark):
                for promised in range(int(low), int(high or low) + 1):
                    yield (source, promised), place


def _owed(shown: set[tuple[str, int]]) -> Iterator[str]:
    for source, most in SOURCES.items():
        missing = [str(number) for number in range(1, most + 1) if (source, number) not in shown]
        yield f"- {source}: {', '.join(missing) or 'nothing'}"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == page() else "docs/promises.md is not what the tests say: make promises")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
