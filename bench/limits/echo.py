"""Limit of the server: a bare grpc.aio unary echo on uvloop, `python -m bench.limits.echo`, which prints its port."""

from __future__ import annotations

import asyncio
import signal

import grpc
import uvloop

PATH = "/bench.Echo/Echo"


async def _echo(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return request


async def serve() -> None:
    """Serve the echo on a free loopback port until SIGTERM or SIGINT; the first line printed is the port."""
    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", {"Echo": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    print(port, flush=True)
    await stopped.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
