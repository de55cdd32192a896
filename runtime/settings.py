"""Settings from the environment: a frozen dataclass a process, each field a variable, all mistakes reported at once."""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class SettingsError(ValueError):
    """Variables that are missing or make no sense; the text has a line for each, with what to do."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("The settings cannot be used:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
        self.mistakes = mistakes


def variable(field: str) -> str:
    """The environment variable of a field: `command_address` is OBVERSE_COMMAND_ADDRESS."""
    return f"OBVERSE_{field.upper()}"


def setting(default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None) -> Any:
    """A field with bounds, both inclusive; without a default it must be set."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def from_environment(settings: type[T], environ: Mapping[str, str]) -> T:
    """Build the settings of a process from its environment; raises SettingsError naming every variable at fault."""
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    types = typing.get_type_hints(settings)
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # T is a dataclass: checked by fields()
        text = environ.get(variable(field.name), "")
        if not text:
            if field.default is dataclasses.MISSING:
                mistakes.append(f"{variable(field.name)} is not set: it is needed and has no default")
            continue
        try:
            values[field.name] = _bounded(_parse(types[field.name], text), field.metadata)
        except ValueError as error:
            mistakes.append(f"{variable(field.name)}={text!r} {error}")
    if mistakes:
        raise SettingsError(mistakes)
    return settings(**values)


def _parse(kind: Any, text: str) -> Any:
    if typing.get_origin(kind) is typing.Literal:
        choices = typing.get_args(kind)
        if text not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return text
    return _PARSERS.get(kind, getattr(kind, "parse", str))(text)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is not a number") from None


def _truth(text: str) -> bool:
    if text.lower() not in {"0", "1", "true", "false"}:
        raise ValueError("is neither true nor false")
    return text.lower() in {"1", "true"}


_PARSERS: dict[Any, Callable[[str], Any]] = {str: str, int: _whole, float: _number, bool: _truth}


def _bounded(value: Any, bounds: Mapping[str, Any]) -> Any:
    low, high = bounds.get("low"), bounds.get("high")
    if low is not None and value < low:
        raise ValueError(f"is too small: at least {low}")
    if high is not None and value > high:
        raise ValueError(f"is too large: at most {high}")
    return value
