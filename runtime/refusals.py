"""Every refusal, typed: a value of a domain's closed enum, its text, and the gRPC code that the contract gives it.

Exception
└── Refused      the caller can act on it: the text says what happened, the enum's comment what to do
"""

from collections.abc import Mapping
from typing import Any

from cqrs.options.v1.options_pb2 import refusal
from google.protobuf.descriptor import EnumDescriptor


class Refused(Exception):
    """A command or query that is refused; it reaches the caller as google.rpc.Status."""

    def __init__(self, code: int, reason: str, domain: str, text: str) -> None:
        """Take a google.rpc.Code, an enum value's name without its prefix, the enum's package, and the text."""
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.domain = domain
        self.text = text
        self.metadata: Mapping[str, str] = {}
        self.fields: tuple[tuple[str, str], ...] = ()
        """What BadRequest says: field path and text, in field order."""
        self.retry_seconds: float | None = None
        """What RetryInfo says, in seconds."""


class Refusals:
    """The refusals of one enum: `refuse = Refusals(ShopError)`, then `raise refuse(SHOP_ERROR_X, "…")`."""

    def __init__(self, enum: Any) -> None:
        """`enum` is a generated enum whose values all carry the option `refusal`; TypeError names one that does not."""
        descriptor: EnumDescriptor = enum.DESCRIPTOR
        prefix = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
        self.domain: str = descriptor.file.package
        self._known: dict[int, tuple[str, int]] = {}
        for value in descriptor.values[1:]:
            code = value.GetOptions().Extensions[refusal].code
            if not code:
                raise TypeError(f"{descriptor.full_name}.{value.name} names no gRPC code: give it the option `refusal`")
            self._known[value.number] = (value.name.removeprefix(prefix), code)

    def __call__(
        self, value: int, text: str, *, field: str = "", retry_seconds: float | None = None, **metadata: str
    ) -> Refused:
        """The refusal `value` with its text; `field` is the request's field at fault, for refusals of shape."""
        reason, code = self._known[value]
        refused = Refused(code, reason, self.domain, text)
        refused.metadata = metadata
        refused.fields = ((field, text),) if field else ()
        refused.retry_seconds = retry_seconds
        return refused
