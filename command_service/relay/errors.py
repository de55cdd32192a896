"""What can go wrong between the relay and the stream.

StreamError
├── StreamAway       the broker is away, or the connection broke: what was published may be stored or not
├── Silent           the broker is there but did not answer a publish in time: the same uncertainty
├── StreamGone       there is no stream LOG
├── Unreadable       a message is not there, or is none of ours
├── Unpublishable    a record's stream or type cannot be part of a subject
└── Refused          the broker refused a publish; nothing of it is stored
    └── Unexpected   the stream ends elsewhere than expected, which says nothing about what is stored there
Diverged             log and stream tell different histories
"""


class StreamError(Exception):
    """The stream did not do what was asked."""


class StreamAway(StreamError):
    """The broker is away, or the connection broke; what was published may be stored or not."""


class Silent(StreamError):
    """The broker did not answer a publish in time; it may be stored or not."""


class StreamGone(StreamError):
    """There is no stream LOG."""


class Unreadable(StreamError):
    """The stream's last message cannot be read or was not written by a relay."""


class Unpublishable(StreamError):
    """A record's stream or type cannot be part of a subject."""


class Refused(StreamError):
    """The broker refused; nothing was changed."""


class Unexpected(Refused):
    """The stream ends elsewhere than expected, which says nothing about what is stored there."""


class Diverged(Exception):
    """Log and stream tell different histories; nothing may be published until somebody has decided."""
