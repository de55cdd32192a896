"""Servers that come and go under load: a drain breaks nothing, and each side runs in as many copies as it likes."""

import asyncio
import time
from pathlib import Path

import grpc
from cqrs.common.v1.common_pb2 import CommandContext, CommandReceipt
from cqrs.shop.v1.commands_pb2 import AddItemToCartRequest
from cqrs.shop.v1.queries_pb2 import GetCartRequest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from ops.embedded.ports import free_port
from ops.supervisor import System
from tests.running import QUICK, Commands, commands, eur, faults, fresh, one_more, queries, until

PUBLISHED = (Path(__file__).parents[2] / "docs" / "service-config.json").read_text()
ROUND_ROBIN = PUBLISHED.replace("{", '{"loadBalancingConfig": [{"round_robin": {}}],', 1)


class Shoppers:
    """Callers that put things into carts until told to stop, and write down what they are told."""

    def __init__(self, name: str, wait_for_ready: bool = False) -> None:
        self.acked: dict[str, CommandReceipt] = {}
        self.failed: list[str] = []
        self.stopping = False
        self._name, self._wait = name, wait_for_ready

    async def shop(self, clients: Commands, caller: int) -> None:
        turn = 0
        while not self.stopping:
            turn += 1
            command_id = f"{self._name}-{caller}-{turn}"
            request = add(f"{self._name}-{turn % 7}", command_id)
            try:
                answer = await clients.carts.AddItemToCart(request, wait_for_ready=self._wait)
            except grpc.aio.AioRpcError as error:
                self.failed.append(f"{command_id}: {error.code()} {error.details()}")
            else:
                self.acked[command_id] = answer.receipt

    async def more(self, count: int) -> None:
        goal = len(self.acked) + count

        async def shopped() -> bool:
            return len(self.acked) >= goal

        await until(shopped)


# promise 000-34
async def test_a_rolling_restart_under_load_breaks_no_call(fragile: System) -> None:
    """S40: two servers, each restarted in its turn, and callers with the published retry policy."""
    shoppers = Shoppers("rolling")
    address = f"127.0.0.1:{free_port()}"
    with one_more(fragile, "command_service", {"OBVERSE_COMMAND_ADDRESS": address}) as other:
        target = f"ipv4:{fragile.command_address},{address}"
        async with commands(target, ("grpc.service_config", ROUND_ROBIN)) as clients:
            callers = [asyncio.create_task(shoppers.shop(clients, number)) for number in range(16)]
            await shoppers.more(200)
            await asyncio.to_thread(fragile.stop_one, "command_service")
            await shoppers.more(100)
            fragile.start_one("command_service")
            await asyncio.to_thread(fragile.wait_healthy, "command_service")
            await shoppers.more(100)
            await asyncio.to_thread(other.stop)
            await shoppers.more(200)
            shoppers.stopping = True
            await asyncio.gather(*callers)
    assert not shoppers.failed
    assert not await faults(fragile, shoppers.acked)


async def test_a_drain_of_the_only_server_loses_no_answer_and_callers_that_wait_see_none_broken(
    fragile: System,
) -> None:
    shoppers = Shoppers("drained", wait_for_ready=True)
    async with commands(fragile.command_address, ("grpc.service_config", PUBLISHED)) as clients:
        callers = [asyncio.create_task(shoppers.shop(clients, number)) for number in range(16)]
        for _ in range(2):
            await shoppers.more(200)
            await asyncio.to_thread(fragile.stop_one, "command_service")
            fragile.start_one("command_service")
        await shoppers.more(200)
        shoppers.stopping = True
        await asyncio.gather(*callers)
    assert not shoppers.failed
    assert not await faults(fragile, shoppers.acked)


async def test_health_says_not_serving_before_a_draining_server_is_gone(fragile: System) -> None:
    async with grpc.aio.insecure_channel(fragile.command_address, options=QUICK) as channel:
        request = HealthCheckRequest(service="cqrs.shop.v1.CartCommandService")
        watch = HealthStub(channel).Watch(request, timeout=20)  # type: ignore[no-untyped-call]
        assert (await watch.read()).status == HealthCheckResponse.SERVING
        began = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(fragile.stop_one, "command_service"))
        assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
        await stopping
        assert time.monotonic() - began < 10
        watch.cancel()


# promise 000-8, 002-18, 003-22
async def test_two_query_servers_answer_from_one_command_server_s_writes(fragile: System) -> None:
    """Nothing but the new server's own address is set, and nobody else is told of it."""
    address = f"127.0.0.1:{free_port()}"
    with one_more(fragile, "query_service", {"OBVERSE_QUERY_ADDRESS": address}):
        async with (
            commands(fragile.command_address) as asks,
            queries(fragile.query_address) as one,
            queries(address) as other,
        ):
            for expected in range(1, 51):
                receipt = (await asks.carts.AddItemToCart(add("two-readers"))).receipt
                request = GetCartRequest(user_id="two-readers", consistency=fresh(receipt))
                answers = await asyncio.gather(one.carts.GetCart(request), other.carts.GetCart(request))
                assert [answer.cart.total_items for answer in answers] == [expected, expected]


# promise 000-8, 002-18
async def test_two_command_servers_write_one_log_for_one_query_server(fragile: System) -> None:
    address = f"127.0.0.1:{free_port()}"
    acked: dict[str, CommandReceipt] = {}
    with one_more(fragile, "command_service", {"OBVERSE_COMMAND_ADDRESS": address}):
        async with (
            commands(fragile.command_address) as one,
            commands(address) as other,
            queries(fragile.query_address) as reads,
        ):
            for turn in range(100):
                requests = [add("two-writers", f"two-writers-{turn}-{caller}") for caller in range(6)]
                # Of each three commands one is sent to both servers at once.
                sent = [*zip((one, one, other), requests, strict=False), *zip((one, other, other), requests[3:])]  # noqa: B905
                sent += [(other, requests[0]), (one, requests[5])]
                answers = await asyncio.gather(*(server.carts.AddItemToCart(request) for server, request in sent))
                acked |= {answer.receipt.command_id: answer.receipt for answer in answers}
                assert sum(answer.receipt.replayed for answer in answers) == 2
            newest = max(acked.values(), key=lambda receipt: receipt.token.position)
            request = GetCartRequest(user_id="two-writers", consistency=fresh(newest))
            assert (await reads.carts.GetCart(request)).cart.total_items == 600
    assert not await faults(fragile, acked)


def add(user_id: str, command_id: str = "") -> AddItemToCartRequest:
    context = CommandContext(command_id=command_id)
    return AddItemToCartRequest(context=context, user_id=user_id, item_id="i", quantity=1, price=eur(100))
