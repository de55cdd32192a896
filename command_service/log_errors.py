"""Step 3: what the log's errors mean to a command's caller, in one table."""

from cqrs.common.v1 import errors_pb2

from command_service.command import Command
from command_service.event_log import (
    ChannelFull,
    ClaimTaken,
    CommandIdReused,
    LogError,
    LogOverloaded,
    LogUnavailable,
    RecordTooLarge,
    Unstorable,
)
from runtime.call import refuse
from runtime.refusals import Refused


def refusal_of(error: LogError, command: Command) -> Refused:
    """The refusal that a caller gets; a VersionConflict is not among them."""
    command_id = command.context.command_id
    match error:
        case CommandIdReused():
            text = f"Command id {command_id} was used for another request"
            return refuse(errors_pb2.PLATFORM_ERROR_COMMAND_ID_REUSED, text, command_id=command_id)
        case ClaimTaken():
            return command.rpc.decider.taken(error.scope, error.value)
        case RecordTooLarge():
            return refuse(errors_pb2.PLATFORM_ERROR_RECORD_TOO_LARGE, f"The command is too large: {error}")
        case Unstorable():
            text = f"An id or a name in the command holds a character that cannot be stored: {error}"
            return refuse(errors_pb2.PLATFORM_ERROR_INVALID_REQUEST, text)
        case ChannelFull():
            text = f"{error}: wait and call again with the same command id"
            return refuse(errors_pb2.PLATFORM_ERROR_OVERLOADED, text, retry_seconds=1, channel=error.channel)
        case LogOverloaded():
            text = "More commands wait than this server takes: wait and call again with the same command id"
            return refuse(errors_pb2.PLATFORM_ERROR_OVERLOADED, text, retry_seconds=0.25)
        case LogUnavailable() | _:
            text = f"The log is away and the outcome unknown: call again with the command id {command_id}"
            unavailable = errors_pb2.PLATFORM_ERROR_STORE_UNAVAILABLE
            return refuse(unavailable, text, retry_seconds=1, command_id=command_id)
