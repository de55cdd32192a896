"""Step 9: questions that come together share one round trip; a lone one goes at once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from query_service.metrics import TICKS

TICK_SECONDS = 0.001
"""How long questions are gathered under load; finer than the event loop's timers resolve would be a busy loop."""
CROWD = 6
"""So many questions in one tick are load."""
LARGEST = 512
"""The most questions that share a round trip."""
MOST_FLYING = 2
"""So many round trips are under way at once; what comes meanwhile shares the next."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Carry = Callable[[list[tuple[Question, asyncio.Future[Answer]]]], Coroutine[Any, Any, None]]


class Tick(Generic[Question, Answer]):
    """Gathers questions for one pass of the event loop, or for TICK_SECONDS while many are asked."""

    def __init__(self, carry: Carry[Question, Answer]) -> None:
        """`carry` takes the questions of a tick and settles the future of each."""
        self._carry = carry
        self._loop = asyncio.get_running_loop()
        self._asked: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._due: asyncio.Handle | None = None
        self._flying: set[asyncio.Task[None]] = set()
        self._window = 0.0
        self._count = 0
        self._crowded = False

    def ask(self, question: Question) -> asyncio.Future[Answer]:
        """Put a question into the next round trip."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._asked.append((question, answer))
        self._measure()
        self._schedule()
        return answer

    def _measure(self) -> None:
        now = self._loop.time()
        self._count += 1
        if now - self._window >= TICK_SECONDS:
            self._crowded = self._count >= CROWD * (now - self._window) / TICK_SECONDS
            self._window, self._count = now, 0

    def _schedule(self) -> None:
        if self._due is None and self._asked and len(self._flying) < MOST_FLYING:
            gather = self._crowded and len(self._asked) < LARGEST
            self._due = self._loop.call_later(TICK_SECONDS, self._go) if gather else self._loop.call_soon(self._go)

    def _go(self) -> None:
        asked, self._asked, self._due = self._asked[:LARGEST], self._asked[LARGEST:], None
        TICKS.inc()
        flight = self._loop.create_task(self._carry(asked))
        self._flying.add(flight)
        flight.add_done_callback(self._landed)
        self._schedule()

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flying.discard(flight)
        self._schedule()
