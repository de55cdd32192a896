"""The embedded servers start on new, used and crashed folders, keep what they accepted, and hold users to rights."""

import asyncio
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest
import redis.asyncio as redis
from nats.errors import Error as NatsError
from nats.js.api import StreamConfig

from ops.embedded import (
    AlreadyRunning,
    EmbeddedNats,
    EmbeddedPostgres,
    EmbeddedValkey,
    PortTaken,
    StartFailed,
)
from ops.embedded.ports import free_port, is_free
from ops.embedded.server import EmbeddedServer

SERVERS = (EmbeddedPostgres, EmbeddedNats, EmbeddedValkey)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    with EmbeddedNats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_comes_back_on_the_same_port_after_a_stop_and_after_a_kill(
    kind: type[EmbeddedServer], tmp_path: Path
) -> None:
    server = kind(tmp_path / "data").start()
    port, first = server.port, server.pid
    assert port < 32768
    server.kill()
    assert server.pid == 0
    assert server.start().port == port
    assert server.pid != first
    server.stop()
    assert is_free(port)
    with kind(tmp_path / "data") as again:
        assert again.port == port


@pytest.mark.parametrize("kind", SERVERS)
def test_two_servers_run_side_by_side_and_one_folder_belongs_to_one_process(
    kind: type[EmbeddedServer], tmp_path: Path
) -> None:
    with kind(tmp_path / "a") as a, kind(tmp_path / "b") as b:
        assert a.port != b.port
        with pytest.raises(AlreadyRunning):
            kind(tmp_path / "a").start()
        assert a.pid


