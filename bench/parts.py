"""Beside the flow: the parts of the system under test: which programs they are, and what some are told besides."""

from __future__ import annotations

MODULES = {
    "command_service": "command_service",
    "relay": "command_service.relay",
    "projector": "projector",
    "query_service": "query_service",
}
"""The parts that every measurement needs, in the order of starting."""

ACCEPTING = "accepting"
"""A second command server on the same log, to which CreateOrder is asynchronous."""
WORKER = "worker"
"""One worker process of that server's commands, and of no others."""
CHANNEL = "orders"
"""The channel of those commands."""

_PROGRAMS = {ACCEPTING: ("command_service",), WORKER: ("command_service.worker", "--channel", CHANNEL)}
_ASYNCHRONOUS = f"cqrs.shop.v1.OrderCommandService.CreateOrder=async:{CHANNEL}"


def program(name: str) -> tuple[str, ...]:
    """The module of a part and its arguments; KeyError for a name that none has."""
    return _PROGRAMS.get(name) or (MODULES[name],)


def more_settings(name: str) -> dict[str, str]:
    """What a part is told besides where the others are."""
    return {"EXECUTION": _ASYNCHRONOUS} if name in _PROGRAMS else {}
