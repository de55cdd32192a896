"""Steps 8 and 9: an entry's place in an index that is ordered by time, and the bounds of a range of times in it."""

from google.protobuf.timestamp_pb2 import Timestamp

_PLACES = 4096
"""So many entries can stand in one millisecond; the log takes fewer records."""


def time_score(time: Timestamp, position: int) -> int:
    """Milliseconds since 1970 times 4096, plus the record's position modulo 4096, so that no two entries tie.

    Exact as the double that a sorted set keeps: below 2^53 as long as the milliseconds are below 2^41, which is until
    September 2039; later entries are still in order, but two of one millisecond may tie. With position 0 it is a bound
    of a range of times, of which milliseconds count and what is finer does not.
    """
    return (time.seconds * 1000 + time.nanos // 1_000_000) * _PLACES + position % _PLACES
