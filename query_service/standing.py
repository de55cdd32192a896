"""Step 9: where a projection stands against the log, read together with every view."""

from collections.abc import Sequence
from dataclasses import dataclass

from cqrs.common.v1.common_pb2 import ConsistencyToken

BEAT_SECONDS = 2.0
"""A heartbeat of the projector that is older says nothing about the lag."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A projection's checkpoint, and what the projector last said about the log and about itself."""

    epoch: str = ""
    """The epoch of the checkpoint; empty when nothing was ever projected."""
    position: int = 0
    """The last position whose effect the views show."""
    head_epoch: str = ""
    head_position: int = 0
    """The last position of the log, as the projector saw it at its last heartbeat."""
    beat: float = 0.0
    """The projector's last heartbeat, Unix seconds; 0 when there was none."""
    oldest_time: float = 0.0
    """When the oldest record that is not applied was committed, Unix seconds; 0 when the projector named none."""
    state: str = ""
    """RUNNING, STOPPED, CATCHING_UP; empty when no projector ever ran."""
    error: str = ""
    """Why it stopped."""

    @property
    def token(self) -> ConsistencyToken:
        """The point in the log that the views show."""
        return ConsistencyToken(epoch=self.epoch, position=self.position)

    @property
    def current_epoch(self) -> str:
        """The epoch of the log as far as it is known here; empty when it is not."""
        return self.head_epoch or self.epoch

    @property
    def rebuilding(self) -> bool:
        """Whether the views are being folded again because their store was lost: what is not there yet may exist."""
        return self.state == "CATCHING_UP"

    def lag_seconds(self, now: float) -> float | None:
        """The age in seconds of the oldest committed record that is not applied; None when that is unknown."""
        if now - self.beat > BEAT_SECONDS:
            return None
        if self.epoch == self.head_epoch and self.position >= self.head_position:
            return 0.0
        return max(0.0, now - (self.oldest_time or self.beat))


def standing_of(
    checkpoint: Sequence[bytes | None], head: Sequence[bytes | None], state: Sequence[bytes | None]
) -> Standing:
    """What is stored: checkpoint (epoch, position), head (epoch, position, beat), state (state, error, oldest_time)."""
    epoch, position = checkpoint
    head_epoch, head_position, beat = head
    name, error, oldest = state
    return Standing(
        epoch=(epoch or b"").decode(),
        position=int(position or 0),
        head_epoch=(head_epoch or b"").decode(),
        head_position=int(head_position or 0),
        beat=float(beat or 0),
        oldest_time=float(oldest or 0),
        state=(name or b"").decode(),
        error=(error or b"").decode(),
    )
