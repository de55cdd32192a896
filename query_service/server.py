"""Step 9, answered: one handler for every RPC of the query contracts; a gap or an overlap is an error at start."""

from collections.abc import Iterable, Sequence

from cqrs.options.v1.options_pb2 import query as query_option
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor, ServiceDescriptor

from query_service.answer import Answer, Watching
from query_service.handle import Handler
from query_service.read_store import ReadStore
from query_service.watch import Watcher
from runtime.rpc import Streaming, Unary


class CatalogueError(TypeError):
    """Answers and contracts do not match: an RPC is answered by nobody, twice, or is not in the contracts."""


Answered = tuple[ServiceDescriptor, dict[str, Unary | Streaming]]
Answers = Sequence[Answer | Watching]


def query_services(contracts: Iterable[FileDescriptor], answers: Answers, store: ReadStore) -> list[Answered]:
    """The handlers of every service in the contracts; raises CatalogueError naming the RPCs at fault."""
    services = [service for contract in contracts for service in contract.services_by_name.values()]
    methods = {method.full_name: method for service in services for method in service.methods}
    by_rpc = _listed_once(answers)
    if missing := sorted(methods.keys() - by_rpc.keys()):
        raise CatalogueError(f"No Answer for {', '.join(missing)}: list one in ANSWERS")
    if unknown := sorted(by_rpc.keys() - methods.keys()):
        raise CatalogueError(f"Answers for RPCs that no contract declares: {', '.join(unknown)}")
    return [
        (service, {method.name: _handler(method, by_rpc[method.full_name], store) for method in service.methods})
        for service in services
    ]


def _listed_once(answers: Answers) -> dict[str, Answer | Watching]:
    by_rpc: dict[str, Answer | Watching] = {}
    for answer in answers:
        if answer.rpc in by_rpc:
            raise CatalogueError(f"{answer.rpc} is answered twice: list one Answer for it in ANSWERS")
        by_rpc[answer.rpc] = answer
    return by_rpc


def _handler(method: MethodDescriptor, answer: Answer | Watching, store: ReadStore) -> Unary | Streaming:
    if not method.GetOptions().HasExtension(query_option):
        raise CatalogueError(f"{method.full_name} is no query: give it the option (cqrs.options.v1.query)")
    if method.server_streaming != isinstance(answer, Watching):
        kinds = ("a Watching", "an Answer") if method.server_streaming else ("an Answer", "a Watching")
        raise CatalogueError(f"{method.full_name} needs {kinds[0]}, not {kinds[1]}: streams watch, other RPCs answer")
    return Watcher(answer, store).handle if isinstance(answer, Watching) else Handler(answer, store).handle
