"""A batch leaves as soon as everybody is back, on the loop that the server runs on."""

import asyncio
import time
from collections.abc import Sequence

import pytest
import uvloop

from command_service.event_log import Appended, Entry
from command_service.postgres import group_commit
from command_service.postgres.group_commit import GroupCommit


def test_a_batch_does_not_linger_once_all_callers_are_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "linger_seconds", lambda callers: 5.0)

    async def send(entries: Sequence[Entry]) -> Sequence[Appended | Exception]:
        return [Appended("", 0, replayed=False, receipt=None) for _ in entries]

    async def callers() -> float:
        commits = GroupCommit(send)
        began = time.monotonic()

        async def caller(number: int) -> None:
            for round_ in range(20):
                await commits.append(Entry(f"{number}-{round_}", b"", ()))

        await asyncio.wait_for(asyncio.gather(*(caller(number) for number in range(8))), 4)
        return time.monotonic() - began

    assert uvloop.run(callers()) < 4
