"""The contracts: what every RPC declares, and that nothing changes unnoticed."""

import filecmp
import subprocess
import sys
from pathlib import Path

import pytest
from cqrs.options.v1.options_pb2 import EXECUTION_ASYNC, EXECUTION_SYNC, command, event, query, view
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.descriptor_pool import Default

from tests.contracts.snapshot import FILES, SNAPSHOT, snapshot

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
RPCS = [method for file in FILES for service in file.services_by_name.values() for method in service.methods]
COMMANDS = [rpc for rpc in RPCS if rpc.GetOptions().HasExtension(command)]


def name(method: MethodDescriptor) -> str:
    return str(method.full_name).removeprefix("cqrs.")


@pytest.mark.parametrize("rpc", RPCS, ids=name)
def test_every_rpc_is_a_command_or_a_query_and_says_whether_it_may_be_repeated(rpc: MethodDescriptor) -> None:
    options = rpc.GetOptions()
    assert options.HasExtension(command) != options.HasExtension(query)
    expected = MethodOptions.IDEMPOTENT if options.HasExtension(command) else MethodOptions.NO_SIDE_EFFECTS
    assert options.idempotency_level == expected


# promise 001-3
@pytest.mark.parametrize("rpc", COMMANDS, ids=name)
def test_a_command_begins_with_its_context_and_is_answered_by_a_receipt(rpc: MethodDescriptor) -> None:
    assert rpc.input_type.fields_by_number[1].message_type.full_name == "cqrs.common.v1.CommandContext"
    assert rpc.output_type.fields_by_number[1].message_type.full_name == "cqrs.common.v1.CommandReceipt"


@pytest.mark.parametrize("rpc", COMMANDS, ids=name)
def test_a_command_names_its_aggregate_its_events_and_the_scope_it_needs(rpc: MethodDescriptor) -> None:
    options = rpc.GetOptions().Extensions[command]
    assert options.execution in (EXECUTION_SYNC, EXECUTION_ASYNC)
    assert bool(options.channel) == (options.execution == EXECUTION_ASYNC)
    assert options.aggregate_id_field in rpc.input_type.fields_by_name
    assert options.scope
    for emitted in options.emits:
        declared = Default().FindMessageTypeByName(emitted).GetOptions().Extensions[event]
        assert declared.aggregate in (options.aggregate, *options.also_changes)
        assert declared.schema_version >= 1


# promise 002-9, 003-16
def test_commands_events_and_views_are_messages_of_their_own() -> None:
    roles: dict[str, set[str]] = {"command": set(), "event": set(), "view": set()}
    for file in FILES:
        for message in file.message_types_by_name.values():
            options = message.GetOptions()
            for role, extension in (("event", event), ("view", view)):
                if options.HasExtension(extension):
                    roles[role].add(message.full_name)
    roles["command"] = {rpc.input_type.full_name for rpc in COMMANDS}
    assert all(roles.values())
    assert not roles["command"] & roles["event"] | roles["event"] & roles["view"] | roles["view"] & roles["command"]


def test_nothing_that_buf_cannot_see_changed_unnoticed() -> None:
    assert snapshot() == SNAPSHOT.read_text(), "if it was meant: python -m tests.contracts.snapshot"


# promise card-2, card-4
def test_regenerating_changes_nothing(tmp_path: Path) -> None:
    subprocess.run([BIN / "buf", "generate", "-o", tmp_path], cwd=ROOT, check=True, timeout=120)
    compared = filecmp.dircmp(ROOT / "generated", tmp_path / "generated", ignore=["__pycache__"])
    assert _differences(compared) == []


def _differences(compared: "filecmp.dircmp[str]") -> list[str]:
    here = [*compared.left_only, *compared.right_only, *compared.diff_files]
    return here + [found for inner in compared.subdirs.values() for found in _differences(inner)]


# promise card-4
def test_the_contracts_are_lint_clean_and_formatted() -> None:
    for verb in (["lint"], ["format", "--exit-code"]):
        ran = subprocess.run([BIN / "buf", *verb], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


# promise card-1
def test_the_top_level_is_as_promised() -> None:
    for entry in ("proto", "command_service", "query_service", "projector", "generated", "tests"):
        assert (ROOT / entry).is_dir(), entry
    for entry in ("buf.yaml", "docker-compose.yml"):
        assert (ROOT / entry).is_file(), entry