@pytest.mark.parametrize("kind", SERVERS)
def test_a_taken_port_is_refused_by_name(kind: type[EmbeddedServer], tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            kind(tmp_path / "data", port).start()


@pytest.mark.parametrize("kind", SERVERS)
def test_the_race_for_a_chosen_port_may_be_lost(
    kind: type[EmbeddedServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", 0))
        rival.listen()
        ports = iter([rival.getsockname()[1], free_port()])
        monkeypatch.setattr("ops.embedded.server.free_port", lambda: next(ports))
        with kind(tmp_path / "data") as server:
            assert server.port != rival.getsockname()[1]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_ends_with_a_supervisor_that_is_killed_and_the_folder_is_usable_at_once(
    kind: type[EmbeddedServer], tmp_path: Path
) -> None:
    program = (
        f"from ops.embedded import {kind.__name__} as Server; from pathlib import Path; import signal\n"
        f"print(Server(Path({str(tmp_path)!r})).start().pid, flush=True); signal.pause()"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert owner.stdout
    with owner.stdout:
        server = psutil.Process(int(owner.stdout.readline()))
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with kind(tmp_path) as successor:
        assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
        assert successor.pid != server.pid


@pytest.mark.parametrize("kind", SERVERS)
def test_a_recorded_pid_that_belongs_to_another_program_by_now_is_left_alone(
    kind: type[EmbeddedServer], tmp_path: Path
) -> None:
    server = kind(tmp_path).start()
    pid = server.pid
    server.kill()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        record = tmp_path / "server.json"
        record.write_text(record.read_text().replace(str(pid), str(bystander.pid)))
        with kind(tmp_path):
            assert bystander.poll() is None
        bystander.kill()


def test_a_server_that_cannot_start_says_so_with_its_log(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server:
        folder = server.data / "appendonlydir"
    next(folder.glob("*.manifest")).write_text("not a manifest\n")
    with pytest.raises(StartFailed, match="manifest"):
        EmbeddedValkey(tmp_path).start()


@pytest.mark.parametrize("kind", SERVERS)
def test_passwords_are_readable_by_their_owner_alone(kind: type[EmbeddedServer], tmp_path: Path) -> None:
    with kind(tmp_path):
        assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600


async def test_postgres_flushes_what_it_commits_and_checks_its_pages(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.dsn("postgres"))
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on"}
    wanted |= {"wal_level": "replica", "listen_addresses": "127.0.0.1", "password_encryption": "scram-sha-256"}
    assert {name: await connection.fetchval("SELECT current_setting($1)", name) for name in wanted} == wanted
    assert await connection.fetchval("SHOW server_version_num") >= "180000"
    await connection.close()


async def test_postgres_has_an_owner_that_cannot_log_in_and_a_service_that_owns_nothing(
    postgres: EmbeddedPostgres,
) -> None:
    connection = await asyncpg.connect(postgres.dsn("obverse_migrator"))
    roles = await connection.fetch("SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE rolname LIKE 'obverse%'")
    assert {tuple(role) for role in roles} == {
        ("obverse_owner", False, False),
        ("obverse_migrator", True, False),
        ("obverse_service", True, False),
    }
    await connection.execute("SET ROLE obverse_owner; CREATE SCHEMA probe; DROP SCHEMA probe")
    await connection.close()
    service = await asyncpg.connect(postgres.dsn("obverse_service"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute("CREATE SCHEMA probe")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute("CREATE TEMP TABLE probe (id int)")
    await service.close()


async def test_postgres_makes_further_databases_with_the_same_rights_and_repeats_it_harmlessly(
    postgres: EmbeddedPostgres,
) -> None:
    for _ in range(2):
        postgres.create_database("another")
    connection = await asyncpg.connect(postgres.dsn("obverse_migrator", "another"))
    owner = await connection.fetchval(
        "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
    )
    assert owner == "obverse_owner"
    await connection.close()


async def test_postgres_refuses_a_wrong_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn("obverse_service"), password="guessed")


async def test_a_commit_survives_the_kill_of_postgres(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        connection = await asyncpg.connect(server.dsn("postgres"))
        await connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
        server.kill()
        connection.terminate()
        server.start()
        connection = await asyncpg.connect(server.dsn("postgres"))
        assert await connection.fetchval("SELECT id FROM kept") == 7
        await connection.close()


async def test_the_relay_may_create_fill_and_compare_the_stream_and_nothing_else(broker: EmbeddedNats) -> None:
    errors: list[Exception] = []
    all_told = asyncio.Event()

    async def note(error: Exception) -> None:
        errors.append(error)
        if len(errors) == 3:
            all_told.set()

    client = await nats.connect(broker.url_for("relay"), inbox_prefix=b"_INBOX_relay", error_cb=note)
    stream = client.jetstream(timeout=0.5)
    await stream.add_stream(StreamConfig("LOG", subjects=["log.>"], allow_direct=True))
    await stream.publish("log.shop.cart.Test", b"1")
    assert (await stream.stream_info("LOG")).state.last_seq == 1
    assert (await stream.get_msg("LOG", 1, direct=True)).data == b"1"
    for denied in (stream.delete_stream, stream.purge_stream):
        with pytest.raises((NatsError, TimeoutError)):
            await denied("LOG")
    await client.publish("other", b"")
    async with asyncio.timeout(5):  # the broker's word on a message comes beside the answers, not in their order
        await all_told.wait()
    await client.close()
    assert all("permissions violation" in str(error) for error in errors)


async def test_the_projector_may_follow_the_stream_but_not_write_it(broker: EmbeddedNats) -> None:
    admin = await nats.connect(broker.url)
    await admin.jetstream().add_stream(StreamConfig("LOG", subjects=["log.>"], allow_direct=True))
    await admin.jetstream().publish("log.shop.cart.Followed", b"2")
    denied: list[Exception] = []

    async def note(error: Exception) -> None:
        denied.append(error)

    client = await nats.connect(broker.url_for("projector"), inbox_prefix=b"_INBOX_proj", error_cb=note)
    subscription = await client.jetstream().subscribe("log.>", stream="LOG", ordered_consumer=True)
    assert (await subscription.next_msg(timeout=5)).metadata.sequence.stream == 1
    await subscription.unsubscribe()
    with pytest.raises((NatsError, TimeoutError)):
        await client.jetstream(timeout=0.5).publish("log.shop.cart.Forged", b"")
    assert denied
    await client.close()
    await admin.close()


def test_nats_refuses_a_caller_without_a_password(broker: EmbeddedNats) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as caller, caller.makefile("rb") as answers:
        caller.sendall(b"CONNECT {}\r\nPING\r\n")
        assert answers.readline().startswith(b"INFO ")
        assert b"Authorization Violation" in answers.readline()


async def test_the_projector_writes_views_and_the_query_server_reads_them(store: EmbeddedValkey) -> None:
    projector, query = redis.from_url(store.url_for("projector")), redis.from_url(store.url_for("query"))
    await projector.eval("redis.call('SET', KEYS[1], ARGV[1])", 1, "v:shop.orders:1:a", "view")
    await projector.zadd("i:shop.orders:1:all", {"a": 1})
    await projector.hset("cp:shop.orders:1", mapping={"position": 1})
    assert await query.eval_ro("return redis.call('GET', KEYS[1])", 1, "v:shop.orders:1:a") == b"view"
    channel = query.pubsub()
    await channel.psubscribe("applied:*")
    assert (await channel.get_message(timeout=5))["type"] == "psubscribe"
    await projector.publish("applied:shop.orders", "epoch 1")
    assert (await channel.get_message(timeout=5))["data"] == b"epoch 1"
    for client in (channel, projector, query):
        await client.aclose()


async def test_the_query_server_cannot_change_a_view_nor_the_projector_leave_its_keys(store: EmbeddedValkey) -> None:
    projector, query = redis.from_url(store.url_for("projector")), redis.from_url(store.url_for("query"))
    for refused in (
        query.set("v:a", "x"),
        query.eval("return 1", 0),
        query.publish("applied:a", "x"),
        query.execute_command("EVAL_RO", "return redis.call('SET', KEYS[1], 'x')", 1, "v:a"),
        projector.set("elsewhere", "x"),
        projector.flushall(),
        projector.config_get("*"),
        projector.keys("*"),
    ):
        with pytest.raises(redis.RedisError):
            await refused
    await projector.aclose()
    await query.aclose()


async def test_valkey_evicts_nothing_and_keeps_its_views_over_a_stop(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server:
        client = redis.from_url(server.url)
        assert (await client.info("memory"))["maxmemory_policy"] == "noeviction"
        await client.set("v:a", "kept")
        await client.aclose()
        server.stop()
        server.start()
        client = redis.from_url(server.url)
        assert await client.get("v:a") == b"kept"
        await client.aclose()
