"""What asynchronous commands and their lists must look like, folded from their records into dictionaries.

It shares nothing with the projector: it was written from the contracts' comments, and it imports contracts alone.
"""

from dataclasses import dataclass, field
from itertools import product

from cqrs.common.v1 import common_pb2
from cqrs.log.v1.record_pb2 import Record

from tests.plain import Indexes, Plain, plain

ENDS = {
    "CommandSucceeded": common_pb2.COMMAND_STATE_SUCCEEDED,
    "CommandRefused": common_pb2.COMMAND_STATE_REFUSED,
    "CommandFailed": common_pb2.COMMAND_STATE_FAILED,
    "ScheduledCommandCancelled": common_pb2.COMMAND_STATE_REFUSED,
}
"""The state of a command after a record that ends it."""
CALLED_OFF = {
    "code": 9,
    "reason": "SCHEDULE_CANCELLED",
    "domain": "cqrs.admin.v1",
    "text": "The scheduled command was called off before it was due",
}
ASKED = ("command_id", "channel", "rpc", "type", "stream", "request", "due_time", "process", "process_instance")


@dataclass
class PlainCommands:
    """Commands by key; KeyError when a record is about a command that was never accepted."""

    epoch: str = ""
    views: dict[str, Plain] = field(default_factory=dict)

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one record of the platform; what is about no command is passed over."""
        if not record.stream.startswith("command-"):
            return
        key, time = f"command:{event['command_id']}", plain(record.time)
        if name == "CommandAccepted":
            self.views[key] = {
                **{field: event.get(field) for field in ASKED},
                "state": common_pb2.COMMAND_STATE_ACCEPTED,
                "correlation_id": record.correlation_id,
                "causation_id": record.causation_id,
                "accept_time": time,
                "version": 1,
                "accept_position": position,
            }
            return
        command = self.views[key]
        command |= {"outcome_time": time, "version": record.version}
        if name in ENDS:
            command["state"] = ENDS[name]
        if name in ("CommandSucceeded", "CommandRefused", "CommandFailed"):
            millis = event.get("run_millis", 0)
            run_time = {"seconds": millis // 1000, "nanos": millis % 1000 * 1_000_000}
            command["run_time"] = {unit: number for unit, number in run_time.items() if number}
            command |= {"attempts": event.get("attempts"), "error": event.get("error")}
        self._say_more(command, name, event, position)

    def _say_more(self, command: Plain, name: str, event: Plain, position: int) -> None:
        match name:
            case "CommandSucceeded":
                token = {"epoch": self.epoch, "position": position}
                command["receipt"] = event.get("receipt", {}) | {"token": {k: v for k, v in token.items() if v}}
            case "CommandRefused":
                command["refusal"] = event.get("refusal")
            case "ScheduledCommandCancelled":
                command["refusal"] = CALLED_OFF
            case "FailedCommandRetried":
                command["state"] = common_pb2.COMMAND_STATE_ACCEPTED
                for outcome in ("attempts", "run_time", "error"):
                    command.pop(outcome, None)
            case "FailedCommandDiscarded":
                command |= {"discarded": True, "discard_reason": event.get("reason")}

    def indexes(self) -> Indexes:
        """Each command in the lists of its state, channel and type, and of any of them; failed ones in theirs."""
        lists: Indexes = {}
        for key, command in self.views.items():
            state = common_pb2.CommandState.Name(command["state"]).removeprefix("COMMAND_STATE_").lower()
            waits_for_an_operator = state == "failed" and not command.get("discarded")
            for channel, type_ in product(("", command["channel"]), ("", command["type"])):
                names = [f"commands:{shown}:{channel}:{type_}" for shown in ("", state)]
                for name in [*names, *([f"failed:{channel}:{type_}"] if waits_for_an_operator else [])]:
                    lists.setdefault(name, {})[key] = command["accept_position"]
        return lists
