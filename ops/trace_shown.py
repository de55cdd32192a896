"""What people and programs see of a trace."""

from collections.abc import Iterator, Sequence
from typing import Any

from cqrs.admin.v1 import events_pb2 as events
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from ops.command_shown import ran
from ops.trace import Node


def lines(roots: Sequence[Node]) -> Iterator[str]:
    """The tree, a line a node."""
    waiting = [(node, "", "", "") for node in reversed(roots)]
    while waiting:
        node, before, branch, below = waiting.pop()
        yield before + branch + _text(node)
        inside, last = before + below, len(node.children) - 1
        for number in range(last, -1, -1):
            ends = number == last
            waiting.append((node.children[number], inside, "└─ " if ends else "├─ ", "   " if ends else "│  "))


def values(roots: Sequence[Node]) -> Iterator[dict[str, Any]]:
    """The tree as one JSON object a node, each after its parent."""
    waiting: list[tuple[Node, str | None]] = [(node, None) for node in reversed(roots)]
    while waiting:
        node, parent = waiting.pop()
        yield {"id": node.id, "parent": parent, "position": node.position, **_value(node)}
        waiting += ((child, node.id) for child in reversed(node.children))


def _text(node: Node) -> str:
    if node.record is not None:
        record = node.record
        return f"{_short(record.type)} {record.stream}@{record.version}, position {node.position}, {_time(record.time)}"
    if node.accepted is None:
        return f"command {node.id}, synchronous"
    accepted, value = node.accepted, _value(node)
    parts = [f"command {node.id} {_short(accepted.type)} on {accepted.channel}: {value['state']}"]
    if value.get("attempts"):
        parts.append(f"{value['attempts']} attempt{'s' if value['attempts'] > 1 else ''}")
        parts.append(f"ran {_millis(value['run_millis'])}")
    if value.get("after_millis") is not None:
        parts.append(f"{_millis(value['after_millis'])} after its acceptance")
    if node.retries:
        parts.append(f"retried by an operator {node.retries} time{'s' if node.retries > 1 else ''}")
    return ", ".join([*parts, *filter(None, (value.get("why"),))])


def _value(node: Node) -> dict[str, Any]:
    if node.record is not None:
        record = node.record
        place = {"stream": record.stream, "version": record.version, "time": record.time.ToJsonString()}
        return {"kind": "event", "type": record.type, **place}
    if node.accepted is None or node.accept_record is None:
        return {"kind": "command", "execution": "sync"}
    accepted, outcome = node.accepted, node.outcome
    value = {
        "kind": "command",
        "execution": "async",
        "type": accepted.type,
        "channel": accepted.channel,
        "process": accepted.process,
        "state": _state(outcome),
        "time": node.accept_record.time.ToJsonString(),
        "retries": node.retries,
        "why": _why(outcome),
    }
    if isinstance(outcome, events.CommandSucceeded | events.CommandRefused | events.CommandFailed):
        value |= {"attempts": outcome.attempts, "run_millis": outcome.run_millis}
    if node.outcome_record is not None:
        value["after_millis"] = _between(node.accept_record.time, node.outcome_record.time)
    return value


def _state(outcome: Any) -> str:
    match outcome:
        case events.CommandSucceeded():
            return "SUCCEEDED"
        case events.CommandRefused():
            return "REFUSED"
        case events.CommandFailed():
            return "FAILED"
        case events.FailedCommandDiscarded():
            return "FAILED, discarded"
        case events.ScheduledCommandCancelled():
            return "REFUSED, called off before it was due"
    return "ACCEPTED"


def _why(outcome: Any) -> str:
    match outcome:
        case events.CommandRefused():
            return f"{outcome.refusal.reason}: {outcome.refusal.text}"
        case events.CommandFailed():
            return outcome.error
        case events.FailedCommandDiscarded():
            return outcome.reason
    return ""


def _between(begin: Timestamp, end: Timestamp) -> int:
    return max(0, end.ToMilliseconds() - begin.ToMilliseconds())


def _millis(millis: int) -> str:
    return ran(Duration(seconds=millis // 1_000, nanos=millis % 1_000 * 1_000_000))


def _short(type_: str) -> str:
    return type_.rpartition(".")[2]


def _time(time: Timestamp) -> str:
    return time.ToJsonString()
