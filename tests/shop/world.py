"""A shop in memory: its deciders, process managers, sandbox and mail, with every delivery in the hands of a test."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import protovalidate
from cqrs.admin.v1.events_pb2 import CommandFailed, CommandRefused, Refusal, TimerFired
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.adapters.memory_mail import MemoryMailer
from command_service.adapters.sandbox_payments import SandboxPayments
from command_service.decider import NEEDS_EFFECT, Aggregate, Context, Decider, Decision, Retry
from command_service.domains import shop
from command_service.immutable import immutable
from command_service.process import Cause, Process
from runtime.refusals import Refused

ATTEMPTS = 3


@dataclass
class Sent:
    """A command that waits."""

    command_id: str
    command: Any
    process: str = ""
    instance: str = ""
    attempts: int = 0


@dataclass(frozen=True)
class Input:
    """What a process manager is to be told."""

    event: Any
    cause: Cause


class World:
    """One shop."""

    def __init__(self, variant: shop.Variant = "saga") -> None:
        deciders, self.processes = shop.variant(variant, 60)
        self.by_request = {
            method.input_type.full_name: decider
            for decider in deciders
            for contract in shop.CONTRACTS
            for service in contract.services_by_name.values()
            if service.full_name == decider.service
            for method in service.methods
        }
        self.payments = SandboxPayments(timeout_seconds=0)
        self.mail = MemoryMailer()
        self.states: dict[str, Any] = {}
        self.events: list[Any] = []
        self.emitted: dict[str, set[str]] = {}
        self.refusals: list[str] = []
        self.failures: list[str] = []
        self.waiting: list[Sent] = []
        self.failed: list[Sent] = []
        self.inputs: dict[str, list[Input]] = {process.name: [] for process in self.processes}
        self.seen: dict[str, list[Input]] = {process.name: [] for process in self.processes}
        self.timers: dict[tuple[str, str, str], float] = {}
        self.number = 0
        self.seconds = 1_700_000_000.0

    def state(self, aggregate: Aggregate, aggregate_id: str) -> Any:
        """What has become of an aggregate."""
        return self.states.get(aggregate.stream(aggregate_id), aggregate.initial)

    def names(self) -> list[str]:
        """The short names of all events."""
        return [type(event).__name__ for event in self.events]

    def now(self) -> Timestamp:
        """It moves only when a timer is due."""
        return Timestamp(seconds=int(self.seconds))

    # commands

    def send(self, *commands: Any) -> None:
        """Let commands wait."""
        for command in commands:
            self._accept(command)

    def _accept(self, command: Any, process: str = "", instance: str = "") -> None:
        self.number += 1
        copy = type(command)()
        copy.CopyFrom(command)
        copy.context.command_id = f"command-{self.number}"
        protovalidate.validate(copy)
        self.waiting.append(Sent(copy.context.command_id, copy, process, instance))

    def heads(self) -> list[Sent]:
        """The commands that could be carried out now: of each aggregate the one that was accepted first."""
        first: dict[str, Sent] = {}
        for sent in self.waiting:
            first.setdefault(self._reads(sent)[0][0].stream(self._reads(sent)[0][1]), sent)
        return list(first.values())

    def _decider(self, command: Any) -> Decider:
        return self.by_request[command.DESCRIPTOR.full_name]

    def _context(self, sent: Sent, outcome: Any = None) -> Context:
        return Context(sent.command_id, self.now(), f"new-{sent.command_id}", outcome=outcome)

    def _reads(self, sent: Sent) -> Sequence[tuple[Aggregate, str]]:
        return self._decider(sent.command).reads(sent.command, self._context(sent))

    async def carry_out(self, sent: Sent) -> None:
        """One attempt."""
        decider, request = self._decider(sent.command), immutable(sent.command)
        states = [self.state(*read) for read in self._reads(sent)]
        sent.attempts += 1
        try:
            decision = decider.decide(request, self._context(sent), *states)
            if decision is NEEDS_EFFECT:
                effect = decider.effects[type(sent.command)]
                port = {"payments": self.payments, "mail": self.mail}[effect.port]
                outcome = await effect.run(request, port, *states)
                decision = decider.decide(request, self._context(sent, outcome), *states)
        except Refused as refused:
            self.waiting.remove(sent)
            self.refusals.append(f"{type(sent.command).__name__}: {refused.reason}")
            told = Refusal(reason=refused.reason, text=refused.text)
            self._answer(sent, CommandRefused(type=sent.command.DESCRIPTOR.full_name, refusal=told))
        except Retry as error:
            if sent.attempts >= ATTEMPTS:
                self.fail(sent, str(error))
        else:
            self.waiting.remove(sent)
            self._append(sent, decision)

    def _append(self, sent: Sent, decision: Decision) -> None:
        for (aggregate, name), events in zip(self._reads(sent), decision.events, strict=False):
            for event in events:
                self._happen(aggregate, name, event)
                emitted = self.emitted.setdefault(sent.command.DESCRIPTOR.full_name, set())
                emitted.add(event.DESCRIPTOR.full_name)
        for command in decision.commands:
            self._accept(command)

    def _happen(self, aggregate: Aggregate, name: str, event: Any) -> None:
        assert type(event) in aggregate.events, event
        self.states[aggregate.stream(name)] = aggregate.evolve(self.state(aggregate, name), event)
        self.events.append(event)
        for process in self.processes:
            if type(event) in process.reacts_to and process.instance(event) is not None:
                self._tell(process.name, event)

    def _answer(self, sent: Sent, outcome: Any) -> None:
        if sent.process:
            outcome.process, outcome.process_instance = sent.process, sent.instance
            self._tell(sent.process, outcome)

    def fail(self, sent: Sent, error: str) -> None:
        """A command has failed, and is kept."""
        self.waiting.remove(sent)
        self.failures.append(f"{type(sent.command).__name__}: {error}")
        self.failed.append(sent)
        self._answer(sent, CommandFailed(type=sent.command.DESCRIPTOR.full_name, error=error))

    async def fail_unheard(self, sent: Sent) -> None:
        """A command whose effect has happened fails all the same: its answer never came."""
        states, decider = [self.state(*read) for read in self._reads(sent)], self._decider(sent.command)
        effect = decider.effects.get(type(sent.command))
        if effect is not None:
            with suppress(Refused, Retry):
                if decider.decide(immutable(sent.command), self._context(sent), *states) is NEEDS_EFFECT:
                    port = {"payments": self.payments, "mail": self.mail}[effect.port]
                    await effect.run(immutable(sent.command), port, *states)
        self.fail(sent, "nobody knows why")

    def retry(self, index: int = 0) -> None:
        """An operator retries a failed command."""
        sent = self.failed.pop(index)
        sent.attempts = 0
        self.waiting.append(sent)

    # process managers

    def _tell(self, process: str, event: Any) -> None:
        self.number += 1
        self.inputs[process].append(Input(event, Cause(f"record-{self.number}", self.now())))

    def deliver(self, process: Process, told: Input) -> None:
        """An input, for the first time or again."""
        event = told.event
        known = isinstance(event, TimerFired | CommandRefused | CommandFailed)
        instance = event.process_instance if known else process.instance(event)
        assert instance is not None
        state = self.state(process.state, instance)
        reaction = process.react(event, told.cause, state)
        for own in reaction.events:
            state = process.state.evolve(state, own)
            self.events.append(own)
        self.states[process.state.stream(instance)] = state
        for command in reaction.commands:
            self._accept(command, process.name, instance)
        for name in reaction.cancels:
            self.timers.pop((process.name, instance, name), None)
        for timer in reaction.timers:
            self.timers[process.name, instance, timer.name] = timer.seconds

    def next_input(self, process: Process, index: int = 0) -> None:
        """Deliver one of those that wait."""
        told = self.inputs[process.name].pop(index)
        self.seen[process.name].append(told)
        self.deliver(process, told)

    def fire(self, key: tuple[str, str, str]) -> None:
        """A timer is due."""
        process, instance, name = key
        self.seconds += self.timers.pop(key)
        self._tell(process, TimerFired(process=process, process_instance=instance, name=name))

    # to the end

    async def settle(self, most: int = 2_000) -> World:
        """Everything that waits, in order, but no timer."""
        for _ in range(most):
            if told := next((each for each in self.processes if self.inputs[each.name]), None):
                self.next_input(told)
            elif heads := self.heads():
                await self.carry_out(heads[0])
            else:
                return self
        raise AssertionError("it does not come to an end")

    async def wait(self) -> World:
        """Until nothing waits and no timer is left."""
        await self.settle()
        for _ in range(100):
            if not self.timers:
                return self
            self.fire(min(self.timers, key=lambda key: self.timers[key]))
            await self.settle()
        raise AssertionError(f"timers are set for ever: {self.timers}")

    async def only(self, *commands: Message) -> World:
        """These commands, and all that follows at once."""
        self.send(*commands)
        return await self.settle()

    async def carry_out_only(self, command: Message) -> None:
        """This command, and nothing that follows."""
        self.send(command)
        await self.carry_out(self.waiting[-1])
