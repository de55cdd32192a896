"""What can go wrong with an embedded server; each text says why and what to do.

::

    ServerError
    ├── AlreadyRunning   another living process runs a server on the same folder
    ├── PortTaken        the port that was asked for is in use
    └── StartFailed      the server ended or did not answer in time; the text ends with its log
"""


class ServerError(Exception):
    """An embedded server could not be run."""


class AlreadyRunning(ServerError):
    """Another living process runs a server on the same folder."""


class PortTaken(ServerError):
    """The port that was asked for is in use."""


class StartFailed(ServerError):
    """The server ended or did not answer in time."""
