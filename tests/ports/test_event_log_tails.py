"""A decision on what is not committed yet holds only when that comes to be: another record at its place will not do."""

import asyncio
import math
from dataclasses import replace
from hashlib import sha256

import pytest
from cqrs.bank.v1 import events_pb2 as events
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message

from command_service.catalogue import Catalogue
from command_service.channels import Channels
from command_service.command import Command
from command_service.deciders import CONTRACTS, DECIDERS
from command_service.event_log import Appended, Entry, EventLog, VersionConflict
from command_service.handle import Handler
from command_service.postgres.event_log import PostgresEventLog
from command_service.states import States
from runtime.call import Call
from runtime.refusals import Refused
from runtime.upcast import decode
from tests.bank.messages import deposit, open_account, withdraw
from tests.ports.entries import adding, assert_sound, entry, records, unique


def upon(base: Entry, stream: str, after: int) -> Entry:
    """An entry that was decided on the last record of one that is not committed yet."""
    tail = sha256(base.records[-1].record).digest()
    return replace(entry([(stream, after)], records(stream, after, record=b"upon")), tails=(tail,))


async def outcomes(log: EventLog, *entries: Entry) -> list[Appended | BaseException]:
    return await asyncio.gather(*(log.append(each) for each in entries), return_exceptions=True)


async def test_what_builds_on_its_predecessor_is_appended_with_it_and_after_it(log: EventLog) -> None:
    stream = unique()
    first = adding(stream, 0, count=2)
    second = upon(first, stream, 2)
    assert all(isinstance(each, Appended) for each in await outcomes(log, first, second))
    assert isinstance(await log.append(upon(second, stream, 3)), Appended)
    await assert_sound(log)


async def test_what_builds_on_a_record_that_never_came_is_refused_though_the_version_is_right(log: EventLog) -> None:
    stream = unique()
    other, first = adding(stream, 0), entry([(stream, 0)], records(stream, 0, record=b"first"))
    second = upon(first, stream, 1)
    third = upon(second, stream, 2)
    ended = await outcomes(log, other, first, second, third)
    assert isinstance(ended[0], Appended)
    assert [type(each) for each in ended[1:]] == [VersionConflict] * 3
    with pytest.raises(VersionConflict):
        await log.append(second)
    with pytest.raises(VersionConflict):
        await log.append(replace(second, records=(), receipt=None))
    assert len(await log.read_stream(stream)) == 1
    await assert_sound(log)


# promise 000-51
async def test_a_withdrawal_that_was_decided_on_one_that_lost_its_race_is_decided_again(
    postgres_log: PostgresEventLog,
) -> None:
    catalogue = Catalogue(CONTRACTS, DECIDERS)
    one, other = (Handler(postgres_log, States(postgres_log, 100), catalogue, Channels({}), 20) for _ in range(2))

    async def ask(handler: Handler, request: Message) -> bool:
        rpc = catalogue.of_request(request)
        assert rpc
        try:
            await handler.handle(Command.accept(rpc, request, Call(rpc.name, "", math.inf, "")))
        except Refused:
            return False
        return True

    for _ in range(20):
        account = unique("account")
        await ask(one, open_account(account))
        await ask(one, deposit(account, 100))
        await ask(other, withdraw(account, 101))  # it has looked at the account too
        await asyncio.gather(*(ask(*each) for each in ((other, withdraw(account, 60)), *withdrawals(one, account))))
        balance = 0
        for logged in await postgres_log.read_stream(f"bank.account-{account}"):
            event = decode(Record.FromString(logged.record))
            if isinstance(event, events.MoneyDeposited | events.MoneyWithdrawn):
                balance += event.amount.minor_units * (1 if isinstance(event, events.MoneyDeposited) else -1)
                assert event.balance.minor_units == balance >= 0


def withdrawals(handler: Handler, account: str) -> list[tuple[Handler, Message]]:
    """Two that go together, which they do not after another one."""
    return [(handler, withdraw(account, 10)), (handler, withdraw(account, 80))]
