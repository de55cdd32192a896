"""Messages as dictionaries and lists, for code that compares without product code."""

from typing import Any

from google.protobuf.message import Message

Plain = dict[str, Any]
Indexes = dict[str, dict[str, int]]
"""The place of each view in each list, by the list's name and the view's key."""


def plain(message: Message) -> Plain:
    """A message as dictionaries and lists; what is empty or zero is left out."""
    shown = {}
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            shown[descriptor.name] = list(value) if descriptor.is_repeated else value
        elif isinstance(value, Message):
            shown[descriptor.name] = plain(value)
        elif descriptor.message_type.GetOptions().map_entry:
            shown[descriptor.name] = dict(value)
        else:
            shown[descriptor.name] = [plain(each) for each in value]
    return without_empty(shown)


def without_empty(shown: Plain) -> Plain:
    """The same without what is empty or zero."""
    return {key: value for key, value in shown.items() if value not in (0, "", [], {}, None, b"")}
