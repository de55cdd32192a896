"""Settings of the relay."""

from dataclasses import dataclass

from runtime.logs import LogFormat, LogLevel
from runtime.settings import setting


@dataclass(frozen=True)
class Settings:
    """Each field is the environment variable OBVERSE_<FIELD>."""

    postgres_dsn: str
    """The log, as the role obverse_service."""
    nats_url: str
    """The broker, as a user that may create the stream LOG and publish to log.>."""
    stream_replicas: int = setting(1, low=1, high=5)
    """Copies of the stream in a cluster; only read when the stream is created."""
    relay_batch_records: int = setting(1000, low=1, high=1000)
    """Most records in one atomic batch; the broker takes no more than 1,000."""
    relay_linger_seconds: float = setting(0.004, low=0, high=0.1)
    """How long a batch waits for more records under load; with little load it never waits."""
    relay_poll_seconds: float = setting(1.0, low=0.01, high=60)
    """How long the relay trusts that nobody would have woken it for nothing."""
    relay_ack_seconds: float = setting(5.0, low=0.1, high=60)
    """After this long without an answer the outcome of a publish counts as unknown."""
    relay_audit_seconds: float = setting(2.0, low=0.1, high=3600)
    """How often it is checked that the stream is there, as declared, and has no holes."""
    status_address: str = "127.0.0.1:0"
    """Where /healthz, /metrics and /status are answered, host:port; port 0 takes a free one."""
    log_level: LogLevel = "info"
    """Lines below it are not written."""
    log_format: LogFormat = "console"
    """Text for people or JSON for machines."""
