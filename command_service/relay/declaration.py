"""The stream LOG as it must be, and what is wrong with one that is not."""

from dataclasses import dataclass

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo

from runtime.record import LARGEST_RECORD_BYTES

NAME = "LOG"


def declared(epoch: str, replicas: int) -> StreamConfig:
    """The stream: nothing is ever dropped from it, and it refuses a publish rather than do anything else."""
    return StreamConfig(
        name=NAME,
        subjects=["log.>"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        num_replicas=replicas,
        max_msgs=-1,
        max_bytes=-1,
        max_age=0,
        max_msgs_per_subject=-1,
        max_msg_size=LARGEST_RECORD_BYTES + 128 * 1024,
        deny_delete=True,
        deny_purge=True,
        allow_atomic=True,
        metadata={"epoch": epoch},
    )


@dataclass(frozen=True, slots=True)
class Extent:
    """What the stream says about itself."""

    first: int
    last: int
    messages: int
    epoch: str
    faults: tuple[str, ...]
    """Settings that are not as declared, readable."""

    @property
    def holes(self) -> int:
        """Messages that are missing between the first and the last."""
        return 0 if self.last == 0 else self.last - self.first + 1 - self.messages


def extent(info: StreamInfo) -> Extent:
    """Read the broker's answer."""
    state, epoch = info.state, (info.config.metadata or {}).get("epoch", "")
    return Extent(state.first_seq, state.last_seq, state.messages, epoch, _faults(info.config))


_AUDITED = (
    *("subjects", "storage", "retention", "discard", "mirror", "sources", "deny_delete", "deny_purge", "allow_atomic"),
    *("max_msgs", "max_bytes", "max_age", "max_msgs_per_subject", "max_msg_size"),
)


def _faults(config: StreamConfig) -> tuple[str, ...]:
    wanted = declared("", 1)
    pairs = ((name, getattr(config, name) or 0, getattr(wanted, name) or 0) for name in _AUDITED)
    return tuple(f"{name} is {found!r}, declared is {as_!r}" for name, found, as_ in pairs if found != as_)
