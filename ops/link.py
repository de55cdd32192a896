"""Make the project importable in its own .venv, and `obverse` a command there."""

import sys
import sysconfig
from pathlib import Path

COMMAND = """#!{python}
from ops.cli import app

app()
"""


def link(root: Path) -> None:
    """Write the import roots (`.` and `generated/`) and bin/obverse into the running interpreter's environment."""
    Path(sysconfig.get_path("purelib"), "obverse.pth").write_text(f"{root}\n{root / 'generated'}\n")
    command = Path(sys.executable).with_name("obverse")
    command.write_text(COMMAND.format(python=sys.executable))
    command.chmod(0o755)


if __name__ == "__main__":
    link(Path(__file__).resolve().parent.parent)
