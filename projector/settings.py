"""Settings of the projector."""

from dataclasses import dataclass

from runtime.logs import LogFormat, LogLevel
from runtime.settings import setting


@dataclass(frozen=True)
class Settings:
    """Each field is the environment variable OBVERSE_<FIELD>."""

    nats_url: str
    """The broker that carries the log."""
    redis_url: str
    """The store of the views, redis://user:password@host:port/0."""
    log_address: str = "127.0.0.1:50051"
    """LogService, host:port: the command server."""
    projector_batch_records: int = setting(500, low=1, high=2000)
    """Most records that are applied together."""
    projector_cached_views: int = setting(20_000, low=0)
    """Views that are kept in memory for each projection, so that they need not be read again; at most twice as many."""
    projector_beat_seconds: float = setting(0.5, low=0.05, high=1.5)
    """How often the log's head and the states of the projections are written; after 2 s the lag is unknown."""
    projector_store_seconds: float = setting(5.0, low=0.1, high=60)
    """After so long without an answer the store of the views counts as away."""
    status_address: str = "127.0.0.1:0"
    """Where /healthz, /metrics and /status are answered, host:port; port 0 takes a free one."""
    log_level: LogLevel = "info"
    """Lines below it are not written."""
    log_format: LogFormat = "console"
    """Text for people or JSON for machines."""
