"""given / when / then for the bank, in memory: events that happened, a command, and what it leads to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code

from runtime.refusals import Refused
from tests.bank.book import Book, events_of


@dataclass(frozen=True)
class Given:
    """What has happened before."""

    events: tuple[Message, ...]

    def when(self, command: Message) -> When:
        return When(self.events, command)


@dataclass(frozen=True)
class When:
    """A command on what has happened; checked by exactly one of `then…`."""

    events: tuple[Message, ...]
    command: Message

    def then(self, *expected: Message) -> None:
        """Exactly these events, in the order in which they stand in the log."""
        assert events_of(Book().happened(*self.events).decide(self.command)) == expected

    def then_quiet(self) -> None:
        """Success, and nothing happens."""
        self.then()

    def then_refused(self, code: str, reason: str, text: str) -> None:
        """Exactly this refusal; a wrong shape also says which field."""
        with pytest.raises(Refused) as caught:
            Book().happened(*self.events).decide(self.command)
        assert (Code.Name(caught.value.code), caught.value.reason, caught.value.text) == (code, reason, text)
        assert bool(caught.value.fields) == (code == "INVALID_ARGUMENT")
        assert caught.value.domain == ("cqrs.common.v1" if reason == "INVALID_REQUEST" else "cqrs.bank.v1")


def given(*events: Message) -> Given:
    """The bank's events so far, oldest first."""
    return Given(events)
