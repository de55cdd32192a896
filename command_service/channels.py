"""Step 6, the channels of asynchronous commands: how many at a time, how often and when again, how many may wait."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """How a channel is worked off; set by OBVERSE_CHANNELS, e.g. "orders:concurrency=16,attempts=10;mail:first=2"."""

    concurrency: int = 16
    """Commands that one worker has in hand at a time."""
    attempts: int = 8
    """Attempts before a command that meets transient failures becomes a failed one."""
    first: float = 0.5
    """Seconds before the second attempt; each later wait is twice as long."""
    longest: float = 60.0
    """Seconds that a wait grows to at most."""
    timeout: float = 120.0
    """Seconds that an effect may take; one that takes longer is broken off, and the attempt is counted."""
    backlog: int = 100_000
    """Commands that may wait before callers get RESOURCE_EXHAUSTED; what the system itself sends is always accepted."""

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number: growing, and never in step with other commands."""
        grown = min(self.longest, self.first * 2.0 ** min(attempt - 1, 60))
        return grown * random.uniform(0.75, 1.25)


DEFAULT_POLICY = ChannelPolicy()


class Channels:
    """The policies, by channel."""

    def __init__(self, policies: Mapping[str, ChannelPolicy], default: ChannelPolicy = DEFAULT_POLICY) -> None:
        self._policies = policies
        self._default = default

    def policy(self, channel: str) -> ChannelPolicy:
        """A channel's policy; the default's where nothing was set."""
        return self._policies.get(channel, self._default)

    @classmethod
    def parse(cls, text: str) -> "Channels":
        """What OBVERSE_CHANNELS says: `name:key=value,…` joined by `;`, `*` for every other channel. ValueError."""
        policies: dict[str, ChannelPolicy] = {}
        for part in filter(None, (part.strip() for part in text.split(";"))):
            name, colon, values = part.partition(":")
            if not colon or not name.strip():
                raise ValueError(f"{part!r} is not `channel:key=value,…`")
            policies[name.strip()] = _policy(part, values)
        return cls(policies, policies.pop("*", DEFAULT_POLICY))


def _policy(part: str, values: str) -> ChannelPolicy:
    given: dict[str, Any] = dict(_value(part, pair) for pair in values.split(","))
    return replace(DEFAULT_POLICY, **given)


_KINDS = {field.name: field.type for field in fields(ChannelPolicy)}


def _value(part: str, pair: str) -> tuple[str, int | float]:
    key, _, given = (piece.strip() for piece in pair.partition("="))
    if key not in _KINDS:
        raise ValueError(f"{key!r} in {part!r} is none of {', '.join(_KINDS)}")
    try:
        value = int(given) if _KINDS[key] is int else float(given)
    except ValueError:
        raise ValueError(f"{key} in {part!r} must be a number, not {given!r}") from None
    if value <= 0:
        raise ValueError(f"{key} in {part!r} must be greater than zero")
    return key, value
