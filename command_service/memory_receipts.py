"""Step 4, in memory: what is kept under the ids of commands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from command_service.event_log import CommandIdReused, Entry
from command_service.work import Work, WorkKind

_ACCEPTED, _REFUSED, _FAILED = 1, 3, 4
_MOVES = {WorkKind.REOPEN: (_FAILED, _ACCEPTED), WorkKind.CANCEL: (_ACCEPTED, _REFUSED)}
"""How the receipt of a command moves on by the record of another one: from which state to which."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A command's receipt."""

    request_hash: bytes
    position: int
    receipt: bytes
    state: int


class Receipts:
    """By command id; they move on and never go."""

    def __init__(self) -> None:
        self._stored: dict[str, Stored] = {}

    def final(self, entry: Entry) -> Stored | None:
        """The receipt that answers an entry; None when the entry is to be carried out. Raises CommandIdReused."""
        stored = self._stored.get(entry.command_id)
        if entry.executes and stored is not None:
            return None if stored.state == _ACCEPTED else stored
        if stored is None and not entry.executes:
            return None
        if stored is None or stored.request_hash != entry.request_hash:
            raise CommandIdReused("The command id belongs to another request")
        return stored

    def check(self, entry: Entry, works: Sequence[Work]) -> None:
        """Raises CommandIdReused where the last of an entry's works sends a command under an id that is in use."""
        *before, last = works
        if _is_sent(entry, last) and (last.key in self._stored or any(work.key == last.key for work in before)):
            raise CommandIdReused("The command id belongs to another request")

    def store(self, entry: Entry, position: int, receipt: bytes) -> None:
        """Keep an entry's own; the request hash of a command that was accepted stays."""
        before = self._stored.get(entry.command_id)
        request_hash = before.request_hash if before else entry.request_hash
        self._stored[entry.command_id] = Stored(request_hash, position, receipt, entry.state)

    def apply(self, entry: Entry, work: Work, position: int) -> None:
        """What a record means to the receipt of another command than the entry's own."""
        if _is_sent(entry, work):
            self._stored[work.key] = Stored(work.request_hash, position, b"", _ACCEPTED)
        stored = self._stored.get(work.key)
        if stored is not None and work.kind in _MOVES and stored.state == _MOVES[work.kind][0]:
            self._stored[work.key] = replace(stored, state=_MOVES[work.kind][1])


def _is_sent(entry: Entry, work: Work) -> bool:
    return work.kind is WorkKind.OPEN and work.key != entry.command_id
