"""Step 3, handled: load, decide, append, answer; or accept it to be carried out later."""

from collections.abc import Callable
from typing import Any

import structlog
from cqrs.common.v1 import errors_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import Counter

from command_service.acceptance import acceptance
from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.command import Command
from command_service.decide import Outcome, decide
from command_service.event_log import Appended, Entry, EventLog, LogError, VersionConflict
from command_service.log_errors import refusal_of
from command_service.states import Slot, States
from runtime.call import refuse

log = structlog.get_logger()

LOST_RACES = Counter("obverse_lost_races_total", "Decisions made again because a stream had moved on")
EVENTS = Counter("obverse_events_total", "Events appended")

Deciding = Callable[[list[Slot]], Outcome]


class Handler:
    """Carries commands out on one log, or accepts them for a worker."""

    def __init__(
        self, event_log: EventLog, states: States, catalogue: Catalogue, channels: Channels, attempts: int
    ) -> None:
        """`attempts` is how often a command is decided before a lost race becomes its caller's."""
        self._log = event_log
        self._states = states
        self._catalogue = catalogue
        self._channels = channels
        self._attempts = attempts

    async def handle(self, command: Command) -> Message:
        """Answer a caller's command; raises Refused."""
        if command.rpc.asynchronous and not command.request.context.validate_only:
            return await self.accept(command)
        try:
            outcome, appended = await self.decided(command, lambda slots: decide(command, slots, self._catalogue))
        except VersionConflict as conflict:
            raise refuse(errors_pb2.PLATFORM_ERROR_LOST_RACE, str(conflict)) from conflict
        except LogError as error:
            raise refusal_of(error, command) from error
        if outcome.refused is not None and not appended.replayed:
            _log_refusal(command, outcome)
            raise outcome.refused
        _log_success(command, outcome, appended)
        return _answer(command, outcome.answer, appended)

    async def accept(self, command: Command, due: Timestamp | None = None) -> Message:
        """Accept a command to be carried out by a worker, not before it is due; raises Refused."""
        command.call.remaining()
        entry, answer = acceptance(command, self._channels.policy(command.rpc.channel).backlog, due)
        try:
            appended = await self._log.append(entry)
        except VersionConflict as conflict:
            raise refuse(errors_pb2.PLATFORM_ERROR_LOST_RACE, str(conflict)) from conflict
        except LogError as error:
            raise refusal_of(error, command) from error
        _log_acceptance(command, appended)
        return _answer(command, answer, appended)

    async def decided(self, command: Command, deciding: Deciding) -> tuple[Outcome, Appended]:
        """Load, decide, append, and again after a lost race; raises LogError."""
        reads = command.reads
        for attempt in range(1, self._attempts + 1):
            command.call.remaining()
            try:
                slots = await self._states.load(reads, command.context.new_id)
                outcome = deciding(slots)  # nothing is awaited from here until the entry has its place
                appended = await self._append(outcome.entry, slots)
            except VersionConflict as conflict:
                LOST_RACES.inc()
                if attempt == self._attempts or conflict.stream == command.own_stream:
                    raise
            else:
                if not appended.replayed:
                    EVENTS.inc(len(outcome.entry.records))
                    for slot, (version, state) in zip(slots, outcome.after, strict=False):
                        slot.confirm(version, state)
                elif outcome.entry.records:  # what it was decided to be is not what the log has
                    self._states.drop(slots)
                return outcome, appended
        raise AssertionError("a command is decided at least once")

    async def _append(self, entry: Entry, slots: list[Slot]) -> Appended:
        try:
            return await self._log.append(entry)
        except BaseException:
            self._states.drop(slots)
            raise


def _answer(command: Command, answer: Any, appended: Appended) -> Message:
    """The answer once the log has spoken: the first one's when replayed, or our own."""
    if appended.replayed:
        answer = command.rpc.response.FromString(appended.receipt or b"")
        answer.receipt.replayed = True
        if appended.state:
            answer.receipt.state = appended.state
    answer.receipt.token.epoch = appended.epoch
    answer.receipt.token.position = appended.position
    return answer  # type: ignore[no-any-return]  # a Message whose receipt is set dynamically


def _log_success(command: Command, outcome: Outcome, appended: Appended) -> None:
    """What came, which aggregate, which events, which state."""
    events = [] if appended.replayed else outcome.event_names
    log.info(
        f"Command {type(command.request).__name__} processed. Generated events: {len(events)}",
        command_id=command.context.command_id,
        aggregate=outcome.slots[0].stream,
        events=",".join(events),
        state=str(outcome.after[0][1]) if outcome.after else "",
        position=appended.position,
        replayed=appended.replayed,
        message_id=command.call.message_id,
    )


def _log_acceptance(command: Command, appended: Appended) -> None:
    log.info(
        f"Command {type(command.request).__name__} accepted",
        command_id=command.context.command_id,
        channel=command.rpc.channel,
        position=appended.position,
        replayed=appended.replayed,
        message_id=command.call.message_id,
    )


def _log_refusal(command: Command, outcome: Outcome) -> None:
    log.info(
        f"Command {type(command.request).__name__} refused: {outcome.refused.reason if outcome.refused else ''}",
        command_id=command.context.command_id,
        aggregate=outcome.slots[0].stream,
        message_id=command.call.message_id,
    )
