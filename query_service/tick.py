"""Step 9: questions that come together share one round trip; a lone one goes at once."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

from query_service.metrics import TICKS

TICK_SECONDS = 0.002
"""How long questions are gathered under load. What pays is less the saved round trip than that the answers of a tick
leave together: the server then wakes once for many calls. The event loop's timers resolve no finer than 1 ms."""
CROWD = 4
"""So many questions at once are load, from which on they are gathered."""
FEW = 2
"""So few in a whole tick are none: gathering ends."""
LARGEST = 512
"""The most questions that share a round trip."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Carry = Callable[[list[tuple[Question, asyncio.Future[Answer]]]], Coroutine[Any, Any, None]]


class Tick(Generic[Question, Answer]):
    """Gathers what is asked in one pass of the event loop, while a round trip is under way, or in a tick under load."""

    def __init__(self, carry: Carry[Question, Answer]) -> None:
        """`carry` takes the questions of one round trip and settles the future of each."""
        self._carry = carry
        self._loop = asyncio.get_running_loop()
        self._asked: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._due: asyncio.Handle | None = None
        self._flight: asyncio.Task[None] | None = None
        self._crowded = False

    def ask(self, question: Question) -> asyncio.Future[Answer]:
        """Put a question into the next round trip."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._asked.append((question, answer))
        if self._due is None and self._flight is None:
            self._schedule()
        return answer

    def _schedule(self) -> None:
        if self._crowded and len(self._asked) < LARGEST:
            self._due = self._loop.call_later(TICK_SECONDS, self._go)
        else:
            self._due = self._loop.call_soon(self._go)

    def _go(self) -> None:
        asked, self._asked, self._due = self._asked[:LARGEST], self._asked[LARGEST:], None
        self._crowded = len(asked) > FEW if self._crowded else len(asked) >= CROWD
        TICKS.inc()
        self._flight = self._loop.create_task(self._carry(asked))
        self._flight.add_done_callback(partial(self._landed, asked))

    def _landed(self, asked: list[tuple[Question, asyncio.Future[Answer]]], flight: asyncio.Task[None]) -> None:
        self._flight = None
        if self._asked:
            self._schedule()
        for _, answer in asked:
            if not answer.done():
                answer.set_exception(flight.exception() or LookupError("a round trip ended without this answer"))
