"""Step 1, enters: one handler for every RPC of every decided service."""

from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from command_service.catalogue import Catalogue, Rpc
from command_service.command import Command
from command_service.handle import Handler
from runtime.call import Call
from runtime.rpc import Unary

Carried = tuple[ServiceDescriptor, dict[str, Unary]]


def command_services(catalogue: Catalogue, handler: Handler) -> list[Carried]:
    """The handlers of every service in the catalogue."""
    return [
        (service, {method.name: _carried_out(catalogue.rpc(method.full_name), handler) for method in service.methods})
        for service in catalogue.services.values()
    ]


def _carried_out(rpc: Rpc, handler: Handler) -> Unary:
    async def carry_out(request: Any, call: Call) -> Message:
        return await handler.handle(Command.accept(rpc, request, call))

    return carry_out
