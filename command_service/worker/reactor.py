"""Step 6, reacting: an instance's state, the process manager's reaction to one input on it, its place in the log."""

import structlog
from prometheus_client import Counter

from command_service.catalogue import Catalogue
from command_service.event_log import Appended, Entry, EventLog, VersionConflict
from command_service.handle import LOST_RACES
from command_service.process import Process
from command_service.states import Slot, States
from command_service.worker.inputs import Input
from command_service.worker.reaction import check_entry, instances, reaction_entry

REACTIONS = Counter("obverse_process_reactions_total", "Inputs that a process manager reacted to", ["process"])
SENT = Counter("obverse_process_commands_total", "Commands that a process manager sent", ["process"])

log = structlog.get_logger()


class Reactor:
    """One process manager's reactions; the inputs of one instance must come one after another."""

    def __init__(self, process: Process, event_log: EventLog, catalogue: Catalogue, most_streams: int) -> None:
        """Of at most `most_streams` instances the state is remembered."""
        self._process = process
        self._log = event_log
        self._catalogue = catalogue
        self._aggregate = instances(process)
        self._states = States(event_log, most_streams)

    async def react(self, each: Input) -> None:
        """React to an input unless that was done before; raises what the process manager raises, and LogError."""
        while True:
            (slot,) = await self._states.load(((self._aggregate, each.instance),), "")
            try:
                return await self._react(each, slot)
            except VersionConflict as conflict:  # another runner was at this instance
                if conflict.stream != slot.stream:
                    raise
                LOST_RACES.inc()

    async def _react(self, each: Input, slot: Slot) -> None:
        read = (slot.stream, slot.version)
        if each.timer is not None and not slot.state.waits_for(each.event):
            await self._append(check_entry(self._process, each, read), slot)  # cancelled or moved meanwhile
            return
        try:
            reaction = self._process.react(each.event, each.cause, slot.state.state)
            entry, own = reaction_entry(self._process, each, read, slot.state, reaction, self._catalogue)
            slot.advance(own)
        except Exception:
            # On what is not the newest state, or on a later one than it was reacted on before, it proves nothing.
            if not (await self._append(check_entry(self._process, each, read), slot)).replayed:
                raise
            return
        appended = await self._append(entry, slot)
        if appended.replayed:
            States.drop([slot])
            return
        slot.confirm(slot.version, slot.state)
        self._tell(each, own, len(reaction.commands))

    async def _append(self, entry: Entry, slot: Slot) -> Appended:
        try:
            return await self._log.append(entry)
        except BaseException:
            States.drop([slot])
            raise

    def _tell(self, each: Input, own: tuple[object, ...], commands: int) -> None:
        REACTIONS.labels(self._process.name).inc()
        SENT.labels(self._process.name).inc(commands)
        log.info(
            f"Process manager {self._process.name} reacted to {type(each.event).__name__}",
            instance=each.instance,
            events=",".join(type(event).__name__ for event in own),
            commands=commands,
            cause=each.cause.record_id,
            correlation_id=each.cause.correlation_id,
        )
