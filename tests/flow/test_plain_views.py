"""The checker's own views of commands and accounts are those that the projections make of any history."""

from typing import Any

from google.protobuf.message import Message
from hypothesis import given, settings

from projector.domains.bank.accounts import ACCOUNTS
from tests.bank.book import Book
from tests.bank.commands_strategy import HISTORIES
from tests.bank.folding import Folded as FoldedBook
from tests.bank.test_properties import sent
from tests.checker import Snapshot, view_faults
from tests.plain_fold import Folded
from tests.projector.test_commands import histories
from tests.query.commands import History
from tests.query.writers import EPOCH


def snapshot(folded: Any) -> Snapshot:
    """As the store would give it: an index without members is not there."""
    views = {key: view.SerializeToString() for key, view in folded.views.items()}
    return Snapshot(EPOCH, 0, b"", views, {name: entries for name, entries in folded.lists.items() if entries})


@settings(max_examples=60, deadline=None)
@given(histories())
def test_commands(happened: list[Message]) -> None:
    history, plainly = History().happen(*happened), Folded(EPOCH)
    for position, record, _ in history.records:
        plainly.take(position, record.SerializeToString())
    assert not [*view_faults("platform.commands", snapshot(history), plainly.projections["platform.commands"])]


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_accounts_at_every_position(history: list[Message]) -> None:
    book = Book()
    for command in history:
        sent(book, command)
    folded, plainly = FoldedBook(ACCOUNTS), Folded(EPOCH)
    for fact in book.facts:
        folded.take(fact)
        fact.record.data = fact.event.SerializeToString()
        plainly.take(fact.position, fact.record.SerializeToString())
        assert not [*view_faults("bank.accounts", snapshot(folded), plainly.projections["bank.accounts"])]
