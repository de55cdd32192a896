"""A command on its way: what stays the same on every attempt, however it is carried out."""

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import uuid_utils
from cqrs.admin.v1.events_pb2 import CommandAccepted
from cqrs.common.v1 import common_pb2
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.catalogue import Rpc
from command_service.decider import Aggregate, Context
from runtime.call import Call

CATEGORY = "command"
"""The kind of stream in which an asynchronous command's own records stand."""
OWN_IDS = "obverse:"
"""What the ids of the system's own commands and reactions begin with; the contract refuses it to callers, who could
otherwise take an id beforehand and so keep a decision or a process manager from going on."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was accepted."""

    rpc: Rpc
    request: Any
    call: Call
    context: Context
    hash: bytes
    """sha256 of what makes two requests the same."""

    @classmethod
    def accept(cls, rpc: Rpc, request: Any, call: Call) -> "Command":
        """Fix the ids, the time and the hash of a request."""
        asked = request.context
        command_id = asked.command_id or str(uuid_utils.uuid7())
        correlation_id = asked.correlation_id or command_id
        context = Context(command_id, now(), str(uuid_utils.uuid7()), correlation_id, call.actor)
        return cls(rpc, request, call, context, request_hash(call.rpc, request))

    @classmethod
    def restored(cls, rpc: Rpc, accepted: CommandAccepted, record: Record, call: Call) -> "Command":
        """The command that a CommandAccepted holds, to be carried out now, equal to the one that was accepted."""
        request: Any = rpc.request.FromString(accepted.request)
        context = Context(accepted.command_id, record.time, accepted.new_id, record.correlation_id, record.actor)
        return cls(rpc, request, call, context, accepted.request_hash)

    @property
    def reads(self) -> tuple[tuple[Aggregate, str], ...]:
        """The streams that its decision reads; the first is the one that it is about."""
        return self.rpc.decider.reads(self.request, self.context)

    @property
    def own_stream(self) -> str:
        """The stream of its own records, where it is asynchronous."""
        return f"{CATEGORY}-{self.context.command_id}"

    def after(self, outcome: Any) -> "Command":
        """The same command once its effect came to an outcome."""
        return replace(self, context=replace(self.context, outcome=outcome))

    def response(self, state: common_pb2.CommandState.ValueType, aggregate_id: str, version: int = 0) -> Any:
        """Its response with a receipt, all but the token, which the log gives."""
        response: Any = self.rpc.response()
        receipt: common_pb2.CommandReceipt = response.receipt
        receipt.command_id = self.context.command_id
        receipt.state = state
        receipt.aggregate_id = aggregate_id
        receipt.version = version
        receipt.time.CopyFrom(self.context.time)
        receipt.correlation_id = self.context.correlation_id
        return response


def now() -> Timestamp:
    """This moment, by the server's clock."""
    time_now = Timestamp()
    time_now.FromNanoseconds(time.time_ns())
    return time_now


def derived_id(*parts: str) -> str:
    """An id of the system's own: the same whenever it is derived from the same parts, of which none has a NUL."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"{OWN_IDS}{UUID(bytes=digest[:16], version=5)}"


def request_hash(rpc: str, request: Message) -> bytes:
    """sha256 of what is asked: the RPC and the request's deterministic bytes, without context and unknown fields."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("context")
    bare.DiscardUnknownFields()
    return hashlib.sha256(rpc.encode() + b"\0" + bare.SerializeToString(deterministic=True)).digest()
