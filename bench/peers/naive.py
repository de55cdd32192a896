"""Alternative: a command server that does one transaction, one publish and one Redis call a command.

`python -m bench.peers.naive DSN NATS_URL REDIS_URL` prints its port.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid
from dataclasses import dataclass

import asyncpg
import grpc
import nats
import uvloop
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from redis.asyncio import Redis

PATH = "/bench.Naive/CreateOrder"
_STREAM = "NAIVE"
_TABLES = """
CREATE TABLE IF NOT EXISTS naive_head (position bigint NOT NULL);
TRUNCATE naive_head;
INSERT INTO naive_head VALUES (0);
CREATE TABLE IF NOT EXISTS naive_log (position bigint PRIMARY KEY, stream text NOT NULL, record bytea NOT NULL);
TRUNCATE naive_log;
"""
_NEXT = "UPDATE naive_head SET position = position + 1 RETURNING position"
_INSERT = "INSERT INTO naive_log VALUES ($1, $2, $3)"


@dataclass
class Naive:
    """The handler and what it is connected to."""

    postgres: asyncpg.Pool
    stream: JetStreamContext
    redis: Redis

    async def create(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """Store, publish, project; the request's bytes are record and view."""
        identity = str(uuid.uuid4())
        async with self.postgres.acquire() as connection, connection.transaction():
            position = await connection.fetchval(_NEXT)
            await connection.execute(_INSERT, position, f"shop.order-{identity}", request)
        await self.stream.publish("naive.shop.order.OrderCreated", request)
        await self.redis.set(f"naive:{identity}", request)
        return identity.encode()


async def serve(dsn: str, nats_url: str, redis_url: str) -> None:
    """Serve on a free loopback port until SIGTERM; the first line printed is the port."""
    async with asyncpg.create_pool(dsn, min_size=10, max_size=10) as pool, Redis.from_url(redis_url) as redis:
        await pool.execute(_TABLES)
        broker = await nats.connect(nats_url)
        stream = broker.jetstream()
        await stream.add_stream(StreamConfig(name=_STREAM, subjects=["naive.>"]))
        naive = Naive(pool, stream, redis)
        server = grpc.aio.server()
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(naive.create)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("bench.Naive", {"CreateOrder": handler}),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await _terminated()
        await server.stop(1)
        await stream.delete_stream(_STREAM)
        await broker.close()


async def _terminated() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:4]))
