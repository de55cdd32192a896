"""A whole bank in memory: the streams that decisions read and write together, and the log of what happened."""

from __future__ import annotations

from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import event as event_option
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.decider import Context, Decider, Decision, HeldId
from command_service.domains.bank import DECIDERS
from command_service.domains.bank.account import ACCOUNT
from command_service.domains.bank.transfer import TRANSFER
from command_service.domains.bank.transfer_follow_up import NOTICE, RECORD
from command_service.immutable import immutable
from projector.projection import Fact
from runtime.validation import validate
from tests.bank.messages import START

NEW_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
KINDS = {
    ACCOUNT.category: (ACCOUNT, "account_id"),
    **{each.category: (each, "transfer_id") for each in (TRANSFER, RECORD, NOTICE)},
}


def decider_of(command: Message) -> Decider:
    """The one decider whose service has an RPC with this request."""
    file = command.DESCRIPTOR.file
    for decider in DECIDERS:
        service = file.services_by_name[decider.service.rpartition(".")[2]]
        if any(method.input_type is command.DESCRIPTOR for method in service.methods):
            return decider
    raise LookupError(f"no decider decides {command.DESCRIPTOR.full_name}")


class Book:
    """What has happened in a bank so far; one second passes with each command."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.versions: dict[str, int] = {}
        self.facts: list[Fact] = []
        self.seconds = START

    def happened(self, *events: Message, command_id: str = "given") -> Book:
        """Take events in, each to the stream that its contract names."""
        for event in events:
            aggregate, field = KINDS[event.DESCRIPTOR.GetOptions().Extensions[event_option].aggregate]
            stream = aggregate.stream(getattr(event, field))
            self.states[stream] = aggregate.evolve(self.states.get(stream, aggregate.initial), event)
            self.versions[stream] = self.versions.get(stream, 0) + 1
            record = Record(
                type=event.DESCRIPTOR.full_name,
                stream=stream,
                version=self.versions[stream],
                time=Timestamp(seconds=self.seconds),
                causation_id=command_id,
                correlation_id=f"because-{command_id}",
                actor="teller",
            )
            self.facts.append(Fact(len(self.facts) + 1, record, event))
        return self

    def decide(self, command: Message, command_id: str = "command-1", outcome: Any = None) -> Decision:
        """What a command leads to, without doing it; raises Refused, for its shape too."""
        before = command.SerializeToString(deterministic=True)
        validate(command)
        context = Context(command_id, Timestamp(seconds=self.seconds), NEW_ID, actor="teller", outcome=outcome)
        decider = decider_of(command)
        try:
            return decider.decide(immutable(command), context, *self._states(decider, command, context))
        finally:
            assert command.SerializeToString(deterministic=True) == before

    def send(self, command: Message, command_id: str = "command-1", outcome: Any = None) -> Decision:
        """Do what a command leads to; raises Refused."""
        decision = self.decide(command, command_id, outcome)
        self.happened(*events_of(decision), command_id=command_id)
        self.seconds += 1
        return decision

    def account(self, account_id: str) -> Any:
        return self.states.get(f"bank.account-{account_id}", ACCOUNT.initial)

    def transfer(self, transfer_id: str = "t-1") -> Any:
        return self.states.get(f"bank.transfer-{transfer_id}", TRANSFER.initial)

    def _states(self, decider: Decider, command: Message, context: Context) -> list[Any]:
        states: list[Any] = []
        for aggregate, name in decider.reads(command, context):
            held = getattr(states[0], name) if isinstance(name, HeldId) else name
            states.append(self.states.get(aggregate.stream(held), aggregate.initial))
        return states


def events_of(decision: Decision) -> tuple[Message, ...]:
    """The events of all streams, as they follow on one another in the log."""
    return tuple(event for part in decision.events for event in part)
