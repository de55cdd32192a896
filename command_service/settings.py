"""The command server's settings."""

from dataclasses import dataclass
from typing import Literal

from command_service.channels import DEFAULT_POLICY, Channels
from command_service.executions import Executions
from runtime.logs import LogFormat, LogLevel
from runtime.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Read from the environment: each field is OBVERSE_<FIELD>."""

    postgres_dsn: str = setting()
    """Where the log is, as the role obverse_service: postgresql://user:password@host:port/database."""
    command_address: str = "127.0.0.1:50051"
    """Where commands and the log are served, host:port."""
    command_processes: int = setting(1, low=1, high=64)
    """How many processes serve on that port."""
    status_address: str = "127.0.0.1:0"
    """Where /healthz, /metrics and /status are answered, host:port; port 0 is any free one."""
    drain_seconds: float = setting(10.0, low=0, high=600)
    """How long calls under way may take after SIGTERM."""
    most_under_way: int = setting(1000, low=1)
    """Calls at a time before RESOURCE_EXHAUSTED."""
    default_deadline_seconds: float = setting(5.0, low=0.1, high=600)
    """The deadline of a command that comes without one."""
    decide_attempts: int = setting(100, low=1, high=1000)
    """How often a command is decided, within its deadline, before a lost race becomes its caller's. Of two processes on
    one hot stream one may win several rounds in a row; a round takes about a millisecond."""
    state_cache_streams: int = setting(20_000, low=1)
    """How many streams' states are kept in memory."""
    channels: Channels = Channels({}, DEFAULT_POLICY)  # noqa: RUF009 # immutable
    """Policies by channel, `name:key=value,…;…` with the keys concurrency, attempts, first, longest, timeout (in s) and
    backlog; `*` names every other channel. The command server needs the backlogs: what may wait before it refuses."""
    execution: Executions = Executions({})  # noqa: RUF009 # immutable
    """Commands that are carried out otherwise than their contracts say: `<rpc>=sync` or `<rpc>=async:<channel>`, `;`
    between them."""
    shop_fulfilment: Literal["saga", "plain"] = "saga"
    """How placed orders are fulfilled: by the process manager with reservation and compensation, or by one handler's
    order and three independent commands; the worker has the same setting."""
    log_level: LogLevel = "info"
    """The least level that is logged."""
    log_format: LogFormat = "console"
    """How a line looks: text, or one JSON object."""
