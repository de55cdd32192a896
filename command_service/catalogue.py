"""Step 1, enters: what is known of each command RPC: who decides it, whether it waits, and on which channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cqrs.options.v1.options_pb2 import EXECUTION_ASYNC
from cqrs.options.v1.options_pb2 import command as command_option
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from command_service.decider import Decider, Effect
from command_service.executions import Executions


class CatalogueError(TypeError):
    """Deciders and contracts do not match: a service is decided by nobody, twice, or is not in the contracts."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """A command RPC of this server."""

    name: str
    """Full name, e.g. "cqrs.shop.v1.OrderCommandService.PlaceOrder"."""
    decider: Decider
    request: type[Message]
    response: type[Message]
    channel: str
    """Where it waits when it is carried out asynchronously; its domain's name where its contract gives none."""
    asynchronous: bool
    """Whether a caller is answered before it is carried out."""

    @property
    def type(self) -> str:
        """Full name of its request."""
        return str(self.request.DESCRIPTOR.full_name)

    @property
    def effect(self) -> Effect | None:
        """What it does in the world, if anything."""
        return self.decider.effects.get(self.request)


class Catalogue:
    """Every command RPC, by its name and by its request."""

    def __init__(
        self,
        contracts: Iterable[FileDescriptor],
        deciders: Sequence[Decider],
        executions: Executions = Executions({}),  # noqa: B008 # immutable
    ) -> None:
        """Raises CatalogueError when a service has no decider or two, a decider no service, or an override no RPC."""
        declared = {service.full_name: service for file in contracts for service in file.services_by_name.values()}
        by_service = _by_service(declared, deciders)
        rpcs = [
            rpc_of(method, by_service[service.full_name], executions)
            for service in declared.values()
            for method in service.methods
        ]
        self.services: Mapping[str, ServiceDescriptor] = declared
        self._by_name = {rpc.name: rpc for rpc in rpcs}
        self._by_request = {rpc.type: rpc for rpc in rpcs}
        if unknown := sorted(executions.rpcs - self._by_name.keys()):
            raise CatalogueError(f"OBVERSE_EXECUTION names RPCs that no contract declares: {', '.join(unknown)}")

    def rpc(self, name: str) -> Rpc:
        """The RPC of a full name; KeyError."""
        return self._by_name[name]

    def of_request(self, request: Any) -> Rpc | None:
        """The RPC that takes a request, by the message or by its full name; None when no RPC does."""
        name = request if isinstance(request, str) else request.DESCRIPTOR.full_name
        return self._by_request.get(name)

    @property
    def channels(self) -> list[str]:
        """Every channel on which a command of this server can wait, by name."""
        return sorted({rpc.channel for rpc in self._by_name.values()})


def _by_service(declared: Mapping[str, ServiceDescriptor], deciders: Sequence[Decider]) -> dict[str, Decider]:
    by_service: dict[str, Decider] = {}
    for decider in deciders:
        if decider.service in by_service:
            raise CatalogueError(f"{decider.service} is decided twice: list one Decider for it in DECIDERS")
        by_service[decider.service] = decider
    if missing := sorted(declared.keys() - by_service.keys()):
        raise CatalogueError(f"No Decider for {', '.join(missing)}: list one in DECIDERS")
    if unknown := sorted(by_service.keys() - declared.keys()):
        raise CatalogueError(f"Deciders for services that no contract declares: {', '.join(unknown)}")
    return by_service


def rpc_of(method: MethodDescriptor, decider: Decider, executions: Executions = Executions({})) -> Rpc:  # noqa: B008
    """The RPC that a decider decides, as its contract and the deployment say; raises CatalogueError."""
    if not method.GetOptions().HasExtension(command_option):
        raise CatalogueError(f"{method.full_name} is no command: give it the option (cqrs.options.v1.command)")
    options = method.GetOptions().Extensions[command_option]
    asynchronous, channel = executions.of(
        method.full_name, options.execution == EXECUTION_ASYNC, options.channel or options.aggregate.partition(".")[0]
    )
    request: type[Message] = GetMessageClass(method.input_type)
    if request in decider.effects and not asynchronous:
        raise CatalogueError(f"{method.full_name} has an effect, which only a worker runs: make it asynchronous")
    return Rpc(method.full_name, decider, request, GetMessageClass(method.output_type), channel, asynchronous)
