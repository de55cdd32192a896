"""Step 9: what the query server counts beside the RPCs themselves."""

from prometheus_client import Counter, Histogram

from runtime.call import BUCKETS

TICKS = Counter("obverse_query_ticks", "Round trips to the store of views; queries that come together share one")
WAIT_SECONDS = Histogram("obverse_query_wait_seconds", "Waiting for a view to become fresh enough", buckets=BUCKETS)
STALE = Counter("obverse_query_stale", "Answers marked stale, by RPC", ["rpc"])
