"""Step 4 and 6: accepting a command to be carried out later: its CommandAccepted, from a caller or from inside."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cqrs.admin.v1.events_pb2 import CommandAccepted
from cqrs.common.v1 import common_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.catalogue import Catalogue
from command_service.command import Command, derived_id
from command_service.event_log import Entry, NewRecord
from command_service.records import Origin, envelope
from runtime.call import Call


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends commands from inside, and why."""

    cause: str
    """The id of the command, or for a process manager of the record, that causes them; theirs are derived from it."""
    correlation_id: str
    traceparent: str = ""
    actor: str = ""
    process: str = ""
    """The process manager that sends them; empty for a decision."""
    process_instance: str = ""

    def command_id(self, number: int) -> str:
        """The id of its command of that number; several process managers may react to one record."""
        return derived_id("sent", self.process, self.cause, str(number))


def acceptance(command: Command, most_open: int, due: Timestamp | None = None) -> tuple[Entry, Any]:
    """What accepting a caller's command asks of the log, and the answer to it; the token is still missing."""
    event = _accepted(command, due)
    causation = command.request.context.causation_id
    record = envelope(command.own_stream, 1, event, Origin.of(command, causation), most_open)
    _, aggregate_id = command.reads[0]
    answer = command.response(common_pb2.COMMAND_STATE_ACCEPTED, aggregate_id)
    answer.receipt.channel = command.rpc.channel
    entry = Entry(
        command_id=command.context.command_id,
        request_hash=command.hash,
        reads=(),
        records=(record,),
        receipt=answer.SerializeToString(),
        state=common_pb2.COMMAND_STATE_ACCEPTED,
    )
    return entry, answer


def sent(catalogue: Catalogue, requests: Iterable[Message], sender: Sender) -> Iterator[NewRecord]:
    """The records that accept commands which a decision or a process manager sends; raises TypeError for no command."""
    for number, request in enumerate(requests):
        rpc = catalogue.of_request(request)
        if rpc is None:
            raise TypeError(f"{request.DESCRIPTOR.full_name} was sent, but no command RPC takes it")
        copy: Any = type(request)()
        copy.CopyFrom(request)
        copy.context.Clear()
        copy.context.command_id = sender.command_id(number)
        copy.context.correlation_id = sender.correlation_id
        copy.context.causation_id = sender.cause
        call = Call(rpc.name, "", 0.0, sender.traceparent, sender.actor)
        command = Command.accept(rpc, copy, call)
        event = _accepted(command, None)
        event.process, event.process_instance = sender.process, sender.process_instance
        yield envelope(command.own_stream, 1, event, Origin.of(command, sender.cause))


def _accepted(command: Command, due: Timestamp | None) -> CommandAccepted:
    aggregate, aggregate_id = command.reads[0]
    command.request.context.command_id = command.context.command_id
    command.request.context.correlation_id = command.context.correlation_id
    return CommandAccepted(
        command_id=command.context.command_id,
        channel=command.rpc.channel,
        rpc=command.rpc.name,
        type=command.rpc.type,
        request=command.request.SerializeToString(),
        request_hash=command.hash,
        stream=aggregate.stream(aggregate_id),
        new_id=command.context.new_id,
        due_time=due,
    )
