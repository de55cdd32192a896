"""Step 6: how a worker's attempt at an accepted command ended."""

from dataclasses import dataclass

from cqrs.common.v1 import common_pb2


@dataclass(frozen=True, slots=True)
class Ended:
    """The command has an outcome, this attempt's or an earlier one's."""

    type: str
    """Full name of its request."""
    state: common_pb2.CommandState.ValueType
    """SUCCEEDED, REFUSED or FAILED; unspecified where an operator had taken the command out of the worker's hands."""
    events: tuple[str, ...] = ()
    """Short names of the events appended."""
    text: str = ""
    """The refusal's text, or the error of a failed command."""
    replayed: bool = False
    """True when somebody else had brought it to its end before."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """The attempt met a transient failure; another one is due."""

    type: str
    error: str
    seconds: float
    """How long to wait."""
