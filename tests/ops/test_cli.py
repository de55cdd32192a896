"""`obverse` runs the real system, shows it, stops it; each command prints for people and, with --json, for programs."""

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cqrs.shop.v1.commands_pb2
import cqrs.shop.v1.queries_pb2
import cqrs.shop.v1.stock_commands_pb2  # noqa: F401 # loads the contracts that are looked up by name
import protovalidate
import psutil
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory

from ops.calls import calls
from ops.embedded.ports import free_port
from ops.supervisor import ROOT

CLI = (sys.executable, "-m", "ops")


def environment(data: Path, **more: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OBVERSE_") and key != "YES"}
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("OBVERSE_COMMAND_ADDRESS", "OBVERSE_QUERY_ADDRESS")}
    return {**inherited, "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}", "OBVERSE_DATA": str(data), **addresses, **more}


def obverse(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def up(env: dict[str, str]) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start `obverse up --json`; the process and its line that says where things are."""
    process = subprocess.Popen([*CLI, "up", "--json"], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        if (said := json.loads(line)).get("ready"):
            return process, said
    raise AssertionError(f"it ended with {process.wait()}")


def end(process: subprocess.Popen[str]) -> str:
    """Wait for the end of `obverse up`; what it still said."""
    assert process.stdout
    with process.stdout:
        rest = process.stdout.read()
    assert process.wait(60) == 0
    return rest


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(tmp_path_factory.mktemp("cli") / "data")


@pytest.fixture(scope="module")
def running(env: dict[str, str]) -> Iterator[dict[str, Any]]:
    process, said = up(env)
    yield said
    process.send_signal(signal.SIGINT)
    assert "Stopped" in end(process)


# promise 002-22
def test_up_says_where_things_are_and_what_to_try(running: dict[str, Any], env: dict[str, str]) -> None:
    assert running["commands"] == env["OBVERSE_COMMAND_ADDRESS"]
    assert running["queries"] == env["OBVERSE_QUERY_ADDRESS"]
    assert running["data"] == env["OBVERSE_DATA"]
    with smtplib.SMTP(*running["mail"].removeprefix("smtp://").split(":")) as server:
        server.sendmail("shop@example.com", "ada@example.com", "Subject: Hello\r\nMessage-ID: <1@here>\r\n\r\nHi\r\n")
    assert json.loads(obverse("mail", "--json", env=env).stdout)["message_id"] == "<1@here>"
    names = [call.rpartition("/")[2] for call in running["calls"]]
    assert names == ["CreateOrder", "GetOrder", "ListOrders", "RegisterStockItem", "PlaceOrder"]


def test_status_shows_processes_log_stream_and_projections(running: dict[str, Any], env: dict[str, str]) -> None:
    done = obverse("status", "--json", env=env)
    shown = json.loads(done.stdout)
    assert done.returncode == 0
    assert (shown["running"], shown["healthy"]) == (True, True)
    names = ["postgres", "nats", "valkey", "mail", "command_service", "relay", "projector", "query_service", "worker"]
    assert [process["name"] for process in shown["processes"]] == names
    assert shown["log"]["position"] == shown["stream"]["position"]
    assert {"shop.carts", "shop.orders"} <= {view["name"] for view in shown["projections"]}
    assert all({"position", "head", "lag_seconds"} <= view.keys() for view in shown["projections"])


def test_status_for_people_has_the_same(running: dict[str, Any], env: dict[str, str]) -> None:
    text = obverse("status", env=env).stdout
    assert all(word in text for word in ("command_service", "log at", "stream at", "shop.orders", "LAG"))


@pytest.mark.parametrize(
    "service", ["command_service", "relay", "projector", "query_service", "worker", "postgres", "nats", "mail"]
)
def test_logs_shows_each_log(running: dict[str, Any], env: dict[str, str], service: str) -> None:
    done = obverse("logs", service, "--no-follow", "--json", "-n", "3", env=env)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert 0 < len(lines) <= 3
    assert {line["service"] for line in lines} == {service}


def test_logs_follows_what_comes(running: dict[str, Any], env: dict[str, str]) -> None:
    with subprocess.Popen([*CLI, "logs", "valkey", "-n", "1"], env=env, cwd=ROOT, stdout=subprocess.PIPE) as follower:
        assert follower.stdout
        assert follower.stdout.readline()
        with Path(running["data"], "logs", "valkey.log").open("a") as log:
            log.write("a line of the test\n")
        assert follower.stdout.readline() == b"a line of the test\n"
        follower.send_signal(signal.SIGINT)


@pytest.mark.parametrize("server", ["postgres", "nats", "valkey"])
def test_connect_says_how_to_look_inside(running: dict[str, Any], env: dict[str, str], server: str) -> None:
    told = json.loads(obverse("connect", server, "--json", env=env).stdout)
    host, _, port = told["url"].rpartition("@")[2].partition("/")[0].partition(":")
    with socket.create_connection((host, int(port)), timeout=5):
        assert told["try"]
    assert told["url"] in obverse("connect", server, "--print", env=env).stdout


def test_connect_opens_psql_and_what_it_tells_to_try_works(running: dict[str, Any], env: dict[str, str]) -> None:
    told = json.loads(obverse("connect", "postgres", "--json", env=env).stdout)
    for statement in told["try"]:
        shown = subprocess.run(
            [told["client"], told["url"], "-c", statement], capture_output=True, text=True, check=False
        )
        assert shown.returncode == 0, shown.stderr


def test_migrate_again_applies_nothing(running: dict[str, Any], env: dict[str, str]) -> None:
    done = obverse("migrate", "--json", env=env)
    assert done.returncode == 0
    assert "Applied" not in done.stdout


def test_a_second_up_and_a_reset_are_refused_while_it_runs(running: dict[str, Any], env: dict[str, str]) -> None:
    for command in (("up",), ("reset", "--yes")):
        refused = obverse(*command, env=env)
        assert refused.returncode == 1
        assert "obverse down" in refused.stderr


def test_a_taken_port_is_one_line_naming_the_variable(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        refused = obverse("up", env=environment(tmp_path, OBVERSE_COMMAND_ADDRESS=taken))
    assert refused.returncode == 1
    assert "OBVERSE_COMMAND_ADDRESS" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "50051", "127.0.0.1:port"])
def test_an_address_that_is_not_on_loopback_is_refused(tmp_path: Path, address: str) -> None:
    refused = obverse("up", env=environment(tmp_path, OBVERSE_QUERY_ADDRESS=address))
    assert (refused.returncode, "OBVERSE_QUERY_ADDRESS" in refused.stderr) == (1, True)


def test_everything_says_so_when_nothing_runs(tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    for command in (("status",), ("connect", "nats"), ("logs", "relay"), ("migrate",)):
        done = obverse(*command, env=env)
        assert done.returncode == 1
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr
    assert obverse("down", env=env).returncode == 0
    assert json.loads(obverse("status", "--json", env=env).stdout)["running"] is False


def test_reset_asks_and_deletes_only_what_is_ours(tmp_path: Path) -> None:
    env = environment(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "a letter").write_text("mine")
    assert obverse("reset", env=env).returncode == 1
    assert (tmp_path / "logs").exists()
    assert obverse("reset", env={**env, "YES": "1"}).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a letter"]


def test_after_a_kill_of_everything_up_works_again_and_down_ends_it_from_elsewhere(tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    process, _ = up(env)
    before = json.loads(obverse("status", "--json", env=env).stdout)
    pids = [process.pid, *(part["pid"] for part in before["processes"])]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert process.stdout
    process.stdout.close()
    process.wait()
    again, _ = up(env)
    after = json.loads(obverse("status", "--json", env=env).stdout)
    assert after["healthy"]
    assert obverse("down", env=env).returncode == 0
    end(again)
    assert not any(psutil.pid_exists(part["pid"]) for part in after["processes"])


def test_every_call_to_try_is_one_that_its_contract_allows() -> None:
    for call in calls("127.0.0.1:1", "127.0.0.1:2"):
        request, (address, rpc) = call.split("'")[1], call.rpartition("' ")[2].split()
        service, _, name = rpc.partition("/")
        assert (address == "127.0.0.1:1") == ("Command" in service)
        method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
        protovalidate.validate(json_format.Parse(request, message_factory.GetMessageClass(method.input_type)()))
