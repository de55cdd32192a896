"""Step 1, enters: one handler for every RPC of every decided service; a gap or an overlap is an error at start."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cqrs.options.v1.options_pb2 import command as command_option
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from command_service.command import Command
from command_service.decider import Decider
from command_service.handle import Handler
from runtime.call import Call
from runtime.rpc import Unary


class CatalogueError(TypeError):
    """Deciders and contracts do not match: a service is decided by nobody, twice, or is not in the contracts."""


Carried = tuple[ServiceDescriptor, dict[str, Unary]]


def command_services(
    contracts: Iterable[FileDescriptor], deciders: Sequence[Decider], handler: Handler
) -> list[Carried]:
    """The handlers of every service in the contracts; raises CatalogueError."""
    declared = {service.full_name: service for contract in contracts for service in contract.services_by_name.values()}
    by_service: dict[str, Decider] = {}
    for decider in deciders:
        if decider.service in by_service:
            raise CatalogueError(f"{decider.service} is decided twice: list one Decider for it in DECIDERS")
        by_service[decider.service] = decider
    if missing := sorted(declared.keys() - by_service.keys()):
        raise CatalogueError(f"No Decider for {', '.join(missing)}: list one in DECIDERS")
    if unknown := sorted(by_service.keys() - declared.keys()):
        raise CatalogueError(f"Deciders for services that no contract declares: {', '.join(unknown)}")
    return [
        (service, {method.name: _rpc(method, by_service[name], handler) for method in service.methods})
        for name, service in declared.items()
    ]


def _rpc(method: MethodDescriptor, decider: Decider, handler: Handler) -> Callable[[Any, Call], Any]:
    if not method.GetOptions().HasExtension(command_option):
        raise CatalogueError(f"{method.full_name} is no command: give it the option (cqrs.options.v1.command)")
    response: type[Message] = GetMessageClass(method.output_type)

    async def carry_out(request: Any, call: Call) -> Message:
        return await handler.handle(Command.accept(decider, response, request, call))

    return carry_out
