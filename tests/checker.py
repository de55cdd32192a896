"""Looks for what must never be: reads log, stream and views as anybody could, and compares them without product code.

Each `faults_in_…` gives one line for everything that is wrong, and nothing for a history that is right.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import grpc
import nats
import redis
from cqrs.admin.v1.views_pb2 import CommandView
from cqrs.bank.v1.views_pb2 import AccountView
from cqrs.common.v1.common_pb2 import CommandReceipt
from cqrs.log.v1.log_service_pb2 import ReadLogRequest
from cqrs.log.v1.log_service_pb2_grpc import LogServiceStub
from cqrs.log.v1.record_pb2 import Record
from cqrs.options.v1.options_pb2 import view as view_option
from cqrs.shop.v1 import views_pb2 as shop_views
from google.protobuf.message import Message
from nats.js.api import ConsumerConfig, DeliverPolicy

from tests.lives import Effects, Lives
from tests.plain import Plain, plain, without_empty
from tests.plain_fold import Folded, PlainProjection

VIEWS: dict[str, tuple[type[Message], ...]] = {
    "shop.carts": (shop_views.CartView,),
    "shop.orders": (shop_views.OrderView, shop_views.OrderPaymentView),
    "shop.history": (shop_views.OrderHistoryEntry,),
    "shop.stock": (shop_views.StockView,),
    "shop.payments": (shop_views.PaymentView,),
    "shop.sales": (shop_views.DailySalesView, shop_views.ProductSalesView),
    "bank.accounts": (AccountView,),
    "platform.commands": (CommandView,),
}
"""The views of each projection that is compared."""
PROJECTIONS = tuple(VIEWS)
_SNAPSHOT = """
local generation = redis.call('GET', 'cp:' .. ARGV[1]) or '1'
local scope, views, indexes = ARGV[1] .. ':' .. generation .. ':', {}, {}
for _, key in ipairs(redis.call('KEYS', 'v:' .. scope .. '*')) do
  views[#views + 1] = string.sub(key, #scope + 3); views[#views + 1] = redis.call('GET', key)
end
for _, key in ipairs(redis.call('KEYS', 'i:' .. scope .. '*')) do
  indexes[#indexes + 1] = string.sub(key, #scope + 3)
  indexes[#indexes + 1] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
end
return {redis.call('HMGET', 'cp:' .. ARGV[1] .. ':' .. generation, 'epoch', 'position', 'chain'), views, indexes}
"""


class Entry(NamedTuple):
    """A record at its place, as the log or the stream has it."""

    position: int
    record: bytes
    chain: bytes
    epoch: str


class Snapshot(NamedTuple):
    """A projection's views at one moment."""

    epoch: str
    position: int
    chain: bytes
    views: dict[str, bytes]
    indexes: dict[str, dict[str, int]]


async def read_log(address: str) -> list[Entry]:
    """The whole log, by LogService."""
    async with grpc.aio.insecure_channel(address) as channel:
        answers = LogServiceStub(channel).ReadLog(ReadLogRequest(stop_at_head=True), timeout=30)
        return [Entry(each.position, each.record, each.chain, each.epoch) async for each in answers]


async def read_stream(url: str) -> list[Entry]:
    """The whole stream LOG; a message is at the place of its sequence, whatever its headers say of it."""
    connection = await nats.connect(url)
    try:
        stream = connection.jetstream()
        last = (await stream.stream_info("LOG")).state.last_seq
        everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        consumer = await stream.subscribe("log.>", stream="LOG", ordered_consumer=True, config=everything)
        entries: list[Entry] = []
        while last and (not entries or entries[-1].position < last):
            message = await consumer.next_msg(5)
            headers, sequence = message.headers or {}, message.metadata.sequence.stream
            assert headers["Obverse-Position"] == str(sequence), f"sequence {sequence} says {headers}"
            chain = bytes.fromhex(headers["Obverse-Chain"])
            entries.append(Entry(sequence, message.data, chain, headers["Obverse-Epoch"]))
        return entries
    finally:
        await connection.close()


def read_views(url: str) -> dict[str, Snapshot]:
    """The live views of every projection, each with the checkpoint of the same moment."""
    with redis.Redis.from_url(url) as client:
        return {name: _snapshot(client.eval(_SNAPSHOT, 0, name)) for name in PROJECTIONS}


def faults_in_log(log: Sequence[Entry]) -> Iterator[str]:
    """Positions, chain, versions; that each command and reaction has done what it did once, and came to one end."""
    chain = hashlib.sha256(UUID(log[0].epoch).bytes).digest() if log else b""
    versions: Counter[str] = Counter()
    effects, lives, ids = Effects(), Lives(), set[str]()
    for expected, entry in enumerate(log, 1):
        if entry.position != expected:
            yield f"position {expected} is missing: {entry.position} stands there"
            return
        chain = hashlib.sha256(chain + entry.position.to_bytes(8, "big") + entry.record).digest()
        if entry.chain != chain:
            yield f"the chain breaks at {entry.position}"
            return
        record = Record.FromString(entry.record)
        versions[record.stream] += 1
        if record.version != versions[record.stream]:
            yield f"{record.stream} has version {record.version} where {versions[record.stream]} belongs"
        if record.id in ids:
            yield f"record id {record.id} is there twice"
        ids.add(record.id)
        yield from effects.faults(expected, record)
        yield from lives.faults(expected, record)
    yield from lives.out_of_order()


def faults_in_stream(log: Sequence[Entry], stream: Sequence[Entry]) -> Iterator[str]:
    """The stream has the log's very bytes, each at the sequence that is its position."""
    if len(stream) != len(log):
        yield f"the stream has {len(stream)} messages, the log {len(log)} records"
    yield from (f"position {a.position} differs between log and stream" for a, b in zip(log, stream) if a != b)  # noqa: B905


def faults_in_views(log: Sequence[Entry], views: Mapping[str, Snapshot], at_head: bool = True) -> Iterator[str]:
    """Views and indexes are the fold of the log up to their checkpoint, which is the head where `at_head`."""
    folded, reached = Folded(log[0].epoch if log else ""), 0
    for name, found in sorted(views.items(), key=lambda view: view[1].position):
        if at_head and found.position != len(log):
            yield f"{name} is at {found.position}, the log at {len(log)}"
        if found.position > len(log) or (found.position and found.chain != log[found.position - 1].chain):
            yield f"{name} is at a place that the log does not have: {found.position}"
            continue
        for entry in log[reached : found.position]:
            folded.take(entry.position, entry.record)
        reached = found.position
        yield from view_faults(name, found, folded.projections[name])


def view_faults(name: str, found: Snapshot, wanted: PlainProjection) -> Iterator[str]:
    """The views and lists of one projection are what was folded plainly."""
    unspoken: frozenset[str] = getattr(wanted, "unspoken", frozenset())
    scope = {view.DESCRIPTOR.GetOptions().Extensions[view_option].key.partition(":")[0]: view for view in VIEWS[name]}
    shown = {
        key: {
            field: value
            for field, value in plain(scope[key.partition(":")[0]].FromString(view)).items()
            if field not in unspoken
        }
        for key, view in found.views.items()
    }
    fields = {kind: set(view.DESCRIPTOR.fields_by_name) for kind, view in scope.items()}
    folded = {
        key: without_empty({field: view[field] for field in view if field in fields[key.partition(":")[0]]})
        for key, view in wanted.views.items()
    }
    yield from _differences(f"{name} view", folded, shown)
    indexes = {key: index for key, index in wanted.indexes().items() if index}
    yield from _differences(f"{name} index", indexes, found.indexes)


def faults_in_answers(
    log: Sequence[Entry], acked: Mapping[str, CommandReceipt], unknown: Sequence[str] = (), refused: Sequence[str] = ()
) -> Iterator[str]:
    """Each answered command is where its receipt says; what is unknown may be absent; what was refused must be."""
    done: dict[str, list[Record]] = {}
    for entry in log:
        record = Record.FromString(entry.record)
        done.setdefault(record.causation_id, []).append(record)
    for command_id, receipt in acked.items():
        if not 0 < receipt.token.position <= len(log):
            yield f"lost: {command_id} was answered with position {receipt.token.position} of {len(log)}"
            continue
        record = Record.FromString(log[receipt.token.position - 1].record)
        if (record.causation_id, record.version) != (command_id, receipt.version):
            yield f"lost: {command_id} is not at position {receipt.token.position}, {record.causation_id} is"
    # Every command of the load has one event.
    several = [each for each in (*acked, *unknown) if len(done.get(each, ())) > 1]
    yield from (f"twice: {command_id} has {len(done[command_id])} events" for command_id in several)
    yield from (f"{command_id} was refused and has an effect" for command_id in refused if command_id in done)


def _snapshot(found: Any) -> Snapshot:
    (epoch, position, chain), views, indexes = found
    scores = {key.decode(): entries for key, entries in zip(indexes[::2], indexes[1::2], strict=True)}
    return Snapshot(
        (epoch or b"").decode(),
        int(position or 0),
        bytes.fromhex((chain or b"").decode()),
        {key.decode(): view for key, view in zip(views[::2], views[1::2], strict=True)},
        {
            index: {key.decode(): int(score) for key, score in zip(flat[::2], flat[1::2], strict=True)}
            for index, flat in scores.items()
        },
    )


def _differences(what: str, wanted: Mapping[str, Plain], shown: Mapping[str, Plain]) -> Iterator[str]:
    for key in sorted(wanted.keys() | shown.keys()):
        fold, view = wanted.get(key), shown.get(key)
        if fold is None or view is None:
            yield f"{what} {key} is {'missing' if view is None else 'there, the fold has none'}"
        elif differing := [field for field in sorted(fold.keys() | view.keys()) if fold.get(field) != view.get(field)]:
            first = differing[0]
            yield f"{what} {key} differs in {differing}: {first} is {view.get(first)}, the fold has {fold.get(first)}"
