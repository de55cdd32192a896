"""The query server's settings."""

from dataclasses import dataclass

from runtime.logs import LogFormat, LogLevel
from runtime.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Read from the environment: each field is OBVERSE_<FIELD>."""

    redis_url: str = setting()
    """Where the views are: redis://user:password@host:port/database."""
    query_address: str = "127.0.0.1:50052"
    """Where queries are served, host:port."""
    query_processes: int = setting(1, low=1, high=64)
    """How many processes serve on that port."""
    status_address: str = "127.0.0.1:0"
    """Where /healthz, /metrics and /status are answered, host:port; port 0 is any free one."""
    drain_seconds: float = setting(10.0, low=0, high=600)
    """How long calls under way may take after SIGTERM."""
    most_under_way: int = setting(1000, low=1)
    """Calls at a time before RESOURCE_EXHAUSTED; a query that waits for a token counts."""
    log_level: LogLevel = "info"
    """The least level that is logged."""
    log_format: LogFormat = "console"
    """How a line looks: text, or one JSON object."""
