"""Step 8, projected: views, indexes and checkpoints in Redis or Valkey, each step by one Lua script."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from projector.views import Checkpoint, Outcome, Place, SeenHead, State, Step, ViewsAway

_SCRIPT = Path(__file__).with_name("apply.lua").read_text()
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


_STATE = ("state", "error", "position", "type", "oldest_time")

_Command = tuple[Any, ...]


class RedisViews:
    """Views in Redis; a call that fails says so at once, and the projector asks for the checkpoints anew."""

    def __init__(self, client: Redis, seconds: float) -> None:
        self._client = client
        self._seconds = seconds

    async def places(self, projections: Sequence[str]) -> Sequence[Place]:
        """See Views."""
        pointers = (await self._ask([("MGET", *(f"cp:{name}" for name in projections))]))[0]
        generations = [(each or b"1").decode() for each in pointers]
        commands: list[_Command] = []
        for name, generation in zip(projections, generations, strict=True):
            commands.append(("HMGET", f"cp:{name}:{generation}", "epoch", "position", "chain", "time"))
            commands.append(("HMGET", f"cp:{name}:state", *_STATE))
        found = await self._ask(commands)
        pairs = zip(generations, found[::2], found[1::2], strict=True)
        return [Place(generation, _checkpoint(place), _state(state)) for generation, place, state in pairs]

    async def read(self, wanted: Sequence[tuple[str, str, str]]) -> Sequence[bytes | None]:
        """See Views."""
        found = await self._ask([("MGET", *(f"v:{p}:{g}:{key}" for p, g, key in wanted))])
        return cast("list[bytes | None]", found[0])

    async def apply(self, steps: Sequence[Step]) -> Sequence[Outcome]:
        """See Views."""
        commands = [("EVALSHA", _SHA, *_arguments(step)) for step in steps]
        try:
            answers = await self._ask(commands)
        except NoScriptError:
            # After a restart. What was applied already is not applied again: its projection has moved on.
            await self._ask([("SCRIPT", "LOAD", _SCRIPT)])
            answers = await self._ask(commands)
        return [_outcome(step, answer) for step, answer in zip(steps, answers, strict=True)]

    async def report(self, head: SeenHead | None, states: Mapping[str, State]) -> None:
        """See Views."""
        commands: list[_Command] = []
        if head is not None:
            seen = ("epoch", head.epoch, "position", head.position, "time", head.time, "beat", head.time)
            commands.append(("HSET", "cp:head", *seen))
        for name, state in states.items():
            fields = (part for field in _STATE for part in (field, getattr(state, field)))
            commands.append(("HSET", f"cp:{name}:state", *fields))
        if commands:
            await self._ask(commands)

    async def _ask(self, commands: Sequence[_Command]) -> list[Any]:
        """All commands in one round trip. redis-py packs them in Python, which took half of the projector's time."""
        with _translated():
            async with asyncio.timeout(self._seconds):
                answers = await self._round_trip([pack_command(command) for command in commands])
            for answer in answers:
                if isinstance(answer, NoScriptError):
                    raise answer
                if isinstance(answer, ResponseError):
                    raise ViewsAway(f"the store of the views refuses: {answer}")
        return answers

    async def _round_trip(self, packed: Sequence[bytes]) -> list[Any]:
        pool = self._client.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command(packed)
            return [await _answer(connection) for _ in packed]
        except BaseException:
            await connection.disconnect()
            raise
        finally:
            await pool.release(connection)


@asynccontextmanager
async def open_views(url: str, seconds: float) -> AsyncIterator[RedisViews]:
    """Views at a redis:// address; a call that takes longer than so many seconds raises ViewsAway."""
    # The library's own timeout for sending is wait_for, which up to Python 3.11 swallows a cancellation now and then.
    client = Redis.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0), max_connections=4)
    try:
        yield RedisViews(client, seconds)
    finally:
        await client.aclose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NoScriptError:
        raise
    except (RedisError, OSError, TimeoutError) as error:
        raise ViewsAway(f"the store of the views: {error or type(error).__name__}") from None


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _arguments(step: Step) -> tuple[Any, ...]:
    """The number of KEYS of the script, KEYS and ARGV."""
    scope = f"{step.projection}:{step.generation}"
    put = {key: content for key, content in step.views.items() if content is not None}
    gone = [key for key, content in step.views.items() if content is None]
    names = (*step.absent, *put, *gone)
    keys = [f"cp:{scope}", *(f"v:{scope}:{key}" for key in names), *(f"i:{scope}:{key}" for key in step.indexes)]
    before = ("", "", b"") if step.before is None else _fields(step.before)[:3]
    values = [len(step.absent), len(put), len(gone), len(step.indexes), *before, *_fields(step.after)]
    values += (f"applied:{step.projection}", *put.values())
    for scores in step.indexes.values():
        values += _index(scores)
    return len(keys), *keys, *values


def _fields(checkpoint: Checkpoint) -> tuple[Any, ...]:
    return checkpoint.epoch, checkpoint.position, checkpoint.chain.hex(), checkpoint.time


def _index(scores: Mapping[str, int | None]) -> list[Any]:
    added = [part for key, score in scores.items() if score is not None for part in (score, key)]
    removed = [key for key, score in scores.items() if score is None]
    return [len(added) // 2, len(removed), *added, *removed]


def _checkpoint(fields: Sequence[bytes | None]) -> Checkpoint | None:
    epoch, position, chain, time = (each or b"" for each in fields)
    if not position:
        return None
    return Checkpoint(epoch.decode(), int(position), bytes.fromhex(chain.decode()), float(time or 0))


def _state(fields: Sequence[bytes | None]) -> State:
    state, error, position, kind, oldest = ((each or b"").decode() for each in fields)
    return State(state, error, int(position or 0), kind, float(oldest or 0))


def _outcome(step: Step, answer: Sequence[bytes]) -> Outcome:
    if answer[0] == b"applied":
        return Outcome(step.after, applied=True)
    if answer[0] == b"misshapen":
        return Outcome(step.before, applied=False, misshapen=answer[1].decode())
    return Outcome(_checkpoint(answer[1:]), applied=False)
