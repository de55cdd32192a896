"""Step 1: which commands a deployment carries out otherwise than their contracts say; set by OBVERSE_EXECUTION."""

from collections.abc import Mapping

LONGEST_CHANNEL = 100
"""Characters of a channel's name: what an operator can name to pause it."""


class Executions:
    """Overrides by RPC: synchronous, or asynchronous on a channel."""

    def __init__(self, channels: Mapping[str, str | None]) -> None:
        """RPC → its channel; None makes it synchronous."""
        self._channels = dict(channels)

    @property
    def rpcs(self) -> frozenset[str]:
        """Every RPC that is named."""
        return frozenset(self._channels)

    def of(self, rpc: str, asynchronous: bool, channel: str) -> tuple[bool, str]:
        """(whether it is asynchronous, its channel), from what its contract says of both."""
        if rpc not in self._channels:
            return asynchronous, channel
        chosen = self._channels[rpc]
        return (False, channel) if chosen is None else (True, chosen)

    @classmethod
    def parse(cls, text: str) -> "Executions":
        """What OBVERSE_EXECUTION says: `<full RPC name>=sync` or `=async:<channel>`, joined by `;`. ValueError."""
        channels: dict[str, str | None] = {}
        for part in filter(None, (part.strip() for part in text.split(";"))):
            rpc, _, how = (piece.strip() for piece in part.partition("="))
            mode, _, channel = how.partition(":")
            if mode not in ("sync", "async") or (mode == "async") != bool(channel):
                raise ValueError(f"{part!r} is neither `<rpc>=sync` nor `<rpc>=async:<channel>`")
            if len(channel) > LONGEST_CHANNEL or not channel.isprintable():
                raise ValueError(f"the channel in {part!r} must be at most {LONGEST_CHANNEL} printable characters")
            channels[rpc.replace("/", ".")] = channel or None
        return cls(channels)
