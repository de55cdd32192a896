"""A small service for the supervisor's tests: answers /healthz and /status, drains on SIGTERM, fails when told to.

Its first argument names it. It writes that name into the file SMALL_JOURNAL when it drains, and ends at once when it
finds it in the file SMALL_FAILS. A second argument is how many seconds a child of it sleeps.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from runtime.status import Status, serve_status


def _stop(_number: int, _frame: object) -> None:
    with Path(os.environ["SMALL_JOURNAL"]).open("a") as journal:
        journal.write(f"{sys.argv[1]}\n")
    sys.exit(0)


def main() -> None:
    """Run until SIGTERM."""
    fails = Path(os.environ.get("SMALL_FAILS", "/nonexistent"))
    if fails.exists() and fails.read_text() == sys.argv[1]:
        sys.exit("small service: told to fail")
    if len(sys.argv) > 2:
        subprocess.Popen(["sleep", sys.argv[2]])
    signal.signal(signal.SIGTERM, _stop)
    with serve_status(Status(sys.argv[1], "RUNNING", healthy=True), os.environ["OBVERSE_STATUS_ADDRESS"]):
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
