"""Step 3, handled: load, decide, append, answer."""

from typing import Any

import structlog
from cqrs.common.v1 import errors_pb2
from google.protobuf.message import Message
from prometheus_client import Counter

from command_service.command import Command, Outcome, decide
from command_service.event_log import (
    Appended,
    ClaimTaken,
    CommandIdReused,
    EventLog,
    LogError,
    LogOverloaded,
    LogUnavailable,
    RecordTooLarge,
    VersionConflict,
)
from command_service.states import States
from runtime.call import refuse
from runtime.refusals import Refused

log = structlog.get_logger()

LOST_RACES = Counter("obverse_lost_races_total", "Decisions made again because a stream had moved on")
EVENTS = Counter("obverse_events_total", "Events appended")


class Handler:
    """Carries commands out on one log."""

    def __init__(self, event_log: EventLog, states: States, attempts: int) -> None:
        """`attempts` is how often a command is decided before a lost race becomes its caller's."""
        self._log = event_log
        self._states = states
        self._attempts = attempts

    async def handle(self, command: Command) -> Message:
        """Load, decide, append, answer; raises Refused."""
        reads = command.decider.reads(command.request, command.context)
        for attempt in range(1, self._attempts + 1):
            command.call.remaining()
            try:
                slots = await self._states.load(reads, command.context.new_id)
                outcome = decide(command, slots)  # nothing is awaited from here until the entry has its place
                appended = await self._append(outcome)
            except VersionConflict as conflict:
                LOST_RACES.inc()
                if attempt == self._attempts:
                    raise refuse(errors_pb2.PLATFORM_ERROR_LOST_RACE, str(conflict)) from conflict
            except LogError as error:
                raise _refusal(error, command) from error
            else:
                return _answered(command, outcome, appended)
        raise AssertionError("a command is decided at least once")

    async def _append(self, outcome: Outcome) -> Appended:
        try:
            return await self._log.append(outcome.entry)
        except BaseException:
            self._states.drop(outcome.slots)
            raise


def _answered(command: Command, outcome: Outcome, appended: Appended) -> Message:
    """The answer once the log has spoken: the first one's when replayed, a confirmed refusal, or our own."""
    answer: Any = outcome.answer
    if appended.replayed:
        answer = command.response.FromString(appended.receipt or b"")
        answer.receipt.replayed = True
    elif outcome.refused is not None:
        _log_refusal(command, outcome, outcome.refused)
        raise outcome.refused
    else:
        for slot, (version, state) in zip(outcome.slots, outcome.after, strict=False):
            slot.confirm(version, state)
    answer.receipt.token.epoch = appended.epoch
    answer.receipt.token.position = appended.position
    _log_success(command, outcome, appended)
    return answer  # type: ignore[no-any-return]  # a Message whose receipt is set dynamically


def _log_success(command: Command, outcome: Outcome, appended: Appended) -> None:
    """What came, which aggregate, which events, which state."""
    events = [] if appended.replayed else [type(event).__name__ for part in outcome.decision.events for event in part]
    name = type(command.request).__name__
    EVENTS.inc(len(events))
    log.info(
        f"Command {name} processed. Generated events: {len(events)}",
        command_id=command.context.command_id,
        aggregate=outcome.slots[0].stream,
        events=",".join(events),
        state=str(outcome.after[0][1]) if outcome.after else "",
        position=appended.position,
        replayed=appended.replayed,
        message_id=command.call.message_id,
    )


def _log_refusal(command: Command, outcome: Outcome, refused: Refused) -> None:
    log.info(
        f"Command {type(command.request).__name__} refused: {refused.reason}",
        command_id=command.context.command_id,
        aggregate=outcome.slots[0].stream,
        message_id=command.call.message_id,
    )


def _refusal(error: LogError, command: Command) -> Refused:
    """What the log's errors mean to a caller."""
    command_id = command.context.command_id
    match error:
        case CommandIdReused():
            text = f"Command id {command_id} was used for another request"
            return refuse(errors_pb2.PLATFORM_ERROR_COMMAND_ID_REUSED, text, command_id=command_id)
        case ClaimTaken():
            return command.decider.taken(error.scope, error.value)
        case RecordTooLarge():
            return refuse(errors_pb2.PLATFORM_ERROR_RECORD_TOO_LARGE, f"The command is too large: {error}")
        case LogOverloaded():
            text = "More commands wait than this server takes: wait and call again with the same command id"
            return refuse(errors_pb2.PLATFORM_ERROR_OVERLOADED, text, retry_seconds=0.25)
        case LogUnavailable() | _:
            text = f"The log is away and the outcome unknown: call again with the command id {command_id}"
            unavailable = errors_pb2.PLATFORM_ERROR_STORE_UNAVAILABLE
            return refuse(unavailable, text, retry_seconds=1, command_id=command_id)
