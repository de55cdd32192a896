"""The query server as a process, over a real Valkey."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from cqrs.common.v1.common_pb2 import ReadConsistency
from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetOrderRequest, ListCustomerOrdersRequest, ListOrdersRequest
from cqrs.shop.v1.queries_pb2_grpc import CartQueryServiceStub, OrderQueryServiceStub
from cqrs.shop.v1.views_pb2 import OrderView
from redis import Redis

from ops.embedded import EmbeddedValkey
from ops.embedded.ports import free_port
from tests.query.errors import reason
from tests.query.writers import EPOCH

SECONDS = 20.0


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        with Redis.from_url(server.url) as client:
            client.set("v:shop.orders:1:order:1", OrderView(order_id="1", version=1).SerializeToString())
            client.zadd("i:shop.orders:1:orders", {"order:1": 1})
            client.hset("cp:shop.orders:1", mapping={"epoch": EPOCH, "position": 1, "chain": "", "time": 0})
            client.hset("cp:head", mapping={"epoch": EPOCH, "position": 1, "time": 0, "beat": time.time() + 3600})
            client.hset("cp:shop.orders:state", mapping={"state": "RUNNING", "error": "", "oldest_time": 0})
        yield server


class Server:
    """A running query server."""

    def __init__(self, valkey: EmbeddedValkey, log: Path, **environ: str) -> None:
        self.address, self.status = (f"127.0.0.1:{free_port()}" for _ in range(2))
        places = {"OBVERSE_QUERY_ADDRESS": self.address, "OBVERSE_STATUS_ADDRESS": self.status}
        environ = {**places, "OBVERSE_REDIS_URL": valkey.url_for("query"), **environ}
        self.log = log
        program = [sys.executable, "-m", "query_service"]
        with log.open("w") as output:
            self.process = subprocess.Popen(program, env=environ, stdout=output, stderr=subprocess.STDOUT)

    def ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.status}{path}", timeout=2) as answer:
            return answer.read().decode()  # type: ignore[no-any-return]

    def wait_healthy(self) -> None:
        ends = time.monotonic() + SECONDS
        while True:
            try:
                self.ask("/healthz")
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < ends, self.log.read_text()
                time.sleep(0.05)


@contextmanager
def running(valkey: EmbeddedValkey, folder: Path, **environ: str) -> Iterator[Server]:
    server = Server(valkey, folder / "query_service.log", **environ)
    try:
        server.wait_healthy()
        yield server
    finally:
        server.process.terminate()
        server.process.wait(SECONDS)


def everything(valkey: EmbeddedValkey) -> dict[bytes, bytes]:
    with Redis.from_url(valkey.url) as client:
        return {key: client.dump(key) for key in client.keys("*")}


# promise 000-5, 000-7, 001-2, 002-10, 004-9
def test_queries_are_answered_and_logged_with_nothing_but_the_views_and_change_nothing(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    before = everything(valkey)
    with running(valkey, tmp_path) as server, grpc.insecure_channel(server.address) as channel:
        orders = OrderQueryServiceStub(channel)
        assert orders.GetOrder(GetOrderRequest(order_id="1")).order.version == 1
        assert [order.order_id for order in orders.ListOrders(ListOrdersRequest()).orders] == ["1"]
        assert orders.ListCustomerOrders(ListCustomerOrdersRequest(customer_id="7")).total_size == 0
        assert CartQueryServiceStub(channel).GetCart(GetCartRequest(user_id="u")).cart.user_id == "u"
        assert "obverse_query_ticks_total" in server.ask("/metrics")
    assert everything(valkey) == before
    assert server.process.returncode == 0
    lines = server.log.read_text().splitlines()
    (line,) = [line for line in lines if "query=GetOrder" in line]
    assert "query answered" in line
    assert "view=shop.orders order:1" in line
    assert line.endswith("found=True bytes=5 position=1")


# promise 004-16
def test_status_shows_where_each_projection_stands(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    with running(valkey, tmp_path) as server:
        ends = time.monotonic() + SECONDS
        while not (status := json.loads(server.ask("/status"))).get("projections"):
            assert time.monotonic() < ends
            time.sleep(0.05)
    projections = {each["name"]: each for each in status["projections"]}
    assert (status["service"], status["state"]) == ("query_service", "SERVING")
    assert {"platform.commands", "shop.carts"} <= projections.keys()
    assert projections["shop.orders"] == {
        "name": "shop.orders",
        "state": "RUNNING",
        "position": 1,
        "head": 1,
        "lag_seconds": 0.0,
        "error": "",
    }


# promise 000-8, 003-22
def test_two_processes_answer_on_one_port(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    with running(valkey, tmp_path, OBVERSE_QUERY_PROCESSES="2") as server:
        assert json.loads(server.ask("/status"))["processes"] == 2
        for attempt in range(8):
            options = [("grpc.use_local_subchannel_pool", 1), ("obverse.attempt", attempt)]
            with grpc.insecure_channel(server.address, options) as channel:
                answer = OrderQueryServiceStub(channel).GetOrder(GetOrderRequest(order_id="1"), timeout=SECONDS)
            assert answer.order.version == 1


def test_a_store_that_is_killed_is_unavailable_at_once_and_answers_again_when_it_is_back(tmp_path: Path) -> None:
    with (
        EmbeddedValkey(tmp_path / "valkey") as valkey,
        running(valkey, tmp_path) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        carts = CartQueryServiceStub(channel)
        request = GetCartRequest(user_id="u", consistency=ReadConsistency(allow_stale=True))
        carts.GetCart(request)
        valkey.kill()
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as error:
            carts.GetCart(request)
        assert reason(error.value)[0] == "STORE_UNAVAILABLE"  # type: ignore[arg-type]
        assert time.monotonic() - began < 2
        valkey.start()
        assert carts.GetCart(request).cart.user_id == "u"


def test_every_mistake_in_the_settings_is_reported_at_once() -> None:
    environ = {"OBVERSE_QUERY_PROCESSES": "none", "OBVERSE_DRAIN_SECONDS": "-1"}
    ended = subprocess.run(
        [sys.executable, "-m", "query_service"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 2
    for name in ("OBVERSE_REDIS_URL is not set", "OBVERSE_QUERY_PROCESSES='none'", "OBVERSE_DRAIN_SECONDS='-1'"):
        assert name in ended.stderr
