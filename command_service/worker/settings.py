"""The worker's settings."""

from dataclasses import dataclass

from command_service.channels import DEFAULT_POLICY, Channels
from command_service.domains import shop
from command_service.domains.shop.fulfilment import STEP_SECONDS
from command_service.executions import Executions
from runtime.logs import LogFormat, LogLevel
from runtime.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Read from the environment: each field is OBVERSE_<FIELD>."""

    postgres_dsn: str = setting()
    """Where the log and the open commands are, as the role obverse_service."""
    smtp_url: str = ""
    """The mail server, smtp://[user:password@]host[:port]; commands that send mail fail in a worker without one."""
    mail_from: str = "Obverse <obverse@localhost>"
    """Who mails are from."""
    sandbox_payments: str = ""
    """The file in which the sandbox provider keeps its payments, for all workers of a machine; empty: in memory."""
    channels: Channels = Channels({}, DEFAULT_POLICY)  # noqa: RUF009 # immutable
    """Policies by channel, `name:key=value,…;…` with the keys concurrency, attempts, first, longest, timeout (in s) and
    backlog; `*` names every other channel. The worker needs all but the backlogs."""
    execution: Executions = Executions({})  # noqa: RUF009 # immutable
    """Commands that are carried out otherwise than their contracts say, as the command server has it."""
    worker_lease_seconds: float = setting(30.0, low=0.5, high=3600)
    """How long a claim lasts unless it is renewed: after a crash, others take its commands up after so long."""
    worker_poll_seconds: float = setting(0.5, low=0.01, high=60)
    """How long the worker trusts that it would have been woken."""
    state_cache_streams: int = setting(20_000, low=1)
    """How many streams' states are kept in memory."""
    decide_attempts: int = setting(20, low=1, high=1000)
    """How often a command is decided before its lost races are put off as a failed attempt."""
    shop_fulfilment: shop.Variant = "saga"
    """How an order is fulfilled: by a process manager step by step, or by the order's own command and three more."""
    shop_step_seconds: float = setting(STEP_SECONDS, low=0.1, high=86_400)
    """How long one step of an order's fulfilment may take before the order is cancelled."""
    status_address: str = "127.0.0.1:0"
    """Where /healthz, /metrics and /status are answered, host:port; port 0 is any free one."""
    drain_seconds: float = setting(10.0, low=0, high=600)
    """How long commands in hand may take after SIGTERM before they are given back."""
    log_level: LogLevel = "info"
    """The least level that is logged."""
    log_format: LogFormat = "console"
    """How a line looks: text, or one JSON object."""
