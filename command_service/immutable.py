"""A command as a decision sees it: it can be read and not changed."""

from typing import Any, NoReturn, TypeVar, cast

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_CHANGES = frozenset(
    name for name in dir(Message) if name.startswith(("Clear", "Merge", "Parse", "Copy", "Set", "Discard", "_Set"))
)


class _ReadOnly:
    """Passes reading on; `isinstance` and `match` see the message's own type."""

    __slots__ = ("_message",)
    _message: Message

    def __init__(self, message: Message) -> None:
        object.__setattr__(self, "_message", message)

    def __getattr__(self, name: str) -> Any:
        if name in _CHANGES:
            self._refuse(name)
        return getattr(self._message, name)

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        self._refuse(name)

    def __delattr__(self, name: str) -> NoReturn:
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise TypeError(
            f"{type(self._message).__name__}.{name}: a command cannot be changed; answer with events instead"
        )

    @property  # type: ignore[misc]  # lies about the class on purpose, as weak proxies do
    def __class__(self) -> type:
        return type(self._message)


def immutable(message: M) -> M:
    """The same message to read; assigning to a field of it raises TypeError."""
    return cast(M, _ReadOnly(message))
