"""Nothing of a domain's contract is left out: what can be said of any domain, given its contracts and its code."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import command, event, view
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

import command_service.domains
import query_service.domains
from command_service.decider import Aggregate, Context, Decider
from projector.projection import Fact, Projection

CONTEXT = Context(command_id="command-1", time=Timestamp(seconds=1_700_000_000), new_id="a-new-id")


@dataclass(frozen=True)
class Domain:
    """A domain: its contracts and what fulfils them."""

    name: str
    commands: Sequence[FileDescriptor]
    events: FileDescriptor
    views: FileDescriptor
    errors: Any
    """The generated enum of its refusals."""
    deciders: Sequence[Decider]
    aggregates: Sequence[Aggregate]
    projections: Sequence[Projection]

    @property
    def methods(self) -> Iterator[MethodDescriptor]:
        """Every command RPC."""
        for file in self.commands:
            for service in file.services_by_name.values():
                yield from service.methods

    @property
    def event_types(self) -> dict[str, type[Message]]:
        """Every event by its full name."""
        marked = (each for each in self.events.message_types_by_name.values() if each.GetOptions().HasExtension(event))
        return {each.full_name: GetMessageClass(each) for each in marked}


def every_service_is_decided(domain: Domain) -> None:
    """Each command service has one decider, and no decider decides anything else."""
    services = [service.full_name for file in domain.commands for service in file.services_by_name.values()]
    assert sorted(decider.service for decider in domain.deciders) == sorted(services)


def every_command_reads_the_stream_of_its_contract_first(domain: Domain) -> None:
    """With the id that the contract's field holds, and of the kind that the contract names."""
    for method in domain.methods:
        options = method.GetOptions().Extensions[command]
        request: Any = filled(method.input_type)
        setattr(request, options.aggregate_id_field, "some-id")
        (decider,) = [each for each in domain.deciders if each.service == method.containing_service.full_name]
        (aggregate, aggregate_id), *others = decider.reads(request, CONTEXT)
        assert (aggregate.category, aggregate_id) == (options.aggregate, "some-id"), method.full_name
        assert {other.category for other, _ in others} >= set(options.also_changes), method.full_name


def every_event_is_evolved_by_its_aggregate(domain: Domain) -> None:
    """By the one that its contract names, and by no other."""
    evolved = [(known.DESCRIPTOR.full_name, each.category) for each in domain.aggregates for known in each.events]
    named = [(name, _options(kind, event).aggregate) for name, kind in domain.event_types.items()]
    assert sorted(evolved) == sorted(named)


def commands_emit_what_their_contract_names(domain: Domain, seen: dict[str, set[str]]) -> None:
    """`seen`: the events that were seen to follow each request, by full name, in as many histories as it takes."""
    for method in domain.methods:
        emits = set(method.GetOptions().Extensions[command].emits)
        assert seen.get(method.input_type.full_name, set()) == emits, method.full_name


def every_refusal_is_raised_somewhere(domain: Domain) -> None:
    """By a decision, by an answer, or by a rule of shape in the contract."""
    folders = [Path(package.__path__[0]) / domain.name for package in (command_service.domains, query_service.domains)]
    sources = "".join(path.read_text() for folder in folders for path in sorted(folder.glob("*.py")))
    contracts = "".join(str(file.serialized_pb) for file in domain.commands)
    prefix = domain.errors.DESCRIPTOR.values[0].name.removesuffix("UNSPECIFIED")
    for value in domain.errors.DESCRIPTOR.values[1:]:
        raised = f"refuse({value.name}," in sources
        assert raised or f".{value.name.removeprefix(prefix)}" in contracts, value.name


def every_event_is_projected_and_every_view_has_its_projection(domain: Domain) -> None:
    """An event that nobody would ever see, or a view that nobody writes, is a mistake."""
    projected = {handled.DESCRIPTOR.full_name for projection in domain.projections for handled in projection.handles}
    assert projected == set(domain.event_types)
    assert {projection.name for projection in domain.projections} == {
        _options(kind, view).projection for kind in _views(domain)
    }


def every_view_has_the_key_of_its_contract(domain: Domain, ids: dict[str, str]) -> None:
    """`ids`: what each field of a key holds. Every view that an event needs has a key as the contract spells it."""
    for projection in domain.projections:
        for handled in projection.handles:
            record = Record(time=Timestamp(seconds=1_700_000_000), version=7)
            for need in projection.needs(Fact(1, record, filled(handled.DESCRIPTOR, ids)), {}):
                spelled = _options(need.type, view).key
                assert need.key in {spelled.format(**{**ids, **more}) for more in _choices(ids)}, handled
                assert _options(need.type, view).projection == projection.name


def filled(descriptor: Any, ids: dict[str, str] | None = None) -> Any:
    """A message whose string fields hold the ids of their names, also in the messages within it."""
    message: Any = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, (ids or {}).get(field.name, f"some-{field.name}"))
        elif (
            field.type == FieldDescriptor.TYPE_MESSAGE
            and not field.is_repeated
            and "google" not in str(field.message_type.full_name)
        ):
            getattr(message, field.name).CopyFrom(filled(field.message_type, ids))
    return message


def _views(domain: Domain) -> Iterable[type[Message]]:
    for each in domain.views.message_types_by_name.values():
        if each.GetOptions().HasExtension(view):
            yield GetMessageClass(each)


def _choices(ids: dict[str, str]) -> Iterable[dict[str, str]]:
    """A key's field may also come from the record: each of the several values that `ids` gives, separated by blanks."""
    yield {}
    for name, values in ids.items():
        yield from ({name: value} for value in values.split())


def _options(kind: type[Message], extension: Any) -> Any:
    return kind.DESCRIPTOR.GetOptions().Extensions[extension]
