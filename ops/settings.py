"""The settings of whoever runs the whole system on one machine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Read from the environment: each field is OBVERSE_<FIELD>; all other variables go on to the services."""

    data: str = ".obverse"
    """The folder of everything that is kept: servers' data, logs, what runs. Relative to the working folder."""
    command_address: str = "127.0.0.1:50051"
    """Where commands are served, host:port."""
    query_address: str = "127.0.0.1:50052"
    """Where queries are served, host:port."""
