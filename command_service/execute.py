"""Step 6, executed: an accepted command through the same path as any other; its outcome is appended with its events."""

import asyncio
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import uuid_utils
from cqrs.admin.v1.events_pb2 import CommandAccepted
from cqrs.common.v1 import common_pb2
from cqrs.log.v1.record_pb2 import Record

from command_service import outcomes
from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.command import Command
from command_service.decide import Outcome, decide
from command_service.decider import NEEDS_EFFECT, Retry
from command_service.endings import Ended, PutOff
from command_service.event_log import (
    Appended,
    EventLog,
    LogError,
    LogOverloaded,
    LogUnavailable,
    VersionConflict,
)
from command_service.handle import Handler
from command_service.immutable import immutable
from command_service.log_errors import refusal_of
from command_service.outcomes import Attempt
from command_service.states import Slot
from command_service.work import kept
from command_service.work_queue import Claimed
from runtime.call import Call
from runtime.refusals import Refused


class Executor:
    """Carries accepted commands out; the ports of their effects are given by name."""

    def __init__(
        self, event_log: EventLog, handler: Handler, catalogue: Catalogue, channels: Channels, ports: Mapping[str, Any]
    ) -> None:
        self._log = event_log
        self._handler = handler
        self._catalogue = catalogue
        self._channels = channels
        self._ports = ports

    async def execute(self, claim: Claimed) -> Ended | PutOff:
        """One attempt; raises LogUnavailable or LogOverloaded when nothing can be recorded, to be tried again."""
        record = Record.FromString(claim.record)
        accepted = CommandAccepted.FromString(record.data)
        attempt = Attempt(claim, accepted, time.monotonic())
        try:
            command = self._restored(accepted, record)
        except KeyError as error:
            return await self._failed(attempt, record, f"No handler for {error.args[0]} in this version")
        try:
            return await self._carried_out(command, attempt)
        except (LogUnavailable, LogOverloaded):
            raise
        except VersionConflict as conflict:
            if conflict.stream == command.own_stream:
                return Ended(accepted.type, common_pb2.COMMAND_STATE_UNSPECIFIED, replayed=True)
            return await self._again(attempt, record, f"Lost every race: {conflict}")
        except Retry as error:
            return await self._again(attempt, record, str(error))
        except TimeoutError as error:
            return await self._again(attempt, record, f"Timed out: {error}")
        except Exception as error:  # noqa: BLE001 # whatever it is, the command is kept with it
            return await self._failed(attempt, record, f"{type(error).__name__}: {error}")

    async def give_up(self, claim: Claimed, error: str) -> Ended:
        """End a command as a failed one without another attempt; raises LogUnavailable or LogOverloaded."""
        record = Record.FromString(claim.record)
        accepted = CommandAccepted.FromString(record.data)
        return await self._failed(Attempt(claim, accepted, time.monotonic()), record, error)

    def _restored(self, accepted: CommandAccepted, record: Record) -> Command:
        rpc = self._catalogue.rpc(accepted.rpc)
        call = Call(rpc.name, str(uuid_utils.uuid7()), math.inf, record.traceparent, record.actor)
        return Command.restored(rpc, accepted, record, call)

    async def _carried_out(self, command: Command, attempt: Attempt) -> Ended:
        try:
            outcome, appended = await self._decided(command, attempt)
            if outcome.decision is NEEDS_EFFECT and not appended.replayed:
                command = command.after(await self._effect(command, outcome))
                outcome, appended = await self._decided(command, attempt)
        except Refused as refused:  # an effect's own, or a contract's limit
            return await self._refused(command, attempt, refused)
        except (LogUnavailable, LogOverloaded, VersionConflict):
            raise
        except LogError as error:
            return await self._refused(command, attempt, refusal_of(error, command))
        return _ended(attempt, outcome, appended)

    async def _effect(self, command: Command, outcome: Outcome) -> Any:
        effect = command.rpc.effect
        if effect is None or effect.port not in self._ports:
            port = effect.port if effect else ""
            raise TypeError(f"No adapter for the port {port!r} of {command.rpc.name} in this worker")
        states = (state for _, state in outcome.after)
        async with asyncio.timeout(self._channels.policy(command.rpc.channel).timeout):
            came_to = await effect.run(immutable(command.request), self._ports[effect.port], *states)
        if came_to is None:
            raise TypeError(f"The effect of {command.rpc.name} came to None, which stands for not having run")
        return came_to

    async def _decided(self, command: Command, attempt: Attempt) -> tuple[Outcome, Appended]:
        def deciding(slots: list[Slot]) -> Outcome:
            outcome = decide(command, slots, self._catalogue)
            return replace(outcome, entry=outcomes.concluded(command, outcome, attempt))

        return await self._handler.decided(command, deciding)

    async def _refused(self, command: Command, attempt: Attempt, refused: Refused) -> Ended:
        appended = await self._log.append(outcomes.refused(command, attempt, refused))
        return _by_another(attempt, appended) or Ended(
            attempt.accepted.type, common_pb2.COMMAND_STATE_REFUSED, text=refused.text
        )

    async def _again(self, attempt: Attempt, record: Record, error: str) -> Ended | PutOff:
        policy = self._channels.policy(attempt.claim.channel)
        if attempt.claim.attempt >= policy.attempts:
            return await self._failed(attempt, record, error)
        return PutOff(attempt.accepted.type, kept(error), policy.delay(attempt.claim.attempt))

    async def _failed(self, attempt: Attempt, record: Record, error: str) -> Ended:
        try:
            appended = await self._log.append(outcomes.failed(attempt, record, error))
        except VersionConflict:
            return Ended(attempt.accepted.type, common_pb2.COMMAND_STATE_UNSPECIFIED, replayed=True)
        return _by_another(attempt, appended) or Ended(
            attempt.accepted.type, common_pb2.COMMAND_STATE_FAILED, text=error
        )


def _ended(attempt: Attempt, outcome: Outcome, appended: Appended) -> Ended:
    if (ended := _by_another(attempt, appended)) is not None:
        return ended
    kind = attempt.accepted.type
    if outcome.refused is not None:
        return Ended(kind, common_pb2.COMMAND_STATE_REFUSED, text=outcome.refused.text)
    return Ended(kind, common_pb2.COMMAND_STATE_SUCCEEDED, tuple(outcome.event_names))


def _by_another(attempt: Attempt, appended: Appended) -> Ended | None:
    """The end that another worker, or an earlier attempt whose answer was lost, had brought."""
    if not appended.replayed:
        return None
    return Ended(attempt.accepted.type, _state(appended.state), replayed=True)


def _state(number: int) -> common_pb2.CommandState.ValueType:
    return common_pb2.CommandState.Value(common_pb2.CommandState.Name(number))  # type: ignore[arg-type]  # a stored one
