"""What must be so before a system starts: nothing of a killed run is left, and its addresses are free."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ops.embedded import PortTaken
from ops.embedded.ports import is_free
from ops.run_state import RunState


def clear(data: Path, addresses: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Ends what a killed run has left in the folder; PortTaken names the variable of an address that is in use."""
    if state := RunState.read(data):
        for name in state.end_leftovers():
            report(f"Ended {name}, which a killed run had left")
    for variable, address in addresses.items():
        if not is_free(int(address.rpartition(":")[2])):
            raise PortTaken(f"{address} is taken by another program: set {variable} to a free one")
