"""Step 8: from records to the events that projections handle, each decoded once, whatever version it was written in."""

from collections.abc import Iterable

import structlog
from cqrs.log.v1.record_pb2 import Record
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError, Message
from prometheus_client import Counter

from projector.consume import Verified
from runtime.upcast import UPCASTERS, Upcasters, decode

_UNKNOWN = Counter("obverse_projector_unknown_records_total", "Records of types that this version lacks.", ["type"])
_LARGEST_SET_OF_TYPES = 1000

log = structlog.get_logger()


class Events:
    """Decodes what somebody handles, and says so when a record's type is not known at all."""

    def __init__(self, handled: Iterable[str], upcasters: Upcasters = UPCASTERS) -> None:
        self._handled = frozenset(handled)
        self._upcasters = upcasters
        self._passed: dict[str, bool] = {}

    def of(self, records: Iterable[Verified]) -> dict[int, Message | Exception]:
        """The handled events by position, or why one does not decode; types nobody knows are passed and counted."""
        events: dict[int, Message | Exception] = {}
        for each in records:
            if each.record.type in self._handled:
                events[each.position] = self._event(each.record)
            elif not self._knows(each.record.type):
                _UNKNOWN.labels(each.record.type).inc()
        return events

    def _event(self, record: Record) -> Message | Exception:
        try:
            event = decode(record, self._upcasters)
        # BLE001: an upcaster may raise anything; whatever it is stops the projections that handle the type.
        except Exception as error:  # noqa: BLE001
            return error
        return event if event is not None else DecodeError(f"{record.type} is not a message that this version knows")

    def _knows(self, name: str) -> bool:
        if name not in self._passed and len(self._passed) < _LARGEST_SET_OF_TYPES:
            self._passed[name] = _is_message(name)
            if not self._passed[name]:
                log.warning("Records of an unknown type are passed over: a newer version may know them", type=name)
        return self._passed.get(name, True)


def _is_message(name: str) -> bool:
    try:
        Default().FindMessageTypeByName(name)
    except KeyError:
        return False
    return True
