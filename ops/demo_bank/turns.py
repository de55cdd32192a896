"""Bank demo, beside step 4: many at a time, but those that share an account one after another, in file order."""

import asyncio
import heapq
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Sequence


class Turns:
    """Says which number's turn it is: every account has a queue, and a number goes when it heads all of its queues."""

    def __init__(self, accounts: Sequence[Collection[str]]) -> None:
        """The accounts of each number from 0 on, one at least, in the order that they must keep."""
        self._accounts = [tuple(dict.fromkeys(each)) for each in accounts]
        self._queues: defaultdict[str, deque[int]] = defaultdict(deque)
        for number, names in enumerate(self._accounts):
            for name in names:
                self._queues[name].append(number)
        self._behind = [len(names) for names in self._accounts]
        """In how many of its queues a number is not the first."""
        self._chains = _chains(self._accounts)
        self._ready: list[tuple[int, int]] = []
        for queue in self._queues.values():
            self._heads(queue)

    def take(self) -> int | None:
        """A number whose turn it is, each once, that with the longest chain behind it, so that no chain is left for the
        end; None while every other one waits for one that was taken."""
        return heapq.heappop(self._ready)[1] if self._ready else None

    def done(self, number: int) -> None:
        """A number that was taken is through, so those behind it move up."""
        for name in self._accounts[number]:
            queue = self._queues[name]
            queue.popleft()
            self._heads(queue)

    def _heads(self, queue: deque[int]) -> None:
        if queue:
            self._behind[queue[0]] -= 1
            if not self._behind[queue[0]]:
                heapq.heappush(self._ready, (-self._chains[queue[0]], queue[0]))


def _chains(accounts: Sequence[Collection[str]]) -> list[int]:
    """For each number the most of them, itself included, that can only come one after another from it on."""
    chains, behind = [0] * len(accounts), dict[str, int]()
    for number in reversed(range(len(accounts))):
        chains[number] = 1 + max(behind.get(name, 0) for name in accounts[number])
        behind.update(dict.fromkeys(accounts[number], chains[number]))
    return chains


async def in_turn(turns: Turns, work: Callable[[int], Awaitable[None]], at_once: int) -> None:
    """Do the work of every number when its turn has come, `at_once` of them at most; raises what the work raises."""
    under_way = 0

    def start() -> None:
        nonlocal under_way
        while under_way < at_once and (number := turns.take()) is not None:
            under_way += 1
            group.create_task(one(number))

    async def one(number: int) -> None:
        nonlocal under_way
        await work(number)
        under_way -= 1
        turns.done(number)
        start()

    async with asyncio.TaskGroup() as group:
        start()
