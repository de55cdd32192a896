"""Settings are read from the environment, and every mistake is reported at once."""

from dataclasses import dataclass
from typing import Literal

import pytest

from command_service.settings import Settings
from runtime.settings import SettingsError, from_environment, setting


@dataclass(frozen=True)
class Example:
    needed: str = setting()
    address: str = "127.0.0.1:1"
    count: int = setting(1, low=1, high=9)
    seconds: float = 0.5
    share: bool = False
    level: Literal["low", "high"] = "low"


def test_fields_are_read_from_variables_with_their_types() -> None:
    environ = {
        "OBVERSE_NEEDED": "x",
        "OBVERSE_COUNT": "3",
        "OBVERSE_SECONDS": "2.5",
        "OBVERSE_SHARE": "true",
        "OBVERSE_LEVEL": "high",
    }
    assert from_environment(Example, environ) == Example("x", "127.0.0.1:1", 3, 2.5, True, "high")


def test_every_mistake_is_named_in_one_error() -> None:
    environ = {"OBVERSE_COUNT": "12", "OBVERSE_SECONDS": "soon", "OBVERSE_SHARE": "maybe", "OBVERSE_LEVEL": "middle"}
    with pytest.raises(SettingsError) as caught:
        from_environment(Example, environ)
    assert caught.value.mistakes == [
        "OBVERSE_NEEDED is not set: it is needed and has no default",
        "OBVERSE_COUNT='12' is too large: at most 9",
        "OBVERSE_SECONDS='soon' is not a number",
        "OBVERSE_SHARE='maybe' is neither true nor false",
        "OBVERSE_LEVEL='middle' is none of low, high",
    ]


def test_an_empty_variable_means_the_default() -> None:
    assert from_environment(Example, {"OBVERSE_NEEDED": "x", "OBVERSE_COUNT": ""}).count == 1


def test_the_command_server_needs_only_to_know_where_its_log_is() -> None:
    settings = from_environment(Settings, {"OBVERSE_POSTGRES_DSN": "postgresql://here"})
    assert settings.command_address == "127.0.0.1:50051"
    with pytest.raises(SettingsError, match="OBVERSE_POSTGRES_DSN is not set"):
        from_environment(Settings, {})
